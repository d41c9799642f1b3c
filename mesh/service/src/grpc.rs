//! `grpc://`: a gRPC server, to which everything passes unchanged: paths, metadata, messages, trailers.

use std::time::Duration;

use http::header::{CONTENT_TYPE, TE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioTimer;
use mesh_rpc::metadata::is_hop_by_hop;
use mesh_rpc::server::HttpBody;
use mesh_rpc::timeout::{GRPC_TIMEOUT, TIMEOUT, parse_grpc, parse_nanos};
use mesh_rpc::{Owner, RpcError};
use tokio_util::sync::DropGuard;

use crate::reply;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// When to ask a silent server whether it is there, while something is under way, and how long to wait for the answer.
/// Go's servers send those away who ask more often than every five minutes.
const PING_INTERVAL: Duration = Duration::from_mins(6);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The most bytes of the headers of an answer. A long error of Go travels three times in its trailers.
const HEADER_BYTES_MAX: u32 = 1024 * 1024;

/// A gRPC server behind a service.
#[derive(Debug)]
pub(crate) struct Grpc {
    service: String,
    address: Authority,
    client: Client<HttpConnector, HttpBody>,
    /// Cuts the connections.
    _cut: DropGuard,
}

impl Grpc {
    pub(crate) fn new(service: &str, address: Authority) -> Grpc {
        let owner = Owner::default();
        let client = Client::builder(owner.clone())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_only(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .build(crate::connector(CONNECT_TIMEOUT));
        Grpc { service: service.to_owned(), address, client, _cut: owner.cut_on_drop() }
    }

    /// Passes a call on. It lasts as long as both sides want; the caller's deadline bounds how long the answer may take
    /// to begin, should the caller not see to it.
    pub(crate) async fn pass(&self, request: Request<Incoming>) -> Response<HttpBody> {
        if request.version() != Version::HTTP_2 {
            let error = RpcError::new(self.service.clone(), 415, "gRPC over HTTP/2 is served here");
            return reply::error(&error);
        }
        let limit = limit(request.headers());
        let forwarding = self.client.request(self.forwarded(request));
        let answered = match limit {
            Some(limit) => tokio::time::timeout(limit, forwarding).await,
            None => Ok(forwarding.await),
        };
        match answered {
            Ok(Ok(answer)) => {
                let (parts, body) = answer.into_parts();
                Response::from_parts(parts, BodyExt::map_err(body, Into::into).boxed_unsync())
            }
            Ok(Err(error)) if error.is_connect() => {
                let detail = format!("the program behind the service cannot be reached: {}", crate::chain(&error));
                refused(&RpcError::new(self.service.clone(), 503, detail))
            }
            Ok(Err(error)) => {
                let detail = format!("the exchange with the program behind it broke: {}", crate::chain(&error));
                refused(&RpcError::new(self.service.clone(), 502, detail))
            }
            Err(_) => refused(&RpcError::timeout(self.service.clone(), "context deadline exceeded")),
        }
    }

    fn forwarded(&self, request: Request<Incoming>) -> Request<HttpBody> {
        let (parts, body) = request.into_parts();
        let mut uri = http::uri::Parts::default();
        (uri.scheme, uri.authority) = (Some(Scheme::HTTP), Some(self.address.clone()));
        uri.path_and_query = parts.uri.path_and_query().cloned().or(Some(PathAndQuery::from_static("/")));
        let mut forwarded = Request::new(BodyExt::map_err(body, Into::into).boxed_unsync());
        *forwarded.method_mut() = parts.method;
        *forwarded.uri_mut() = Uri::from_parts(uri).expect("scheme, authority and path are there");
        *forwarded.version_mut() = Version::HTTP_2;
        for (name, value) in &parts.headers {
            if !is_hop_by_hop(name.as_str()) && name != http::header::HOST {
                forwarded.headers_mut().append(name, value.clone());
            }
        }
        forwarded.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
        forwarded
    }
}

/// The time that the caller gives.
fn limit(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let grpc = text(GRPC_TIMEOUT).and_then(parse_grpc);
    grpc.into_iter().chain(text(TIMEOUT).and_then(parse_nanos)).min()
}

/// Returns an answer that is nothing but an error ("Trailers-Only").
fn refused(error: &RpcError) -> Response<HttpBody> {
    let mut answer = Response::new(reply::empty());
    *answer.status_mut() = StatusCode::OK;
    *answer.headers_mut() = error.to_grpc().to_trailers();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    answer
}
