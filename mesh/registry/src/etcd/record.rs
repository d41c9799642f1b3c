//! Values: one record with one node each, by whoever may write to etcd. What is none is left out.

use std::collections::HashSet;

use proto::etcd::mvccpb::KeyValue;

use super::key::Prefix;
use crate::limits::{self, InvalidRecord};
use crate::model::{Service, VERSION_DEFAULT};

/// The most bytes of a value that is looked into. A record at all limits is smaller; go-micro's have a few KiB.
const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How many keys are remembered as bad, so that each is spoken of once.
const NOTED_MAX: usize = 1024;

/// A node as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) key: Vec<u8>,
    pub(super) stamp: Stamp,
    /// With one node.
    pub(super) service: Service,
}

/// What tells one writing of a key from every other one, also of another etcd with the same keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) created: i64,
    pub(super) written: i64,
    pub(super) lease: i64,
}

/// Why a value is left out.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotANode {
    #[error("its key is not PREFIX/SERVICE/NODE")]
    Key,
    #[error("its value has {bytes} bytes, at most {VALUE_BYTES_MAX} are read")]
    TooLong { bytes: usize },
    #[error("its value is not the JSON of a service: {0}")]
    Json(#[from] serde_json::Error),
    #[error("its key is not that of service {name:?}")]
    OtherService { name: String },
    #[error("its value has no node of its key")]
    OtherNode,
    #[error(transparent)]
    Invalid(#[from] InvalidRecord),
}

impl Stamp {
    pub(super) fn of(stored: &KeyValue) -> Stamp {
        Stamp { created: stored.create_revision, written: stored.mod_revision, lease: stored.lease }
    }
}

/// Reads what is stored under a key.
pub(super) fn parse(prefix: &Prefix, stored: KeyValue) -> Result<Stored, NotANode> {
    let stamp = Stamp::of(&stored);
    let KeyValue { key, value, .. } = stored;
    let place = prefix.place(&key).ok_or(NotANode::Key)?;
    if value.len() > VALUE_BYTES_MAX {
        return Err(NotANode::TooLong { bytes: value.len() });
    }
    let mut service: Service = serde_json::from_slice(&value)?;
    if !place.is_of_service(&service.name) {
        service.name.truncate(service.name.floor_char_boundary(limits::NAME_BYTES_MAX));
        return Err(NotANode::OtherService { name: service.name });
    }
    service.nodes.retain(|node| place.is_of_node(&node.id));
    service.nodes.truncate(1);
    if service.nodes.is_empty() {
        return Err(NotANode::OtherNode);
    }
    limits::check(&service)?;
    if service.version.is_empty() {
        VERSION_DEFAULT.clone_into(&mut service.version);
    }
    Ok(Stored { key, stamp, service })
}

/// The keys that were already spoken of. A key that is mended and broken again is not spoken of again.
#[derive(Debug, Default)]
pub(super) struct Noted(HashSet<Vec<u8>>);

impl Noted {
    /// Says that a key is left out, the first time.
    pub(super) fn left_out(&mut self, key: &[u8], reason: &(dyn std::error::Error + 'static)) {
        if self.is_news(key) {
            tracing::warn!(key = %key.escape_ascii(), reason, "a key of etcd is left out, it is no node");
        }
    }

    fn is_news(&mut self, key: &[u8]) -> bool {
        if self.0.len() >= NOTED_MAX || self.0.contains(key) {
            return false;
        }
        self.0.insert(key.to_vec());
        if self.0.len() == NOTED_MAX {
            tracing::warn!(keys = NOTED_MAX, "so many keys of etcd are no nodes, no further ones are named");
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proto::etcd::mvccpb::KeyValue;

    use super::{NOTED_MAX, Noted, parse};
    use crate::etcd::key::Prefix;

    #[track_caller]
    fn check(key: &str, value: &str, expected: Result<&str, &str>) {
        let stored = KeyValue { key: key.into(), value: value.into(), ..KeyValue::default() };
        let parsed = parse(&Prefix::new("/micro/registry"), stored);
        let shown = parsed
            .map(|stored| format!("{} {} {}", stored.service.name, stored.service.version, stored.service.nodes[0].id))
            .map_err(|error| error.to_string());
        assert_eq!(shown.as_deref().map_err(String::as_str), expected, "{key}");
    }

    #[test]
    fn nodes_are_read() {
        let key = "/micro/registry/a-b/1";
        check(key, r#"{"name":"a/b","version":"2","nodes":[{"id":"1","address":"x:1"}]}"#, Ok("a/b 2 1"));
        check(
            key,
            r#"{"name":"a-b","nodes":[{"id":"2","address":"x"},{"id":"1","address":"x:1"}]}"#,
            Ok("a-b latest 1"),
        );
    }

    #[test]
    fn what_is_no_node_is_refused() {
        let key = "/micro/registry/a/1";
        check("/micro/registry/a", "{}", Err("its key is not PREFIX/SERVICE/NODE"));
        check(key, "x", Err("its value is not the JSON of a service: expected value at line 1 column 1"));
        check(key, r#"{"name":"b"}"#, Err(r#"its key is not that of service "b""#));
        check(key, r#"{"name":"a"}"#, Err("its value has no node of its key"));
        check(key, r#"{"name":"a","nodes":[{"id":"2","address":"x:1"}]}"#, Err("its value has no node of its key"));
        check(key, r#"{"name":"a","nodes":[{"id":"1"}]}"#, Err("the node address is empty"));
        let long = "x".repeat(4 * 1024 * 1024 + 1);
        check(key, &long, Err("its value has 4194305 bytes, at most 4194304 are read"));
    }

    #[test]
    fn each_bad_key_is_news_once_and_not_without_end() {
        let mut noted = Noted::default();
        assert!(noted.is_news(b"a") && !noted.is_news(b"a") && noted.is_news(b"b"));
        let news = (0..2 * NOTED_MAX).filter(|at| noted.is_news(at.to_string().as_bytes())).count();
        assert_eq!(news, NOTED_MAX - 2);
    }
}
