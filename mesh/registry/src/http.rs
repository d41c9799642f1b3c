//! The registry over HTTP, for programs of any language.
//!
//! | request | answer |
//! |---|---|
//! | `PUT /v1/registry/{service}/{node}?ttl=30s` | registers or refreshes a node: 204 |
//! | `POST /v1/registry/{service}/{node}/heartbeat` | extends its lease: 204; 404: register again |
//! | `DELETE /v1/registry/{service}/{node}` | takes it away: 204; 404: it was not there |
//! | `GET /v1/registry` | all services |
//! | `GET /v1/registry/{service}` | its versions; 404: no node of it is registered |
//!
//! The body of a `PUT` is described at [`Registration`]; what `GET` returns are the records of [`crate::model`].
//! Every error is the error object of go-micro with the id `go.micro.registry` and says what was expected.
//!
//! Requests from web pages are refused by [`crate::guard`]. Bodies, heads, connections and their age are bounded.

mod connection;
mod exchange;
mod registration;
mod time_to_live;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use self::registration::Registration;
pub use self::time_to_live::{TTL_DEFAULT, TTL_MAX, TTL_MIN};
use crate::guard::Allowed;
use crate::registry::Registry;

/// The most bytes of a request body.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The most connections at once. Further ones wait in the listener's queue.
pub const CONNECTIONS_MAX: usize = 512;

/// How long exchanges may go on after the shutdown began.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after `accept` failed, for instance for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every request needs: the registry, who may ask, and what is not said.
#[derive(Debug)]
struct Door {
    registry: Arc<dyn Registry>,
    allowed: Allowed,
    ttl_default: watch::Receiver<Duration>,
}

/// Serves a registry until the token is cancelled; then no connection is taken any more, those that are open end
/// after the exchange they are in, and what goes on after [`DRAIN_TIMEOUT`] is cut.
///
/// `allowed` is what requests may call the listener besides loopback, usually [`Allowed::listening`]. `ttl_default` is
/// what a registration gets that names no time to live, usually [`TTL_DEFAULT`]; each takes the value of its moment.
///
/// Dropping the future cuts everything.
pub async fn serve(
    listener: TcpListener,
    registry: Arc<dyn Registry>,
    allowed: Allowed,
    ttl_default: watch::Receiver<Duration>,
    shutdown: CancellationToken,
) {
    let door = Arc::new(Door { registry, allowed, ttl_default });
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased; // the shutdown first; finished tasks before new ones, so that the set does not grow
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept(&listener, &free) => match accepted {
                Ok((stream, permit)) => {
                    let (door, shutdown) = (Arc::clone(&door), shutdown.clone());
                    connections.spawn(async move {
                        connection::serve(stream, door, shutdown).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the registry's listener cannot accept, it tries again");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let drained = timeout(DRAIN_TIMEOUT, async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "connections to the registry did not end in time, they are cut"
        );
    }
}

/// Takes a connection once there is room for one. Cancel safe: the permit goes back, nothing was accepted.
async fn accept(listener: &TcpListener, free: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection to the registry ended in a panic");
    }
}

#[cfg(test)]
mod tests;
