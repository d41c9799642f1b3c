//! Comparing what came with what was expected. Returns everything that differs, not the first.

use std::fmt::Debug;

use indexmap::IndexMap;
use serde_json::Value;

use crate::case::{Expect, Seen};
use crate::client::{Answer, values};
use crate::node::Call;

/// What happened when a request was sent.
#[derive(Debug)]
pub struct Observed<'o> {
    /// The answer.
    pub answer: &'o Answer,
    /// What nodes saw, with the registered name of their service (of a static node: its variable).
    pub calls: &'o [(String, Call)],
}

/// Returns in words what is not as expected.
pub fn differences(expect: &Expect, observed: &Observed<'_>) -> Vec<String> {
    let mut found = Vec::new();
    answer(expect, observed.answer, &mut found);
    calls(expect, observed.calls, &mut found);
    found
}

fn answer(expect: &Expect, answer: &Answer, found: &mut Vec<String>) {
    differs("status", expect.status.as_ref(), &answer.status, found);
    headers("header", &expect.headers, &answer.headers, found);
    differs("body", expect.body.as_ref(), &answer.text(), found);
    differs("body", expect.json.as_ref(), &answer.json(), found);
    differs("body", expect.hex.as_ref(), &hex(&answer.body), found);
    if let Some(part) = &expect.json_part
        && !holds(&answer.json(), part)
    {
        found.push(format!("body: expected the members {part}"));
    }
    differs("closed", expect.closed.as_ref(), &answer.closed, found);
    if let Some(piece) = &expect.body_contains
        && !answer.text().contains(piece.as_str())
    {
        found.push(format!("body: expected to contain {piece:?}"));
    }
    if let Some((least, most)) = expect.took {
        let took = answer.took.as_secs_f64();
        if took < least || took > most {
            found.push(format!("took {took:.2} s, expected {least} to {most} s"));
        }
    }
}

fn calls(expect: &Expect, calls: &[(String, Call)], found: &mut Vec<String>) {
    differs("number of calls", expect.calls.as_ref(), &calls.len(), found);
    if expect.call.is_none() && expect.seen.is_none() {
        return;
    }
    let Some((service, call)) = calls.last() else {
        found.push("no node was called".to_owned());
        return;
    };
    if let Some((wanted, method)) = &expect.call {
        let got = call.rpc().unwrap_or((&call.target, String::new()));
        differs("call in the path", Some(&(wanted.as_str(), method.clone())), &got, found);
        differs("service whose node was called", Some(wanted), service, found);
    }
    if let Some(wanted) = &expect.seen {
        seen(wanted, service, call, found);
    }
}

fn seen(wanted: &Seen, service: &str, call: &Call, found: &mut Vec<String>) {
    differs("seen method", wanted.method.as_ref(), &call.method, found);
    differs("seen target", wanted.target.as_ref(), &call.target, found);
    headers("seen header", &wanted.headers, &call.headers, found);
    differs("seen text", wanted.text.as_deref(), &*String::from_utf8_lossy(&call.body), found);
    let json: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    differs("seen JSON", wanted.json.as_ref(), &json, found);
    differs("seen bytes", wanted.hex.as_ref(), &hex(&call.body), found);
    differs("service whose node was called", wanted.service.as_deref(), service, found);
    for (name, last) in &wanted.last_item {
        let list = values(&call.headers, name).join(",");
        differs(name, Some(last.as_str()), list.rsplit(',').next().unwrap_or_default().trim(), found);
    }
}

/// A value stands for the only field of that name; none says that there is no such field.
fn headers(
    what: &str,
    wanted: &IndexMap<String, Option<String>>,
    fields: &[(String, String)],
    found: &mut Vec<String>,
) {
    for (name, value) in wanted {
        let got = values(fields, name);
        let expected: Vec<&str> = value.iter().map(String::as_str).collect();
        if got != expected {
            found.push(format!("{what} {name}: expected {expected:?}, got {got:?}"));
        }
    }
}

fn differs<T: PartialEq + Debug + ?Sized>(what: &str, wanted: Option<&T>, got: &T, found: &mut Vec<String>) {
    if let Some(wanted) = wanted
        && wanted != got
    {
        found.push(format!("{what}: expected {wanted:?}, got {got:?}"));
    }
}

/// Whether a value has all members of another, at every depth.
fn holds(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::Object(value), Value::Object(part)) => {
            part.iter().all(|(name, part)| value.get(name).is_some_and(|value| holds(value, part)))
        }
        _ => value == part,
    }
}

/// Returns bytes as hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads hexadecimal text.
///
/// # Errors
/// When it is none.
pub fn from_hex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    digits.chunks(2).map(|pair| Ok(u8::from_str_radix(&pair.iter().collect::<String>(), 16)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expect: &str, status: u16, calls: &[(String, Call)], wrong: usize) {
        let expect: Expect = serde_yaml::from_str(expect).unwrap();
        let answer =
            Answer { status, headers: vec![("a".into(), "1".into()), ("a".into(), "2".into())], ..Answer::default() };
        let found = differences(&expect, &Observed { answer: &answer, calls });
        assert_eq!(found.len(), wrong, "{expect:?}: {found:?}");
    }

    #[test]
    fn everything_that_differs_is_told() {
        let call = Call { target: "/a.b.Say/Hello".into(), body: b"{\"n\":1}".to_vec(), ..Call::default() };
        let calls = [("a.b".to_owned(), call)];
        check("{ status: 200 }", 200, &[], 0);
        check("{ status: 200, body: x, headers: { a: null, b: x } }", 404, &[], 4);
        check("{ headers: { a: '1' } }", 200, &[], 1);
        check("{ call: [a.b, Say.Hello], calls: 1, seen: { json: { n: 1 }, hex: 7b226e223a317d } }", 200, &calls, 0);
        check("{ call: [a.c, Say.Bye] }", 200, &calls, 2);
        check("{ call: [a.b, Say.Hello] }", 200, &[], 1);
    }

    #[test]
    fn members_are_looked_for_at_every_depth() {
        let value = serde_json::json!({ "a": { "b": 1, "c": 2 }, "d": 3 });
        assert!(holds(&value, &serde_json::json!({ "a": { "b": 1 } })));
        assert!(!holds(&value, &serde_json::json!({ "a": { "b": 2 } })));
        assert!(!holds(&value, &serde_json::json!({ "e": null })));
    }

    #[test]
    fn hexadecimal_goes_both_ways() {
        assert_eq!(hex(&from_hex("0a 04ff").unwrap()), "0a04ff");
        assert!(from_hex("zz").is_err());
    }
}
