//! A compiled route: its identity, its handler, the policies it gathered on the way.

use std::fmt;
use std::sync::Arc;

use gateway_handler::{Event, Proxy, Redirect, Respond, Rpc, RpcEndpoint};
use gateway_resolve::Namespace;
use policies::Policies;

/// Identifies a route across snapshots: its name, or the text of its match. Never an index, so that counters go on
/// when routes are added above it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(Arc<str>);

impl RouteId {
    /// Makes an id of a name or match text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the id under which routes beyond the cap on metric series are counted together.
    pub fn other() -> Self {
        Self::new("other")
    }

    /// Returns the text, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What answers on a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Handler {
    /// Endpoint metadata of the registry once there are any, until then as `Rpc` (spec/gateway 7.1).
    Meta(Rpc),
    /// A call of the resolved service and method.
    Rpc(Rpc),
    /// The request published as an event.
    Event(Event),
    /// The request passed on.
    Proxy(Proxy),
    /// A fixed answer.
    Respond(Respond),
    /// The client sent elsewhere.
    Redirect(Redirect),
    /// The `/rpc` endpoint.
    RpcEndpoint(RpcEndpoint),
}

impl Handler {
    /// Returns the name as the document has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Meta(_) => "meta",
            Self::Rpc(_) => "rpc",
            Self::Event(_) => "event",
            Self::Proxy(_) => "proxy",
            Self::Respond(_) => "respond",
            Self::Redirect(_) => "redirect",
            Self::RpcEndpoint(_) => "rpc endpoint",
        }
    }
}

/// A compiled route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// Its identity.
    pub id: RouteId,
    /// What answers.
    pub handler: Handler,
    /// The cluster that is called, where the route names one; else the resolver finds it.
    pub service: Option<Arc<str>>,
    /// How the resolver makes names.
    pub namespace: Namespace,
    /// Policies of listener, route and cluster, merged.
    pub policies: Policies,
}
