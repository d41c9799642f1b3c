//! Calls: to one member after another, each with a deadline, with a token where etcd wants one.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use parking_lot::Mutex;
use proto::etcd::etcdserverpb::auth_client::AuthClient;
use proto::etcd::etcdserverpb::kv_client::KvClient;
use proto::etcd::etcdserverpb::lease_client::LeaseClient;
use proto::etcd::etcdserverpb::watch_client::WatchClient;
use proto::etcd::etcdserverpb::watch_request::RequestUnion;
use proto::etcd::etcdserverpb::{
    AuthenticateRequest, DeleteRangeRequest, DeleteRangeResponse, LeaseGrantRequest, LeaseKeepAliveRequest,
    LeaseRevokeRequest, LeaseTimeToLiveRequest, PutRequest, RangeRequest, RangeResponse, WatchCreateRequest,
    WatchRequest, WatchResponse,
};
use tokio::time::timeout;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};

use super::failure::{Failure, Kind};
use super::options::{Credentials, InvalidOptions, Options};
use super::secure::Connector;

/// How long a connection may take to be there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long one member may take to answer a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long it may take to answer with a page of keys.
const RANGE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often a connection with a call on it is tried, and how long the answer to that may take: etcd closes
/// connections that are tried more often than every 5 s, or without a call.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of an answer may be under way, so that a page does not wait for the network once every 64 KiB.
const WINDOW: u32 = 1024 * 1024;

/// The most bytes of one answer. A page of usual records has a hundredth of it.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The header of a token.
const TOKEN: &str = "token";

/// The header that asks a member to end a watch when it has lost the others, rather than to stay silent.
const HAS_LEADER: &str = "hasleader";

/// A client of one etcd. Nothing is connected before the first call.
#[derive(Debug)]
pub(super) struct Client {
    members: Vec<Member>,
    /// The member that is asked first: the one that answered last.
    current: AtomicUsize,
    credentials: Option<Credentials>,
    token: Mutex<Option<Token>>,
}

#[derive(Debug)]
struct Member {
    address: String,
    channel: Channel,
}

type Token = MetadataValue<Ascii>;

/// A member as one call sees it.
#[derive(Debug, Clone)]
struct Connection {
    channel: Channel,
    token: Option<Token>,
}

impl Connection {
    /// Puts the token on a message.
    fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        if let Some(token) = &self.token {
            request.metadata_mut().insert(TOKEN, token.clone());
        }
        request
    }
}

impl Client {
    /// Returns a client for these options.
    ///
    /// # Errors
    /// When an address is none, or a file of TLS cannot be used.
    pub(super) fn new(options: &Options) -> Result<Client, InvalidOptions> {
        let connector = options.secured().map(|tls| Connector::new(&tls)).transpose()?;
        let scheme = if connector.is_some() { "https" } else { "http" };
        let member = |address: String| {
            let endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))
                .map_err(|_| InvalidOptions::Address { address: address.clone() })?
                .connect_timeout(CONNECT_TIMEOUT)
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
                .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
                .keep_alive_while_idle(false);
            let channel = match connector.clone() {
                Some(connector) => endpoint.connect_with_connector_lazy(connector),
                None => endpoint.connect_lazy(),
            };
            Ok(Member { address, channel })
        };
        let members = options.members()?.into_iter().map(member).collect::<Result<_, _>>()?;
        let credentials = options.credentials.clone();
        Ok(Client { members, current: AtomicUsize::new(0), credentials, token: Mutex::new(None) })
    }

    /// Returns keys in a range.
    pub(super) async fn range(&self, request: RangeRequest) -> Result<RangeResponse, Failure> {
        let ask = |to: Connection| {
            let request = to.request(request.clone());
            async move { KvClient::new(to.channel).max_decoding_message_size(ANSWER_BYTES_MAX).range(request).await }
        };
        self.call("reading keys", RANGE_TIMEOUT, ask).await
    }

    /// Writes a key.
    pub(super) async fn put(&self, request: PutRequest) -> Result<(), Failure> {
        let ask = |to: Connection| {
            let request = to.request(request.clone());
            async move { KvClient::new(to.channel).put(request).await }
        };
        self.call("writing a key", CALL_TIMEOUT, ask).await.map(drop)
    }

    /// Deletes a key, and returns what it was.
    pub(super) async fn delete(&self, key: Vec<u8>) -> Result<DeleteRangeResponse, Failure> {
        let ask = |to: Connection| {
            let request = DeleteRangeRequest { key: key.clone(), prev_kv: true, ..DeleteRangeRequest::default() };
            let request = to.request(request);
            async move { KvClient::new(to.channel).delete_range(request).await }
        };
        self.call("deleting a key", CALL_TIMEOUT, ask).await
    }

    /// Makes a lease and returns its id.
    pub(super) async fn grant(&self, seconds: i64) -> Result<i64, Failure> {
        let ask = |to: Connection| {
            let request = to.request(LeaseGrantRequest { ttl: seconds, id: 0 });
            async move { LeaseClient::new(to.channel).lease_grant(request).await }
        };
        self.call("making a lease", CALL_TIMEOUT, ask).await.map(|granted| granted.id)
    }

    /// Lets a lease begin again, and returns for how many seconds; `None` where there is no such lease.
    pub(super) async fn keep_alive(&self, lease: i64) -> Result<Option<i64>, Failure> {
        let ask = |to: Connection| {
            let request = to.request(stream::iter([LeaseKeepAliveRequest { id: lease }]));
            async move {
                let mut answers = LeaseClient::new(to.channel).lease_keep_alive(request).await?.into_inner();
                let answer = answers.message().await?;
                answer.map(Response::new).ok_or_else(|| Status::unavailable("the stream ended without an answer"))
            }
        };
        let answer = self.call("renewing a lease", CALL_TIMEOUT, ask).await?;
        Ok((answer.ttl > 0).then_some(answer.ttl))
    }

    /// Returns whether no key ends with a lease.
    pub(super) async fn is_unused(&self, lease: i64) -> Result<bool, Failure> {
        let ask = |to: Connection| {
            let request = to.request(LeaseTimeToLiveRequest { id: lease, keys: true });
            async move { LeaseClient::new(to.channel).lease_time_to_live(request).await }
        };
        self.call("asking for a lease", CALL_TIMEOUT, ask).await.map(|answer| answer.keys.is_empty())
    }

    /// Ends a lease.
    pub(super) async fn revoke(&self, lease: i64) -> Result<(), Failure> {
        let ask = |to: Connection| {
            let request = to.request(LeaseRevokeRequest { id: lease });
            async move { LeaseClient::new(to.channel).lease_revoke(request).await }
        };
        self.call("ending a lease", CALL_TIMEOUT, ask).await.map(drop)
    }

    /// Begins a watch and returns what it says: first that it has begun. Dropping the stream ends it.
    pub(super) async fn watch(&self, create: WatchCreateRequest) -> Result<Streaming<WatchResponse>, Failure> {
        let ask = |to: Connection| {
            let create = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create.clone())) };
            // The stream stays open: its end would be that of the watch.
            let mut request = to.request(stream::iter([create]).chain(stream::pending()));
            request.metadata_mut().insert(HAS_LEADER, MetadataValue::from_static("true"));
            async move { WatchClient::new(to.channel).max_decoding_message_size(ANSWER_BYTES_MAX).watch(request).await }
        };
        self.call("beginning a watch", CALL_TIMEOUT, ask).await
    }

    /// Forgets the token, so that the next call gets a new one.
    pub(super) fn forget_token(&self) {
        *self.token.lock() = None;
    }

    /// Goes on to the next member: the current one fails in a way that calls do not notice.
    pub(super) fn leave_member(&self) {
        self.leave(self.current.load(Ordering::Relaxed));
    }

    /// Asks the members in turn until one answers, with a new token where the old one is not good any more.
    async fn call<R, F, A>(&self, call: &'static str, limit: Duration, ask: F) -> Result<R, Failure>
    where
        F: Fn(Connection) -> A,
        A: Future<Output = Result<Response<R>, Status>>,
    {
        let (mut tries, mut has_new_token) = (0, false);
        loop {
            let at = self.current.load(Ordering::Relaxed);
            let member = &self.members[at];
            let failure = match self.call_one(member, call, limit, &ask).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            match failure.kind {
                Kind::Token(_) if self.credentials.is_some() && !has_new_token => {
                    self.forget_token();
                    has_new_token = true;
                }
                _ if failure.kind.is_of_member() => {
                    self.leave(at);
                    tries += 1;
                    if tries >= self.members.len() {
                        return Err(failure);
                    }
                }
                _ => return Err(failure),
            }
        }
    }

    /// Of many calls that fail at one member, one moves on.
    fn leave(&self, at: usize) {
        let next = (at + 1) % self.members.len();
        if self.current.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::debug!(
                left = self.members[at].address,
                next = self.members[next].address,
                "another member of etcd"
            );
        }
    }

    async fn call_one<R, F, A>(
        &self,
        member: &Member,
        call: &'static str,
        limit: Duration,
        ask: &F,
    ) -> Result<R, Failure>
    where
        F: Fn(Connection) -> A,
        A: Future<Output = Result<Response<R>, Status>>,
    {
        let token = self.token_for(member).await?;
        let connection = Connection { channel: member.channel.clone(), token };
        within(member, call, limit, ask(connection)).await
    }

    async fn token_for(&self, member: &Member) -> Result<Option<Token>, Failure> {
        let Some(Credentials { user, password }) = &self.credentials else { return Ok(None) };
        let known = self.token.lock().clone();
        if known.is_some() {
            return Ok(known);
        }
        let request = AuthenticateRequest { name: user.clone(), password: password.clone() };
        let mut auth = AuthClient::new(member.channel.clone());
        let answer = within(member, "signing in", CALL_TIMEOUT, auth.authenticate(request)).await;
        let token = match answer {
            Ok(answer) => answer.token.parse().ok(),
            // It lets in whoever comes.
            Err(Failure { kind: Kind::NoAuthentication, .. }) => None,
            Err(failure) => return Err(failure),
        };
        self.token.lock().clone_from(&token);
        Ok(token)
    }
}

async fn within<R>(
    member: &Member,
    call: &'static str,
    limit: Duration,
    answer: impl Future<Output = Result<Response<R>, Status>>,
) -> Result<R, Failure> {
    let (kind, status) = match timeout(limit, answer).await {
        Ok(Ok(answer)) => return Ok(answer.into_inner()),
        Ok(Err(status)) => (Kind::of(&status), Some(status)),
        Err(_) => (Kind::Deadline(limit), None),
    };
    Err(Failure { call, member: member.address.clone(), kind, status })
}
