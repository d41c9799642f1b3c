//! One watcher: reads everything, then follows every change; through outages, compactions and an etcd that lost all.
//!
//! ```text
//!            read all, resync              changes
//!   start ───────────────────► following ──────────┐
//!                                ▲   │ ◄───────────┘
//!            same history: go on │   │ the stream breaks
//!            else: read all      │   ▼
//!                              apart ── no member answers: stale, pause, again
//! ```
//!
//! A stream that breaks is begun again at once where it stopped, and nobody hears of it. Before that the etcd that
//! answers is asked for the node that was written last, as of the last known revision: an emptied one has the same
//! cluster id, and a watch for a revision it has not reached yet would stay silent.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use proto::etcd::etcdserverpb::{RangeRequest, WatchCreateRequest, WatchResponse};
use tokio::time::{Instant, sleep, sleep_until};
use tonic::{Status, Streaming};

use super::answer::{Told, Written, told};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::key::{Prefix, Range};
use super::pages::{Everything, Found, Freshness, read};
use super::record::{Noted, Stamp, Stored, parse};
use super::table::{Edit, Table};
use crate::back_off;
use crate::registry::Change;

/// How long to wait after a second failure in a row, and at most.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A stream that breaks sooner than this is not begun again at once.
const LIFE_MIN: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct Follower {
    client: Arc<Client>,
    prefix: Prefix,
    range: Range,
    table: Table,
    nodes_max: usize,
    /// What is known for sure; `None` before everything was read once.
    position: Option<Position>,
    /// Whether changes may have been missed.
    must_read_all: bool,
    stream: Option<Stream>,
    /// What is told next.
    changes: VecDeque<Change>,
    /// In a row; a stream that breaks soon is one, too.
    failures: u32,
    is_stale: bool,
    /// How long what an emptied etcd lost is held, and until when that is so.
    hold: Duration,
    hold_until: Option<Instant>,
    noted: Noted,
}

/// Up to which revision of which etcd everything is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    cluster: u64,
    revision: i64,
}

/// Whether an etcd is the one that was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum History {
    /// It went on from what is known.
    Same,
    /// It knows nothing of it: it was emptied, restored or replaced.
    Another,
    /// What it has must be read to tell.
    Unknown,
}

#[derive(Debug)]
struct Stream {
    answers: Streaming<WatchResponse>,
    since: Instant,
}

impl Follower {
    /// Returns a watcher that has read nothing yet.
    pub(super) fn new(client: Arc<Client>, prefix: Prefix, nodes_max: usize, hold: Duration) -> Follower {
        Follower {
            client,
            range: prefix.all(),
            prefix,
            table: Table::new(nodes_max),
            nodes_max,
            position: None,
            must_read_all: false,
            stream: None,
            changes: VecDeque::new(),
            failures: 0,
            is_stale: false,
            hold,
            hold_until: None,
            noted: Noted::default(),
        }
    }

    /// Reads everything and begins to follow.
    ///
    /// # Errors
    /// When no member answers. It can be tried again.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        self.read_all(History::Unknown).await?;
        self.open().await
    }

    /// Waits for the next change. Not cancel safe: keep the future, as a stream does.
    pub(super) async fn next(&mut self) -> Change {
        loop {
            if let Some(change) = self.changes.pop_front() {
                return change;
            }
            if self.stream.is_some() {
                self.follow().await;
            } else {
                self.reconnect().await;
            }
        }
    }

    /// Takes in one answer of the stream, or lets go of what is held.
    async fn follow(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let hold_until = self.hold_until;
        tokio::select! {
            answer = stream.answers.message() => self.take(answer),
            () = sleep_until(hold_until.unwrap_or_else(Instant::now)), if hold_until.is_some() => self.let_go(),
        }
    }

    fn take(&mut self, answer: Result<Option<WatchResponse>, Status>) {
        match answer {
            Ok(Some(answer)) => match told(answer) {
                Told::Changes { until, changes } => self.edit(until, changes),
                Told::Progress(revision) => self.reached(revision),
                Told::Begun => {}
                Told::Compacted => {
                    tracing::info!("etcd has compacted changes away that were not seen yet, everything is read anew");
                    self.must_read_all = true;
                    self.stream = None;
                }
                Told::Ended(reason) => {
                    // It may be about the user, or about a member that has lost the others.
                    self.client.forget_token();
                    self.client.leave_member();
                    self.broken(&reason);
                }
            },
            Ok(None) => self.broken("it ended"),
            Err(status) => {
                let kind = Kind::of(&status);
                self.must_read_all |= kind == Kind::TooLarge;
                self.broken(&kind.to_string());
            }
        }
    }

    fn edit(&mut self, until: Option<i64>, changes: Vec<(Written, proto::etcd::mvccpb::KeyValue)>) {
        let edit = |(written, stored): (Written, proto::etcd::mvccpb::KeyValue)| match written {
            Written::Deleted => Edit::Delete(stored.key),
            Written::Put => {
                let key = stored.key.clone();
                match parse(&self.prefix, stored) {
                    Ok(stored) => Edit::Put(stored),
                    Err(reason) => {
                        self.noted.left_out(&key, &reason);
                        Edit::Delete(key)
                    }
                }
            }
        };
        let edits = changes.into_iter().map(edit).collect();
        self.changes.extend(self.table.apply(edits));
        if let Some(revision) = until {
            self.reached(revision);
        }
        if self.table.could_hold_more() {
            self.must_read_all = true;
            self.stream = None;
        }
    }

    fn reached(&mut self, revision: i64) {
        if let Some(position) = &mut self.position {
            position.revision = position.revision.max(revision);
        }
    }

    fn let_go(&mut self) {
        self.hold_until = None;
        let gone = self.table.drop_held();
        if gone > 0 {
            tracing::warn!(nodes = gone, "nodes that did not register again with the emptied etcd are gone");
        }
        self.tell_all();
    }

    fn broken(&mut self, reason: &str) {
        tracing::debug!(reason, "the watch of etcd broke");
        let lived = self.stream.take().map_or(Duration::ZERO, |stream| stream.since.elapsed());
        // One that breaks whenever it begins must not be begun as fast as that goes.
        self.failures = if lived < LIFE_MIN { self.failures.saturating_add(1) } else { 0 };
    }

    /// Goes on with a new stream, or says that what is known may be old.
    async fn reconnect(&mut self) {
        if self.failures > 0 {
            sleep(back_off::pause(self.failures, PAUSE, PAUSE_MAX)).await;
        }
        let was_stale = self.is_stale;
        let failure = match self.go_on().await {
            Ok(()) if was_stale => return tracing::info!("etcd is followed again"),
            Ok(()) => return,
            Err(failure) => failure,
        };
        self.failures = self.failures.saturating_add(1);
        if !was_stale {
            tracing::warn!(reason = %failure, "etcd is not reached, what is known stays; it is tried again");
            self.is_stale = true;
            self.changes.push_back(Change::Stale);
        }
    }

    async fn go_on(&mut self) -> Result<(), Failure> {
        let history = if self.must_read_all { History::Unknown } else { self.history().await? };
        match history {
            History::Same if self.is_stale => self.tell_all(),
            History::Same => {}
            History::Another | History::Unknown => self.read_all(history).await?,
        }
        self.open().await
    }

    /// Asks whether the etcd that answers has the history that is known. A table without nodes is read anew: that
    /// costs as little as to ask.
    async fn history(&self) -> Result<History, Failure> {
        let (Some(position), Some((key, stamp))) = (self.position, self.table.newest()) else {
            return Ok(History::Unknown);
        };
        let request =
            RangeRequest { key: key.to_vec(), revision: position.revision, keys_only: true, ..RangeRequest::default() };
        let answer = match self.client.range(request).await {
            Ok(answer) => answer,
            Err(Failure { kind: Kind::Compacted, .. }) => return Ok(History::Unknown),
            Err(Failure { kind: Kind::Future, .. }) => return Ok(History::Another),
            Err(failure) => return Err(failure),
        };
        let is_same_cluster = answer.header.is_some_and(|header| header.cluster_id == position.cluster);
        let is_same = is_same_cluster && answer.kvs.first().map(Stamp::of) == Some(stamp);
        Ok(if is_same { History::Same } else { History::Another })
    }

    /// Reads everything. An etcd that was emptied is told from one that went on: what it lost stays for a while.
    async fn read_all(&mut self, history: History) -> Result<(), Failure> {
        let (prefix, noted) = (&self.prefix, &mut self.noted);
        let parse = |found| keep(prefix, noted, found);
        let everything = read(&self.client, &self.range, Freshness::Cluster, self.nodes_max, parse).await?;
        let is_later = |known| is_later(&self.table, known, &everything);
        let is_another = history == History::Another || self.position.is_some_and(|known| !is_later(known));
        let Everything { cluster, revision, items } = everything;
        // What was held is held on: the time for it is set already.
        let held = self.table.replace(items, is_another || self.hold_until.is_some());
        if is_another && held > 0 {
            tracing::warn!(nodes = held, hold = ?self.hold, "etcd was emptied or replaced: its nodes stay until they had time to register again");
            self.hold_until = Some(Instant::now() + self.hold);
        }
        self.position = Some(Position { cluster, revision });
        self.must_read_all = false;
        self.tell_all();
        Ok(())
    }

    /// Tells everything, and that it may be old while something is held.
    fn tell_all(&mut self) {
        self.is_stale = self.hold_until.is_some();
        self.changes.push_back(Change::Resync(self.table.services()));
        self.changes.extend(self.is_stale.then_some(Change::Stale));
    }

    async fn open(&mut self) -> Result<(), Failure> {
        let known = self.position.map_or(0, |position| position.revision);
        let create = WatchCreateRequest {
            key: self.range.start.clone(),
            range_end: self.range.end.clone(),
            start_revision: known + 1,
            progress_notify: true,
            fragment: true,
        };
        let answers = self.client.watch(create).await?;
        self.stream = Some(Stream { answers, since: Instant::now() });
        Ok(())
    }
}

/// Reads one key; says so, once, where it is no node.
pub(super) fn keep(prefix: &Prefix, noted: &mut Noted, found: Found) -> Option<Stored> {
    let stored = match found {
        Found::Value(stored) => stored,
        Found::TooLarge(stored) => {
            noted.left_out(&stored.key, &Kind::TooLarge);
            return None;
        }
    };
    let key = stored.key.clone();
    parse(prefix, stored).inspect_err(|reason| noted.left_out(&key, reason)).ok()
}

/// Returns whether what was read may be a later state of what is known.
fn is_later(table: &Table, known: Position, read: &Everything<Stored>) -> bool {
    read.cluster == known.cluster && read.revision >= known.revision && table.may_become(&read.items, known.revision)
}
