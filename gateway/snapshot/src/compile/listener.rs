//! Listeners, each with the routes of its table, its policies, and `/rpc` where that is mounted.

use config_schema::document::{self, Document, Protocol, RpcAddresses};
use config_schema::value::PolicySetName;
use config_schema::{Code, DocumentPath, Segment};
use gateway_handler::{Addresses, RpcEndpoint};
use gateway_resolve::Namespace;
use gateway_route::{MatchRule, PathPattern, RouteTable};
use indexmap::IndexMap;
use policies::Policies;

use super::finding::{Finding, Findings};
use super::root;
use super::route::Table;
use crate::route::{Handler, Route, RouteId};
use crate::snapshot::{Limits, Listener, Protocols};

/// Policy sets by name.
pub(super) type Sets = IndexMap<PolicySetName, Policies>;

/// Compiles all policy sets.
pub(super) fn policy_sets(document: &Document, findings: &mut Findings) -> Sets {
    let mut sets = Sets::new();
    for (name, set) in &document.policies {
        let path = root().key("policies").key(name.as_str());
        match Policies::from_document(&path, set) {
            Ok(policies) => drop(sets.insert(name.clone(), policies)),
            Err(errors) => {
                for error in errors {
                    findings.error(error.path.clone(), policy_code(&error.path), error.message);
                }
            }
        }
    }
    sets
}

/// The code follows from the policy at fault: `policies.NAME.POLICY.…`.
fn policy_code(path: &DocumentPath) -> Code {
    match path.segments().get(2) {
        Some(Segment::Key(policy)) if policy == "cors" => Code::BadCors,
        Some(Segment::Key(policy)) if policy == "headers" => Code::ReservedHeader,
        _ => Code::ZeroLimit,
    }
}

/// Compiles all listeners.
pub(super) fn compile(
    document: &Document,
    sets: &Sets,
    tables: &IndexMap<String, Table>,
    findings: &mut Findings,
) -> Vec<Listener> {
    check_rpc_reachable(document, tables, findings);
    document
        .listeners
        .iter()
        .map(|(name, listener)| compile_one(document, name.as_str(), listener, sets, tables))
        .collect()
}

fn compile_one(
    document: &Document,
    name: &str,
    listener: &document::Listener,
    sets: &Sets,
    tables: &IndexMap<String, Table>,
) -> Listener {
    let policies = merged(&listener.policies, sets);
    let mut rules: Vec<MatchRule> = Vec::new();
    let mut routes: Vec<Route> = Vec::new();
    if let Some(table) = tables.get(listener.routes.as_str()) {
        rules.extend(table.rules.iter().cloned());
        routes.extend(
            table
                .routes
                .iter()
                .map(|route| Route { policies: Policies::merge([&policies, &route.policies]), ..route.clone() }),
        );
    }
    if let Some((rule, route)) = rpc_endpoint(document, name, sets) {
        rules.push(rule);
        routes.push(route);
    }
    Listener {
        id: name.into(),
        address: listener.address,
        protocols: Protocols {
            http1: listener.protocols.contains(&Protocol::Http1),
            http2: listener.protocols.contains(&Protocol::Http2),
        },
        limits: limits(&listener.limits),
        trusted_proxies: listener.trusted_proxies.clone(),
        policies,
        table: RouteTable::build(rules),
        routes,
    }
}

/// Returns the route of `/rpc` on a listener. It takes no policies of the listener: `/rpc` never reflects an origin
/// (design 5), and only its own sets apply.
fn rpc_endpoint(document: &Document, listener: &str, sets: &Sets) -> Option<(MatchRule, Route)> {
    let rpc = document.rpc.as_ref().filter(|rpc| rpc.listeners.iter().any(|name| name.as_str() == listener))?;
    let addresses = match rpc.addresses {
        RpcAddresses::Registered => Addresses::Registered,
        RpcAddresses::None => Addresses::None,
    };
    let rule = MatchRule::path(PathPattern::parse("/rpc").ok()?);
    let route = Route {
        id: RouteId::new("/rpc"),
        handler: Handler::RpcEndpoint(RpcEndpoint { addresses }),
        service: None,
        namespace: Namespace::default(),
        policies: Policies::merge([&rpc_default(), &merged(&rpc.policies, sets)]),
    };
    Some((rule, route))
}

/// A route of the listener's own that takes `/rpc` whatever else the request says hides the endpoint.
fn check_rpc_reachable(document: &Document, tables: &IndexMap<String, Table>, findings: &mut Findings) {
    let Some(rpc) = &document.rpc else { return };
    let Ok(pattern) = PathPattern::parse("/rpc") else { return };
    let endpoint = MatchRule::path(pattern);
    for (index, name) in rpc.listeners.iter().enumerate() {
        let Some(listener) = document.listeners.get(name) else { continue };
        let Some(table) = tables.get(listener.routes.as_str()) else { continue };
        let Some(place) = table.rules.iter().position(|rule| *rule == endpoint) else { continue };
        let route = root().key("routes").key(listener.routes.as_str()).index(place).key("match");
        findings.push(Finding {
            path: root().key("rpc").key("listeners").index(index),
            code: Code::UnreachableRoute,
            message: format!("`/rpc` is never reached on listener `{name}`"),
            help: Some("remove the listener here, or give the route another path".to_owned()),
            others: vec![(route, "this route takes it".to_owned())],
            offset: None,
        });
    }
}

/// A call by name has five seconds, as in v2 (spec/gateway 7.8).
fn rpc_default() -> Policies {
    Policies { timeout: policies::Timeout::new(std::time::Duration::from_secs(5)), ..Policies::default() }
}

/// Merges named sets, the later inside the earlier. Names without a set were found before.
pub(super) fn merged(names: &[PolicySetName], sets: &Sets) -> Policies {
    Policies::merge(names.iter().filter_map(|name| sets.get(name)))
}

fn limits(limits: &document::Limits) -> Limits {
    Limits {
        headers: limits.headers as usize,
        head_bytes: limits.head.to_usize(),
        body_bytes: limits.body.bytes(),
        streams: limits.streams,
        connections: limits.connections as usize,
        header_timeout: limits.header_timeout.into(),
        idle_timeout: limits.idle_timeout.into(),
    }
}
