//! Whatever bytes come: records are read or refused, and what is accepted is bounded and survives.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use mesh_registry::guard::{self, Allowed};
use mesh_registry::server::Registration;
use mesh_registry::{Service, Source, dialable, limits};
use proptest::prelude::*;

/// What a back end does with the bytes of a stored record.
fn fuzz_record(bytes: &[u8]) {
    let Ok(service) = serde_json::from_slice::<Service>(bytes) else { return };
    let again: Service = serde_json::from_str(&service.to_json()).expect("what is written reads back");
    assert_eq!(again, service);
    if limits::check(&service).is_ok() {
        for node in &service.nodes {
            dialable(&node.address, Source::Shared);
        }
    }
}

/// What the HTTP form does with the body of a registration.
fn fuzz_registration(bytes: &[u8]) {
    let Ok(registration) = Registration::parse(bytes) else { return };
    let peer = "127.0.0.1".parse().expect("is an address");
    if let Ok(service) = registration.into_service("s".to_owned(), "n".to_owned(), peer) {
        assert!(service.nodes[0].address.contains(':'));
    }
}

/// Member names and values that come near to a record.
const NEAR: &str = concat!(
    r#"\{("(name|version|metadata|nodes|endpoints|NAME|address|port|protocol|x)":"#,
    r#"("[a-z:\[\]0-9.]{0,8}"|[0-9]{1,6}|null|\[\]|\[null\]|\{\}|\{"k":("v"|null)\}|\[\{"id":"n","address":"x:1"\}\]),?){0,5}\}"#
);

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_record(&bytes);
        fuzz_registration(&bytes);
    }

    #[test]
    fn nearly_records(text in NEAR) {
        // The pattern leaves a comma behind the last member.
        for text in [text.replace(",}", "}"), text] {
            fuzz_record(text.as_bytes());
            fuzz_registration(text.as_bytes());
        }
    }

    #[test]
    fn any_address(address in r"[\[\]:0-9a-f.]{0,20}") {
        if let Some(dialled) = dialable(&address, Source::Own) {
            prop_assert!(dialable(&dialled, Source::Shared).is_some(), "{} is no wildcard any more", dialled);
        }
    }

    #[test]
    fn only_loopback_passes_the_guard(host in r"[a-z0-9.:\[\]]{0,24}") {
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_static("host"), HeaderValue::from_str(&host).expect("is ASCII"));
        if guard::check(&Uri::from_static("/"), &headers, &Allowed::loopback()).is_ok() {
            prop_assert!(host.contains("localhost") || host.contains("127.") || host.contains("::1") || host.contains(":1"), "{}", host);
        }
    }
}
