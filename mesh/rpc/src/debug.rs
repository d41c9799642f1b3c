//! What a process remembers of itself: its last log records and spans, for `Debug.Log` and `Debug.Trace`.
//!
//! One [`Journal`] is that of the process ([`Journal::of_process`]), and every server answers out of it unless it is
//! given another ([`Server::with_journal`](crate::Server::with_journal)). Log records come in by its [tracing
//! layer](Journal::layer), spans of served calls from the servers, those of other calls from [`Journal::begin`].
//!
//! ```
//! use mesh_rpc::debug::{Journal, SpanType};
//! use tracing_subscriber::prelude::*;
//!
//! let journal = Journal::new();
//! let subscriber = tracing_subscriber::registry().with(journal.layer());
//! tracing::subscriber::with_default(subscriber, || tracing::info!(port = 8000, "the registry listens"));
//! assert_eq!(journal.records(100, 0)[0].message, "the registry listens");
//!
//! let span = journal.begin("go.micro.srv.greeter.Say.Hello", SpanType::Outbound, None);
//! span.end(Ok(()));
//! assert_eq!(journal.spans("")[0].name, "go.micro.srv.greeter.Say.Hello");
//! ```

mod layer;
mod span;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
pub use proto::debug::{Record, Span, SpanType};
use tokio::sync::broadcast;

pub use self::layer::JournalLayer;
pub use self::span::{OpenSpan, Parent};

/// How many log records are remembered: go-micro's number.
const RECORDS_MAX: usize = 1024;

/// How many spans are remembered: go-micro's number.
const SPANS_MAX: usize = 256;

/// The most bytes of a message, and of a value beside it; what is longer is cut.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// How far a reader of live records may lag behind. Then it misses some, and is told how many.
const LIVE_RECORDS: usize = 256;

/// The last log records and spans. Clones share them. When it is full the oldest make room.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

struct Shared {
    records: Mutex<VecDeque<Record>>,
    live: broadcast::Sender<Record>,
    spans: Mutex<VecDeque<Span>>,
}

impl Journal {
    /// Returns the one of this process, as `Debug` speaks for a process and not for one of its servers.
    pub fn of_process() -> Journal {
        static OF_PROCESS: LazyLock<Journal> = LazyLock::new(Journal::new);
        OF_PROCESS.clone()
    }

    /// Returns an empty one.
    pub fn new() -> Journal {
        let (live, _) = broadcast::channel(LIVE_RECORDS);
        Journal { shared: Arc::new(Shared { records: Mutex::default(), live, spans: Mutex::default() }) }
    }

    /// Takes a log record. Long texts are cut.
    pub fn log(&self, mut record: Record) {
        cut(&mut record.message);
        record.metadata.values_mut().for_each(cut);
        let mut records = self.shared.records.lock();
        push(&mut records, RECORDS_MAX, record.clone());
        // Within the lock, so that who begins to follow neither misses a record nor has one twice. Without a
        // follower there is nobody to be told.
        self.shared.live.send(record).ok();
    }

    /// Returns the last records, at most `count`, that are not older than a time in seconds since the epoch; the
    /// oldest first.
    pub fn records(&self, count: usize, since: i64) -> Vec<Record> {
        last(&self.shared.records.lock(), count, since)
    }

    /// Returns the last records, and those to come.
    pub(crate) fn follow(&self, count: usize, since: i64) -> (Vec<Record>, broadcast::Receiver<Record>) {
        let records = self.shared.records.lock();
        (last(&records, count, since), self.shared.live.subscribe())
    }

    /// Takes a span that has ended.
    pub fn record(&self, span: Span) {
        push(&mut self.shared.spans.lock(), SPANS_MAX, span);
    }

    /// Returns the last spans of a trace, or of all where its id is empty; the one that ended first first.
    pub fn spans(&self, trace: &str) -> Vec<Span> {
        let spans = self.shared.spans.lock();
        spans.iter().filter(|span| trace.is_empty() || span.trace == trace).cloned().collect()
    }

    /// Begins a span, of a trace that goes on or of a new one. It is remembered when it ends.
    pub fn begin(&self, name: impl Into<String>, side: SpanType, parent: Option<Parent<'_>>) -> OpenSpan {
        OpenSpan::begin(self.clone(), name.into(), side, parent)
    }

    /// Returns a layer for `tracing_subscriber` that takes what is logged.
    pub fn layer(&self) -> JournalLayer {
        JournalLayer::new(self.clone())
    }
}

impl Default for Journal {
    fn default() -> Journal {
        Journal::new()
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Journal").finish_non_exhaustive()
    }
}

fn push<T>(ring: &mut VecDeque<T>, max: usize, item: T) {
    if ring.len() >= max {
        ring.pop_front();
    }
    ring.push_back(item);
}

fn last(records: &VecDeque<Record>, count: usize, since: i64) -> Vec<Record> {
    let fresh: Vec<&Record> = records.iter().filter(|record| record.timestamp >= since).collect();
    let skipped = fresh.len().saturating_sub(count);
    fresh.into_iter().skip(skipped).cloned().collect()
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, RECORDS_MAX, Record, SPANS_MAX, Span, TEXT_BYTES_MAX};

    fn record(timestamp: i64) -> Record {
        Record { timestamp, message: timestamp.to_string(), ..Record::default() }
    }

    #[test]
    fn the_oldest_make_room() {
        let journal = Journal::new();
        for number in 0..2000 {
            journal.log(record(number));
            journal.record(Span { trace: (number % 2).to_string(), ..Span::default() });
        }
        let records = journal.records(usize::MAX, 0);
        assert_eq!((records.len(), records[0].timestamp), (RECORDS_MAX, 2000 - 1024));
        assert_eq!((journal.spans("").len(), journal.spans("1").len()), (SPANS_MAX, SPANS_MAX / 2));
        assert!(journal.spans("2").is_empty());
    }

    #[test]
    fn records_are_limited_by_number_and_age() {
        let journal = Journal::new();
        (0..10).for_each(|number| journal.log(record(number)));
        let told =
            |count, since| journal.records(count, since).iter().map(|record| record.timestamp).collect::<Vec<_>>();
        assert_eq!(told(3, 0), [7, 8, 9]);
        assert_eq!(told(100, 8), [8, 9]);
        assert_eq!(told(1, 8), [9]);
        assert!(told(0, 0).is_empty());
    }

    #[tokio::test]
    async fn a_follower_gets_each_record_once() {
        let journal = Journal::new();
        journal.log(record(1));
        let (past, mut live) = journal.follow(10, 0);
        journal.log(record(2));
        assert_eq!(past, [record(1)]);
        assert_eq!(live.recv().await, Ok(record(2)));
    }

    #[test]
    fn long_texts_are_cut() {
        let journal = Journal::new();
        journal.log(Record { message: "ž".repeat(TEXT_BYTES_MAX), ..Record::default() });
        let told = &journal.records(1, 0)[0].message;
        assert!(told.len() <= TEXT_BYTES_MAX + '…'.len_utf8() && told.ends_with("ž…"));
    }
}
