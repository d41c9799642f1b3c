//! Whether the server is there, and what was said about it.

use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::Event;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

/// How often it is said that a subscriber is too slow.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct State {
    connected: watch::Sender<bool>,
    /// Whether it was away, so that its return is news.
    was_away: AtomicBool,
    has_confirmed: AtomicBool,
    never_confirms: AtomicBool,
    complained: Mutex<Option<Instant>>,
}

impl State {
    /// Takes note of an event, and says what is news.
    pub(super) fn follow(&self, event: &Event, places: &str) {
        match event {
            Event::Connected => {
                self.connected.send_replace(true);
                if self.was_away.swap(false, Ordering::Relaxed) {
                    tracing::info!(places, "NATS is back");
                }
            }
            Event::Disconnected | Event::Closed => {
                self.connected.send_replace(false);
                self.away(places, event);
            }
            Event::SlowConsumer(_) => {
                let mut complained = self.complained.lock();
                if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_EVERY) {
                    *complained = Some(Instant::now());
                    tracing::warn!("a subscriber of NATS is too slow and loses messages");
                }
            }
            Event::ClientError(_) if !self.is_connected() => self.away(places, event),
            Event::ServerError(_) | Event::ClientError(_) => tracing::warn!(%event, "NATS reports"),
            Event::LameDuckMode | Event::Draining => tracing::debug!(%event, "NATS reports"),
        }
    }

    fn away(&self, places: &str, event: &Event) {
        if !self.was_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(places, %event, "NATS cannot be reached, it is tried again");
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// Waits until the server is there. Cancel safe.
    pub(super) async fn connected(&self) {
        let mut connected = self.connected.subscribe();
        // The sender lives as long as this.
        if connected.wait_for(|is_connected| *is_connected).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns whether the server says what it has read, as far as is known.
    pub(super) fn confirms(&self) -> bool {
        !self.never_confirms.load(Ordering::Relaxed)
    }

    pub(super) fn has_confirmed(&self) -> bool {
        self.has_confirmed.load(Ordering::Relaxed)
    }

    pub(super) fn confirmed(&self) {
        self.has_confirmed.store(true, Ordering::Relaxed);
    }

    /// Gives up to ask, with one line in the log.
    pub(super) fn never_confirms(&self) {
        if !self.never_confirms.swap(true, Ordering::Relaxed) {
            tracing::warn!("NATS does not confirm: a publication counts as done when it is written to the connection");
        }
    }
}
