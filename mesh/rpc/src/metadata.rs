//! Metadata: the headers that travel with a call, on both sides of it.
//!
//! Towards a service: which headers of an HTTP request may become metadata ([`is_forwarded`]), and which a client
//! outside is not trusted with ([`is_stripped_from_outside`]). In a service: [`Metadata`], a map that ignores case
//! and shows its keys title-cased, as go-micro handlers see them.

use base64::Engine;
use http::{HeaderMap, HeaderValue};

use crate::json::lossy;
use crate::status::BINARY;

/// Headers that concern one connection only (RFC 9110 §7.6.1) and therefore never travel on.
const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that the call sets itself: gRPC's own, and those of go-micro that describe the call. A copy of the
/// HTTP request's would describe something else.
const RESERVED: [&str; 16] = [
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "grpc-accept-encoding",
    "grpc-encoding",
    "grpc-message",
    "grpc-message-type",
    "grpc-status",
    "grpc-status-details-bin",
    "grpc-timeout",
    "host",
    "method",
    "timeout",
    "user-agent",
    "x-content-type",
];

/// `Micro-*` headers that a client outside may send: they name a trace and grant nothing.
const MICRO_FROM_OUTSIDE: [&str; 2] = ["micro-trace-id", "micro-span-id"];

/// Says whether a header belongs to one connection. Any case.
///
/// What a `Connection` header names is so too: [`connection_names`].
pub fn is_hop_by_hop(name: &str) -> bool {
    is_in(&HOP_BY_HOP, name)
}

/// Returns the names that the value of a `Connection` header makes hop-by-hop.
pub fn connection_names(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// Says whether the call sets this header itself, so that a copied one is dropped: pseudo-headers, gRPC's, and
/// `host` and `method`, which the gateway fills in. Any case.
pub fn is_reserved(name: &str) -> bool {
    name.starts_with(':') || is_in(&RESERVED, name)
}

/// Says whether a header of an HTTP request may become metadata of the call it is turned into. Any case.
///
/// Everything may but hop-by-hop headers, those that the call sets itself, and, unless `cookies` says so,
/// `Cookie` (a service behind the gateway is not who the browser logged in to).
///
/// The caller also leaves out what [`connection_names`] names and, for a client outside,
/// [`is_stripped_from_outside`].
pub fn is_forwarded(name: &str, cookies: bool) -> bool {
    !is_hop_by_hop(name) && !is_reserved(name) && (cookies || !name.eq_ignore_ascii_case("cookie"))
}

/// Says whether a header asks a web server for something else than the whole answer as it is: packed, in part, or only
/// if it has changed. In a call that becomes a plain request these are left out: its answer is a message. Any case.
pub fn is_about_the_answer(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "accept-encoding",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
    ];
    is_in(&NAMES, name)
}

/// Says whether a header is dropped when a client outside sends it: it would speak with the gateway's voice.
/// Any case.
///
/// - `Micro-*` (namespace, calling service, routing), but for the trace headers;
/// - `X-Api-Field-*` and `X-Api-Body`, which in go-micro carry the gateway's own findings about the request.
pub fn is_stripped_from_outside(name: &str) -> bool {
    let has_prefix = |prefix: &str| name.get(..prefix.len()).is_some_and(|part| part.eq_ignore_ascii_case(prefix));
    (has_prefix("micro-") && !is_in(&MICRO_FROM_OUTSIDE, name))
        || has_prefix("x-api-field-")
        || name.eq_ignore_ascii_case("x-api-body")
}

/// Returns the value with which a header travels in gRPC: names that end in `-bin` are base64 on the wire.
///
/// A value that is to be sent as it is comes back unchanged, without a copy.
pub fn to_wire(name: &str, value: HeaderValue) -> HeaderValue {
    if is_binary(name) {
        return HeaderValue::try_from(BINARY.encode(value.as_bytes())).expect("base64 is ASCII");
    }
    value
}

/// Title-cases a key as go-micro does: the first letter of every run of letters, digits and underscores.
///
/// `micro-trace-id` becomes `Micro-Trace-Id`, `:authority` becomes `:Authority`, `x_y-z` becomes `X_y-Z`.
pub fn title_case(key: &str) -> String {
    let mut titled = String::with_capacity(key.len());
    let mut inside = false;
    for character in key.chars() {
        if inside {
            titled.push(character);
        } else {
            titled.extend(character.to_uppercase());
        }
        inside = character.is_alphanumeric() || character == '_';
    }
    titled
}

/// The metadata of a call as a handler sees it: unique keys, title-cased, found in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// In order of arrival. A call has a dozen: a search beats a hash.
    entries: Vec<(String, String)>,
}

impl Metadata {
    /// Returns metadata without entries.
    pub fn new() -> Metadata {
        Metadata::default()
    }

    /// Reads the headers of a request: values of repeated ones are joined with `, `, those of `-bin` names
    /// decoded. `te`, `timeout`, `x-content-type` and gRPC's own are left out, as the server acts on them itself.
    pub fn from_headers(headers: &HeaderMap) -> Metadata {
        let mut metadata = Metadata { entries: Vec::with_capacity(headers.keys_len()) };
        for name in headers.keys().filter(|name| !is_acted_on(name.as_str())) {
            let values: Vec<String> =
                headers.get_all(name).iter().map(|value| from_wire(name.as_str(), value)).collect();
            metadata.set(name.as_str(), values.join(", "));
        }
        metadata
    }

    /// Returns the value of a key, in any case.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(known, _)| same_key(known, key)).map(|(_, value)| value.as_str())
    }

    /// Sets a key; the empty value removes it.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        let value = value.into();
        self.entries.retain(|(known, _)| !same_key(known, key));
        if !value.is_empty() {
            self.entries.push((title_case(key), value));
        }
    }

    /// Returns keys (title-cased) and values in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

fn from_wire(name: &str, value: &HeaderValue) -> String {
    if is_binary(name)
        && let Ok(bytes) = BINARY.decode(value.as_bytes())
    {
        return lossy(&bytes);
    }
    lossy(value.as_bytes())
}

fn is_acted_on(name: &str) -> bool {
    matches!(name, "te" | "timeout" | "x-content-type") || name.starts_with("grpc-")
}

fn is_binary(name: &str) -> bool {
    name.len() >= 4 && name.get(name.len() - 4..).is_some_and(|end| end.eq_ignore_ascii_case("-bin"))
}

fn is_in(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn same_key(known: &str, key: &str) -> bool {
    known.eq_ignore_ascii_case(key)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Metadata, connection_names, is_forwarded, is_stripped_from_outside, title_case, to_wire};

    #[track_caller]
    fn check_forwarded(name: &str, expected: bool) {
        assert_eq!(is_forwarded(name, false), expected, "{name}");
    }

    #[test]
    fn headers_of_the_connection_and_of_the_call_stay_behind() {
        for name in ["X-Request-Id", "authorization", "Accept", "accept-encoding", "Micro-Trace-Id", "x-bin", "ž"] {
            check_forwarded(name, true);
        }
        for name in [
            "Connection",
            "keep-alive",
            "Proxy-Connection",
            "transfer-encoding",
            "Upgrade",
            "TE",
            "Content-Length",
            "content-type",
            "grpc-timeout",
            "GRPC-Status-Details-Bin",
            "Timeout",
            "Host",
            "Method",
            "User-Agent",
            ":path",
            "Cookie",
        ] {
            check_forwarded(name, false);
        }
        assert!(is_forwarded("Cookie", true));
        assert_eq!(connection_names("close, X-Hop ,, te").collect::<Vec<_>>(), ["close", "X-Hop", "te"]);
    }

    #[test]
    fn clients_outside_may_name_a_trace_and_nothing_more() {
        for name in ["Micro-Namespace", "micro-from-service", "MICRO-X", "X-Api-Field-Admin", "x-api-body", "micro-"] {
            assert!(is_stripped_from_outside(name), "{name}");
        }
        for name in ["Micro-Trace-Id", "micro-span-id", "microscope", "x-api-fields", "x-api-bodyguard", "ž", ""] {
            assert!(!is_stripped_from_outside(name), "{name}");
        }
    }

    #[test]
    fn binary_metadata_is_base64_on_the_wire() {
        let value = HeaderValue::from_static("abc");
        assert_eq!(to_wire("k-bin", value.clone()), "YWJj");
        assert_eq!(to_wire("K-Bin", value.clone()), "YWJj");
        assert_eq!(to_wire("bin", value.clone()), "abc");
        assert_eq!(to_wire("kbin", value), "abc");
    }

    #[test]
    fn keys_are_title_cased() {
        for (key, expected) in [
            ("micro-trace-id", "Micro-Trace-Id"),
            (":authority", ":Authority"),
            ("x_y-z", "X_y-Z"),
            ("9lives-a", "9lives-A"),
            ("a.b c", "A.B C"),
        ] {
            assert_eq!(title_case(key), expected);
        }
    }

    #[test]
    fn metadata_is_found_in_any_case_and_the_last_writer_wins() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("foo", "a"), ("foo", "b"), ("k-bin", "YWJj"), ("timeout", "5"), ("x-content-type", "x"), ("empty", "")]
        {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let mut metadata = Metadata::from_headers(&headers);
        assert_eq!(metadata.iter().collect::<Vec<_>>(), [("Foo", "a, b"), ("K-Bin", "abc")]);
        metadata.set("FOO", "c");
        assert_eq!((metadata.get("foo"), metadata.len()), (Some("c"), 2));
        assert_eq!(metadata.iter().last(), Some(("FOO", "c")));
        metadata.set("Foo", "");
        assert_eq!(metadata.get("foo"), None);
        assert!(!metadata.is_empty());
    }
}
