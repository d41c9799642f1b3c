//! Request headers as metadata of a call (spec/gateway 6.1, with D20, D25, D39 and D48 mended).
//!
//! What only concerns the connection, what gRPC reserves, and cookies stay here. What clients may not claim was
//! dropped on arrival.

use gateway_exchange::{Cause, Head, ProxyError};
use http::header::{AUTHORIZATION, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use mesh_rpc::metadata::{connection_names, is_forwarded, to_wire};

use super::once;

static METHOD: HeaderName = HeaderName::from_static("method");
static NAMESPACE: HeaderName = HeaderName::from_static("micro-namespace");
static FROM_SERVICE: HeaderName = HeaderName::from_static("micro-from-service");
static TRACE_ID: HeaderName = HeaderName::from_static("micro-trace-id");
static SPAN_ID: HeaderName = HeaderName::from_static("micro-span-id");

/// Who calls. `/rpc` calls as a bare client and says neither.
#[derive(Debug)]
pub(crate) struct Caller<'c> {
    pub(crate) namespace: Option<&'c HeaderValue>,
    pub(crate) from_service: Option<&'c HeaderValue>,
}

/// Returns the metadata of a call on behalf of a request: of each header the first value, then host, method, caller
/// and trace.
pub(crate) fn of_request(head: &Head, caller: &Caller<'_>) -> Result<HeaderMap, ProxyError> {
    let mut metadata = HeaderMap::with_capacity(16);
    let fields = head.fields();
    for name in fields.names().filter(|name| is_passed(head, name)) {
        if let Some(value) = fields.get(name) {
            metadata.insert(name.clone(), to_wire(name.as_str(), value.clone()));
        }
    }
    insert_request_line(&mut metadata, head)?;
    insert_trace(&mut metadata);
    for (name, value) in [(&NAMESPACE, caller.namespace), (&FROM_SERVICE, caller.from_service)] {
        if let Some(value) = value {
            metadata.insert(name, value.clone());
        }
    }
    Ok(metadata)
}

/// Returns all headers as metadata, the values of one name joined with `,`, as `/rpc` passes them.
pub(crate) fn joined(head: &Head) -> HeaderMap {
    let mut metadata = HeaderMap::with_capacity(16);
    let fields = head.fields();
    for name in fields.names().filter(|name| is_passed(head, name)) {
        let values: Vec<&[u8]> = fields.values(name).into_iter().map(HeaderValue::as_bytes).collect();
        if let Ok(value) = HeaderValue::from_bytes(&values.join(&b","[..])) {
            metadata.insert(name.clone(), to_wire(name.as_str(), value));
        }
    }
    metadata
}

/// What is for this connection only stays, also where the client's `Connection` names it, but for what was set here. A scheme other than Bearer would make every
/// service answer 401 (D48).
fn is_passed(head: &Head, name: &HeaderName) -> bool {
    let fields = head.fields();
    let bearer = || fields.get(name).is_some_and(|value| value.as_bytes().starts_with(b"Bearer "));
    is_forwarded(name.as_str(), false)
        && (*name != AUTHORIZATION || bearer())
        && (fields.is_set_here(name) || !(fields.contains(&CONNECTION) && is_named_by_connection(head, name)))
}

fn is_named_by_connection(head: &Head, name: &HeaderName) -> bool {
    let named = |value: &&HeaderValue| {
        value.to_str().is_ok_and(|text| connection_names(text).any(|named| named.eq_ignore_ascii_case(name.as_str())))
    };
    head.fields().values(&CONNECTION).iter().any(named)
}

fn insert_request_line(metadata: &mut HeaderMap, head: &Head) -> Result<(), ProxyError> {
    if !head.host().sent().is_empty() {
        metadata.insert(HOST, head.host().value().clone());
    }
    let method = HeaderValue::from_str(head.method().as_str());
    metadata.insert(METHOD.clone(), method.map_err(|_| ProxyError::new(Cause::BadRequest, "malformed method"))?);
    Ok(())
}

/// A new span for this call; the trace goes on only if its parent span is known (spec/gateway 6.1).
fn insert_trace(metadata: &mut HeaderMap) {
    if !(metadata.contains_key(&TRACE_ID) && metadata.contains_key(&SPAN_ID)) {
        metadata.insert(TRACE_ID.clone(), once(new_id()));
    }
    metadata.insert(SPAN_ID.clone(), once(new_id()));
}

fn new_id() -> HeaderValue {
    let id = uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid();
    let mut text = uuid::Uuid::encode_buffer();
    HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).expect("a UUID is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(headers: &[(&str, &str)]) -> HeaderMap {
        let head = Head::parse("POST http://h:8080/a", headers).unwrap();
        let (namespace, from) = (HeaderValue::from_static("go.micro"), HeaderValue::from_static("go.micro.api"));
        of_request(&head, &Caller { namespace: Some(&namespace), from_service: Some(&from) }).unwrap()
    }

    #[test]
    fn a_call_says_who_asks_and_how() {
        let metadata = metadata(&[("x-request-id", "1"), ("accept", "a"), ("accept", "b")]);
        let check = |name: &str, value: &str| assert_eq!(metadata[name], value, "{name}");
        check("x-request-id", "1");
        check("accept", "a");
        check("host", "h:8080");
        check("method", "POST");
        check("micro-namespace", "go.micro");
        check("micro-from-service", "go.micro.api");
        assert_eq!(metadata["micro-trace-id"].len(), 36);
    }

    #[test]
    fn what_is_not_for_services_stays_here() {
        let sent = [
            ("connection", "close"),
            ("content-length", "3"),
            ("cookie", "a=b"),
            ("authorization", "Basic x"),
            ("te", "trailers"),
        ];
        let metadata = metadata(&sent);
        assert!(sent.iter().all(|(name, _)| !metadata.contains_key(*name)), "{metadata:?}");
        assert_eq!(self::metadata(&[("authorization", "Bearer t")])["authorization"], "Bearer t");
        let metadata = self::metadata(&[("connection", "keep-alive, X-Hop"), ("x-hop", "1"), ("x-end", "2")]);
        assert!(!metadata.contains_key("x-hop") && metadata.contains_key("x-end"));
    }

    #[test]
    fn what_the_gateway_sets_reaches_services_and_what_it_drops_does_not() {
        let sent = [("connection", "x-set"), ("x-set", "lie"), ("micro-namespace", "lie")];
        let mut head = Head::parse("POST http://h/a", &sent).unwrap();
        let value = HeaderValue::from_static;
        head.fields_mut().remove(&NAMESPACE);
        head.fields_mut().set(HeaderName::from_static("x-set"), value("policy"));
        head.fields_mut().set(HeaderName::from_static("x-request-id"), value("made here"));
        let caller = Caller { namespace: None, from_service: None };
        for metadata in [of_request(&head, &caller).unwrap(), joined(&head)] {
            assert_eq!((&metadata["x-set"], &metadata["x-request-id"]), (&value("policy"), &value("made here")));
            assert!(!metadata.contains_key("micro-namespace"), "{metadata:?}");
        }
    }

    #[test]
    fn a_trace_goes_on_only_with_its_span() {
        let kept = metadata(&[("micro-trace-id", "t"), ("micro-span-id", "s")]);
        assert_eq!(kept["micro-trace-id"], "t");
        assert_ne!(kept["micro-span-id"], "s");
        assert_ne!(metadata(&[("micro-trace-id", "t")])["micro-trace-id"], "t");
    }
}
