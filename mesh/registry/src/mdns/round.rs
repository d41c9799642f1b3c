//! When a question is asked again.
//!
//! Nothing in the protocol says when a record ends, so what is known is asked for every ten seconds, and what stays
//! silent three times is gone. A question that was never answered is repeated at once, since packets are lost; one
//! about a node that refused a connection is asked three times within three seconds.

use std::time::Duration;

use tokio::time::Instant;

/// How often what is known is asked for.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// How many questions in a row go unanswered before what was asked for is gone.
pub(super) const SILENT_MAX: u8 = 3;
/// How long is waited for the first answers: as long as go-micro waits. Grows with each repetition.
const FIRST_WINDOW: Duration = Duration::from_millis(100);
/// How long is waited for the answers of what is known.
const WINDOW: Duration = Duration::from_secs(1);
/// How soon is asked again after a question that could not be sent.
const UNSENT_PAUSE: Duration = Duration::from_secs(1);

/// The times of one question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// When it is asked next; `None`: nobody wants to know.
    due: Option<Instant>,
    /// When the answers to the last one are looked at.
    judged: Option<Instant>,
    asked: Option<Instant>,
    /// How many were asked since anything was heard.
    silent: u8,
    /// How many more are asked in a hurry.
    hurry: u8,
    /// Whether the first answers had their time.
    settled: bool,
}

impl Round {
    /// Asks now, unless it is asked already.
    pub(super) fn begin(&mut self, now: Instant) {
        self.due.get_or_insert(now);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.due.is_some()
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Returns whether three questions in a row were not answered.
    pub(super) fn is_silent(&self) -> bool {
        self.silent >= SILENT_MAX
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn judged(&self) -> Option<Instant> {
        self.judged
    }

    /// Takes note that it was asked; `empty` says that nothing is known so far, `interval` when to ask again else.
    pub(super) fn ask(&mut self, now: Instant, empty: bool, interval: Duration) {
        self.asked = Some(now);
        self.silent = self.silent.saturating_add(1).min(SILENT_MAX);
        let first = FIRST_WINDOW * u32::from(self.silent);
        self.judged = Some(now + if empty || !self.settled { first } else { WINDOW });
        let pause = if self.hurry > 0 {
            self.hurry -= 1;
            WINDOW
        } else if empty && self.silent < SILENT_MAX {
            first
        } else {
            interval
        };
        self.due = Some(now + pause);
    }

    /// Takes note that it could not be asked: silence says nothing then.
    pub(super) fn unsent(&mut self, now: Instant) {
        self.silent = self.silent.saturating_sub(1);
        self.settled = true;
        self.due = Some(now + UNSENT_PAUSE);
    }

    /// Puts a question off that is due, since there are too many at once.
    pub(super) fn put_off(&mut self, until: Instant) {
        self.due = Some(until);
    }

    /// Takes note of an answer. The repetition of a question that was not answered before is not needed any more.
    pub(super) fn hear(&mut self, interval: Duration) {
        let first = self.silent > 0 && self.hurry == 0 && self.judged.is_some();
        self.silent = 0;
        if let (true, Some(asked)) = (first, self.asked) {
            self.due = Some(asked + interval);
        }
    }

    /// Takes note that the answers had their time; `calm` says that nothing is missing.
    pub(super) fn judge(&mut self, calm: bool, interval: Duration) {
        self.judged = None;
        if self.silent == 0 || self.is_silent() {
            self.settled = true;
        }
        if let (true, true, Some(asked)) = (calm, self.hurry > 0, self.asked) {
            self.hurry = 0;
            self.due = Some(asked + interval);
        }
    }

    /// Asks now and twice again, unless that goes on already.
    pub(super) fn suspect(&mut self, now: Instant) {
        if self.hurry == 0 && self.is_asked() {
            self.hurry = SILENT_MAX;
            self.due = Some(now);
        }
    }
}
