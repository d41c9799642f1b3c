//! The connections of one worker, so that they can be listed, timed out and drained.
//!
//! Nothing is registered per request: a sweep twice a second looks at every connection and compares what moved.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_exchange::{Cause, Peer};
use gateway_snapshot::Listener;
use tokio::sync::Notify;

use crate::stream::{Progress, Spoken};

/// How often connections are looked at: timeouts are this much late at most.
pub(crate) const SWEEP: Duration = Duration::from_millis(500);
/// How long an exchange may go on without a byte moving, where no deadline ends it earlier.
const STALL: Duration = Duration::from_secs(300);

/// One accepted connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    pub(crate) peer: Peer,
    /// The listener as it was when the connection was accepted: its limits hold for as long as the connection does.
    pub(crate) listener: Arc<Listener>,
    pub(crate) since: Instant,
    pub(crate) progress: Arc<Progress>,
    pub(crate) spoken: Cell<Spoken>,
    pub(crate) exchanges: Cell<u64>,
    in_exchange: Cell<u32>,
    /// When something last happened: a byte moved, an exchange began or ended.
    changed: Cell<Instant>,
    /// Bytes read when the last exchange ended: more means that the next head has begun to arrive.
    read_at_rest: Cell<u64>,
    head_since: Cell<Option<Instant>>,
    ended: Cell<Option<Cause>>,
    end: Notify,
}

impl Connection {
    pub(crate) fn new(id: u64, peer: Peer, listener: Arc<Listener>, progress: Arc<Progress>) -> Self {
        let now = Instant::now();
        Self {
            id,
            peer,
            listener,
            since: now,
            progress,
            spoken: Cell::new(Spoken::Http1),
            exchanges: Cell::new(0),
            in_exchange: Cell::new(0),
            changed: Cell::new(now),
            read_at_rest: Cell::new(0),
            // The first head is timed from the moment of acceptance.
            head_since: Cell::new(Some(now)),
            ended: Cell::new(None),
            end: Notify::new(),
        }
    }

    /// Notes that an exchange begins; it ends when the guard is dropped.
    pub(crate) fn begin_exchange(self: &Rc<Self>, now: Instant) -> InExchange {
        self.exchanges.set(self.exchanges.get() + 1);
        self.in_exchange.set(self.in_exchange.get() + 1);
        self.head_since.set(None);
        self.changed.set(now);
        InExchange(Rc::clone(self))
    }

    pub(crate) fn in_exchange(&self) -> u32 {
        self.in_exchange.get()
    }

    /// Ends the connection at once.
    pub(crate) fn close(&self, cause: Cause) {
        self.ended.set(Some(cause));
        self.end.notify_one();
    }

    /// Waits until the connection is to end, and returns why.
    pub(crate) async fn closed(&self) -> Cause {
        self.end.notified().await;
        self.ended.get().unwrap_or(Cause::Internal)
    }

    /// Returns why the connection must end now, if it must.
    fn overdue(&self, now: Instant) -> Option<Cause> {
        if self.progress.take_moved() {
            self.changed.set(now);
        }
        let rest = now.saturating_duration_since(self.changed.get());
        if self.in_exchange.get() > 0 {
            return (rest > STALL).then_some(Cause::ClientGone);
        }
        let limits = &self.listener.limits;
        let head_begun = self.spoken.get() == Spoken::Http1 && self.progress.bytes().0 > self.read_at_rest.get();
        if head_begun && self.head_since.get().is_none() {
            self.head_since.set(Some(now));
        }
        let slow_head =
            self.head_since.get().is_some_and(|since| now.saturating_duration_since(since) >= limits.header_timeout);
        if slow_head {
            return Some(Cause::HeadTimeout);
        }
        (rest > limits.idle_timeout).then_some(Cause::IdleTimeout)
    }
}

/// See [`Connection::begin_exchange`].
#[derive(Debug)]
pub(crate) struct InExchange(Rc<Connection>);

impl InExchange {
    pub(crate) fn peer(&self) -> &Peer {
        &self.0.peer
    }
}

impl Drop for InExchange {
    fn drop(&mut self) {
        let connection = &self.0;
        connection.in_exchange.set(connection.in_exchange.get().saturating_sub(1));
        connection.changed.set(Instant::now());
        connection.read_at_rest.set(connection.progress.bytes().0);
    }
}

/// The live connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Live {
    connections: RefCell<HashMap<u64, Rc<Connection>>>,
    next: Cell<u64>,
}

impl Live {
    pub(crate) fn next_id(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }

    pub(crate) fn len(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Adds a connection until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>, connection: Rc<Connection>) -> Entered {
        let id = connection.id;
        self.connections.borrow_mut().insert(id, connection);
        Entered { live: Rc::clone(self), id }
    }

    /// Ends what has taken too long.
    pub(crate) fn sweep(&self, now: Instant) {
        for connection in self.connections.borrow().values() {
            if let Some(cause) = connection.overdue(now) {
                connection.close(cause);
            }
        }
    }

    pub(crate) fn all(&self) -> Vec<Rc<Connection>> {
        self.connections.borrow().values().map(Rc::clone).collect()
    }
}

/// See [`Live::enter`].
#[derive(Debug)]
pub(crate) struct Entered {
    live: Rc<Live>,
    id: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.live.connections.borrow_mut().remove(&self.id);
    }
}
