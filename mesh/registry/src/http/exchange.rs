//! One request to the registry and its answer.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use mesh_rpc::{RpcError, json};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use tokio::time::timeout;

use super::registration::Registration;
use super::{BODY_BYTES_MAX, Door, time_to_live};
use crate::guard;
use crate::model::{Node, Service};
use crate::registry::{
    DeregisterError, GetError, HeartbeatError, ListError, RegisterError, RegisterOptions, Unavailable,
};

/// How long a request body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Whose error it is, in the error object.
const ID: &str = "go.micro.registry";

const PREFIX: &str = "/v1/registry";

type Answer = Response<Full<Bytes>>;

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Resource {
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

async fn read(body: Incoming) -> Result<Bytes, RpcError> {
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

fn no_parameters(uri: &Uri) -> Result<(), RpcError> {
    match uri.query() {
        None | Some("") => Ok(()),
        Some("watch") => Err(RpcError::new(ID, 501, "watching over HTTP is not built yet")),
        Some(query) => Err(RpcError::bad_request(ID, format!("this request takes no parameters, it has {query:?}"))),
    }
}

fn not_allowed(resource: &Resource, method: &Method) -> Failure {
    let allow = match resource {
        Resource::Services | Resource::Service(_) => "GET, HEAD",
        Resource::Node(..) => "PUT, DELETE",
        Resource::Heartbeat(..) => "POST",
    };
    let error = RpcError::method_not_allowed(ID, format!("{method} is not possible here, but {allow}"));
    Failure { error, allow: Some(allow) }
}

fn no_content() -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    answer
}

fn json_answer<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Answer {
    let body = json::to_vec(value).expect("records and errors hold only what JSON can");
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// An error on its way to the client, and the methods that would have been right.
struct Failure {
    error: RpcError,
    allow: Option<&'static str>,
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Failure {
        Failure { error, allow: None }
    }
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Failure {
        match error {
            RegisterError::Invalid(invalid) => RpcError::bad_request(ID, invalid.to_string()).into(),
            RegisterError::Full { .. } => RpcError::new(ID, 507, error.to_string()).into(),
            RegisterError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<HeartbeatError> for Failure {
    fn from(error: HeartbeatError) -> Failure {
        match error {
            HeartbeatError::UnknownNode { .. } => RpcError::not_found(ID, error.to_string()).into(),
            HeartbeatError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<DeregisterError> for Failure {
    fn from(error: DeregisterError) -> Failure {
        match error {
            DeregisterError::UnknownNode { .. } => RpcError::not_found(ID, error.to_string()).into(),
            DeregisterError::Invalid(invalid) => RpcError::bad_request(ID, invalid.to_string()).into(),
            DeregisterError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<GetError> for Failure {
    fn from(error: GetError) -> Failure {
        match error {
            GetError::UnknownService { .. } => RpcError::not_found(ID, error.to_string()).into(),
            GetError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ListError> for Failure {
    fn from(ListError::Unavailable(unavailable): ListError) -> Failure {
        unavailable.into()
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Failure {
        tracing::warn!(error = &unavailable as &dyn std::error::Error, "a registry does not answer");
        RpcError::new(ID, 503, unavailable.to_string()).into()
    }
}
