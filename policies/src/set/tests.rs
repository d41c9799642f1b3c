use std::time::{Duration, Instant};

use gateway_exchange::{Body, Cause};
use http::StatusCode;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HeaderName, HeaderValue};

use super::*;
use crate::{Edits, Failure, Origins};

/// Makes an exchange of a request line and headers.
pub(crate) fn exchange(request: &str, headers: &[(&str, &str)]) -> Exchange {
    let head = Head::parse(request, headers).unwrap();
    Exchange::new(head, Body::empty(), ([127, 0, 0, 1], 1).into(), Instant::now())
}

fn cors(origins: Origins) -> Cors {
    let value = HeaderValue::from_static("GET");
    Cors { origins, methods: value.clone(), headers: value, expose: None, max_age: None }
}

fn edits(name: &'static str, value: &'static str) -> Edits {
    let mut edits = Edits::default();
    edits.add(HeaderName::from_static(name), HeaderValue::from_static(value)).unwrap();
    edits
}

fn timeout(seconds: u64) -> Option<Timeout> {
    Timeout::new(Duration::from_secs(seconds))
}

/// One of each, and every one of them has something to do.
fn all() -> Policies {
    Policies {
        timeout: timeout(5),
        limits: Some(Limits::body(10)),
        cors: Some(cors(Origins::Reflect)),
        headers: Some(Headers {
            request: edits("x-tier", "gold"),
            response: edits("access-control-allow-origin", "http://policy.test"),
        }),
        retry: Some(Retry { attempts: 2, ..Retry::DEFAULT }),
    }
}

/// Each pair of neighbours has a test below that fails when they are swapped; this one names the pairs.
#[test]
fn the_order_is_that_of_the_design() {
    use PolicyKind::{Cors, Headers, Limits, Retry, Timeout};
    assert_eq!(REQUEST_ORDER, [Timeout, Limits, Cors, Headers, Retry]);
    assert_eq!(RESPONSE_ORDER, [Headers, Cors]);
    assert!(all().kinds().eq(REQUEST_ORDER.iter().copied()));
    assert_eq!(Policies::default().kinds().count(), 0);
}

#[test]
fn timeout_comes_before_limits() {
    let mut exchange = exchange("POST http://h/", &[("content-length", "11")]);
    assert_eq!(all().on_request(&mut exchange).unwrap_err().cause(), Cause::BodyTooLarge);
    assert!(exchange.deadline.is_some(), "what is refused has a deadline too");
}

#[test]
fn limits_come_before_cors() {
    let mut exchange = exchange("OPTIONS http://h/", &[("content-length", "11")]);
    assert_eq!(all().on_request(&mut exchange).unwrap_err().cause(), Cause::BodyTooLarge);
}

#[test]
fn cors_comes_before_headers() {
    let mut exchange = exchange("OPTIONS http://h/", &[]);
    assert!(matches!(all().on_request(&mut exchange).unwrap(), Verdict::Respond(_)));
    assert_eq!(exchange.head.fields().edits(), [], "nothing is changed for an upstream that is not called");
}

#[test]
fn headers_come_before_retry() {
    let mut exchange = exchange("POST http://h/", &[]);
    let policies = all();
    assert!(matches!(policies.on_request(&mut exchange).unwrap(), Verdict::Continue));
    let refused = ProxyError::new(Cause::ConnectRefused, "refused");
    let mut tries = policies.tries(&exchange.head);
    let mut sent = Vec::new();
    loop {
        sent.push(exchange.head.fields().values(&HeaderName::from_static("x-tier")).len());
        if !tries.again(Failure::Error(&refused)) {
            break;
        }
    }
    assert_eq!(sent, [1, 1, 1], "three tries, and the value was added once");
}

#[test]
fn headers_come_before_cors_on_the_way_back() {
    let exchange = exchange("GET http://h/", &[("origin", "http://page.test")]);
    let mut response = Response::empty(StatusCode::OK);
    all().on_response(&exchange, &mut response);
    let allowed: Vec<_> = response.headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter().collect();
    assert_eq!(allowed, ["http://page.test"]);
}

#[test]
fn a_request_header_that_is_changed_does_not_change_cors() {
    let mut policies = all();
    policies.headers.get_or_insert_default().request.set(http::header::ORIGIN, HeaderValue::from_static("x")).unwrap();
    let mut exchange = exchange("GET http://h/", &[("origin", "http://page.test")]);
    policies.on_request(&mut exchange).unwrap();
    let mut response = Response::empty(StatusCode::OK);
    policies.on_response(&exchange, &mut response);
    assert_eq!(response.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "http://page.test");
}

#[test]
fn guards_add_up_and_shapers_replace() {
    let outer = all();
    let inner = Policies {
        timeout: timeout(9),
        limits: Some(Limits::body(3)),
        cors: Some(cors(Origins::Any)),
        headers: Some(Headers { request: edits("x-a", "b"), ..Headers::default() }),
        retry: Some(Retry::NEVER),
    };
    let merged = Policies::merge([&outer, &inner]);
    assert_eq!(merged, Policies { timeout: outer.timeout, ..inner.clone() });
    let reverse = Policies::merge([&inner, &outer]);
    assert_eq!(reverse, Policies { limits: inner.limits, ..outer.clone() });
    assert_eq!(Policies::merge([&outer, &Policies::default()]), outer);
    assert_eq!(Policies::merge([&Policies::default(), &outer, &Policies::default()]), outer);
    assert_eq!(Policies::merge([]), Policies::default());
}

#[test]
fn without_policies_nothing_happens() {
    let mut exchange = exchange("OPTIONS http://h/", &[("content-length", "11")]);
    let policies = Policies::default();
    assert!(matches!(policies.on_request(&mut exchange).unwrap(), Verdict::Continue));
    let mut response = Response::empty(StatusCode::OK);
    policies.on_response(&exchange, &mut response);
    assert!(response.headers.is_empty() && exchange.deadline.is_none());
    assert_eq!(exchange.body.bytes_max(), u64::MAX);
    let mut tries = policies.tries(&exchange.head);
    let refused = ProxyError::new(Cause::ConnectRefused, "refused");
    assert!(tries.again(Failure::Error(&refused)) && !tries.again(Failure::Error(&refused)));
}
