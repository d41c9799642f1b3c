//! `/connections`: who is connected at the moment.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gateway::ConnectionReport;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Subject, answer};

/// The most connections shown; the oldest are.
const SHOWN_MAX: usize = 1000;

pub(super) async fn show(State(subject): State<Arc<Subject>>) -> Response {
    let reports = subject.workers().await;
    let numbered = reports.iter().enumerate();
    let mut all: Vec<(usize, &ConnectionReport)> = numbered
        .flat_map(|(worker, report)| report.connections.iter().map(move |connection| (worker, connection)))
        .collect();
    all.sort_by_key(|(_, connection)| std::cmp::Reverse(connection.age));
    let shown: Vec<Value> =
        all.iter().take(SHOWN_MAX).map(|(worker, connection)| show_one(*worker, connection)).collect();
    answer(StatusCode::OK, &json!({ "total": all.len(), "connections": shown }))
}

fn show_one(worker: usize, connection: &ConnectionReport) -> Value {
    let (read, written) = connection.bytes;
    json!({
        "worker": worker,
        "listener": &*connection.listener,
        "peer": connection.peer,
        "age_seconds": connection.age.as_secs_f64(),
        "bytes_read": read,
        "bytes_written": written,
        "exchanges": connection.exchanges,
        "in_exchange": connection.in_exchange,
    })
}
