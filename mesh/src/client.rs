//! Calling services by their name.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use mesh_registry::Registry;
use mesh_rpc::Codec;
use mesh_rpc::client::{ConnectError, Target};
use mesh_rpc::error::CLIENT_ID;
use mesh_rpc::mucp::ContentType;
use mesh_rpc::{HttpClient, RpcError, codec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until, timeout};

use crate::error::CallError;
use crate::pool::Pool;
use crate::protocol::Protocol;
use crate::retry;
use crate::selector::{self, Candidate, Candidates, Filter, Selector};
use crate::stream::Stream;
use crate::via::{Dial, Via};

/// How long the registry may take to name the nodes of a service.
const SELECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Calls services by their name. Clones share connections.
///
/// Dropping the future of a call cancels it.
#[derive(Debug, Clone)]
pub struct Client {
    registry: Arc<dyn Registry>,
    options: Arc<Options>,
    pool: Arc<Pool>,
}

/// How a client calls. The defaults are those of go-micro.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where nodes come from. Default: the registry, in random order.
    pub selector: Selector,
    /// How often a failed call is tried again. Default: once.
    pub retries: u32,
    /// How long a call may take, all attempts together; for a stream, how long a message may take to be sent. Default:
    /// 5 s.
    pub request_timeout: Duration,
    /// How long a connection may take. Default: 5 s.
    pub dial_timeout: Duration,
    /// The most connections that are kept. Default: 100.
    pub pool_size: usize,
    /// The age at which a connection is replaced. Default: 60 s.
    pub pool_ttl: Duration,
    /// What is spoken to nodes that do not say. Default: gRPC.
    pub protocol: Protocol,
    /// Detours. Default: none.
    pub via: Via,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            selector: Selector::default(),
            retries: 1,
            request_timeout: Duration::from_secs(5),
            dial_timeout: Duration::from_secs(5),
            pool_size: 100,
            pool_ttl: Duration::from_mins(1),
            protocol: Protocol::default(),
            via: Via::default(),
        }
    }
}

/// What to call, and how.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The service, such as `go.micro.srv.greeter`.
    pub service: &'a str,
    /// The endpoint, such as `Say.Hello`.
    pub endpoint: &'a str,
    /// How messages are written. Default: JSON.
    pub codec: Codec,
    /// What travels with the call. Names that the call sets itself are left out.
    pub metadata: HeaderMap,
    /// The node to call, `host:port`, instead of one from the selector.
    pub address: Option<&'a str>,
    /// What is spoken to that node. Default: what the options say.
    pub protocol: Option<Protocol>,
    /// How long it may take, instead of what the options say.
    pub timeout: Option<Duration>,
    /// What the node must have; the selectors of DNS and addresses do not look at it.
    pub filters: &'a [Filter],
}

impl<'a> Request<'a> {
    /// Returns a request in JSON to any node, without metadata.
    pub fn new(service: &'a str, endpoint: &'a str) -> Request<'a> {
        Request {
            service,
            endpoint,
            codec: Codec::Json,
            metadata: HeaderMap::new(),
            address: None,
            protocol: None,
            timeout: None,
            filters: &[],
        }
    }

    fn target(&self, timeout: Duration) -> Target<'a> {
        Target { service: self.service, endpoint: self.endpoint, metadata: self.metadata.clone(), timeout }
    }
}

impl Client {
    /// Returns a client without connections.
    pub fn new(registry: Arc<dyn Registry>, options: Options) -> Client {
        let pool = Arc::new(Pool::new(options.pool_size, options.pool_ttl));
        Client { registry, options: Arc::new(options), pool }
    }

    /// Returns a client with the same connections that takes another way.
    #[must_use]
    pub fn with_via(&self, via: Via) -> Client {
        let options = Arc::new(Options { via, ..Options::clone(&self.options) });
        Client { registry: Arc::clone(&self.registry), options, pool: Arc::clone(&self.pool) }
    }

    /// Returns the registry that it asks.
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }

    /// Calls with one encoded message and waits for the one of the answer.
    ///
    /// A call that fails with 408 or 500 is tried again, on another node if there is one, as often as
    /// [`Options::retries`] says and while there is time.
    ///
    /// # Errors
    /// The error object of the service; or one of `go.micro.client`: 408 when the time is up, else 500.
    pub async fn call(&self, request: &Request<'_>, message: &[u8]) -> Result<Bytes, CallError> {
        let mut candidates = self.select(request).await?;
        let deadline = Instant::now() + request.timeout.unwrap_or(self.options.request_timeout);
        let mut attempt = 0;
        loop {
            let candidate = candidates.next();
            let error = match self.attempt(request, candidate, message, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            attempt += 1;
            let next = Instant::now() + retry::pause(attempt);
            if Instant::now() >= deadline || attempt > self.options.retries || !retry::is_worth_it(&error) {
                return Err(error);
            }
            if next >= deadline {
                sleep_until(deadline).await;
                return Err(CallError::deadline());
            }
            sleep_until(next).await;
        }
    }

    /// Calls with one typed message and waits for the one of the answer.
    ///
    /// # Errors
    /// As [`Client::call`], and 500 when the answer is not of that type.
    pub async fn call_typed<Q, R>(&self, request: &Request<'_>, message: &Q) -> Result<R, CallError>
    where
        Q: prost::Message + Serialize,
        R: prost::Message + Default + DeserializeOwned,
    {
        let answer = self.call(request, &codec::encode(request.codec, message)).await?;
        codec::decode(request.codec, &answer)
            .map_err(|error| CallError::Rpc(RpcError::internal(CLIENT_ID, error.to_string())))
    }

    /// Opens a stream to a node. It is not tried again once it is open; a node to which there is no connection is left
    /// out while there is another one.
    ///
    /// # Errors
    /// When there is no node or no connection. What the service thinks of it is told by [`Stream::receive`].
    pub async fn stream(&self, request: &Request<'_>) -> Result<Stream, CallError> {
        let mut candidates = self.select(request).await?;
        let within = request.timeout.unwrap_or(self.options.request_timeout);
        let mut attempt = 0;
        loop {
            match self.open(request, candidates.next(), within).await {
                Err(error) if attempt < self.options.retries && retry::is_worth_it(&error) => attempt += 1,
                opened => return opened,
            }
        }
    }

    async fn select(&self, request: &Request<'_>) -> Result<Candidates, CallError> {
        let service = match self.options.via.dial(request.service, request.address) {
            Dial::Address(address) => return Ok(Candidates::one(Candidate::at(address))),
            Dial::Service(service) => service,
        };
        let selected = selector::select(self.options.selector, self.registry.as_ref(), service, request.filters);
        timeout(SELECT_TIMEOUT, selected)
            .await
            .unwrap_or_else(|_| Err(CallError::selecting(service, "context deadline exceeded")))
    }

    async fn attempt(
        &self,
        request: &Request<'_>,
        candidate: &Candidate,
        message: &[u8],
        deadline: Instant,
    ) -> Result<Bytes, CallError> {
        let left = || deadline.saturating_duration_since(Instant::now());
        match self.protocol(request, candidate) {
            Protocol::Grpc => {
                let connection = self.connection(request.service, &candidate.address, left()).await?;
                let answer = connection.unary(request.target(left()), request.codec, message).await;
                if connection.is_closed() {
                    self.pool.forget(&candidate.address);
                }
                // A node may also say by itself that it ran out of time.
                answer.map_err(|error| if left().is_zero() { CallError::deadline() } else { error.into() })
            }
            Protocol::Mucp => {
                let client = self.pool.mucp(&candidate.address, is_legacy(request, candidate));
                let answer =
                    client.call_bytes(&request.target(left()), ContentType::of_codec(request.codec), message).await;
                answer.map_err(|error| self.of_mucp(request.service, error))
            }
            Protocol::Http => {
                let client = HttpClient::new(candidate.address.as_str());
                let answer = client.call_bytes(&request.target(left()), request.codec, message).await;
                answer.map_err(|error| self.of_mucp(request.service, error))
            }
        }
    }

    async fn open(&self, request: &Request<'_>, candidate: &Candidate, within: Duration) -> Result<Stream, CallError> {
        match self.protocol(request, candidate) {
            Protocol::Grpc => {
                let connection = self.connection(request.service, &candidate.address, within).await?;
                let opened = connection.stream(&request.target(within), request.codec);
                opened.map(Stream::grpc).map_err(CallError::Rpc)
            }
            Protocol::Mucp => {
                let client = self.pool.mucp(&candidate.address, is_legacy(request, candidate));
                let opened = client.stream(&request.target(within), ContentType::of_codec(request.codec)).await;
                opened.map(Stream::mucp).map_err(|error| self.of_mucp(request.service, error))
            }
            Protocol::Http => Err(CallError::internal("nodes that speak http have no streams")),
        }
    }

    fn protocol(&self, request: &Request<'_>, candidate: &Candidate) -> Protocol {
        request.protocol.or(candidate.protocol).unwrap_or(self.options.protocol)
    }

    fn of_mucp(&self, service: &str, error: RpcError) -> CallError {
        // The one that says that there is no connection at all.
        if error.id == CLIENT_ID && error.detail.starts_with("connection error:") {
            self.registry.suspect(service);
        }
        CallError::of_mucp(error)
    }

    async fn connection(&self, service: &str, address: &str, left: Duration) -> Result<mesh_rpc::Client, CallError> {
        let within = left.min(self.options.dial_timeout);
        self.pool.grpc(address, within).await.map_err(|error| {
            if let ConnectError::Unreachable { .. } = error {
                self.registry.suspect(service);
            }
            match error {
                ConnectError::Timeout { .. } if within == left => CallError::deadline(),
                error => CallError::of_connection(&error),
            }
        })
    }
}

/// Says whether a node of the registry does not say what it speaks: go-micro then uses its older envelopes.
fn is_legacy(request: &Request<'_>, candidate: &Candidate) -> bool {
    request.address.is_none() && request.protocol.is_none() && candidate.protocol.is_none()
}
