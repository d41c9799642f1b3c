//! The cases and their peers, as rows: a new peer is a line in a table here and an arm in `launch.rs`.

use crate::launch::Launch;

/// What is asked, and the only answer that counts.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Media type of the body; none where there is no body.
    pub(crate) content_type: Option<&'static str>,
    pub(crate) body: &'static str,
    /// Body of the right answer, whose status is always 200.
    pub(crate) answer: &'static str,
    /// Headers of the right answer; `content-length` is checked as well.
    pub(crate) answer_headers: &'static [(&'static str, &'static str)],
}

/// Who counts the requests that really arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// The static upstream, asked directly.
    Upstream,
    /// The go-micro service, asked through the peer: its answer proves the whole way.
    GoService,
}

/// One peer in one case.
#[derive(Debug)]
pub(crate) struct Row {
    /// Name in tables and for `--peer`.
    pub(crate) name: &'static str,
    pub(crate) launch: Launch,
    pub(crate) request: &'static Request,
    pub(crate) counter: Counter,
}

/// One kind of load, over all peers that can take it.
#[derive(Debug)]
pub(crate) struct Case {
    /// Name in tables and for `--case`.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Connections that `wrk` keeps open, each with one request in flight.
    pub(crate) connections: u32,
    pub(crate) rows: &'static [Row],
    /// Rows that ratios are given to, each in a column of its own.
    pub(crate) references: &'static [&'static str],
    /// What ours must stay under, as (reference, ratio, ratio that is reported as a near miss).
    pub(crate) goal: (&'static str, f64, f64),
}

/// 128 bytes, as the static upstream fills them.
const BYTES_128: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.\
                         0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.";

static GET_128: Request = Request {
    method: "GET",
    path: "/bytes/128",
    content_type: None,
    body: "",
    answer: BYTES_128,
    answer_headers: &[("content-type", "application/octet-stream"), ("x-upstream", "benchmarks")],
};

static SAY_HELLO: Request = Request {
    method: "POST",
    path: "/greeter/say/hello",
    content_type: Some("application/json"),
    body: r#"{"name":"John"}"#,
    answer: r#"{"msg":"Hello John"}"#,
    answer_headers: &[("content-type", "application/json")],
};

const fn get(name: &'static str, launch: Launch) -> Row {
    Row { name, launch, request: &GET_128, counter: Counter::Upstream }
}

const fn rpc(name: &'static str, launch: Launch) -> Row {
    Row { name, launch, request: &SAY_HELLO, counter: Counter::GoService }
}

/// Every case, in the order of a full run.
pub(crate) static CASES: &[Case] = &[
    Case {
        name: "h1-get-128",
        about: "GET of 128 bytes over kept-alive HTTP/1.1 to a static upstream",
        connections: 32,
        rows: &[
            get("direct", Launch::Direct),
            get("relay", Launch::Relay),
            get("haproxy", Launch::Haproxy),
            get("nginx", Launch::Nginx),
            get("micro", Launch::Gateway),
        ],
        references: &["haproxy"],
        goal: ("haproxy", 1.15, 1.25),
    },
    Case {
        name: "rpc",
        about: "POST of JSON, answered by a go-micro gRPC service (go.micro.srv.greeter, Say.Hello)",
        connections: 16,
        rows: &[get("haproxy-get", Launch::Haproxy), rpc("micro-v2", Launch::GoMicroApi), rpc("micro", Launch::Api)],
        references: &["micro-v2", "haproxy-get"],
        goal: ("micro-v2", 0.25, 0.30),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream;

    #[test]
    fn every_reference_and_goal_names_a_row() {
        for case in CASES {
            let named = |name: &str| case.rows.iter().any(|row| row.name == name);
            assert!(case.references.iter().all(|name| named(name)), "{}", case.name);
            assert!(case.references.contains(&case.goal.0), "{}", case.name);
            assert!(named("micro"), "{}", case.name);
        }
    }

    #[test]
    fn the_expected_bytes_are_the_upstreams() {
        assert_eq!(upstream::filling(128), BYTES_128.as_bytes());
    }
}
