//! One request over HTTP and its answer.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use mesh_rpc::server::HttpBody;
use mesh_rpc::{RpcError, json};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::time::{sleep, timeout};

use super::failure::{Failure, ID};
use super::registration::Registration;
use super::told::Action;
use super::watch::Changes;
use super::{BODY_BYTES_MAX, Door, legacy, time_to_live};
use crate::guard;
use crate::model::{Node, Service};
use crate::registry::RegisterOptions;

/// How long a request body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a watch says that it is still there: a comment, which finds out who has left.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);

const PREFIX: &str = "/v1/registry";

pub(super) type Answer = Response<HttpBody>;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Resource {
    /// `/registry`, see [`legacy`].
    Legacy,
    Services,
    Service(String),
    Node(String, String),
    Heartbeat(String, String),
}

/// Answers one request. The only place where an error becomes a response.
pub(super) async fn answer(door: &Door, peer: IpAddr, request: Request<Incoming>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match respond(door, peer, request).await {
        Ok(answer) => answer,
        Err(Failure { error, allow }) => {
            tracing::debug!(%method, path, code = error.code, detail = error.detail, "the registry refused a request");
            let mut answer = json_answer(error.http_status(), &error);
            if let Some(allow) = allow {
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
            }
            answer
        }
    }
}

async fn respond(door: &Door, peer: IpAddr, request: Request<Incoming>) -> Result<Answer, Failure> {
    guard::check(request.uri(), request.headers(), &door.allowed)
        .map_err(|refusal| RpcError::forbidden(ID, refusal.to_string()))?;
    let (registry, method) = (&door.registry, request.method().clone());
    match (resource(request.uri().path())?, method) {
        (Resource::Legacy, _) => legacy::respond(door, request).await,
        (Resource::Services, Method::GET) if is_watch(request.uri()) => events(door, None).await,
        (Resource::Service(name), Method::GET) if is_watch(request.uri()) => events(door, Some(name)).await,
        (Resource::Services, Method::GET | Method::HEAD) => {
            no_parameters(request.uri())?;
            Ok(json_answer(StatusCode::OK, &registry.list().await?))
        }
        (Resource::Service(name), Method::GET | Method::HEAD) => {
            no_parameters(request.uri())?;
            Ok(json_answer(StatusCode::OK, &registry.get(&name).await?))
        }
        (Resource::Node(service, node), Method::PUT) => register(door, peer, service, node, request).await,
        (Resource::Node(name, id), Method::DELETE) => {
            no_parameters(request.uri())?;
            registry.deregister(&Service::new(name).with_node(Node::new(id, ""))).await?;
            Ok(no_content())
        }
        (Resource::Heartbeat(service, node), Method::POST) => {
            no_parameters(request.uri())?;
            registry.heartbeat(&service, &node).await?;
            Ok(no_content())
        }
        (resource, method) => Err(not_allowed(&resource, &method)),
    }
}

async fn register(
    door: &Door,
    peer: IpAddr,
    service: String,
    node: String,
    request: Request<Incoming>,
) -> Result<Answer, Failure> {
    let ttl = time_to_live::of_query(request.uri().query(), *door.ttl_default.borrow())
        .map_err(|error| RpcError::bad_request(ID, error.to_string()))?;
    let body = read(request.into_body()).await?;
    let registration = Registration::parse(&body)
        .map_err(|error| RpcError::bad_request(ID, format!("the body is not a registration: {error}")))?;
    let service =
        registration.into_service(service, node, peer).map_err(|error| RpcError::bad_request(ID, error.to_string()))?;
    door.registry.register(service, RegisterOptions { ttl: Some(ttl) }).await?;
    Ok(no_content())
}

/// Changes as server-sent events: `{"action":"create","service":{…}}`, first all that is there.
async fn events(door: &Door, name: Option<String>) -> Result<Answer, Failure> {
    let changes = Changes::begin(door).await?;
    let frames = stream::unfold(changes, move |mut changes| {
        let name = name.clone();
        async move {
            loop {
                let text = tokio::select! {
                    change = changes.next() => match change? {
                        (_, service) if name.as_ref().is_some_and(|name| service.name != *name) => continue,
                        (action, service) => event(action, &service),
                    },
                    () = sleep(COMMENT_INTERVAL) => ":\n\n".to_owned(),
                };
                return Some((Ok(Frame::data(Bytes::from(text))), changes));
            }
        }
    });
    Ok(stream_answer("text/event-stream", frames))
}

fn event(action: Action, service: &Service) -> String {
    #[derive(Serialize)]
    struct Event<'a> {
        action: Action,
        service: &'a Service,
    }
    let data = json::to_string(&Event { action, service }).expect("records hold only what JSON can");
    format!("data: {data}\n\n")
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

fn stream_answer(
    content_type: &'static str,
    frames: impl Stream<Item = Result<Frame<Bytes>, Broken>> + Send + 'static,
) -> Answer {
    let mut answer = Response::new(HttpBody::new(StreamBody::new(frames)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

pub(super) async fn read(body: Incoming) -> Result<Bytes, RpcError> {
    let too_large = || RpcError::new(ID, 413, format!("the body has more than {BODY_BYTES_MAX} bytes"));
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let collected = timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect())
        .await
        .map_err(|_| RpcError::timeout(ID, format!("the body did not come within {BODY_TIMEOUT:?}")))?;
    match collected {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(RpcError::bad_request(ID, format!("the body broke off: {error}"))),
    }
}

fn resource(path: &str) -> Result<Resource, RpcError> {
    if path == "/registry" {
        return Ok(Resource::Legacy);
    }
    let unknown = || {
        let known = "/v1/registry, /v1/registry/{service}, /v1/registry/{service}/{node} and its /heartbeat";
        RpcError::not_found(ID, format!("there is nothing at {path}: the paths are {known}"))
    };
    let rest = path.strip_prefix(PREFIX).ok_or_else(unknown)?;
    let Some(rest) = rest.strip_prefix('/') else {
        return if rest.is_empty() { Ok(Resource::Services) } else { Err(unknown()) };
    };
    let segments: Vec<&str> = rest.split('/').collect();
    match segments[..] {
        [""] => Ok(Resource::Services),
        [service] => Ok(Resource::Service(decode(service)?)),
        [service, node] if !node.is_empty() => Ok(Resource::Node(decode(service)?, decode(node)?)),
        [service, node, "heartbeat"] => Ok(Resource::Heartbeat(decode(service)?, decode(node)?)),
        _ => Err(unknown()),
    }
}

/// Decodes one segment; `%2F` in it is a slash of the name.
fn decode(segment: &str) -> Result<String, RpcError> {
    if segment.is_empty() {
        return Err(RpcError::bad_request(ID, "the path holds an empty name"));
    }
    let text = percent_decode_str(segment).decode_utf8();
    text.map(String::from).map_err(|_| RpcError::bad_request(ID, format!("{segment:?} in the path is not UTF-8")))
}

fn is_watch(uri: &Uri) -> bool {
    matches!(uri.query(), Some("watch" | "watch=" | "watch=true" | "watch=1"))
}

fn no_parameters(uri: &Uri) -> Result<(), RpcError> {
    match uri.query() {
        None | Some("") => Ok(()),
        Some(query) => Err(RpcError::bad_request(ID, format!("this request takes no parameters, it has {query:?}"))),
    }
}

fn not_allowed(resource: &Resource, method: &Method) -> Failure {
    let allow = match resource {
        Resource::Legacy => "GET, HEAD, POST, DELETE",
        Resource::Services | Resource::Service(_) => "GET, HEAD",
        Resource::Node(..) => "PUT, DELETE",
        Resource::Heartbeat(..) => "POST",
    };
    Failure::not_allowed(method, allow)
}

fn no_content() -> Answer {
    let mut answer = Response::new(whole(Bytes::new()));
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

pub(super) fn json_answer<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Answer {
    let body = json::to_vec(value).expect("records and errors hold only what JSON can");
    let mut answer = Response::new(whole(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

pub(super) fn whole(body: Bytes) -> HttpBody {
    HttpBody::new(Full::new(body).map_err(|never| match never {}))
}
