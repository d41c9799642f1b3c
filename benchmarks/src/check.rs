//! Correctness first: a slice whose answers, headers or counters are not right is no measurement.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use crate::case::{Counter, Request};
use crate::http::{self, Answer};
use crate::load::Load;

/// Sends the request of a case once and returns the right answer, or an error that says what was wrong with it.
pub(crate) fn answer(to: SocketAddr, request: &Request) -> Result<Answer> {
    let answer = http::send(to, request.method, request.path, request.content_type, request.body)?;
    ensure!(answer.status == 200, "status {} instead of 200: {}", answer.status, answer.body);
    ensure!(answer.body == request.answer, "body {:?} instead of {:?}", answer.body, request.answer);
    let length = request.answer.len().to_string();
    let expected = request.answer_headers.iter().copied().chain([("content-length", length.as_str())]);
    for (name, value) in expected {
        let values: Vec<&str> = answer.header(name).collect();
        ensure!(values == [value], "{name}: {values:?} instead of {value:?}");
    }
    Ok(answer)
}

/// Checks what a proxy makes of the request head: the Host is kept and the client's address is passed on.
pub(crate) fn forwarding(to: SocketAddr) -> Result<()> {
    let answer = http::send(to, "GET", "/seen", None, "")?;
    ensure!(answer.status == 200, "status {} instead of 200: {}", answer.status, answer.body);
    let lines: Vec<String> = answer.body.lines().map(str::to_ascii_lowercase).collect();
    for expected in [format!("host: {to}"), "x-forwarded-for: 127.0.0.1".to_owned()] {
        ensure!(lines.contains(&expected), "the upstream saw no `{expected}`:\n{}", answer.body);
    }
    Ok(())
}

/// Returns how many requests of a case have arrived behind a peer.
pub(crate) fn count(counter: Counter, peer: SocketAddr, upstream: SocketAddr) -> Result<u64> {
    match counter {
        Counter::Upstream => Ok(http::send(upstream, "GET", "/count", None, "")?.body.parse()?),
        Counter::GoService => {
            let method = r#"{"name":"Say.Hello"}"#;
            let answer = http::send(peer, "POST", "/greeter/calls/of", Some("application/json"), method)?;
            ensure!(answer.status == 200, "status {} for the count: {}", answer.status, answer.body);
            let counts: serde_json::Value = serde_json::from_str(&answer.body).context("read the count")?;
            // The service leaves a count of nought out.
            Ok(counts.get("calls").and_then(serde_json::Value::as_u64).unwrap_or(0))
        }
    }
}

/// Counter of our `/metrics` that every exchange adds to, whatever its labels.
const OWN_COUNTER: &str = "micro_requests_total";

/// Returns how many requests our own metrics have counted.
pub(crate) fn own_count(admin: SocketAddr) -> Result<u64> {
    let answer = http::send(admin, "GET", "/metrics", None, "")?;
    ensure!(answer.status == 200, "status {} for the metrics: {}", answer.status, answer.body);
    sum(&answer.body, OWN_COUNTER)
}

/// Adds up a counter over all of its labels.
fn sum(metrics: &str, name: &str) -> Result<u64> {
    let samples = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next())?
    });
    let values = samples.map(|value| value.parse::<u64>().with_context(|| format!("{name} is {value}")));
    let values = values.collect::<Result<Vec<u64>>>()?;
    ensure!(!values.is_empty(), "there is no {name} in the metrics");
    Ok(values.iter().sum())
}

/// Checks a slice against what arrived behind the peer and against the size of the right answer.
///
/// `wrk` counts whole answers only, so when it stops, up to one request a connection has arrived but was not counted,
/// and up to one answer a connection was read in part.
pub(crate) fn slice(
    load: &Load,
    arrived: u64,
    own_count: Option<u64>,
    answer_bytes: u64,
    connections: u32,
) -> Result<()> {
    ensure!(load.requests > 0, "no request was answered");
    ensure!(load.failed == 0, "{} answers with status 400 and up", load.failed);
    ensure!(load.socket_errors == 0, "{} socket errors or time-outs", load.socket_errors);
    let in_flight = u64::from(connections);
    let counted = load.requests..=load.requests + in_flight;
    ensure!(counted.contains(&arrived), "{arrived} requests arrived, {} were answered", load.requests);
    if let Some(own) = own_count {
        ensure!(counted.contains(&own), "the metrics count {own} requests, {} were answered", load.requests);
    }
    let bytes = load.requests * answer_bytes;
    let read = bytes..=bytes + in_flight * answer_bytes;
    ensure!(
        read.contains(&load.bytes),
        "{} answers of {answer_bytes} bytes, but {} bytes were read",
        load.requests,
        load.bytes
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Load, &mut u64), expected: Option<&str>) {
        let mut load = Load { requests: 100, bytes: 20_000, ..Load::default() };
        let mut arrived = 100;
        change(&mut load, &mut arrived);
        let error = slice(&load, arrived, Some(100), 200, 4).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), expected);
    }

    #[test]
    fn what_is_in_flight_at_the_end_is_no_error() {
        check(|_, _| {}, None);
        check(|load, arrived| (*arrived, load.bytes) = (104, 20_800), None);
    }

    #[test]
    fn every_wrong_answer_shows_in_a_number() {
        check(|load, _| load.failed = 1, Some("1 answers with status 400 and up"));
        check(|load, _| load.socket_errors = 2, Some("2 socket errors or time-outs"));
        check(|_, arrived| *arrived = 99, Some("99 requests arrived, 100 were answered"));
        check(|_, arrived| *arrived = 105, Some("105 requests arrived, 100 were answered"));
        check(|load, _| load.bytes = 19_999, Some("100 answers of 200 bytes, but 19999 bytes were read"));
        check(|load, _| load.requests = 0, Some("no request was answered"));
    }

    #[test]
    fn our_own_metrics_must_agree() {
        let load = Load { requests: 100, bytes: 20_000, ..Load::default() };
        assert!(slice(&load, 100, None, 200, 4).is_ok());
        assert!(slice(&load, 100, Some(99), 200, 4).is_err());
    }

    #[test]
    fn a_counter_is_added_up_over_its_labels_and_no_other_counter() {
        let metrics = "# TYPE a counter\na_total{route=\"x y\"} 3\na_total 4\na_total_more 9\nb_total 9\n";
        assert_eq!(sum(metrics, "a_total").unwrap(), 7);
        assert_eq!(sum(metrics, "c_total").unwrap_err().to_string(), "there is no c_total in the metrics");
    }
}
