//! The message of a call: what query and body say, as JSON; or the body as it is, for protobuf.
//!
//! Text goes through unparsed wherever it can: digits, nulls and key order of a body reach the service as they were
//! sent (D56, D58, K156).

use std::borrow::Cow;

use bytes::Bytes;
use gateway_exchange::{Cause, Head, ProxyError, form_pairs};
use http::Method;
use http::header::CONTENT_TYPE;
use indexmap::IndexMap;
use mesh_rpc::Codec;
use serde_json::value::RawValue;

type Object<'a> = IndexMap<Cow<'a, str>, Cow<'a, str>>;

/// Returns the message that a request asks to send.
///
/// # Errors
/// A body that is neither an object, an array nor `null` (K104).
pub(crate) fn of_request(head: &Head, codec: Codec, body: Bytes) -> Result<Bytes, ProxyError> {
    if codec != Codec::Json {
        return Ok(body);
    }
    let query = query_object(head.target().query_pairs());
    let carries_body = matches!(*head.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    if !carries_body || body.trim_ascii().is_empty() {
        return Ok(write(&query));
    }
    if is_form(head) && !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Ok(write(&merge_form(query, &body)));
    }
    let text = std::str::from_utf8(&body).map_err(|error| invalid(&error))?;
    serde_json::from_str::<&RawValue>(text).map_err(|error| invalid(&error))?;
    match body.trim_ascii_start().first() {
        Some(b'{') if query.is_empty() => Ok(body),
        Some(b'{') => Ok(write(&merged(query, text).map_err(|error| invalid(&error))?)),
        Some(b'[' | b'n') => Ok(body),
        _ => Err(ProxyError::new(Cause::BadPayload, "the body must be a JSON object or array")),
    }
}

fn invalid(error: &dyn std::fmt::Display) -> ProxyError {
    ProxyError::new(Cause::BadPayload, format!("the body is not valid JSON: {error}"))
}

fn is_form(head: &Head) -> bool {
    head.text(&CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        matches!(kind, "application/x-www-form-urlencoded" | "application/www-x-form-urlencoded")
    })
}

/// Each value is JSON if it reads as such, else text; a later value replaces an earlier one of the same name.
fn query_object<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Object<'a> {
    pairs.map(|(name, value)| (name, json_value(value))).collect()
}

fn json_value(value: Cow<'_, str>) -> Cow<'_, str> {
    if serde_json::from_str::<&RawValue>(&value).is_ok() { value } else { Cow::Owned(quote(&value)) }
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn merge_form<'a>(mut query: Object<'a>, body: &[u8]) -> Object<'a> {
    let text = String::from_utf8_lossy(body);
    for (name, value) in form_pairs(text.trim()) {
        query.insert(name.into_owned().into(), json_value(value).into_owned().into());
    }
    query
}

/// Lays the members of a body over those of the query; where both are objects, member by member.
fn merged<'a>(mut under: Object<'a>, over: &'a str) -> serde_json::Result<Object<'a>> {
    let body: IndexMap<Cow<'a, str>, &'a RawValue> = serde_json::from_str(over)?;
    for (name, value) in body {
        let below = under.get(&name).filter(|below| is_object(below) && is_object(value.get()));
        let value = match below {
            Some(below) => {
                let below: IndexMap<Cow<'_, str>, &RawValue> = serde_json::from_str(below)?;
                let below = below.into_iter().map(|(name, value)| (name, Cow::Borrowed(value.get()))).collect();
                Cow::Owned(text(&merged(below, value.get())?))
            }
            None => Cow::Borrowed(value.get()),
        };
        under.insert(name, value);
    }
    Ok(under)
}

fn is_object(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn write(object: &Object<'_>) -> Bytes {
    if object.is_empty() { Bytes::from_static(b"{}") } else { text(object).into() }
}

fn text(object: &Object<'_>) -> String {
    let mut text = String::from("{");
    for (name, value) in object {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&quote(name));
        text.push(':');
        text.push_str(value);
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(request: &str, kind: &str, body: &str) -> Result<String, Cause> {
        let head = Head::parse(request, &[("content-type", kind)]).unwrap();
        of_request(&head, Codec::Json, Bytes::copy_from_slice(body.as_bytes()))
            .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
            .map_err(|error| error.cause())
    }

    #[test]
    fn queries_and_bodies_become_one_message() {
        let check = |request: &str, body: &str, expected: &str| {
            assert_eq!(payload(request, "application/json", body).as_deref(), Ok(expected), "{request} {body}");
        };
        check("GET http://h/?name=john", "", r#"{"name":"john"}"#);
        check("GET http://h/", "", "{}");
        check("GET http://h/", r#"{"ignored":1}"#, "{}");
        check("POST http://h/", "", "{}");
        check("POST http://h/?name=a", r#"{"name":"b"}"#, r#"{"name":"b"}"#);
        check("POST http://h/?x=1", r#"{"name":"b"}"#, r#"{"x":1,"name":"b"}"#);
        check("POST http://h/?o=%7B%22a%22:1,%22b%22:1%7D", r#"{"o":{"b":2}}"#, r#"{"o":{"a":1,"b":2}}"#);
        check(
            "PUT http://h/",
            r#"{"id": 9007199254740993, "n": [1,null]}"#,
            r#"{"id": 9007199254740993, "n": [1,null]}"#,
        );
        check(
            "GET http://h/?id=9007199254740993&zip=01234&b=true&q=%22x%22",
            "",
            r#"{"id":9007199254740993,"zip":"01234","b":true,"q":"x"}"#,
        );
        check("GET http://h/?cat=1&cat=2", "", r#"{"cat":2}"#);
        check("GET http://h/?e=&flag", "", r#"{"e":"","flag":""}"#);
        check("POST http://h/", "[1,2]", "[1,2]");
        check("POST http://h/", "null", "null");
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for body in ["5", "\"x\"", "true", "{", "{\"a\":1} x", "nul"] {
            assert_eq!(payload("POST http://h/", "application/json", body), Err(Cause::BadPayload), "{body}");
        }
    }

    #[test]
    fn forms_are_read_and_json_under_their_type_too() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(payload("POST http://h/", form, "name=john&n=2").as_deref(), Ok(r#"{"name":"john","n":2}"#));
        assert_eq!(payload("POST http://h/", form, r#"{"name":"john"}"#).as_deref(), Ok(r#"{"name":"john"}"#));
    }
}
