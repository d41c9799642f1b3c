//! A message to all who should have it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use mesh_registry::Registry;
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::SERVICE;
use super::members::{Group, Member};
use super::post::{Outcome, Poster};
use crate::broker::{Origin, PublishError, Unavailable};

/// How long one try may take, so that there is time for another. No try begins that has less.
const TRY_TIMEOUT: Duration = Duration::from_millis(2500);

/// How long to wait for a queue that was full; doubles up to [`FULL_PAUSE_MAX`].
const FULL_PAUSE: Duration = Duration::from_millis(50);
const FULL_PAUSE_MAX: Duration = Duration::from_millis(800);

/// How long a member is left out that did not answer in time.
const SILENT_FOR: Duration = Duration::from_secs(10);

/// For how long a member that could not be reached is no news.
const COMPLAIN_EVERY: Duration = Duration::from_mins(1);

/// The most members about which something is noted; beyond that all notes are forgotten.
const NOTES_MAX: usize = 4096;

#[derive(Debug)]
pub(super) struct Deliverer {
    registry: Arc<dyn Registry>,
    poster: Poster,
    within: Duration,
    notes: Mutex<HashMap<String, Note>>,
}

/// What is known of a member that failed.
#[derive(Debug, Clone, Copy)]
struct Note {
    complained: Instant,
    left_out_until: Instant,
}

impl Deliverer {
    pub(super) fn new(registry: Arc<dyn Registry>, within: Duration) -> Deliverer {
        Deliverer { registry, poster: Poster::new(), within, notes: Mutex::default() }
    }

    /// Delivers to one of each queue and to all without one. All groups are tried, whatever comes of one.
    pub(super) async fn deliver(&self, topic: &str, groups: Vec<Group>, envelope: Bytes) -> Result<(), PublishError> {
        let deadline = Instant::now() + self.within;
        let results = join_all(groups.into_iter().map(|group| self.deliver_group(group, envelope.clone(), deadline)));
        let mut unavailable = None;
        for result in results.await {
            match result {
                Ok(()) => {}
                Err(Failure::Full(reason)) => return Err(PublishError::Full { topic: topic.to_owned(), reason }),
                Err(Failure::Unavailable(reason)) => unavailable = Some(reason),
            }
        }
        match unavailable {
            Some(reason) => Err(Unavailable::new(Origin::HTTP, reason).into()),
            None => Ok(()),
        }
    }

    async fn deliver_group(&self, group: Group, envelope: Bytes, deadline: Instant) -> Result<(), Failure> {
        let members = self.without_silent(group.members);
        match group.queue {
            Some(queue) => self.to_one(&queue, members, envelope, deadline).await,
            None => self.to_all(&members, envelope, deadline).await,
        }
    }

    /// Delivers to one member, chosen by chance; to another where that one does not take it.
    async fn to_one(
        &self,
        queue: &str,
        mut members: Vec<Member>,
        envelope: Bytes,
        deadline: Instant,
    ) -> Result<(), Failure> {
        fastrand::shuffle(&mut members);
        let mut pause = FULL_PAUSE;
        loop {
            let mut is_full = false;
            for member in &members {
                match self.attempt(member, envelope.clone(), deadline).await {
                    Outcome::Taken => return Ok(()),
                    Outcome::Full => is_full = true,
                    Outcome::Refused(_) | Outcome::Gone(_) | Outcome::Silent => {}
                }
            }
            if !is_full {
                return Err(Failure::Unavailable(format!("no member of queue {queue:?} takes the message")));
            }
            if Instant::now() + pause + TRY_TIMEOUT >= deadline {
                return Err(Failure::Full(format!("the members of queue {queue:?} take nothing")));
            }
            sleep(pause).await;
            pause = (pause * 2).min(FULL_PAUSE_MAX);
        }
    }

    async fn to_all(&self, members: &[Member], envelope: Bytes, deadline: Instant) -> Result<(), Failure> {
        let each = members.iter().map(|member| self.until_taken(member, envelope.clone(), deadline));
        let outcomes = join_all(each).await;
        let full = outcomes.iter().filter(|outcome| **outcome == Outcome::Full).count();
        if full > 0 {
            let all = outcomes.len();
            return Err(Failure::Full(format!("{full} of {all} members without a queue take nothing")));
        }
        if outcomes.contains(&Outcome::Taken) {
            return Ok(());
        }
        Err(Failure::Unavailable(format!("none of {} members without a queue takes the message", outcomes.len())))
    }

    /// Tries a member again while it is full.
    async fn until_taken(&self, member: &Member, envelope: Bytes, deadline: Instant) -> Outcome {
        let mut pause = FULL_PAUSE;
        loop {
            let outcome = self.attempt(member, envelope.clone(), deadline).await;
            if outcome != Outcome::Full || Instant::now() + pause + TRY_TIMEOUT >= deadline {
                return outcome;
            }
            sleep(pause).await;
            pause = (pause * 2).min(FULL_PAUSE_MAX);
        }
    }

    async fn attempt(&self, member: &Member, envelope: Bytes, deadline: Instant) -> Outcome {
        let left = deadline.saturating_duration_since(Instant::now());
        let outcome = self.poster.post(member, envelope, left.min(TRY_TIMEOUT)).await;
        match &outcome {
            Outcome::Taken => {
                self.notes.lock().remove(&member.id);
            }
            Outcome::Full => {}
            Outcome::Refused(reason) => self.complain(member, reason, false),
            Outcome::Gone(reason) => {
                self.registry.suspect(SERVICE);
                self.complain(member, reason, false);
            }
            Outcome::Silent => self.complain(member, "it does not answer in time, it is left out for a while", true),
        }
        outcome
    }

    /// Says once a minute for each member what is wrong with it.
    fn complain(&self, member: &Member, reason: &str, is_silent: bool) {
        let now = Instant::now();
        let mut notes = self.notes.lock();
        if notes.len() >= NOTES_MAX {
            notes.clear();
        }
        let known = notes.get(&member.id).copied();
        let is_news = known.is_none_or(|note| now.duration_since(note.complained) >= COMPLAIN_EVERY);
        let complained = if is_news { now } else { known.map_or(now, |note| note.complained) };
        let left_out_until = if is_silent { now + SILENT_FOR } else { now };
        notes.insert(member.id.clone(), Note { complained, left_out_until });
        drop(notes);
        if is_news {
            let Member { id, address } = member;
            tracing::warn!(member = id, address, reason, "a subscriber does not take a message");
        }
    }

    /// Leaves out the members that were silent a moment ago, unless all were.
    fn without_silent(&self, members: Vec<Member>) -> Vec<Member> {
        let (now, notes) = (Instant::now(), self.notes.lock());
        let is_left_out = |member: &Member| notes.get(&member.id).is_some_and(|note| note.left_out_until > now);
        let (silent, others): (Vec<Member>, Vec<Member>) = members.into_iter().partition(is_left_out);
        if others.is_empty() { silent } else { others }
    }
}

/// Why a group does not have the message.
enum Failure {
    Full(String),
    Unavailable(String),
}
