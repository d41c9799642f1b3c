//! `/config`: the effective document, with or without the origin of each value. Secrets are masked where it is written.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use config_schema::{Effective, EffectiveValue};
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Subject, answer, problem, text};

/// The media type of RFC 9512.
const YAML: &str = "application/yaml";

/// How the document is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Form {
    format: Option<Format>,
    origin: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Yaml,
    Json,
}

pub(super) async fn show(
    State(subject): State<Arc<Subject>>,
    form: Result<Query<Form>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Query(form)) = form else {
        return problem(StatusCode::BAD_REQUEST, "there are `format` (yaml or json) and `origin` (true or false)");
    };
    let Some(loaded) = subject.document.borrow().clone() else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "no configuration is in force yet");
    };
    let effective = loaded.effective();
    match (form.format.unwrap_or_else(|| accepted(&headers)), form.origin) {
        (Format::Json, false) => answer(StatusCode::OK, effective.to_json()),
        (Format::Json, true) => answer(StatusCode::OK, &with_origins(&effective)),
        (Format::Yaml, false) => text(StatusCode::OK, YAML, effective.to_yaml()),
        (Format::Yaml, true) => text(StatusCode::OK, YAML, effective.to_yaml_with_origin()),
    }
}

/// Returns one item a value: where it stands, what it is, who said so.
pub fn with_origins(effective: &Effective) -> Value {
    let value = |value: &EffectiveValue| {
        json!({
            "path": value.path.to_string(),
            "value": value.value,
            "origin": value.origin.to_string(),
            "variables": value.variables,
        })
    };
    effective.iter().map(value).collect()
}

/// YAML, as the document is written, unless only JSON is named.
fn accepted(headers: &HeaderMap) -> Format {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.contains("application/json") && !accept.contains("yaml") { Format::Json } else { Format::Yaml }
}
