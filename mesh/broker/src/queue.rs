//! The queue of one subscriber: bounded in messages and in bytes.
//!
//! Who puts in asks for room first and is told; nothing waits in secret. Who takes out waits.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::broker::Delivery;
use crate::message::Message;

/// The bounds of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The most messages.
    pub(crate) messages: usize,
    /// The most bytes, as [`Message::weight`] counts. An empty queue takes any one message.
    pub(crate) bytes: usize,
}

impl Bounds {
    /// 1,024 messages, 16 MiB: some seconds of a busy topic.
    pub(crate) const DEFAULT: Bounds = Bounds { messages: 1024, bytes: 16 * 1024 * 1024 };
}

impl Bounds {
    fn fit(&self, state: &State, weight: usize) -> bool {
        state.messages.is_empty()
            || (state.messages.len() < self.messages && state.bytes.saturating_add(weight) <= self.bytes)
    }
}

/// A message on its way to several queues.
pub(crate) type Shared = Arc<(Arc<str>, Message)>;

#[derive(Debug)]
pub(crate) struct Queue {
    bounds: Bounds,
    state: Mutex<State>,
    /// Something came, or the end.
    changed: Notify,
    /// Something was taken out, or the end came.
    taken: Notify,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Shared>,
    bytes: usize,
    is_closed: bool,
    /// Since when messages are refused.
    full_since: Option<Instant>,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Queue {
        Queue { bounds, state: Mutex::default(), changed: Notify::new(), taken: Notify::new() }
    }

    /// Says whether a message of that weight fits. Notes since when none does.
    pub(crate) fn has_room(&self, weight: usize) -> bool {
        let mut state = self.state.lock();
        let fits = self.bounds.fit(&state, weight);
        if !fits {
            state.full_since.get_or_insert_with(Instant::now);
        }
        fits
    }

    /// Returns how long messages have been refused without one being taken out.
    pub(crate) fn refused_for(&self) -> Duration {
        self.state.lock().full_since.map(|since| since.elapsed()).unwrap_or_default()
    }

    /// Adds a message for which there is room. What comes after the end is dropped.
    pub(crate) fn push(&self, message: Shared) {
        let mut state = self.state.lock();
        if !state.is_closed {
            state.bytes += message.1.weight();
            state.messages.push_back(message);
            self.changed.notify_one();
        }
    }

    /// Adds a message; waits for room, at most that long. Returns whether it was added, or came after the end. Cancel
    /// safe: the message is added or it is not.
    pub(crate) async fn push_within(&self, message: Shared, within: Duration) -> bool {
        let weight = message.1.weight();
        let room = async {
            loop {
                let mut taken = pin!(self.taken.notified());
                taken.as_mut().enable(); // before the look, so that nothing is missed between it and the wait
                if self.try_push(&message, weight) {
                    return;
                }
                taken.await;
            }
        };
        timeout(within, room).await.is_ok()
    }

    fn try_push(&self, message: &Shared, weight: usize) -> bool {
        let mut state = self.state.lock();
        if state.is_closed {
            return true;
        }
        let fits = self.bounds.fit(&state, weight);
        if fits {
            state.bytes += weight;
            state.messages.push_back(Arc::clone(message));
            self.changed.notify_one();
        }
        fits
    }

    /// Ends the queue: what is in it is still taken out, nothing comes any more.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
        self.taken.notify_waiters();
    }

    /// Waits for the next message; `None` after the end. One taker only. Cancel safe.
    pub(crate) async fn next(&self) -> Option<Delivery> {
        loop {
            {
                let mut state = self.state.lock();
                if let Some(message) = state.messages.pop_front() {
                    state.bytes -= message.1.weight();
                    state.full_since = None;
                    self.taken.notify_waiters();
                    let (topic, message) = Arc::unwrap_or_clone(message);
                    return Some(Delivery::new(topic, message));
                }
                if state.is_closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }
}
