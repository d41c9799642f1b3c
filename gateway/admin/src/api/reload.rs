//! `POST /reload`: reads the document anew and says how that went.

use std::sync::Arc;

use axum::response::Response;
use gateway::Outcome;
use http::StatusCode;
use tokio_util::task::TaskTracker;

use super::{Subject, answer, problem, status};

/// A reload that was begun is finished, whether or not the caller waits for it: the tracker owns it.
pub(super) async fn reload(subject: Arc<Subject>, reloads: TaskTracker) -> Response {
    let reloading = reloads.spawn(async move { subject.reloader.reload("request").await });
    let Ok(reloaded) = reloading.await else {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "the reload ended in a panic: the log has the details");
    };
    let status = match &reloaded.outcome {
        Outcome::Applied(..) | Outcome::Unchanged(_) => StatusCode::OK,
        Outcome::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Outcome::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    answer(status, &status::reload(&reloaded))
}
