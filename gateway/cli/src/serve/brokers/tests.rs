use config_schema::{Layers, load};
use mesh_registry::Memory as Registered;

use super::*;

fn registered() -> Vec<Arc<dyn Registry>> {
    vec![Arc::new(Registered::new())]
}

fn prepare(text: &str) -> (Prepared, Vec<String>) {
    let loaded = load(&Layers::text("gateway.yaml", format!("version: micro/v1\n{text}"))).unwrap();
    let mut findings = Vec::new();
    let prepared = Brokers::prepare(&loaded, &mut findings);
    (prepared, findings.into_iter().map(|finding| finding.message).collect())
}

#[tokio::test]
async fn it_is_that_of_the_document() {
    let (brokers, registry) = (Brokers::new(Memory::new()), registered());
    assert!(brokers.current().is_none(), "nothing is in use yet");
    for (text, expected) in [
        ("", "http"),
        ("broker: memory", "memory"),
        ("broker: { kind: nats, addresses: [a, b] }", "nats"),
        ("broker: { kind: service }", "service"),
    ] {
        let (prepared, findings) = prepare(text);
        assert!(findings.is_empty(), "{text}: {findings:?}");
        brokers.follow(prepared, registry.clone());
        assert_eq!(brokers.current().unwrap().origin().as_str(), expected);
    }
}

#[tokio::test]
async fn one_that_stays_as_it_was_is_kept() {
    let (brokers, registry) = (Brokers::new(Memory::new()), registered());
    brokers.follow(prepare("broker: { kind: nats, addresses: [a] }").0, registry.clone());
    let first = brokers.current().unwrap();
    brokers.follow(prepare("broker: { kind: nats, addresses: [a] }").0, registry.clone());
    assert!(Arc::ptr_eq(&first, &brokers.current().unwrap()));
    brokers.follow(prepare("broker: { kind: nats, addresses: [b] }").0, registry);
    assert!(!Arc::ptr_eq(&first, &brokers.current().unwrap()));
    let second = brokers.current().unwrap();
    brokers.follow(prepare("broker: { kind: nats, addresses: [b] }").0, registered());
    assert!(!Arc::ptr_eq(&second, &brokers.current().unwrap()), "its members are elsewhere");
}

#[test]
fn what_is_no_address_is_said() {
    let (_, findings) = prepare("broker: { kind: service, addresses: [\"http://x\"] }");
    let expected = "\"http://x\" is not an address of a broker of kind `service`: `host` or `host:port` is expected";
    assert_eq!(findings, [expected]);
}
