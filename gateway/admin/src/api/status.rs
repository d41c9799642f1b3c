//! `/status`: how it is, and how the last reload went.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gateway::{Outcome, Reloaded};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Subject, answer, health};

pub(super) async fn show(State(subject): State<Arc<Subject>>) -> Response {
    let (listeners, workers) = (subject.listeners().await, subject.workers().await);
    let status = subject.gateway.status();
    let (in_force, refused) = subject.reloader.counts();
    let listeners: Vec<Value> =
        listeners.iter().map(|listener| json!({ "name": listener.name, "addresses": listener.addresses })).collect();
    let body = json!({
        "version": subject.version,
        "generation": status.generation,
        "digest": &*status.digest,
        "ready": health::reasons(&subject).is_empty(),
        "draining": status.draining,
        "workers": {
            "configured": subject.gateway.published().snapshot().workers,
            "serving": status.workers,
            "answering": workers.len(), // retired ones with open connections too
        },
        "listeners": listeners,
        "reload": subject.reloader.last().map(|last| reload(&last)),
        "reloads": { "in_force": in_force, "refused": refused },
        "registry": { "stale": status.stale },
        "uptime_seconds": subject.started.elapsed().as_secs(),
    });
    answer(StatusCode::OK, &body)
}

/// Returns a reload as `/status`, `POST /reload` and `micro reload --output json` show it.
pub(super) fn reload(reloaded: &Reloaded) -> Value {
    let mut body = json!({
        "outcome": reloaded.outcome.name(),
        "in_force": reloaded.outcome.is_in_force(),
        "trigger": reloaded.trigger,
        "at": reloaded.at.to_string(),
    });
    match &reloaded.outcome {
        Outcome::Applied(applied, warnings) => {
            body["generation"] = json!(applied.generation);
            body["digest"] = json!(&*applied.digest);
            if !warnings.is_empty() {
                body["report"] = json!(warnings.render(false));
                body["diagnostics"] = warnings.to_json();
            }
        }
        Outcome::Unchanged(applied) => {
            body["generation"] = json!(applied.generation);
            body["digest"] = json!(&*applied.digest);
        }
        Outcome::Refused(report) => {
            body["report"] = json!(report.render(false));
            body["diagnostics"] = report.to_json();
        }
        Outcome::Failed(error) => body["report"] = json!(chain(&**error)),
    }
    body
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
