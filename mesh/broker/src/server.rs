//! A broker for others: as `go.micro.broker` over gRPC, which Go services use with `MICRO_BROKER=service`, and over HTTP
//! for programs of any language, both on one port.
//!
//! | request | answer |
//! |---|---|
//! | `POST /v1/topics/{topic}` | publishes the body with its `Content-Type` and `Micro-*` header: 204; 503: a queue is full |
//! | `GET /v1/topics/{topic}?queue=q` | subscribes: a stream of events (SSE), one a message |
//!
//! An event holds the JSON `{"topic":…,"header":{…},"body":"…"}`; a body that is no text is `body_base64`. A comment comes
//! first, when the subscription has begun, and then every ten seconds. Every error is the error object of go-micro with
//! the id `go.micro.broker`. Requests from web pages are refused by [`mesh_rpc::guard`].
//!
//! Unlike the real one topics stay as they are, without a namespace before them, and a subscriber without a queue gets all
//! messages (spec/wire D-22).

mod events;
mod grpc;
mod http;

use std::sync::Arc;
use std::time::Duration;

pub use self::events::shown_body;
use mesh_rpc::guard::Allowed;
use mesh_rpc::server::Limits;
use mesh_rpc::{RpcError, Server};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::broker::{Broker, PublishError, SubscribeError, Unavailable};
use crate::message::{BODY_BYTES_MAX, HEADER_BYTES_MAX, InvalidMessage};

/// Whose errors they are.
const ID: &str = "go.micro.broker";

/// How long exchanges may go on after the shutdown began. Subscriptions end at once.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// What both forms need.
#[derive(Debug, Clone)]
struct Shared {
    broker: Arc<dyn Broker>,
    shutdown: CancellationToken,
}

/// Serves a broker until the token is cancelled; then subscriptions end, and what else goes on after five seconds is cut.
///
/// `allowed` is what requests over HTTP may call the listener besides loopback, usually [`Allowed::listening`].
///
/// Dropping the future cuts everything.
pub async fn serve(listener: TcpListener, broker: Arc<dyn Broker>, allowed: Allowed, shutdown: CancellationToken) {
    let shared = Shared { broker, shutdown: shutdown.clone() };
    let limits = Limits {
        message_bytes: BODY_BYTES_MAX + 2 * HEADER_BYTES_MAX,
        drain_timeout: DRAIN_TIMEOUT,
        ..Limits::default()
    };
    let server =
        Server::new().with("Broker", grpc::Handler(shared.clone())).with_http(http::Door::new(shared, allowed));
    server.with_limits(limits).serve(listener, shutdown).await;
}

fn of_publish(error: PublishError) -> RpcError {
    match error {
        PublishError::Invalid(error) => of_invalid(&error),
        PublishError::Full { .. } => RpcError::new(ID, 503, error.to_string()),
        PublishError::NoMembers => RpcError::new(ID, 503, "nobody subscribes to anything"),
        PublishError::Unavailable(error) => of_unavailable(&error),
    }
}

fn of_subscribe(error: SubscribeError) -> RpcError {
    match error {
        SubscribeError::Invalid(error) => of_invalid(&error),
        SubscribeError::Full { .. } => RpcError::new(ID, 503, error.to_string()),
        SubscribeError::Unavailable(error) => of_unavailable(&error),
    }
}

fn of_invalid(error: &InvalidMessage) -> RpcError {
    match error {
        InvalidMessage::TooLarge { .. } | InvalidMessage::TooMany { .. } => RpcError::new(ID, 413, error.to_string()),
        _ => RpcError::bad_request(ID, error.to_string()),
    }
}

fn of_unavailable(error: &Unavailable) -> RpcError {
    tracing::warn!(error = error as &dyn std::error::Error, "a broker does not answer");
    RpcError::new(ID, 502, error.to_string())
}

#[cfg(test)]
mod tests;
