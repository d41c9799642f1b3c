//! What is posted to this process, and the answer: that of a Go member, byte for byte where Go answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use mesh_rpc::RpcError;
use mesh_rpc::server::{HttpBody, HttpHandler};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::membership::Seats;
use crate::envelope::{self, ENVELOPE_BYTES_MAX};
use crate::message::TOPIC;

/// Whose error it is, in the error object.
const ID: &str = "go.micro.broker";

/// How long a body may take, and the wait for memory before it.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of bodies that are read at once. Further ones wait.
const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The unit in which they are counted.
const PERMIT_BYTES: usize = 1024;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

#[derive(Debug)]
pub(super) struct Door {
    seats: Seats,
    patience: Duration,
    memory: Semaphore,
}

impl Door {
    pub(super) fn new(seats: Seats, patience: Duration) -> Door {
        Door { seats, patience, memory: Semaphore::new(BODIES_BYTES_MAX / PERMIT_BYTES) }
    }
}

#[async_trait]
impl HttpHandler for Door {
    async fn answer(&self, remote: SocketAddr, request: Request<Incoming>) -> Response<HttpBody> {
        let answer = match self.take(request).await {
            Ok(()) => Response::new(Full::default()),
            Err(refusal) => {
                tracing::debug!(%remote, detail = refusal.error.detail, "a delivery was refused");
                refusal.into_response()
            }
        };
        answer.map(|body| body.map_err(|never| match never {}).boxed_unsync())
    }
}

impl Door {
    async fn take(&self, request: Request<Incoming>) -> Result<(), Refusal> {
        refuse_web_pages(request.headers())?;
        if request.method() != Method::POST {
            let error = RpcError::bad_request(ID, "Method not allowed");
            return Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, error });
        }
        let id = id(request.uri().query().unwrap_or_default());
        let message = {
            let size = request.body().size_hint().upper().and_then(|size| usize::try_from(size).ok());
            let size = size.unwrap_or(ENVELOPE_BYTES_MAX).min(ENVELOPE_BYTES_MAX);
            let permits = u32::try_from(size / PERMIT_BYTES + 1).unwrap_or(u32::MAX);
            let _memory = timeout(BODY_TIMEOUT, self.memory.acquire_many(permits)).await.map_err(|_| full())?;
            let body = read(request.into_body()).await?;
            envelope::decode(&body)
                .map_err(|error| RpcError::internal(ID, format!("Error parsing request body: {error}")))?
        };
        let topic = message.header.get(TOPIC).filter(|topic| !topic.is_empty());
        let topic = topic.ok_or_else(|| RpcError::internal(ID, "Topic not found"))?.clone();
        message.check().map_err(|error| RpcError::new(ID, 413, error.to_string()))?;
        // An id that is not known is no error in Go: the subscription has just ended.
        let seat = self.seats.lock().get(&id).filter(|seat| seat.topic == topic).cloned();
        let Some(seat) = seat else { return Ok(()) };
        let message = Arc::new((Arc::from(topic), message));
        if seat.queue.push_within(message, self.patience).await { Ok(()) } else { Err(full()) }
    }
}

async fn read(body: Incoming) -> Result<Bytes, RpcError> {
    let failed = |reason: &str| RpcError::internal(ID, format!("Error reading request body: {reason}"));
    match timeout(BODY_TIMEOUT, Limited::new(body, ENVELOPE_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(RpcError::new(ID, 413, format!("Error reading request body: more than {ENVELOPE_BYTES_MAX} bytes")))
        }
        Ok(Err(error)) => Err(failed(&error.to_string())),
        Err(_) => Err(failed("it did not come in time")),
    }
}

/// Programs send neither of these; browsers send the one or the other with each POST (Fetch standard, §3.2).
fn refuse_web_pages(headers: &HeaderMap) -> Result<(), RpcError> {
    if headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE) {
        return Err(RpcError::forbidden(ID, "web pages may not post here"));
    }
    Ok(())
}

/// The parameter `id` of a query, as Go reads it: the first one.
fn id(query: &str) -> String {
    let value = query.split('&').find_map(|pair| match pair.split_once('=') {
        Some(("id", value)) => Some(value),
        _ => None,
    });
    let value = value.unwrap_or_default().replace('+', " ");
    percent_encoding::percent_decode_str(&value).decode_utf8_lossy().into_owned()
}

fn full() -> Refusal {
    RpcError::new(ID, 503, "the queue of the subscription is full").into()
}

/// An answer that is not 200.
struct Refusal {
    status: StatusCode,
    error: RpcError,
}

impl From<RpcError> for Refusal {
    fn from(error: RpcError) -> Refusal {
        Refusal { status: error.http_status(), error }
    }
}

impl Refusal {
    fn into_response(self) -> Response<Full<Bytes>> {
        let mut body = self.error.to_json();
        let is_go_error = self.status == StatusCode::METHOD_NOT_ALLOWED;
        if is_go_error {
            body.push('\n'); // Go's `http.Error` ends the line
        }
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if is_go_error {
            headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        }
        response
    }
}
