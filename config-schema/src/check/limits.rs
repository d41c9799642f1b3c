//! Bounds let something through: no time and no bytes would refuse everything.

use super::{View, key};
use crate::{
    diagnostic::{Code, Findings},
    path::DocumentPath,
    value::{ByteSize, Duration},
};

/// A head smaller than this breaks requests that every browser sends; larger ones are an attack.
const HEAD: std::ops::RangeInclusive<ByteSize> = ByteSize::kib(8)..=ByteSize::mib(1);

/// A shorter lease could not be kept alive over a network; a node that died is offered for as long as a longer one.
/// The bounds are those of a registration over HTTP.
const LEASE: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut zero = |path: DocumentPath, duration: Duration| {
        if duration.is_zero() {
            let finding = view.error(Code::ZeroLimit, path, "no time at all would refuse everything");
            findings.push(finding.help("leave the key out for the default"));
        }
    };
    for (name, listener) in &view.document.listeners {
        let path = key("listeners").key(name.as_str()).key("limits");
        zero(path.clone().key("header_timeout"), listener.limits.header_timeout);
        zero(path.key("idle_timeout"), listener.limits.idle_timeout);
    }
    for (name, set) in &view.document.policies {
        if let Some(timeout) = set.timeout {
            zero(key("policies").key(name.as_str()).key("timeout"), timeout);
        }
    }
    for (name, service) in &view.document.services {
        let path = key("services").key(name.as_str());
        zero(path.clone().key("connect_timeout"), service.connect_timeout);
        zero(path.key("pool").key("idle_timeout"), service.pool.idle_timeout);
    }
    heads(view, findings);
    leases(view, findings);
}

fn heads(view: &View<'_>, findings: &mut Findings) {
    for (name, listener) in &view.document.listeners {
        let head = listener.limits.head;
        if !HEAD.contains(&head) {
            let path = key("listeners").key(name.as_str()).key("limits").key("head");
            let allowed = format!("from {} to {}", HEAD.start(), HEAD.end());
            findings.push(view.error_with(Code::BadSize, path, format!("{head} is out of range"), allowed));
        }
    }
}

fn leases(view: &View<'_>, findings: &mut Findings) {
    for (registry, path) in view.registries() {
        if !LEASE.contains(&registry.ttl) {
            let message = format!("{} is no time that a registration can live", registry.ttl);
            let allowed = format!("from {} to {}", LEASE.start(), LEASE.end());
            findings.push(view.error_with(Code::BadDuration, path.key("ttl"), message, allowed));
        }
    }
}
