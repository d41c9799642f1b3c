//! `/metrics`: what every worker counted, merged when it is asked for.
//!
//! Nothing is shared on the request path: each worker has cells of its own (design 11.18). The number of series is
//! bounded by the cells for routes, by their list for causes, and by [`CLUSTERS_MAX`] for clusters.

mod names;
mod scrape;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use prometheus_client::encoding::{prometheus_text, text as open_metrics};
use prometheus_client::registry::Registry;

use crate::api::{Subject, problem, text};
use scrape::Scrape;

/// How many clusters are told apart; those beyond are counted together as `other`.
const CLUSTERS_MAX: usize = 500;

/// The content type of `OpenMetrics`, with the version the encoder writes.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) async fn show(State(subject): State<Arc<Subject>>, headers: HeaderMap) -> Response {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape::take(&subject).await));
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut body = String::new();
    let (kind, written) = if accept.contains("application/openmetrics-text") {
        (OPEN_METRICS, open_metrics::encode(&mut body, &registry))
    } else {
        (prometheus_text::CONTENT_TYPE, prometheus_text::encode(&mut body, &registry))
    };
    match written {
        Ok(()) => text(StatusCode::OK, kind, body),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written"),
    }
}
