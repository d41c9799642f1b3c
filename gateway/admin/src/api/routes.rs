//! `/routes`: what each listener answers, with what.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use gateway_snapshot::{Listener, Route};
use http::StatusCode;
use policies::{Policies, PolicyKind};
use serde_json::{Value, json};

use super::{Subject, answer};

pub(super) async fn show(State(subject): State<Arc<Subject>>) -> Response {
    let published = subject.gateway.published();
    let snapshot = published.snapshot();
    let listeners: Vec<Value> = snapshot.listeners.values().map(|listener| show_listener(listener)).collect();
    answer(StatusCode::OK, &json!({ "generation": snapshot.generation, "listeners": listeners }))
}

/// Routes stand in the order of the document; which one takes a request follows from how specific they are, and
/// `micro explain` says why.
fn show_listener(listener: &Listener) -> Value {
    let rules = listener.table.rules().iter().map(ToString::to_string);
    let routes: Vec<Value> = listener.routes.iter().zip(rules).map(|(route, rule)| show_route(route, &rule)).collect();
    json!({
        "name": &*listener.id,
        "address": listener.address.to_string(),
        "policies": names(&listener.policies),
        "routes": routes,
    })
}

fn show_route(route: &Route, rule: &str) -> Value {
    json!({
        "route": route.id.as_str(),
        "match": rule,
        "handler": route.handler.name(),
        "service": route.service.as_deref(),
        "policies": names(&route.policies),
    })
}

fn names(policies: &Policies) -> Vec<&'static str> {
    policies.kinds().map(PolicyKind::name).collect()
}
