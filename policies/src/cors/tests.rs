use rstest::rstest;

use super::*;
use crate::set::tests::exchange;

const METHODS: &str = "POST, PATCH, GET, OPTIONS, PUT, DELETE";
const HEADERS: &str = "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization";

fn cors(origins: Origins) -> Cors {
    Cors {
        origins,
        methods: HeaderValue::from_static(METHODS),
        headers: HeaderValue::from_static(HEADERS),
        expose: Some(HeaderValue::from_static("x-total")),
        max_age: Some(HeaderValue::from_static("600")),
    }
}

fn listed(credentials: bool) -> Cors {
    cors(Origins::Listed { origins: vec!["https://a.test".into(), "https://b.test:8443".into()], credentials })
}

/// Runs a request through the policy; the upstream answers with `upstream`. Returns who answered and, sorted, the
/// headers of the response that speak of CORS.
fn run(
    cors: &Cors,
    method: &str,
    request: &[(&str, &str)],
    upstream: &[(&'static str, &'static str)],
) -> (&'static str, Vec<String>) {
    let exchange = exchange(&format!("{method} http://h/x"), request);
    let (by, mut response) = match cors.on_request(&exchange) {
        Verdict::Respond(response) => ("gateway", *response),
        Verdict::Continue => {
            let mut response = Response::empty(StatusCode::NOT_FOUND);
            for (name, value) in upstream {
                response.headers.append(*name, HeaderValue::from_static(value));
            }
            ("upstream", response)
        }
    };
    assert!(by == "upstream" || (response.status == StatusCode::OK && response.body.is_empty()));
    cors.on_response(&exchange, &mut response);
    let mut headers: Vec<_> = response
        .headers
        .iter()
        .map(|(name, value)| {
            format!("{}: {}", name.as_str().trim_start_matches("access-control-"), value.to_str().unwrap())
        })
        .collect();
    headers.sort();
    (by, headers)
}

fn reflected(origin: &str) -> Vec<String> {
    let expected = [
        "allow-credentials: true".to_owned(),
        format!("allow-headers: {HEADERS}"),
        format!("allow-methods: {METHODS}"),
        format!("allow-origin: {origin}"),
    ];
    expected.to_vec()
}

#[rstest]
#[case::line_24("OPTIONS", &[], "*", "gateway")]
#[case::preflight("OPTIONS", &[("origin", "http://a.test"), ("access-control-request-method", "PUT")], "http://a.test", "gateway")]
#[case::line_25("GET", &[("origin", "http://a.test")], "http://a.test", "upstream")]
#[case::line_26("GET", &[], "*", "upstream")]
#[case::empty_origin("GET", &[("origin", "")], "*", "upstream")]
#[case::first_of_two("GET", &[("origin", "http://a.test"), ("origin", "http://b.test")], "http://a.test", "upstream")]
fn reflect_mode_is_that_of_v2(
    #[case] method: &str,
    #[case] request: &[(&str, &str)],
    #[case] origin: &str,
    #[case] by: &str,
) {
    assert_eq!(run(&cors(Origins::Reflect), method, request, &[]), (by, reflected(origin)));
}

/// Line 28: exactly once, and the gateway's.
#[test]
fn an_upstream_has_no_say() {
    let upstream = [
        ("access-control-allow-origin", "http://other.test"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "1"),
        ("access-control-expose-headers", "x-secret"),
    ];
    let origin = [("origin", "https://a.test")];
    assert_eq!(run(&cors(Origins::Reflect), "GET", &origin, &upstream).1, reflected("https://a.test"));
    let (_, headers) = run(&listed(false), "GET", &origin, &upstream);
    assert_eq!(headers, ["allow-origin: https://a.test", "expose-headers: x-total", "vary: Origin"]);
    let (_, headers) = run(&listed(true), "GET", &[("origin", "https://evil.test")], &upstream);
    assert_eq!(headers, ["vary: Origin"]);
}

#[rstest]
#[case("https://a.test", true)]
#[case("https://b.test:8443", true)]
#[case("HTTPS://A.test", true)]
#[case("http://a.test", false)]
#[case("https://a.test:8443", false)]
#[case("https://a.test.evil.test", false)]
#[case("https://xa.test", false)]
#[case("null", false)]
#[case("*", false)]
fn only_listed_origins_are_allowed(#[case] origin: &str, #[case] allowed: bool) {
    let (by, headers) = run(&listed(true), "POST", &[("origin", origin)], &[]);
    let expected = [
        "allow-credentials: true".to_owned(),
        format!("allow-origin: {origin}"),
        "expose-headers: x-total".to_owned(),
        "vary: Origin".to_owned(),
    ];
    assert_eq!((by, headers), ("upstream", if allowed { expected.to_vec() } else { vec!["vary: Origin".to_owned()] }));
}

#[test]
fn preflights_of_listed_origins_are_answered() {
    let preflight = |origin| [("origin", origin), ("access-control-request-method", "PUT")];
    let (by, headers) = run(&listed(false), "OPTIONS", &preflight("https://a.test"), &[]);
    let allowed = [
        format!("allow-headers: {HEADERS}"),
        format!("allow-methods: {METHODS}"),
        "allow-origin: https://a.test".to_owned(),
        "max-age: 600".to_owned(),
        "vary: Origin".to_owned(),
    ];
    assert_eq!((by, headers), ("gateway", allowed.to_vec()));
    let foreign = run(&listed(false), "OPTIONS", &preflight("https://evil.test"), &[]);
    assert_eq!(foreign, ("gateway", vec!["vary: Origin".to_owned()]));
    // An OPTIONS that is no preflight is a request like any other.
    assert_eq!(run(&listed(false), "OPTIONS", &[("origin", "https://a.test")], &[]).0, "upstream");
    assert_eq!(run(&listed(false), "OPTIONS", &[], &[]).0, "upstream");
}

#[test]
fn the_wildcard_never_comes_with_credentials() {
    let upstream = [("access-control-allow-credentials", "true")];
    let (_, headers) = run(&cors(Origins::Any), "GET", &[("origin", "https://evil.test")], &upstream);
    assert_eq!(headers, ["allow-origin: *", "expose-headers: x-total"]);
}

#[rstest]
#[case(&[], &["Origin"])]
#[case(&["Accept-Encoding"], &["Accept-Encoding", "Origin"])]
#[case(&["accept, ORIGIN"], &["accept, ORIGIN"])]
#[case(&["*"], &["*"])]
fn vary_names_the_origin_once(#[case] before: &[&'static str], #[case] after: &[&str]) {
    let mut headers = HeaderMap::new();
    for value in before {
        headers.append(VARY, HeaderValue::from_static(value));
    }
    vary_by_origin(&mut headers);
    vary_by_origin(&mut headers);
    assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), after);
}
