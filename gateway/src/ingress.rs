//! What a request's fields may claim, settled on arrival before anything reads them.

use gateway_exchange::Head;
use gateway_snapshot::{Listener, RequestId};
use http::header::{FORWARDED, HeaderName, HeaderValue};
use mesh_rpc::metadata::is_stripped_from_outside;

/// Fields in which a proxy in front says for whom it asks. From anybody else they are lies.
static FORWARDING: [HeaderName; 7] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-real-ip"),
];

/// The longest request id that is taken over from a client, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Drops what the peer may not claim: `Micro-*`, `X-Api-Field-*` and `X-Api-Body` always (D19, D20), the forwarding
/// fields unless the listener trusts it (design 10).
pub(crate) fn drop_claims(head: &mut Head, listener: &Listener, peer: std::net::IpAddr) {
    let trusted = listener.trusts(peer);
    let is_claim =
        |name: &HeaderName| is_stripped_from_outside(name.as_str()) || (!trusted && FORWARDING.contains(name));
    // Nearly every request claims nothing: look before collecting.
    if !head.fields().received().keys().any(is_claim) {
        return;
    }
    let claims: Vec<HeaderName> = head.fields().received().keys().filter(|name| is_claim(name)).cloned().collect();
    for name in claims {
        head.fields_mut().remove(&name);
    }
}

/// Returns the request's id: the one it brought if it is fit to be passed on, else a new one, which it then carries.
pub(crate) fn request_id(head: &mut Head, settings: &RequestId) -> HeaderValue {
    let brought = head.fields().get(&settings.header);
    if let Some(id) = brought.filter(|id| is_passable(id)) {
        return id.clone();
    }
    let id = uuid::Builder::from_random_bytes(fastrand::u128(..).to_be_bytes()).into_uuid();
    let mut text = uuid::Uuid::encode_buffer();
    let text: &str = id.simple().encode_lower(&mut text);
    let mut value = HeaderValue::from_str(text).expect("a UUID is ASCII");
    // It differs with each request, so HPACK need not remember it.
    value.set_sensitive(true);
    head.fields_mut().set(settings.header.clone(), value.clone());
    value
}

fn is_passable(id: &HeaderValue) -> bool {
    !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.to_str().is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const DOCUMENT: &str = r#"
version: micro/v1
listeners: { web: { address: "127.0.0.1:0", routes: r, trusted_proxies: [10.0.0.0/8] } }
routes: { r: [{ match: { path: / }, handler: { respond: {} } }] }
"#;

    #[test]
    fn only_trusted_proxies_say_for_whom_they_ask() {
        let loaded = config_schema::load(&config_schema::Layers::text("gateway.yaml", DOCUMENT)).unwrap();
        let compiled = gateway_snapshot::compile(Arc::new(loaded)).unwrap();
        let sent = [("x-forwarded-for", "1"), ("forwarded", "for=1"), ("x-real-ip", "1"), ("micro-namespace", "n")];
        let check = |peer: &str, expected: &[&str]| {
            let mut head = Head::parse("GET http://h/", &sent).unwrap();
            drop_claims(&mut head, &compiled.snapshot.listeners["web"], peer.parse().unwrap());
            let mut left: Vec<_> = head.fields().names().map(HeaderName::as_str).collect();
            left.sort_unstable();
            assert_eq!(left, expected, "{peer}");
        };
        check("9.9.9.9", &["host"]);
        check("10.1.2.3", &["forwarded", "host", "x-forwarded-for", "x-real-ip"]);
        check("::ffff:10.1.2.3", &["forwarded", "host", "x-forwarded-for", "x-real-ip"]);
    }

    #[test]
    fn a_request_has_one_id_that_is_fit_to_be_passed_on() {
        let settings = RequestId { header: HeaderName::from_static("x-request-id"), to_client: false };
        let id = |brought: &str| {
            let mut head = Head::parse("GET http://h/", &[("x-request-id", brought)]).unwrap();
            let id = request_id(&mut head, &settings);
            assert_eq!(head.fields().get(&settings.header), Some(&id));
            id
        };
        assert_eq!(id("abc"), "abc");
        for unfit in ["", &"x".repeat(REQUEST_ID_BYTES_MAX + 1), "\u{e9}"] {
            assert_eq!(id(unfit).len(), 32, "{unfit}");
        }
    }
}
