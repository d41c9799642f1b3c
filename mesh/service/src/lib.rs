//! Any program as a service: the command `micro service`.
//!
//! A program that knows nothing of go-micro answers over HTTP, over gRPC, as files or by being run ([`Endpoint`]). In
//! front of it stands a server that go-micro's clients call, and that passes plain HTTP through on the same port. The
//! program is started, watched and ended with the service ([`run`]), and registered as long as it answers.
//!
//! What a call asks for is read from its path and its metadata, and means the same for every kind of program: an
//! endpoint `.` is the program itself, one that begins with a slash is a path of it, `Say.Hello` a method.
//!
//! It does not choose the registry, the address or the id of the node: who runs it does.

mod ask;
mod back_off;
mod endpoint;
mod exec;
mod file;
mod group;
mod grpc;
mod mucp;
mod presence;
mod program;
mod reply;
mod service;
mod web;

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

pub use endpoint::{Endpoint, EndpointError};
pub use service::{RunError, STOP_TIMEOUT, Wrapped, run};

/// Connects to the program behind a service.
fn connector(within: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(within));
    connector.set_nodelay(true);
    connector
}

/// Returns an error with all its causes: whoever calls sees only the text.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
