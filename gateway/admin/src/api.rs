//! The resources of the API, one module each, and what they show.

mod clusters;
mod config;
mod connections;
mod health;
mod reload;
mod routes;
mod status;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use config_schema::Loaded;
use gateway::{Gateway, ListenerStatus, Reloader, WorkerReport};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::access::{self, Access};
use crate::metrics;

#[cfg(test)]
pub(crate) use clusters::Figures;
pub(crate) use clusters::{ClusterTotals, totals};
pub use config::with_origins;

/// How long workers and control plane may take to say what they have. While the gateway drains they do not answer.
const ASK: Duration = Duration::from_millis(1500);

/// What the API shows and drives.
#[derive(Debug)]
pub struct Subject {
    /// The version of the program.
    pub version: &'static str,
    /// When the process began.
    pub started: Instant,
    /// The gateway.
    pub gateway: Gateway,
    /// What reads the document anew.
    pub reloader: Arc<Reloader>,
    /// The document in force.
    pub document: watch::Receiver<Option<Arc<Loaded>>>,
    /// Who may ask.
    pub access: watch::Receiver<Access>,
}

impl Subject {
    /// Asks every worker; none answers while the gateway drains.
    pub(crate) async fn workers(&self) -> Vec<WorkerReport> {
        timeout(ASK, self.gateway.inspect()).await.unwrap_or_default()
    }

    async fn listeners(&self) -> Vec<ListenerStatus> {
        timeout(ASK, self.gateway.listeners()).await.unwrap_or_default()
    }
}

/// Returns the API; `reloads` owns those that go on.
pub(crate) fn router(subject: Subject, reloads: TaskTracker) -> Router {
    let subject = Arc::new(subject);
    let reload = move |State(subject): State<Arc<Subject>>| reload::reload(subject, reloads.clone());
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/status", get(status::show))
        .route("/metrics", get(metrics::show))
        .route("/config", get(config::show))
        .route("/clusters", get(clusters::show))
        .route("/routes", get(routes::show))
        .route("/connections", get(connections::show))
        .route("/streams", get(connections::show))
        .route("/reload", post(reload))
        .fallback(unknown)
        .layer(from_fn_with_state(Arc::clone(&subject), access::check))
        .with_state(subject)
}

async fn unknown() -> Response {
    let known = "GET /livez /readyz /status /metrics /config /clusters /routes /connections, POST /reload";
    problem(StatusCode::NOT_FOUND, &format!("there is {known}"))
}

/// Returns an error as RFC 9457 has it.
pub(crate) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({ "status": status.as_u16(), "title": title, "detail": detail });
    text(status, "application/problem+json", body.to_string())
}

/// Returns JSON for people and programs: indented, and never from a cache.
fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    text(status, "application/json", format!("{body:#}\n"))
}

pub(crate) fn text(status: StatusCode, kind: &'static str, body: String) -> Response {
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(kind)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, headers, body).into_response()
}
