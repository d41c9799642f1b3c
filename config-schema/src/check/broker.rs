//! The keys of the broker fit its kind: the embedded one is reached nowhere and alone listens; members of `http` listen at
//! one address.

use super::{View, key};
use crate::{
    diagnostic::{Code, Findings},
    document::BrokerKind,
};

/// The words of the kinds that are built.
const BUILT: [&str; 5] = ["http", "memory", "embedded", "nats", "service"];

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let Some(broker) = &view.document.broker else { return };
    let path = key("broker");
    // A kind that is not built yet, or unknown, reads as the default.
    let kind =
        view.tree.at(&path.clone().key("kind")).or_else(|| view.tree.at(&path)).and_then(|node| node.as_scalar());
    if kind.is_some_and(|word| !BUILT.contains(&word.text.as_str())) {
        return;
    }
    let listen = path.clone().key("listen");
    if broker.kind != BrokerKind::Memory && view.is_written(&listen) {
        let message = "`listen` has no effect here: only the broker of kind `memory` is offered to others";
        let finding = view.error_at_key(Code::UnusedKey, listen, message);
        findings.push(finding.help("leave it out, or write `kind: memory`"));
    }
    let addresses = path.key("addresses");
    match (broker.kind, broker.addresses.len()) {
        (BrokerKind::Memory, 1..) => {
            let message = "`addresses` has no effect here: the embedded broker is in this process";
            let finding = view.error_at_key(Code::UnusedKey, addresses, message);
            findings
                .push(finding.help("name the `kind` of the broker that is reached there, or leave `addresses` out"));
        }
        (BrokerKind::Http, 2..) => {
            let message = "subscribers of this process listen at one address";
            let finding = view.error_at_key(Code::UnusedKey, addresses, message);
            findings.push(finding.help("leave one of them; port 0 is any"));
        }
        _ => {}
    }
}
