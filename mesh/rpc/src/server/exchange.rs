//! One call: from the request's head to a handler that runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::call::{Call, Head, Source};
use super::reply::Reply;
use super::work::Work;
use super::{Counters, Handler, Server};
use crate::codec::{ServedCodec, unsupported_status};
use crate::error::{RpcError, SERVER_ID};
use crate::frame::Decoder;
use crate::metadata::Metadata;
use crate::status::{Code, Status};
use crate::timeout::{GRPC_TIMEOUT, TIMEOUT, parse_grpc, parse_nanos};
use crate::{codec::Codec, method};

/// Answers one request.
pub(super) async fn answer(server: &Server, remote: SocketAddr, request: Request<Incoming>) -> Response<Reply> {
    let arrived = Instant::now();
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (served, mirrored) = match ServedCodec::of(content_type) {
        ServedCodec::NotGrpc => match &server.http {
            Some(http) => return http.answer(remote, request).await.map(Reply::http),
            None => return not_grpc(StatusCode::UNSUPPORTED_MEDIA_TYPE, content_type),
        },
        _ if request.method() != Method::POST => return not_grpc(StatusCode::METHOD_NOT_ALLOWED, content_type),
        ServedCodec::Known(codec, mirrored) => (Ok(codec), HeaderValue::from_static(mirrored)),
        ServedCodec::Unsupported { mirrored, content_type } => {
            let mirrored = HeaderValue::try_from(mirrored).expect("it is made of a header's value");
            (Err(unsupported_status(&content_type)), mirrored)
        }
    };
    server.counters.requests.fetch_add(1, Ordering::Relaxed);
    let found = found(server, &request);
    if let (Err(_), Some(http)) = (&found, &server.http) {
        return http.answer(remote, request).await.map(Reply::http);
    }
    let mut reply = match found {
        Ok((handler, head)) => Reply::new(start(server, handler, head, served, remote, arrived, request)),
        Err(status) => Reply::ended(status, &server.counters),
    };
    // The response begins with the first message, or is nothing but trailers when the call ends without one.
    let trailers = reply.begin().await;
    let mut response = Response::new(reply);
    response.headers_mut().insert(CONTENT_TYPE, mirrored);
    if let Some(trailers) = trailers {
        response.headers_mut().extend(trailers);
    }
    response
}

/// Finds the handler that a path names, or the one for what has no name.
fn found(server: &Server, request: &Request<Incoming>) -> Result<(Arc<dyn Handler>, Head), Status> {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let method = match (method::split(request.uri().path()), &server.fallback) {
        (Ok(method), _) => method,
        (Err(_), Some(fallback)) => {
            return Ok((Arc::clone(fallback), Head { path, ..Head::default() }));
        }
        (Err(malformed), None) => return Err(malformed.to_status()),
    };
    let Some(handler) = server.handlers.get(method.handler).or(server.fallback.as_ref()) else {
        return Err(Status::new(Code::Unimplemented, format!("unknown service {}", method.handler)));
    };
    let head = Head {
        path,
        service: method.service.to_owned(),
        handler: method.handler.to_owned(),
        method: method.method.to_owned(),
    };
    Ok((Arc::clone(handler), head))
}

fn start(
    server: &Server,
    handler: Arc<dyn Handler>,
    head: Head,
    codec: Result<Codec, Status>,
    remote: SocketAddr,
    arrived: Instant,
    request: Request<Incoming>,
) -> Work {
    let deadline = deadline(request.headers(), arrived);
    let metadata = metadata(&request, remote);
    // One message: a handler waits until the caller has taken what was sent before.
    let (outgoing, messages) = mpsc::channel(1);
    let limit = server.limits.message_bytes;
    let source = Source::Grpc(request.into_body(), Decoder::new(limit));
    let call = Call::new(head, codec, metadata, deadline, source, outgoing, limit);
    Work::new(server, handler, call, messages)
}

/// The sooner one of gRPC's and go-micro's. What is not a time is ignored.
fn deadline(headers: &HeaderMap, arrived: Instant) -> Option<Instant> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let grpc = text(GRPC_TIMEOUT).and_then(parse_grpc);
    let micro = text(TIMEOUT).and_then(parse_nanos);
    let timeout = grpc.into_iter().chain(micro).min()?;
    arrived.checked_add(timeout)
}

/// What a handler sees: the headers, `:Authority`, and the address of the caller as `Remote`.
fn metadata(request: &Request<Incoming>, remote: SocketAddr) -> Metadata {
    let mut metadata = Metadata::from_headers(request.headers());
    if let Some(authority) = request.uri().authority() {
        metadata.set(":authority", authority.as_str());
    }
    metadata.set("Remote", remote.to_string());
    metadata
}

/// The answer to what is not gRPC (gRPC over HTTP/2, "Responses": 415).
fn not_grpc(status: StatusCode, content_type: &str) -> Response<Reply> {
    let detail = format!(
        "this is a gRPC server: POST with a content type of application/grpc is expected, not {content_type:?}"
    );
    let error = RpcError::new(SERVER_ID, i32::from(status.as_u16()), detail);
    let mut response = Response::new(Reply::text(error.to_json()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl Counters {
    /// Counts the end of a call.
    pub(super) fn ended(&self, status: &Status) {
        if status.code != Code::Ok {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }
}
