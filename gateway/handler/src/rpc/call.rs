//! One unary gRPC call as go-micro services expect it (spec/wire 3, spec/gateway 11.1).

use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use gateway_exchange::{Body, BodyError, Cause, Exchange, ProxyError, Response};
use gateway_upstream::{ClusterState, EndpointState, Protocol};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, TE};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Uri, Version};
use mesh_rpc::codec::X_CONTENT_TYPE;
use mesh_rpc::frame::Decoder;
use mesh_rpc::timeout::{GRPC_TIMEOUT, TIMEOUT, encode_grpc, encode_nanos};
use mesh_rpc::{Codec, RpcError, Status, frame};

use policies::Tries;

use crate::Call;

/// A call that is ready but for its message.
#[derive(Debug)]
pub(crate) struct Unary<'c> {
    pub(crate) cluster: &'c ClusterState,
    /// The gRPC path, such as `/go.micro.srv.greeter.Say/Hello`.
    pub(crate) path: String,
    pub(crate) codec: Codec,
    /// The content type as the caller named it (`x-content-type`).
    pub(crate) content_type: &'c str,
    pub(crate) metadata: HeaderMap,
    pub(crate) tries: Tries,
    /// The one endpoint that may be called, where the caller chose it.
    pub(crate) endpoint: Option<Rc<EndpointState>>,
}

impl Unary<'_> {
    /// Sends one message and returns the reply, or the error that the service answered with.
    ///
    /// # Errors
    /// Failures on the way: nobody to call, no connection, an answer that is not gRPC.
    pub(crate) async fn send(
        mut self,
        payload: Bytes,
        exchange: &mut Exchange,
    ) -> Result<Result<Bytes, RpcError>, ProxyError> {
        self.add_fields(exchange);
        exchange.record.method = Some(self.path.as_str().into());
        let request = self.request(frame::encode(&payload))?;
        let call = Call { cluster: self.cluster, protocol: Protocol::Grpc, tries: self.tries };
        let response = match &self.endpoint {
            Some(endpoint) => {
                let mut request = request;
                set_authority(&mut request, endpoint);
                endpoint
                    .send(Protocol::Grpc, request, Instant::now())
                    .await
                    .map_err(gateway_upstream::SendError::into_proxy_error)?
            }
            None => call.send(request, &mut exchange.record, set_authority).await?,
        };
        reply(response).await
    }

    fn add_fields(&mut self, exchange: &Exchange) {
        let headers = &mut self.metadata;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.codec.content_type()));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        if let Ok(value) = HeaderValue::from_str(self.content_type) {
            headers.insert(X_CONTENT_TYPE, value);
        }
        if let Some(deadline) = exchange.deadline {
            let left = deadline.left(Instant::now());
            for (name, value) in [(TIMEOUT, encode_nanos(left)), (GRPC_TIMEOUT, encode_grpc(left))] {
                if let Ok(value) = HeaderValue::try_from(value) {
                    headers.insert(name, once(value));
                }
            }
        }
    }

    fn request(&mut self, message: Bytes) -> Result<Box<http::Request<Body>>, ProxyError> {
        let path = PathAndQuery::try_from(self.path.as_str())
            .map_err(|_| ProxyError::new(Cause::BadPayload, format!("{} cannot be called", self.path)))?;
        let mut request = Box::new(http::Request::new(Body::messages(message, None)));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = path.into();
        *request.headers_mut() = std::mem::take(&mut self.metadata);
        Ok(request)
    }
}

/// Marks a value that differs with each call. HPACK then keeps it out of its table, where it would only drive out those
/// that come again (RFC 7541 §7.1.3).
pub(crate) fn once(mut value: HeaderValue) -> HeaderValue {
    value.set_sensitive(true);
    value
}

fn set_authority(request: &mut http::Request<Body>, endpoint: &EndpointState) {
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = endpoint.endpoint().authority.parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// Reads the answer to its end: one message and the status, or the status alone.
async fn reply(response: Response) -> Result<Result<Bytes, RpcError>, ProxyError> {
    let not_grpc = |detail: String| ProxyError::new(Cause::UpstreamProtocol, detail);
    let kind = response.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/grpc")) {
        return Err(not_grpc(format!("the service does not speak gRPC: it answered {}", response.status)));
    }
    let in_headers = Status::from_trailers(&response.headers);
    let (message, in_trailers) = match read(response.body).await {
        Ok(read) => read,
        Err(ReadError::Frame(error)) => return Ok(Err(RpcError::from_grpc(&error.to_status()))),
        Err(ReadError::Body(error)) => {
            return Err(ProxyError::new(Cause::UpstreamReset, "the service ended the call").with_source(error));
        }
    };
    let status = in_trailers.or(in_headers).ok_or_else(|| not_grpc("the service sent no status".to_owned()))?;
    if status.code != mesh_rpc::Code::Ok {
        return Ok(Err(RpcError::from_grpc(&status)));
    }
    match message {
        Message::One(message) => Ok(Ok(message)),
        Message::None => Ok(Err(RpcError::internal(crate::error_response::GATEWAY_ID, "error during request: EOF"))),
        // The endpoint streams: it cannot be called as one question with one answer.
        Message::Many => Err(ProxyError::new(Cause::Unsupported, "the method answers with a stream")),
    }
}

enum Message {
    None,
    One(Bytes),
    Many,
}

enum ReadError {
    Frame(frame::FrameError),
    Body(BodyError),
}

async fn read(mut body: Body) -> Result<(Message, Option<Status>), ReadError> {
    let mut decoder = Decoder::default();
    let (mut message, mut status) = (Message::None, None);
    while let Some(next) = next_frame(&mut body).await {
        match next.map_err(ReadError::Body)?.into_data() {
            Ok(data) => decoder.push(data),
            Err(frame) => status = frame.into_trailers().ok().and_then(|trailers| Status::from_trailers(&trailers)),
        }
        while let Some(next) = decoder.next().map_err(ReadError::Frame)? {
            message = match message {
                Message::None => Message::One(next),
                Message::One(_) | Message::Many => Message::Many,
            };
        }
    }
    decoder.finish().map_err(ReadError::Frame)?;
    Ok((message, status))
}

async fn next_frame(body: &mut Body) -> Option<Result<http_body::Frame<Bytes>, BodyError>> {
    use http_body::Body as _;
    let mut body = std::pin::Pin::new(body);
    std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await
}
