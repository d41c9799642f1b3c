//! Route tables: matches, handlers, and the checks that only compiled matches allow.

use std::sync::Arc;

use config_schema::document::{self, Document, HostRewrite, Upgrade, ValueMatch};
use config_schema::value::RedirectPiece;
use config_schema::{Code, DocumentPath};
use gateway_handler::{Event, HostSent, Piece, Proxy, Redirect, Respond, Rpc, UpgradeAllowed};
use gateway_resolve::{Namespace, Naming};
use gateway_route::{HostPattern, MatchRule, PathPattern, RouteTable, ValuePattern};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use indexmap::IndexMap;

use super::finding::{Finding, Findings};
use super::listener::{Sets, merged};
use super::{root, rpc};
use crate::route::{Handler, Route, RouteId};

/// A compiled table: rules and routes at the same places.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rules: Vec<MatchRule>,
    pub(super) routes: Vec<Route>,
}

/// Compiles all tables.
pub(super) fn tables(document: &Document, sets: &Sets, findings: &mut Findings) -> IndexMap<String, Table> {
    let mut tables = IndexMap::new();
    for (name, routes) in &document.routes {
        let path = root().key("routes").key(name.as_str());
        let mut table = Table::default();
        let mut places = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let path = path.clone().index(index);
            if let Some(rule) = rule(&route.r#match, &path.clone().key("match"), findings) {
                table.routes.push(compile_one(route, &rule, sets));
                table.rules.push(rule);
                places.push(path);
            }
        }
        check_reachable(&table.rules, &places, findings);
        tables.insert(name.as_str().to_owned(), table);
    }
    tables
}

/// An earlier route with the same match, or one without further conditions that covers it, always wins (design 12).
fn check_reachable(rules: &[MatchRule], places: &[DocumentPath], findings: &mut Findings) {
    for unreachable in RouteTable::build(rules.to_vec()).unreachable() {
        let Some(place) = places.get(unreachable.route) else { continue };
        let takes = if unreachable.covered_by.len() == 1 { "all that" } else { "a part of what" };
        let others = unreachable.covered_by.iter().filter_map(|&other| {
            let (rule, place) = (rules.get(other)?, places.get(other)?);
            Some((place.clone().key("match"), format!("`{rule}` takes {takes} it would match")))
        });
        findings.push(Finding {
            path: place.clone().key("match"),
            code: Code::UnreachableRoute,
            message: "this route is never reached".to_owned(),
            help: Some("remove it, or give it a condition that the other route does not cover".to_owned()),
            others: others.collect(),
            offset: None,
        });
    }
}

fn rule(condition: &document::Match, path: &DocumentPath, findings: &mut Findings) -> Option<MatchRule> {
    let pattern = match condition.path.as_ref().map(|text| PathPattern::parse(text.as_str())).transpose() {
        Ok(pattern) => pattern,
        Err(error) => {
            findings.push(Finding {
                path: path.clone().key("path"),
                code: Code::BadTemplate,
                message: error.message,
                help: None,
                others: Vec::new(),
                offset: Some(error.offset),
            });
            return None;
        }
    };
    let hosts = condition.host.iter().map(|host| HostPattern::parse(&host.to_string()));
    let hosts = hosts.collect::<Result<_, _>>().map_err(|error| {
        findings.error(path.clone().key("host"), Code::BadHost, error.to_string());
    });
    let methods = condition.method.iter().filter_map(|method| Method::from_bytes(method.as_str().as_bytes()).ok());
    let headers = condition
        .headers
        .iter()
        .map(|(name, value)| Some((HeaderName::try_from(name.as_str()).ok()?, pattern_of(value)?)));
    let query = condition.query.iter().map(|(name, value)| Some((name.clone(), pattern_of(value)?)));
    Some(MatchRule {
        hosts: hosts.ok()?,
        path: pattern,
        methods: methods.collect(),
        headers: headers.collect::<Option<_>>()?,
        query: query.collect::<Option<_>>()?,
    })
}

/// Regular expressions were checked when the document was read.
fn pattern_of(value: &ValueMatch) -> Option<ValuePattern> {
    match value {
        ValueMatch::Exact(text) => Some(ValuePattern::exact(text)),
        ValueMatch::Regex(pattern) => ValuePattern::regex(pattern.as_str()).ok(),
        ValueMatch::Present(true) => Some(ValuePattern::Present),
        ValueMatch::Present(false) => Some(ValuePattern::Absent),
    }
}

fn compile_one(route: &document::Route, rule: &MatchRule, sets: &Sets) -> Route {
    let naming = Naming {
        namespace: route.namespace.as_ref().map(config_schema::value::Namespace::as_str),
        service_type: route.service_type.as_ref().map(config_schema::value::ServiceType::as_str),
    };
    let namespace = Namespace::new(&naming);
    let id = match &route.name {
        Some(name) => RouteId::new(name.as_str()),
        None => RouteId::new(rule.to_string()),
    };
    Route {
        id,
        handler: handler(&route.handler, &naming, &namespace),
        service: route.service.as_ref().map(|service| Arc::from(service.as_str())),
        namespace,
        policies: merged(&route.policies, sets),
    }
}

fn handler(handler: &document::Handler, naming: &Naming<'_>, namespace: &Namespace) -> Handler {
    let told =
        naming.namespace.map(str::trim).filter(|told| !told.is_empty()).unwrap_or(gateway_resolve::DEFAULT_NAMESPACE);
    match handler {
        document::Handler::Meta => Handler::Meta(rpc(namespace.prefix(), told)),
        document::Handler::Rpc => Handler::Rpc(rpc(namespace.prefix(), told)),
        document::Handler::Event => {
            let Rpc { namespace, from_service } = rpc(namespace.prefix(), told);
            Handler::Event(Event { namespace, from_service })
        }
        document::Handler::Proxy(proxy) => Handler::Proxy(compile_proxy(proxy)),
        document::Handler::Respond(respond) => Handler::Respond(compile_respond(respond)),
        document::Handler::Redirect(redirect) => Handler::Redirect(compile_redirect(redirect)),
    }
}

fn compile_proxy(proxy: &document::Proxy) -> Proxy {
    let host = match &proxy.host {
        HostRewrite::Keep => HostSent::Keep,
        HostRewrite::Upstream => HostSent::Upstream,
        HostRewrite::Name(name) => HeaderValue::try_from(name).map_or(HostSent::Keep, HostSent::Set),
    };
    let strip_prefix = proxy.strip_prefix.as_ref().map(|prefix| prefix.as_str().trim_end_matches('/').into());
    let upgrade = match &proxy.upgrade {
        Upgrade::None => UpgradeAllowed::None,
        Upgrade::All => UpgradeAllowed::All,
        Upgrade::Only(protocols) => UpgradeAllowed::Only(protocols.iter().map(|name| name.as_str().into()).collect()),
    };
    Proxy { strip_prefix, host, upgrade, allow_encoded_slash: proxy.allow_encoded_slash }
}

fn compile_respond(respond: &document::Respond) -> Respond {
    let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
    let content_type = respond.content_type.as_ref().and_then(|kind| HeaderValue::try_from(kind.as_str()).ok());
    let content_type = content_type
        .or_else(|| (!respond.body.is_empty()).then_some(HeaderValue::from_static("text/plain; charset=utf-8")));
    for (name, value) in &respond.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            headers.push((name, value));
        }
    }
    if let Some(kind) = content_type
        && !headers.iter().any(|(name, _)| *name == CONTENT_TYPE)
    {
        headers.push((CONTENT_TYPE, kind));
    }
    Respond { status: status(respond.status), headers, body: respond.body.clone().into_bytes().into() }
}

fn compile_redirect(redirect: &document::Redirect) -> Redirect {
    let piece = |piece: &RedirectPiece| match piece {
        RedirectPiece::Text(text) => Piece::Text(text.clone()),
        RedirectPiece::Host => Piece::Host,
        RedirectPiece::Path => Piece::Path,
        RedirectPiece::Query => Piece::Query,
    };
    Redirect { to: redirect.to.pieces().iter().map(piece).collect(), status: status(redirect.status) }
}

/// The document's statuses are checked when it is read.
fn status(status: config_schema::value::Status) -> StatusCode {
    StatusCode::from_u16(status.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_body_has_no_type() {
        let check = |body: &str, expected: usize| {
            let respond = document::Respond { body: body.to_owned(), ..document::Respond::default() };
            assert_eq!(compile_respond(&respond).headers.len(), expected, "{body}");
        };
        check("", 0);
        check("x", 1);
    }
}
