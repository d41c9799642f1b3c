//! One unary call to a service, in whatever its node speaks.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_exchange::{Body, BodyError, Cause, Exchange, ProxyError};
use gateway_upstream::{ClusterState, EndpointState, Protocol, SendError};
use http::header::{HeaderMap, HeaderValue};
use mesh_rpc::RpcError;
use mesh_rpc::codec::RequestCodec;
use mesh_rpc::frame::MESSAGE_BYTES_MAX;
use policies::Tries;

use super::{grpc, mucp, plain_http};
use crate::forward::{Answer, Call, Outgoing};

/// A call that is ready but for its message.
#[derive(Debug)]
pub(crate) struct Unary<'c> {
    pub(crate) cluster: &'c ClusterState,
    /// The registered name.
    pub(crate) service: &'c str,
    /// The endpoint, such as `Say.Hello`.
    pub(crate) method: &'c str,
    /// The codec, and the content type as the caller named it.
    pub(crate) codec: RequestCodec<'c>,
    pub(crate) metadata: HeaderMap,
    pub(crate) tries: Tries,
    /// The one endpoint that may be called, where the caller chose it.
    pub(crate) endpoint: Option<Rc<EndpointState>>,
}

/// A call with its message, as the protocols write it.
#[derive(Debug)]
pub(super) struct Question<'q> {
    pub(super) service: &'q str,
    pub(super) method: &'q str,
    pub(super) codec: RequestCodec<'q>,
    pub(super) metadata: HeaderMap,
    /// How long it may take.
    pub(super) left: Option<Duration>,
    pub(super) payload: Bytes,
}

/// What a service answered.
pub(super) type Reply = Result<Bytes, RpcError>;

impl Unary<'_> {
    /// Sends one message and returns the reply, or the error that the service answered with.
    ///
    /// # Errors
    /// Failures on the way: nobody to call, no connection, an answer that is none.
    pub(crate) async fn send(self, payload: Bytes, exchange: &mut Exchange) -> Result<Reply, ProxyError> {
        let path = mesh_rpc::method::path(self.service, self.method);
        exchange.record.method = Some(path.as_str().into());
        let left = exchange.deadline.map(|deadline| deadline.left(Instant::now()));
        let Self { cluster, service, method, codec, metadata, tries, endpoint } = self;
        let question = Question { service, method, codec, metadata, left, payload };
        // Where there is nobody else, the metadata need not be kept.
        let keep = endpoint.is_none() && cluster.cluster().endpoints.len() > 1 && tries.may_repeat();
        let mut calling = Calling { path, keep, question };
        let Answer { response, protocol } = match endpoint {
            Some(endpoint) => calling.send_to(&endpoint).await?,
            None => {
                let call = Call { cluster, protocol: Protocol::Grpc, tries };
                call.send(&mut calling, &mut exchange.record).await?
            }
        };
        match protocol {
            Protocol::Grpc => grpc::reply(response).await,
            Protocol::Mucp => mucp::reply(response, calling.question.codec).await,
            Protocol::Http => plain_http::reply(response, service).await,
        }
    }
}

/// Makes the request of a call for each endpoint that gets it.
struct Calling<'q> {
    /// The method as gRPC writes it.
    path: String,
    /// Whether there may be another request after this one.
    keep: bool,
    question: Question<'q>,
}

impl Calling<'_> {
    async fn send_to(&mut self, endpoint: &Rc<EndpointState>) -> Result<Answer, ProxyError> {
        let protocol = endpoint.protocol(Protocol::Grpc);
        let request = self.request(endpoint, protocol)?;
        let response = endpoint.send(protocol, request, Instant::now()).await.map_err(SendError::into_proxy_error)?;
        Ok(Answer { response, protocol })
    }
}

impl Outgoing for Calling<'_> {
    fn request(
        &mut self,
        endpoint: &EndpointState,
        protocol: Protocol,
    ) -> Result<Box<http::Request<Body>>, ProxyError> {
        let kept = self.keep.then(|| self.question.metadata.clone());
        let authority = &endpoint.endpoint().authority;
        let request = match protocol {
            Protocol::Grpc => grpc::request(&mut self.question, &self.path, authority),
            Protocol::Mucp => mucp::request(&mut self.question, authority),
            Protocol::Http => plain_http::request(&mut self.question, authority),
        }?;
        self.question.metadata = kept.unwrap_or_default();
        Ok(request)
    }

    fn recover(&mut self, _unsent: Option<Box<http::Request<Body>>>) -> bool {
        self.keep
    }
}

/// Reads the whole body of an answer, which is one message: bounded as those of gRPC are.
pub(super) async fn message_of(mut body: Body) -> Result<Bytes, ProxyError> {
    body.limit(MESSAGE_BYTES_MAX as u64);
    body.collect().await.map_err(|error| match error {
        BodyError::TooLarge { .. } => {
            let detail = format!("the answer is too large: more than {MESSAGE_BYTES_MAX} bytes");
            ProxyError::new(Cause::UpstreamProtocol, detail)
        }
        error => ProxyError::new(Cause::UpstreamReset, "the service ended the call").with_source(error),
    })
}

/// Marks a value that differs with each call. HPACK then keeps it out of its table, where it would only drive out those
/// that come again (RFC 7541 §7.1.3).
pub(crate) fn once(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}
