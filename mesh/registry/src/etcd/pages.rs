//! Many keys, page by page: all as of one revision, and none of the answers too large to be read.

use proto::etcd::etcdserverpb::{RangeRequest, RangeResponse};
use proto::etcd::mvccpb::KeyValue;

use super::client::Client;
use super::failure::{Failure, Kind};
use super::key::{Range, after};

/// How many keys are asked for at once. Records of go-micro have 1 to 10 KiB.
const PAGE_KEYS: i64 = 512;

/// How often reading begins anew because the revision was compacted away meanwhile.
const ATTEMPTS: usize = 3;

/// Everything in a range as it was at one revision.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Everything<T> {
    pub(super) cluster: u64,
    pub(super) revision: i64,
    pub(super) items: Vec<T>,
}

/// Who may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freshness {
    /// Any member, with what it knows: also one that has lost the others. Go reads so.
    Member,
    /// The cluster: nothing that was written before is missing.
    Cluster,
}

/// Reads a range. `parse` sees each key once and says what to keep of it; a key whose value cannot be read because it
/// is too large comes without one. Reading ends early beyond `max` items, of which there is one more then.
pub(super) async fn read<T>(
    client: &Client,
    range: &Range,
    freshness: Freshness,
    max: usize,
    mut parse: impl FnMut(Found) -> Option<T>,
) -> Result<Everything<T>, Failure> {
    let mut attempts = 0;
    'anew: loop {
        let mut pages = Pages::of(range, freshness);
        let mut items = Vec::new();
        while let Some(request) = pages.next().filter(|_| items.len() <= max) {
            match client.range(request).await {
                Ok(answer) => items.extend(pages.take(answer).filter_map(&mut parse)),
                Err(Failure { kind: Kind::TooLarge, .. }) if pages.ask_for_less() => {}
                // A member that is behind does not know the revision yet.
                Err(Failure { kind: Kind::Compacted | Kind::Future, .. }) if attempts < ATTEMPTS => {
                    attempts += 1;
                    continue 'anew;
                }
                Err(failure) => return Err(failure),
            }
        }
        items.truncate(max.saturating_add(1));
        return Ok(Everything { cluster: pages.cluster, revision: pages.revision, items });
    }
}

/// What stands under a key.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Value(KeyValue),
    /// Nobody knows: the answer with it is too large.
    TooLarge(KeyValue),
}

/// Where reading is. Pure: says what to ask next.
#[derive(Debug)]
struct Pages {
    /// None once all is read.
    next: Option<Vec<u8>>,
    end: Vec<u8>,
    freshness: Freshness,
    limit: i64,
    keys_only: bool,
    cluster: u64,
    revision: i64,
}

impl Pages {
    fn of(range: &Range, freshness: Freshness) -> Pages {
        let (next, end) = (Some(range.start.clone()), range.end.clone());
        Pages { next, end, freshness, limit: PAGE_KEYS, keys_only: false, cluster: 0, revision: 0 }
    }

    fn next(&self) -> Option<RangeRequest> {
        Some(RangeRequest {
            key: self.next.clone()?,
            range_end: self.end.clone(),
            limit: self.limit,
            revision: self.revision,
            serializable: self.freshness == Freshness::Member,
            keys_only: self.keys_only,
        })
    }

    fn take(&mut self, answer: RangeResponse) -> impl Iterator<Item = Found> + use<> {
        let header = answer.header.unwrap_or_default();
        if self.revision == 0 {
            (self.cluster, self.revision) = (header.cluster_id, header.revision);
        }
        self.next = answer.kvs.last().filter(|_| answer.more).map(|last| after(&last.key));
        let without_values = std::mem::take(&mut self.keys_only);
        // A page that was too large says nothing about the next one, but growing slowly costs little.
        self.limit = (self.limit * 2).min(PAGE_KEYS);
        answer.kvs.into_iter().map(move |kv| if without_values { Found::TooLarge(kv) } else { Found::Value(kv) })
    }

    /// Halves what is asked for, down to one key without its value; says whether that was possible.
    fn ask_for_less(&mut self) -> bool {
        if self.limit > 1 {
            self.limit /= 2;
            return true;
        }
        !std::mem::replace(&mut self.keys_only, true)
    }
}

#[cfg(test)]
mod tests {
    use proto::etcd::etcdserverpb::{RangeResponse, ResponseHeader};
    use proto::etcd::mvccpb::KeyValue;

    use super::{Found, Freshness, Pages};
    use crate::etcd::key::Prefix;

    fn pages() -> Pages {
        Pages::of(&Prefix::new("/p").all(), Freshness::Cluster)
    }

    fn answer(revision: i64, keys: &[&str], more: bool) -> RangeResponse {
        let header = Some(ResponseHeader { cluster_id: 7, revision, ..ResponseHeader::default() });
        let kvs = keys.iter().map(|key| KeyValue { key: (*key).into(), ..KeyValue::default() }).collect();
        RangeResponse { header, kvs, more }
    }

    /// What is asked next: key, limit, revision.
    #[track_caller]
    fn check(pages: &Pages, expected: Option<(&str, i64, i64)>) {
        let next = pages.next();
        let asked = next.map(|next| (String::from_utf8(next.key).expect("is text"), next.limit, next.revision));
        assert_eq!(asked, expected.map(|(key, limit, revision)| (key.to_owned(), limit, revision)));
    }

    #[test]
    fn all_pages_are_of_the_revision_of_the_first() {
        let mut pages = pages();
        check(&pages, Some(("/p/", 512, 0)));
        assert_eq!(pages.take(answer(5, &["/p/a", "/p/b"], true)).count(), 2);
        check(&pages, Some(("/p/b\0", 512, 5)));
        assert_eq!(pages.take(answer(9, &["/p/c"], false)).count(), 1);
        check(&pages, None);
        assert_eq!((pages.cluster, pages.revision), (7, 5));
    }

    #[test]
    fn nothing_is_one_page() {
        let mut pages = pages();
        assert_eq!(pages.take(answer(5, &[], false)).count(), 0);
        check(&pages, None);
    }

    #[test]
    fn a_page_too_large_is_halved_and_one_key_goes_without_its_value() {
        let mut pages = pages();
        for limit in [512, 256, 128, 64, 32, 16, 8, 4, 2, 1] {
            check(&pages, Some(("/p/", limit, 0)));
            assert!(pages.ask_for_less());
        }
        assert!(pages.next().expect("goes on").keys_only);
        assert!(!pages.ask_for_less(), "there is nothing less");
        let found: Vec<Found> = pages.take(answer(5, &["/p/a"], true)).collect();
        assert!(matches!(found.as_slice(), [Found::TooLarge(_)]), "{found:?}");
        check(&pages, Some(("/p/a\0", 2, 5)));
        assert!(!pages.next().expect("goes on").keys_only);
    }
}
