//! Publishing and subscribing over HTTP.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body, Incoming};
use mesh_rpc::RpcError;
use mesh_rpc::guard::{self, Allowed};
use mesh_rpc::metadata::title_case;
use mesh_rpc::server::{HttpBody, HttpHandler};
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{ID, Shared, events, of_publish, of_subscribe};
use crate::message::{BODY_BYTES_MAX, CONTENT_TYPE as CONTENT_TYPE_ENTRY, Header, Message};

const PREFIX: &str = "/v1/topics/";

/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many bodies are read at once. Further requests wait for as long as a body may take.
const BODIES_MAX: usize = 32;

/// The HTTP side of the server.
#[derive(Debug)]
pub(super) struct Door {
    shared: Shared,
    allowed: Allowed,
    bodies: Semaphore,
}

impl Door {
    pub(super) fn new(shared: Shared, allowed: Allowed) -> Door {
        Door { shared, allowed, bodies: Semaphore::new(BODIES_MAX) }
    }

    async fn respond(&self, request: Request<Incoming>) -> Result<Response<HttpBody>, RpcError> {
        guard::check(request.uri(), request.headers(), &self.allowed)
            .map_err(|refusal| RpcError::forbidden(ID, refusal.to_string()))?;
        let topic = topic(request.uri().path())?;
        let query = request.uri().query().unwrap_or_default().to_owned();
        match *request.method() {
            Method::POST => {
                if !query.is_empty() {
                    return Err(RpcError::bad_request(ID, format!("publishing takes no parameters, it has {query:?}")));
                }
                self.publish(&topic, request).await
            }
            Method::GET => self.subscribe(&topic, queue(&query)?.as_deref()).await,
            ref method => {
                Err(RpcError::method_not_allowed(ID, format!("{method} is not possible here, but GET, POST")))
            }
        }
    }

    async fn publish(&self, topic: &str, request: Request<Incoming>) -> Result<Response<HttpBody>, RpcError> {
        let header = header(request.headers());
        let body = self.read(request.into_body()).await?;
        self.shared.broker.publish(topic, Message { header, body }).await.map_err(of_publish)?;
        let mut response = Response::new(HttpBody::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    async fn subscribe(&self, topic: &str, queue: Option<&str>) -> Result<Response<HttpBody>, RpcError> {
        let subscription = self.shared.broker.subscribe(topic, queue).await.map_err(of_subscribe)?;
        let body = StreamBody::new(events::of(subscription, self.shared.shutdown.clone()));
        let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, RpcError> {
        let too_large = || RpcError::new(ID, 413, format!("the body has more than {BODY_BYTES_MAX} bytes"));
        if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
            return Err(too_large());
        }
        let late = |_| RpcError::timeout(ID, format!("the body did not come within {BODY_TIMEOUT:?}"));
        let read = async {
            let _turn = self.bodies.acquire().await;
            Limited::new(body, BODY_BYTES_MAX).collect().await
        };
        match timeout(BODY_TIMEOUT, read).await.map_err(late)? {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
            Err(error) => Err(RpcError::bad_request(ID, format!("the body broke off: {error}"))),
        }
    }
}

#[async_trait]
impl HttpHandler for Door {
    async fn answer(&self, remote: SocketAddr, request: Request<Incoming>) -> Response<HttpBody> {
        self.respond(request).await.unwrap_or_else(|error| {
            tracing::debug!(%remote, code = error.code, detail = error.detail, "the broker refused a request");
            refusal(&error)
        })
    }
}

fn refusal(error: &RpcError) -> Response<HttpBody> {
    let body = Full::from(error.to_json()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = error.http_status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match error.code {
        405 => headers.insert(ALLOW, HeaderValue::from_static("GET, POST")),
        503 => headers.insert(RETRY_AFTER, HeaderValue::from_static("1")),
        _ => None,
    };
    response
}

/// The topic of a path. `%2F` in it is a slash of the name.
fn topic(path: &str) -> Result<String, RpcError> {
    let segment = path.strip_prefix(PREFIX).filter(|segment| !segment.is_empty() && !segment.contains('/'));
    let segment = segment.ok_or_else(|| {
        RpcError::not_found(ID, format!("there is nothing at {path}: the path is /v1/topics/{{topic}}"))
    })?;
    let text = percent_decode_str(segment).decode_utf8();
    text.map(String::from).map_err(|_| RpcError::bad_request(ID, format!("{segment:?} in the path is not UTF-8")))
}

/// The queue of a query; nothing else may stand there.
fn queue(query: &str) -> Result<Option<String>, RpcError> {
    if query.is_empty() {
        return Ok(None);
    }
    let value = query.strip_prefix("queue=").filter(|value| !value.contains('&') && !value.is_empty());
    let value = value.ok_or_else(|| {
        RpcError::bad_request(ID, format!("subscribing takes the parameter `queue`, it has {query:?}"))
    })?;
    let text = percent_decode_str(value).decode_utf8();
    let text = text.map_err(|_| RpcError::bad_request(ID, format!("{value:?} in the query is not UTF-8")))?;
    Ok(Some(text.into_owned()))
}

/// What of the request describes the message: its content type, and what is written for go-micro.
fn header(headers: &HeaderMap) -> Header {
    let is_meant = |name: &str| name == "content-type" || name.starts_with("micro-");
    let entries = headers.iter().filter(|(name, _)| is_meant(name.as_str()));
    let mut header: Header = entries
        .map(|(name, value)| (title_case(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    header.entry(CONTENT_TYPE_ENTRY.to_owned()).or_insert_with(|| "application/octet-stream".to_owned());
    header
}
