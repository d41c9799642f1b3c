//! Why a request leads where it leads: the same decision as for traffic, with its steps written down.
//!
//! Offline there is no registry: every name a resolver proposes counts as registered unless the caller lists the names
//! that are ([`Given`]). The explanation says so.

use gateway_exchange::Head;
use gateway_route::Fit;
use policies::{Merging, REQUEST_ORDER, RESPONSE_ORDER};
use serde::Serialize;

use crate::{Action, Decision, Known, Listener, Registered, Route, Snapshot, Trace, decide};

/// The service names that count as registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Given {
    /// Every name.
    #[default]
    All,
    /// These.
    Names(Vec<String>),
}

/// The document's own services are known in any case.
struct Offline<'s> {
    given: &'s Given,
    snapshot: &'s Snapshot,
}

impl Registered for Offline<'_> {
    fn known(&self, service: &str) -> Known {
        let of_document = self.snapshot.clusters.iter().any(|source| &*source.cluster.id.name == service);
        let given = match self.given {
            Given::All => true,
            Given::Names(names) => names.iter().any(|name| name == service),
        };
        if of_document || given { Known::Given } else { Known::Unknown }
    }
}

/// A route that was considered, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Considered {
    /// The route's id.
    pub route: String,
    /// Its match.
    pub condition: String,
    /// `taken`, or why not.
    pub outcome: String,
}

/// A service and method that the resolver proposed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposed {
    /// The service's registered name.
    pub service: String,
    /// The method; empty for a proxied request.
    pub method: String,
    /// Whether it counts as registered.
    pub registered: bool,
}

/// A policy that applies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applying {
    /// Its name, as the document has it.
    pub policy: &'static str,
    /// `guard`: all levels add up; `shaper`: the innermost replaces.
    pub merging: &'static str,
    /// What it is set to.
    pub setting: String,
}

/// What a request leads to, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The method and the cleaned path.
    pub request: String,
    /// The canonical host.
    pub host: String,
    /// The listener it comes to.
    pub listener: String,
    /// The route that takes it.
    pub route: Option<String>,
    /// The handler of that route.
    pub handler: Option<&'static str>,
    /// The service that is called.
    pub service: Option<String>,
    /// The method that is called.
    pub method: Option<String>,
    /// The status, where the gateway itself answers: a fixed answer, a redirect, an error.
    pub status: Option<u16>,
    /// The stable name of the error.
    pub cause: Option<&'static str>,
    /// The error in words.
    pub detail: Option<String>,
    /// All routes of the listener in the order of the document.
    pub considered: Vec<Considered>,
    /// What the resolver proposed, in the order in which it is looked up.
    pub candidates: Vec<Proposed>,
    /// The policies that apply, in the order in which they run.
    pub policies: Vec<Applying>,
    /// Whether names count as registered because nobody said which are.
    pub all_registered: bool,
}

/// Explains what a request to a listener leads to.
pub fn explain(snapshot: &Snapshot, listener: &Listener, given: &Given, head: &Head) -> Explanation {
    let mut steps = Steps::default();
    let decision = decide(listener, &Offline { given, snapshot }, head, &mut steps);
    let (status, cause, detail) = outcome(&decision);
    Explanation {
        request: format!("{} {}", head.method(), head.target().path()),
        host: head.host().name().to_owned(),
        listener: listener.id.to_string(),
        route: decision.route.map(|(_, route)| route.id.to_string()),
        handler: decision.route.map(|(_, route)| route.handler.name()),
        service: decision.action.as_ref().ok().and_then(Action::service).map(str::to_owned),
        method: method(&decision),
        status,
        cause,
        detail,
        considered: considered(listener, head),
        candidates: steps.candidates,
        policies: applying(&decision),
        all_registered: *given == Given::All,
    }
}

fn outcome(decision: &Decision<'_>) -> (Option<u16>, Option<&'static str>, Option<String>) {
    match &decision.action {
        Ok(Action::Respond(respond)) => (Some(respond.status.as_u16()), None, None),
        Ok(Action::Redirect(redirect)) => (Some(redirect.status.as_u16()), None, None),
        Ok(Action::Proxy { .. } | Action::Rpc { .. } | Action::RpcEndpoint(_) | Action::Event { .. }) => {
            (None, None, None)
        }
        Err(error) => (Some(error.status().as_u16()), Some(error.cause().name()), Some(error.detail().to_owned())),
    }
}

fn method(decision: &Decision<'_>) -> Option<String> {
    match &decision.action {
        Ok(Action::Rpc { method, .. }) => Some(method.to_string()),
        Ok(Action::Event { name, .. }) => Some(format!("{} {}", name.topic(), name.name()).trim_end().to_owned()),
        _ => None,
    }
}

fn considered(listener: &Listener, head: &Head) -> Vec<Considered> {
    let fits = listener.table.explain(head);
    let id = |index: usize| listener.routes.get(index).map(|route: &Route| route.id.to_string()).unwrap_or_default();
    fits.into_iter()
        .map(|(index, fit)| Considered {
            route: id(index),
            condition: listener.table.rules().get(index).map(ToString::to_string).unwrap_or_default(),
            outcome: match fit {
                Fit::Taken => "taken".to_owned(),
                Fit::Outranked { by } => format!("matches too, but {} is more specific", id(by)),
                Fit::Mismatch(mismatch) => mismatch.to_string(),
            },
        })
        .collect()
}

fn applying(decision: &Decision<'_>) -> Vec<Applying> {
    let policies = decision.policies();
    let orders = REQUEST_ORDER.iter().chain(RESPONSE_ORDER.iter().filter(|kind| !REQUEST_ORDER.contains(kind)));
    let set: Vec<_> = policies.kinds().collect();
    orders
        .filter(|kind| set.contains(kind))
        .map(|kind| Applying {
            policy: kind.name(),
            merging: match kind.merging() {
                Merging::Guard => "guard",
                Merging::Shaper => "shaper",
            },
            setting: policies.setting(*kind),
        })
        .collect()
}

#[derive(Default)]
struct Steps {
    candidates: Vec<Proposed>,
}

impl Trace for Steps {
    fn candidate(&mut self, service: &str, method: &str, known: Known) {
        let (service, method) = (service.to_owned(), method.to_owned());
        self.candidates.push(Proposed { service, method, registered: known != Known::Unknown });
    }
}

#[cfg(test)]
mod tests;
