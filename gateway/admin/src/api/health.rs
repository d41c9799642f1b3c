//! `/livez` and `/readyz`, for probes.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::{Subject, text};

/// Answers while the process runs.
pub(super) async fn live() -> Response {
    text(StatusCode::OK, "text/plain; charset=utf-8", "ok\n".to_owned())
}

/// Answers whether traffic can be taken, and what keeps it from that.
pub(super) async fn ready(State(subject): State<Arc<Subject>>) -> Response {
    let reasons = reasons(&subject);
    let (status, body) = match reasons.as_slice() {
        [] => (StatusCode::OK, "ok\n".to_owned()),
        reasons => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join(", "))),
    };
    text(status, "text/plain; charset=utf-8", body)
}

/// A stale registry is none of the reasons: the last known services are served.
pub(super) fn reasons(subject: &Subject) -> Vec<&'static str> {
    let status = subject.gateway.status();
    let mut reasons = Vec::new();
    if status.generation == 0 {
        reasons.push("no configuration is in force yet");
    }
    if status.draining {
        reasons.push("it is shutting down");
    }
    if reasons.is_empty() && !subject.gateway.is_ready() {
        reasons.push("it does not listen yet");
    }
    reasons
}
