//! The connections of one worker, so that they can be listed, timed out and drained.
//!
//! Nothing is registered per request: a sweep twice a second looks at every connection and compares what moved.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_exchange::{Cause, Peer};
use gateway_snapshot::{Listener, ListenerId};
use tokio::sync::Notify;

use crate::stream::{Progress, Spoken};

/// How often connections are looked at: timeouts are this much late at most.
pub(crate) const SWEEP: Duration = Duration::from_millis(500);
/// How long an exchange may go on without a byte moving, where no deadline ends it earlier.
const STALL: Duration = Duration::from_secs(300);

/// How a connection is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// With its next response, or now if it rests.
    Finish,
    /// At once, for this reason.
    End(Cause),
}

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
    /// When the sweep last saw that a byte had moved.
    changed: Cell<Instant>,
    /// Bytes read when the last exchange ended: more means that the next head has begun to arrive.
    read_at_rest: Cell<u64>,
    head_since: Cell<Option<Instant>>,
    told: Cell<Option<Told>>,
    tell: Notify,
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
            told: Cell::new(None),
            tell: Notify::new(),
        }
    }

    /// Notes that an exchange begins; it ends when the guard is dropped.
    pub(crate) fn begin_exchange(self: &Rc<Self>) -> InExchange {
        self.exchanges.set(self.exchanges.get() + 1);
        self.in_exchange.set(self.in_exchange.get() + 1);
        self.head_since.set(None);
        InExchange(Rc::clone(self))
    }

    pub(crate) fn in_exchange(&self) -> u32 {
        self.in_exchange.get()
    }

    /// Tells the connection to end. What was told last counts.
    pub(crate) fn tell(&self, told: Told) {
        self.told.set(Some(told));
        self.tell.notify_one();
    }

    /// Waits until the connection is told to end.
    pub(crate) async fn told(&self) -> Told {
        self.tell.notified().await;
        self.told.get().unwrap_or(Told::End(Cause::Internal))
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
        connection.read_at_rest.set(connection.progress.bytes().0);
    }
}

/// The live connections of one worker.
#[derive(Debug, Default)]
pub(crate) struct Live {
    connections: RefCell<HashMap<u64, Rc<Connection>>>,
    of_listener: RefCell<HashMap<ListenerId, usize>>,
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

    /// Returns how many connections a listener has.
    pub(crate) fn len_of(&self, listener: &ListenerId) -> usize {
        self.of_listener.borrow().get(listener).copied().unwrap_or(0)
    }

    /// Adds a connection until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>, connection: Rc<Connection>) -> Entered {
        let (id, counted) = (connection.id, self.count(&connection.listener.id));
        self.connections.borrow_mut().insert(id, connection);
        Entered { counted, id }
    }

    /// Counts a connection of a listener until the guard is dropped: one that was upgraded takes room too.
    pub(crate) fn count(self: &Rc<Self>, listener: &ListenerId) -> Counted {
        *self.of_listener.borrow_mut().entry(ListenerId::clone(listener)).or_default() += 1;
        Counted { live: Rc::clone(self), listener: ListenerId::clone(listener) }
    }

    /// Ends what has taken too long.
    pub(crate) fn sweep(&self, now: Instant) {
        for connection in self.connections.borrow().values() {
            if let Some(cause) = connection.overdue(now) {
                connection.tell(Told::End(cause));
            }
        }
    }

    /// Tells all connections to finish.
    pub(crate) fn finish(&self, concerned: impl Fn(&Connection) -> bool) {
        let connections = self.connections.borrow();
        connections
            .values()
            .filter(|connection| concerned(connection))
            .for_each(|connection| connection.tell(Told::Finish));
    }

    pub(crate) fn all(&self) -> Vec<Rc<Connection>> {
        self.connections.borrow().values().map(Rc::clone).collect()
    }
}

/// See [`Live::enter`].
#[derive(Debug)]
pub(crate) struct Entered {
    counted: Counted,
    id: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.counted.live.connections.borrow_mut().remove(&self.id);
    }
}

/// See [`Live::count`].
#[derive(Debug)]
pub(crate) struct Counted {
    live: Rc<Live>,
    listener: ListenerId,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.live.of_listener.borrow_mut();
        if let Some(count) = counts.get_mut(&self.listener) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.listener);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(live: &Live) -> Rc<Connection> {
        const DOCUMENT: &str = r#"
version: micro/v1
listeners: { web: { address: "127.0.0.1:0", routes: r, limits: { header_timeout: 10s, idle_timeout: 60s } } }
routes: { r: [{ match: { path: / }, handler: { respond: {} } }] }
"#;
        let loaded = config_schema::load(&config_schema::Layers::text("gateway.yaml", DOCUMENT)).unwrap();
        let compiled = gateway_snapshot::compile(Arc::new(loaded)).unwrap();
        let listener = Arc::clone(&compiled.snapshot.listeners["web"]);
        Rc::new(Connection::new(live.next_id(), ([127, 0, 0, 1], 9).into(), listener, Arc::default()))
    }

    #[test]
    fn a_connection_is_in_the_table_for_as_long_as_it_lives() {
        let live = Rc::new(Live::default());
        let (first, second) = (connection(&live), connection(&live));
        let listener = Arc::clone(&first.listener.id);
        let (entered, tunnel) = (live.enter(first), live.count(&listener));
        let other = live.enter(second);
        assert_eq!((live.len(), live.len_of(&listener), live.all().len()), (2, 3, 2));
        drop((entered, tunnel));
        assert_eq!((live.len(), live.len_of(&listener)), (1, 1));
        drop(other);
        assert_eq!((live.len(), live.len_of(&listener)), (0, 0));
    }

    #[test]
    fn what_takes_too_long_must_end() {
        let connection = connection(&Live::default());
        let start = connection.since;
        let at = |seconds: u64| connection.overdue(start + Duration::from_secs(seconds));
        assert_eq!((at(9), at(10)), (None, Some(Cause::HeadTimeout)), "the first head counts from acceptance");
        let exchange = connection.begin_exchange();
        assert_eq!((at(300), at(301)), (None, Some(Cause::ClientGone)), "nothing moves in an exchange");
        drop(exchange);
        let rest = connection.changed.get();
        let after = |seconds: u64| connection.overdue(rest + Duration::from_secs(seconds));
        assert_eq!((after(60), after(61)), (None, Some(Cause::IdleTimeout)));
    }
}
