//! The registry on a port: for programs of any language over HTTP, for go-micro's services over gRPC.
//!
//! | request | answer |
//! |---|---|
//! | `PUT /v1/registry/{service}/{node}?ttl=30s` | registers or refreshes a node: 204 |
//! | `POST /v1/registry/{service}/{node}/heartbeat` | extends its lease: 204; 404: register again |
//! | `DELETE /v1/registry/{service}/{node}` | takes it away: 204; 404: it was not there |
//! | `GET /v1/registry` | all services |
//! | `GET /v1/registry/{service}` | its versions; 404: no node of it is registered |
//! | either with `?watch` | server-sent events, one a change: first all that is there |
//! | `GET`, `POST`, `DELETE /registry` | as the registry handler of Micro v1 had it, with whole records |
//! | gRPC `go.micro.registry.Registry` | as go-micro's registry `service` calls it |
//!
//! The body of a `PUT` is described at [`Registration`]; what `GET` returns are the records of [`crate::model`].
//! Every error is the error object of go-micro with the id `go.micro.registry` and says what was expected.
//!
//! Both are told apart by what the client speaks ([`mesh_rpc::Server`]). Requests from web pages are refused by
//! [`crate::guard`]. Bodies, heads, connections and watches are bounded; one that does not read is cut.

mod failure;
mod grpc;
mod http;
mod legacy;
mod registration;
mod time_to_live;
mod told;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use async_trait::async_trait;
use hyper::body::Incoming;
use mesh_rpc::server::{HttpBody, HttpHandler, Limits};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use self::registration::Registration;
pub use self::time_to_live::{TTL_DEFAULT, TTL_MAX, TTL_MIN};
use crate::guard::Allowed;
use crate::registry::Registry;

/// The most bytes of a request body.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The most connections at once. Further ones wait in the listener's queue.
pub const CONNECTIONS_MAX: usize = 512;

/// The most watches at once, of both kinds together; a further one is refused.
pub const WATCHES_MAX: usize = 256;

/// How long exchanges may go on after the shutdown began.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What every request needs: the registry, who may ask, and what is not said.
#[derive(Debug)]
struct Door {
    registry: Arc<dyn Registry>,
    allowed: Allowed,
    ttl_default: tokio::sync::watch::Receiver<Duration>,
    watches: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// Serves a registry until the token is cancelled; then no connection is taken any more, watches end, those that are
/// open end after the exchange they are in, and what goes on after [`DRAIN_TIMEOUT`] is cut.
///
/// `allowed` is what HTTP requests may call the listener besides loopback, usually [`Allowed::listening`].
/// `ttl_default` is what a `PUT` gets that names no time to live, usually [`TTL_DEFAULT`]; each takes the value of its
/// moment.
///
/// Dropping the future cuts everything.
pub async fn serve(
    listener: TcpListener,
    registry: Arc<dyn Registry>,
    allowed: Allowed,
    ttl_default: tokio::sync::watch::Receiver<Duration>,
    shutdown: CancellationToken,
) {
    let watches = Arc::new(Semaphore::new(WATCHES_MAX));
    let door = Arc::new(Door { registry, allowed, ttl_default, watches, shutdown: shutdown.clone() });
    let limits = Limits { connections: CONNECTIONS_MAX, drain_timeout: DRAIN_TIMEOUT, ..Limits::default() };
    let server = mesh_rpc::Server::new().with_limits(limits);
    let server = server.with("Registry", grpc::Calls(Arc::clone(&door))).with_http(Requests(door));
    server.serve(listener, shutdown).await;
}

/// What comes over HTTP.
#[derive(Debug)]
struct Requests(Arc<Door>);

#[async_trait]
impl HttpHandler for Requests {
    async fn answer(&self, remote: SocketAddr, request: Request<Incoming>) -> Response<HttpBody> {
        http::answer(&self.0, remote.ip().to_canonical(), request).await
    }
}

#[cfg(test)]
mod tests;
