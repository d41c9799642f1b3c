//! What an answer on the stream of a watch says. Pure.

use proto::etcd::etcdserverpb::WatchResponse;
use proto::etcd::mvccpb::KeyValue;
use proto::etcd::mvccpb::event::EventType;

/// What an answer says.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    /// Keys were written or deleted, in this order. What follows begins after `until`.
    Changes {
        /// The last revision of which everything was told; `None` while more of it follows.
        until: Option<i64>,
        /// The keys as they are now; of deleted ones only the name.
        changes: Vec<(Written, KeyValue)>,
    },
    /// Nothing has happened up to this revision.
    Progress(i64),
    /// The watch has begun.
    Begun,
    /// The watch has ended as what it wants is compacted away: everything must be read anew.
    Compacted,
    /// The watch has ended.
    Ended(String),
}

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Put,
    Deleted,
}

/// Reads an answer.
pub(super) fn told(answer: WatchResponse) -> Told {
    let WatchResponse { header, created, canceled, compact_revision, cancel_reason, fragment, events } = answer;
    if compact_revision != 0 {
        return Told::Compacted;
    }
    // A refused watch is said to have begun and to have ended, in one answer.
    if canceled {
        return Told::Ended(if cancel_reason.is_empty() { "no reason given".to_owned() } else { cancel_reason });
    }
    if created {
        return Told::Begun;
    }
    // The revision of the header may be ahead of the events of a watch that catches up.
    let last = events.last().and_then(|event| event.kv.as_ref()).map(|key| key.mod_revision);
    let Some(last) = last else { return Told::Progress(header.unwrap_or_default().revision) };
    let change = |event: proto::etcd::mvccpb::Event| {
        let written = if event.r#type() == EventType::Delete { Written::Deleted } else { Written::Put };
        Some((written, event.kv?))
    };
    Told::Changes { until: (!fragment).then_some(last), changes: events.into_iter().filter_map(change).collect() }
}

#[cfg(test)]
mod tests {
    use proto::etcd::etcdserverpb::{ResponseHeader, WatchResponse};
    use proto::etcd::mvccpb::{Event, KeyValue};

    use super::{Told, Written, told};

    fn at(revision: i64) -> WatchResponse {
        let header = Some(ResponseHeader { revision, ..ResponseHeader::default() });
        WatchResponse { header, ..WatchResponse::default() }
    }

    fn event(deleted: bool, revision: i64) -> Event {
        let kv = KeyValue { mod_revision: revision, ..KeyValue::default() };
        Event { r#type: i32::from(deleted), kv: Some(kv) }
    }

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(told(at(5)), Told::Progress(5));
        assert_eq!(told(WatchResponse { created: true, ..at(5) }), Told::Begun);
        let refused = WatchResponse { created: true, canceled: true, cancel_reason: "denied".into(), ..at(5) };
        assert_eq!(told(refused), Told::Ended("denied".to_owned()));
        let compacted = WatchResponse { canceled: true, compact_revision: 3, ..at(5) };
        assert_eq!(told(compacted), Told::Compacted);
    }

    #[test]
    fn the_revision_is_that_of_the_last_event_once_it_is_complete() {
        let check = |fragment: bool, expected: Option<i64>| {
            let events = vec![event(false, 3), event(true, 4)];
            let Told::Changes { until, changes } = told(WatchResponse { fragment, events, ..at(9) }) else {
                panic!("no changes")
            };
            assert_eq!(until, expected);
            assert_eq!(changes.iter().map(|(what, _)| *what).collect::<Vec<_>>(), [Written::Put, Written::Deleted]);
        };
        check(false, Some(4));
        check(true, None);
    }
}
