//! The `/rpc` endpoint: calls any registered service by name (spec/gateway 7.8). Off unless it is asked for.

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use gateway_exchange::{Body, Cause, Exchange, Head, ProxyError, Response, form_pairs};
use gateway_resolve::is_internal;
use gateway_upstream::{ClusterState, EndpointState, Services, Source, Upstreams};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, ORIGIN};
use http::{Method, StatusCode};
use mesh_rpc::RpcError;
use mesh_rpc::codec::RequestCodec;
use policies::Tries;
use serde_json::value::RawValue;

use crate::error_response::rpc_error_response;
use crate::rpc::{Unary, joined, read};

const ID: &str = "go.micro.rpc";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which addresses a request may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Addresses {
    /// Those of nodes that the registry knows (D66, K157).
    #[default]
    Registered,
    /// None.
    None,
}

/// The endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RpcEndpoint {
    /// Which addresses a request may name instead of leaving the choice to the gateway.
    pub addresses: Addresses,
}

/// What a request to the endpoint asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Question {
    service: String,
    endpoint: String,
    address: String,
    request: Option<Bytes>,
}

impl RpcEndpoint {
    /// Answers a request.
    ///
    /// # Errors
    /// 405 for anything but POST, 400 for a question that cannot be read, 403 for an address the registry does not
    /// know, for internal methods and for pages of other origins, 404 for an unknown service, and failures on the way.
    pub async fn handle(
        self,
        exchange: &mut Exchange,
        services: &Services,
        upstreams: &Upstreams,
        tries: Tries,
    ) -> Result<Response, ProxyError> {
        if exchange.head.method() != Method::POST {
            return Err(ProxyError::new(Cause::MethodNotAllowed, "Method not allowed")
                .with_id(ID)
                .with_allow(vec![Method::POST]));
        }
        refuse_foreign_pages(&exchange.head, exchange.peer.address)?;
        let body = read(std::mem::replace(&mut exchange.body, Body::empty())).await?;
        let question = question(&exchange.head, &body).and_then(Question::checked)?;
        let callee = Callee::find(&question, self.addresses, services, upstreams)?;
        exchange.record.cluster = Some(question.service.as_str().into());
        let unary = Unary {
            cluster: &callee.cluster,
            service: &question.service,
            method: &question.endpoint,
            codec: RequestCodec::of(Some("application/json")),
            metadata: joined(&exchange.head),
            tries,
            endpoint: callee.endpoint.clone(),
        };
        let payload = question.request.clone().unwrap_or_else(|| Bytes::from_static(b"{}"));
        Ok(match unary.send(payload, exchange).await? {
            Ok(reply) if reply.is_empty() => Response::full(StatusCode::OK, JSON, "null"),
            Ok(reply) => Response::full(StatusCode::OK, JSON, reply),
            Err(error) => rpc_error_response(&named(error), &exchange.head),
        })
    }
}

/// Who is called: the service's cluster, and the one node of it or of another service that `address` names.
struct Callee {
    cluster: Rc<ClusterState>,
    endpoint: Option<Rc<EndpointState>>,
}

impl Callee {
    fn find(
        question: &Question,
        addresses: Addresses,
        services: &Services,
        upstreams: &Upstreams,
    ) -> Result<Self, ProxyError> {
        // The body was waited for: meanwhile the worker may have moved on to a table with other slots.
        let cluster = services
            .find(&question.service)
            .and_then(|slot| upstreams.cluster(slot))
            .filter(|cluster| *cluster.cluster().id.name == *question.service);
        if question.address.is_empty() {
            let unknown = || {
                let detail = format!("service {}: not found", question.service);
                ProxyError::new(Cause::NoService, detail).with_id(ID)
            };
            return Ok(Self { cluster: cluster.ok_or_else(unknown)?, endpoint: None });
        }
        let refused = || ProxyError::new(Cause::Forbidden, "address is not a registered node").with_id(ID);
        let address: SocketAddr = question.address.parse().map_err(|_| refused())?;
        if addresses == Addresses::None {
            return Err(refused());
        }
        // A node of the registry, not whatever the document itself forwards to (K157).
        let registered = services.iter().filter(|(_, cluster)| cluster.id.source == Source::Registry);
        let others = registered.filter_map(|(slot, _)| upstreams.cluster(slot));
        cluster
            .into_iter()
            .chain(others)
            .find_map(|cluster| Some(Self { endpoint: Some(cluster.endpoint_at(address)?), cluster }))
            .ok_or_else(refused)
    }
}

impl Question {
    /// Checks in the order that was recorded (spec/gateway 7.8).
    fn checked(self) -> Result<Self, ProxyError> {
        if self.service.is_empty() {
            return Err(bad("invalid service"));
        }
        if self.endpoint.is_empty() {
            return Err(bad("invalid endpoint"));
        }
        // Internal methods are not reachable through the gateway (D22).
        if is_internal(&self.endpoint) {
            return Err(ProxyError::new(Cause::Forbidden, "Debug is not callable through the gateway").with_id(ID));
        }
        Ok(self)
    }

    fn set(&mut self, name: &str, value: String) -> bool {
        match name.to_ascii_lowercase().as_str() {
            "service" => self.service = value,
            // `endpoint` is the newer name and wins where both stand.
            "endpoint" => self.endpoint = value,
            "method" if self.endpoint.is_empty() => self.endpoint = value,
            "method" => {}
            "address" => self.address = value,
            _ => return false,
        }
        true
    }
}

fn bad(detail: impl Into<String>) -> ProxyError {
    ProxyError::new(Cause::BadPayload, detail).with_id(ID)
}

fn question(head: &Head, body: &[u8]) -> Result<Question, ProxyError> {
    let kind = head.text(&CONTENT_TYPE).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "application/json" => json_question(body),
        kind => form_question(head, if kind == "application/x-www-form-urlencoded" { body } else { &[] }),
    }
}

fn json_question(body: &[u8]) -> Result<Question, ProxyError> {
    let decoding = |error: serde_json::Error| bad(format!("error decoding request: {error}"));
    let members: Vec<(String, &RawValue)> = {
        let map: indexmap::IndexMap<String, &RawValue> = serde_json::from_slice(body).map_err(decoding)?;
        map.into_iter().collect()
    };
    let mut question = Question::default();
    for (name, value) in members {
        if name.eq_ignore_ascii_case("request") {
            question.request = request_of(value.get())?;
        } else if matches!(name.to_ascii_lowercase().as_str(), "service" | "endpoint" | "method" | "address") {
            let text: Option<String> = serde_json::from_str(value.get()).map_err(decoding)?;
            question.set(&name, text.unwrap_or_default());
        }
    }
    Ok(question)
}

/// Reads `request`: any JSON, or a string that holds JSON. `null` asks for the empty message.
fn request_of(text: &str) -> Result<Option<Bytes>, ProxyError> {
    let decoded: String;
    let text = if text.trim_start().starts_with('"') {
        decoded = serde_json::from_str(text).map_err(|error| bad(format!("error decoding request string: {error}")))?;
        decoded.as_str()
    } else {
        text
    };
    let value: &RawValue =
        serde_json::from_str(text).map_err(|error| bad(format!("error decoding request string: {error}")))?;
    Ok((value.get() != "null").then(|| Bytes::copy_from_slice(value.get().as_bytes())))
}

fn form_question(head: &Head, body: &[u8]) -> Result<Question, ProxyError> {
    let mut question = Question::default();
    let mut request = String::new();
    let body = String::from_utf8_lossy(body);
    let pairs = form_pairs(body.trim()).chain(head.target().query_pairs());
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in pairs {
        // The body comes before the query, and the first value counts.
        if seen.iter().any(|seen| *seen == *name) {
            continue;
        }
        if name == "request" {
            request = value.into_owned();
            seen.push(name.into_owned());
        } else if question.set(&name, value.into_owned()) {
            seen.push(name.into_owned());
        }
    }
    if request.trim().is_empty() {
        return Err(bad("error decoding request string: EOF"));
    }
    question.request = request_of(&request)?;
    Ok(question)
}

/// A page of another origin must not call services through a browser that can reach the gateway; on loopback a page
/// could also have pointed its own name here (DNS rebinding), so there the host must be a loopback one (design 12).
fn refuse_foreign_pages(head: &Head, peer: SocketAddr) -> Result<(), ProxyError> {
    let refused = || ProxyError::new(Cause::Forbidden, "pages of other origins may not call /rpc").with_id(ID);
    let site = head.text(&SEC_FETCH_SITE);
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return Err(refused());
    }
    let Some(origin) = head.fields().get(&ORIGIN) else { return Ok(()) };
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    if !host.is_some_and(|host| host.eq_ignore_ascii_case(head.host().sent())) {
        return Err(refused());
    }
    let name = head.host().name();
    let literal = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok();
    if peer.ip().to_canonical().is_loopback() && !literal { Err(refused()) } else { Ok(()) }
}

fn named(error: RpcError) -> RpcError {
    if error.code != 0 { error } else { RpcError::internal(ID, format!("error during request: {}", error.detail)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(headers: &[(&str, &str)], url: &str, body: &str) -> Result<Question, String> {
        let head = Head::parse(&format!("POST {url}"), headers).unwrap();
        question(&head, body.as_bytes()).and_then(Question::checked).map_err(|error| error.detail().to_owned())
    }

    fn expected(request: Option<&'static str>) -> Question {
        let request = request.map(|text| Bytes::from_static(text.as_bytes()));
        Question { service: "s".into(), endpoint: "Say.Hello".into(), address: String::new(), request }
    }

    #[test]
    fn questions_are_read_as_json_and_as_forms() {
        let json = [("content-type", "application/json; charset=utf-8")];
        let check = |body: &str, request| assert_eq!(ask(&json, "http://h/rpc", body), Ok(expected(request)), "{body}");
        check(
            r#"{"service":"s","method":"Say.Hello","request":{"id":9007199254740993}}"#,
            Some(r#"{"id":9007199254740993}"#),
        );
        check(r#"{"Service":"s","ENDPOINT":"Say.Hello","method":"x","request":"{\"a\":1}"}"#, Some(r#"{"a":1}"#));
        check(r#"{"service":"s","endpoint":"Say.Hello","request":null}"#, None);
        check(r#"{"service":"s","endpoint":"Say.Hello"}"#, None);
        let form = [("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(
            ask(&form, "http://h/rpc", "service=s&method=Say.Hello&request={\"a\": 1}"),
            Ok(expected(Some(r#"{"a": 1}"#)))
        );
        assert_eq!(ask(&[], "http://h/rpc?service=s&method=Say.Hello&request={}", ""), Ok(expected(Some("{}"))));
    }

    #[test]
    fn what_is_missing_is_named() {
        let json = [("content-type", "application/json")];
        let check = |headers: &[(&str, &str)], body: &str, detail: &str| {
            let error = ask(headers, "http://h/rpc", body).unwrap_err();
            assert!(error.starts_with(detail), "{error}");
        };
        check(&json, r#"{"method":"Say.Hello","request":{}}"#, "invalid service");
        check(&json, r#"{"service":"s"}"#, "invalid endpoint");
        check(&json, r#"{"service":"s","method":"A.B","request":"{"}"#, "error decoding request string: ");
        check(&json, "5", "error decoding request: ");
        check(&[], "service=s", "error decoding request string: EOF");
        for internal in ["Debug.Health", "debug.Health", "/s.Debug/Health", "Debug.A.B"] {
            check(&json, &format!(r#"{{"service":"s","method":"{internal}"}}"#), "Debug is not callable");
        }
    }

    #[test]
    fn an_address_is_that_of_a_registered_node() {
        let cluster = |source, name, port: u16| {
            let endpoint = gateway_upstream::Endpoint {
                address: ([127, 0, 0, 1], port).into(),
                authority: "h".into(),
                protocol: None,
                weight: 1,
                labels: std::sync::Arc::default(),
            };
            gateway_upstream::Cluster::new(source, name, vec![endpoint])
        };
        let mut table = gateway_upstream::ServicesTable::default();
        table.upsert(cluster(Source::Registry, "a", 1));
        table.upsert(cluster(Source::Registry, "b", 2));
        table.upsert(cluster(Source::Static, "internal", 3));
        let (services, upstreams) = (table.snapshot(), Upstreams::default());
        upstreams.update(&services);
        let check = |address: &str, addresses: Addresses, found: bool| {
            let question = Question { service: "a".into(), address: address.into(), ..Question::default() };
            let callee = Callee::find(&question, addresses, &services, &upstreams);
            assert_eq!(callee.is_ok_and(|callee| callee.endpoint.is_some()), found, "{address}");
        };
        check("127.0.0.1:1", Addresses::Registered, true);
        check("127.0.0.1:2", Addresses::Registered, true);
        check("127.0.0.1:3", Addresses::Registered, false);
        check("127.0.0.1:4", Addresses::Registered, false);
        check("localhost:1", Addresses::Registered, false);
        check("127.0.0.1:1", Addresses::None, false);
    }

    #[test]
    fn foreign_pages_are_refused() {
        let check = |headers: &[(&str, &str)], url: &str, allowed: bool| {
            let head = Head::parse(&format!("POST {url}"), headers).unwrap();
            let result = refuse_foreign_pages(&head, ([127, 0, 0, 1], 9).into());
            assert_eq!(result.is_ok(), allowed, "{headers:?} {url}");
        };
        check(&[], "http://any.test/rpc", true);
        check(&[("origin", "http://localhost:8080")], "http://localhost:8080/rpc", true);
        check(&[("origin", "http://evil.test")], "http://localhost:8080/rpc", false);
        check(&[("origin", "http://evil.test")], "http://evil.test/rpc", false);
        check(&[("sec-fetch-site", "cross-site")], "http://localhost/rpc", false);
        check(&[("sec-fetch-site", "same-origin")], "http://localhost/rpc", true);
        check(&[("origin", "null")], "http://localhost/rpc", false);
    }
}
