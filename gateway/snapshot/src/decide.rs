//! What a request leads to: pure, synchronous, the same for traffic, `explain` and document tests.

use std::borrow::Cow;

use gateway_exchange::{Cause, Head, ProxyError};
use gateway_handler::{Event, Proxy, Redirect, Respond, Rpc, RpcEndpoint};
use gateway_resolve::{EventName, is_internal, resolve_api, resolve_event, resolve_proxy};
use gateway_route::{Found, Mismatch, RouteTrace};
use gateway_upstream::{ClusterSlot, Services};
use http::{Method, StatusCode};
use policies::Policies;

use crate::{Handler, Listener, Route};

/// What is known of a service name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is a cluster of the table.
    Cluster(ClusterSlot),
    /// It is to be taken as registered; there is no table to look into.
    Given,
    /// Nobody knows it.
    Unknown,
}

/// Who says whether a service is known: the table of clusters for traffic, a list of names offline.
pub trait Registered {
    /// Returns what is known of a name.
    fn known(&self, service: &str) -> Known;
}

impl Registered for Services {
    fn known(&self, service: &str) -> Known {
        self.find(service).map_or(Known::Unknown, Known::Cluster)
    }
}

/// Is told each step of a decision. Traffic passes [`NoTrace`], which costs nothing.
pub trait Trace {
    /// A route was looked at, and did or did not fit.
    fn route(&mut self, _index: usize, _result: Result<(), &Mismatch>) {}
    /// The resolver proposed a service and a method, of which this is known.
    fn candidate(&mut self, _service: &str, _method: &str, _known: Known) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrace;

impl Trace for NoTrace {}

/// What answers a request, and with what.
#[derive(Debug)]
pub enum Action<'s> {
    /// A fixed answer.
    Respond(&'s Respond),
    /// The client is sent elsewhere.
    Redirect(&'s Redirect),
    /// The request is passed on.
    Proxy {
        /// How.
        proxy: &'s Proxy,
        /// To whom.
        service: Cow<'s, str>,
        /// Where that stands.
        known: Known,
    },
    /// A method is called.
    Rpc {
        /// How.
        rpc: &'s Rpc,
        /// Whose.
        service: Box<str>,
        /// Which.
        method: Box<str>,
        /// Where the service stands.
        known: Known,
    },
    /// An event is published.
    Event {
        /// How.
        event: &'s Event,
        /// Which.
        name: EventName,
    },
    /// The body of the request says what is called.
    RpcEndpoint(RpcEndpoint),
}

impl Action<'_> {
    /// Returns the error of a deadline that passed: 408 from the RPC client, as go-micro has it (spec/gateway 6.3),
    /// 504 from a proxy.
    pub fn deadline_error(&self) -> ProxyError {
        let error = ProxyError::new(Cause::DeadlineExceeded, "context deadline exceeded");
        match self {
            Self::Rpc { .. } | Self::RpcEndpoint(_) | Self::Event { .. } => {
                error.with_status(StatusCode::REQUEST_TIMEOUT).with_id("go.micro.client")
            }
            Self::Proxy { .. } | Self::Respond(_) | Self::Redirect(_) => error,
        }
    }

    /// Returns whether a method is called or an event published, as against a request passed on or answered here.
    pub fn is_call(&self) -> bool {
        matches!(self, Self::Rpc { .. } | Self::RpcEndpoint(_) | Self::Event { .. })
    }

    /// Returns the service that is called.
    pub fn service(&self) -> Option<&str> {
        match self {
            Self::Proxy { service, .. } => Some(service),
            Self::Rpc { service, .. } => Some(service),
            Self::Respond(_) | Self::Redirect(_) | Self::RpcEndpoint(_) | Self::Event { .. } => None,
        }
    }
}

/// What was decided about a request.
#[derive(Debug)]
pub struct Decision<'s> {
    /// The listener it came to.
    pub listener: &'s Listener,
    /// The route that matched, with its place.
    pub route: Option<(usize, &'s Route)>,
    /// What answers, or why nothing does.
    pub action: Result<Action<'s>, ProxyError>,
}

impl<'s> Decision<'s> {
    /// Returns the policies that apply: those of the route, or the listener's own where none matched.
    pub fn policies(&self) -> &'s Policies {
        self.route.map_or(&self.listener.policies, |(_, route)| &route.policies)
    }
}

/// Decides what a request leads to. Route, handler, service and method are fixed here; nothing is sent.
pub fn decide<'s>(
    listener: &'s Listener,
    services: &impl Registered,
    head: &Head,
    trace: &mut impl Trace,
) -> Decision<'s> {
    let (route, allow) = match listener.table.find(head, &mut TableTrace(trace)) {
        Found::Route { index, .. } => (listener.routes.get(index).map(|route| (index, route)), Vec::new()),
        Found::MethodMismatch { allow } => (None, allow),
        Found::None => (None, Vec::new()),
    };
    let action = match route {
        Some((_, route)) => act(route, services, head, trace),
        None if allow.is_empty() => Err(ProxyError::new(Cause::NoRoute, "no route matches")),
        None => Err(ProxyError::new(Cause::MethodNotAllowed, "method not allowed").with_allow(allow)),
    };
    Decision { listener, route, action }
}

fn act<'s>(
    route: &'s Route,
    services: &impl Registered,
    head: &Head,
    trace: &mut impl Trace,
) -> Result<Action<'s>, ProxyError> {
    match &route.handler {
        Handler::Respond(respond) => Ok(Action::Respond(respond)),
        Handler::Redirect(redirect) => Ok(Action::Redirect(redirect)),
        Handler::Event(event) => Ok(Action::Event { event, name: resolve_event(&route.namespace, head.target()) }),
        Handler::RpcEndpoint(endpoint) => Ok(Action::RpcEndpoint(*endpoint)),
        Handler::Proxy(proxy) => {
            let (service, known) = proxy_service(route, services, head, trace)?;
            Ok(Action::Proxy { proxy, service, known })
        }
        Handler::Meta(rpc) | Handler::Rpc(rpc) => {
            let (service, method, known) = rpc_target(route, services, head, trace)?;
            Ok(Action::Rpc { rpc, service, method, known })
        }
    }
}

fn proxy_service<'s>(
    route: &'s Route,
    services: &impl Registered,
    head: &Head,
    trace: &mut impl Trace,
) -> Result<(Cow<'s, str>, Known), ProxyError> {
    if let Some(service) = &route.service {
        let known = services.known(service);
        trace.candidate(service, "", known);
        return if known == Known::Unknown { Err(not_found(route, head)) } else { Ok((Cow::Borrowed(service), known)) };
    }
    resolve_proxy(&route.namespace, head.target())
        .into_iter()
        .find_map(|candidate| {
            let known = services.known(candidate.service());
            trace.candidate(candidate.service(), "", known);
            (known != Known::Unknown).then(|| (Cow::Owned(candidate.service().to_owned()), known))
        })
        .ok_or_else(|| not_found(route, head))
}

/// The first candidate that is registered wins (design 4, K45). Internal methods are refused whoever serves them (D22).
fn rpc_target(
    route: &Route,
    services: &impl Registered,
    head: &Head,
    trace: &mut impl Trace,
) -> Result<(Box<str>, Box<str>, Known), ProxyError> {
    let candidates = resolve_api(&route.namespace, head.target());
    if candidates.iter().any(|candidate| is_internal(candidate.method())) {
        return Err(ProxyError::new(Cause::Forbidden, "Debug is not callable through the gateway"));
    }
    for candidate in candidates {
        let service = route.service.as_deref().unwrap_or_else(|| candidate.service());
        let known = services.known(service);
        trace.candidate(service, candidate.method(), known);
        if known != Known::Unknown {
            return Ok((service.into(), candidate.method().into(), known));
        }
    }
    Err(not_found(route, head))
}

fn not_found(route: &Route, head: &Head) -> ProxyError {
    let detail = match &route.service {
        Some(service) => format!("service {service} not found"),
        // Who posts to `/rpc` where it is off learns how to switch it on (design 13).
        None if *head.method() == Method::POST && head.target().path() == "/rpc" => {
            "service not found; /rpc is off: MICRO_API_ENABLE_RPC=true, --enable_rpc or `rpc:` in the document switch it on"
                .to_owned()
        }
        None => "service not found".to_owned(),
    };
    ProxyError::new(Cause::NoService, detail)
}

struct TableTrace<'t, T>(&'t mut T);

impl<T: Trace> RouteTrace for TableTrace<'_, T> {
    fn considered(&mut self, route: usize, result: Result<(), &Mismatch>) {
        self.0.route(route, result);
    }
}

#[cfg(test)]
pub(crate) mod tests;
