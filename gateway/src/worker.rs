//! A worker: one thread with a runtime of its own, its own listening sockets, connections, pools and timers.
//!
//! It shares nothing with others on the request path but the published configuration, which it reads through a cache,
//! and its counters, which others only read.

mod mailbox;

pub(crate) use mailbox::Mail;
pub use mailbox::{ConnectionReport, WorkerReport};

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_handler::Publisher;
use gateway_snapshot::{Listener, ListenerId, Published};
use gateway_upstream::Upstreams;
use tokio::sync::{broadcast, mpsc};
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use crate::access_log::{AccessLog, Added, BATCH_AGE_MAX, Batch, Format, Line};
use crate::connection;
use crate::live::{Live, SWEEP};
use crate::metrics::{RouteCells, WorkerMetrics};
use crate::stream::Spoken;
use crate::wheel::Timer;

/// How many messages of the control plane may wait; it waits when the mailbox is full.
const MAILBOX: usize = 64;
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where the names of clusters go of which an endpoint could not be reached. Whoever reads too slowly misses some: they
/// are named again with the next failure.
pub(crate) type Suspects = broadcast::Sender<Arc<str>>;

/// How far a worker is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It serves.
    Serving,
    /// It accepts no more; its connections end with their next response, and may take their time.
    Retired,
    /// The process ends: idle connections are closed, busy ones end with their response.
    Draining,
}

/// What an exchange sees of the configuration, prepared once per change.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) published: Arc<Published>,
    pub(crate) access_format: Option<Format>,
    cells: HashMap<ListenerId, Vec<Arc<RouteCells>>>,
}

impl View {
    fn new(published: Arc<Published>, metrics: &WorkerMetrics) -> Self {
        let snapshot = published.snapshot();
        let cells = snapshot.listeners.iter().map(|(id, listener)| {
            (Arc::clone(id), listener.routes.iter().map(|route| metrics.route(&route.id)).collect())
        });
        Self {
            cells: cells.collect(),
            access_format: crate::telemetry::format(&snapshot.telemetry.access_log),
            published,
        }
    }

    /// Returns the counters of a route.
    pub(crate) fn cells(&self, listener: &ListenerId, route: usize) -> Option<Arc<RouteCells>> {
        self.cells.get(listener)?.get(route).map(Arc::clone)
    }
}

/// What all tasks of a worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) upstreams: Upstreams,
    pub(crate) timer: Timer,
    pub(crate) live: Rc<Live>,
    pub(crate) metrics: Arc<WorkerMetrics>,
    access_log: Batch,
    pub(crate) tasks: TaskTracker,
    published: RefCell<arc_swap::Cache<Arc<gateway_snapshot::Cell>, Arc<Published>>>,
    view: RefCell<Rc<View>>,
    suspects: Suspects,
    pub(crate) publisher: Publisher,
    closing: Cell<bool>,
}

/// What a worker is started with.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) published: Arc<gateway_snapshot::Cell>,
    pub(crate) metrics: Arc<WorkerMetrics>,
    pub(crate) access_log: AccessLog,
    pub(crate) suspects: Suspects,
    pub(crate) publisher: Publisher,
}

/// The control plane's end of a worker.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) mailbox: mpsc::Sender<Mail>,
    pub(crate) thread: std::thread::JoinHandle<()>,
}

/// Starts a worker's thread.
///
/// # Errors
/// Fails when no thread or runtime can be started.
pub(crate) fn start(seat: Seat) -> io::Result<Handle> {
    let (mailbox, mail) = mpsc::channel(MAILBOX);
    let (started, outcome) = std::sync::mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name(format!("worker-{}", seat.index)).spawn(move || {
        // Made here, because a LocalRuntime stays on the thread that made it.
        let options = tokio::runtime::LocalOptions::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(options);
        let (runtime, outcome) = match runtime {
            Ok(runtime) => (Some(runtime), Ok(())),
            Err(error) => (None, Err(error)),
        };
        let told = started.send(outcome).is_ok();
        if let Some(runtime) = runtime.filter(|_| told) {
            runtime.block_on(Worker::new(seat).run(mail));
        }
    })?;
    outcome.recv().map_err(|_| io::Error::other("the worker's thread ended"))??;
    Ok(Handle { mailbox, thread })
}

impl Worker {
    fn new(seat: Seat) -> Rc<Self> {
        let mut published = arc_swap::Cache::new(seat.published);
        let view = Rc::new(View::new(Arc::clone(published.load()), &seat.metrics));
        let upstreams = Upstreams::default();
        upstreams.update(&view.published.services);
        Rc::new(Self {
            upstreams,
            timer: Timer::new(),
            live: Rc::default(),
            metrics: seat.metrics,
            access_log: Batch::new(seat.access_log),
            tasks: TaskTracker::new(),
            published: RefCell::new(published),
            view: RefCell::new(view),
            suspects: seat.suspects,
            publisher: seat.publisher,
            closing: Cell::new(false),
        })
    }

    /// Returns the newest configuration. One atomic load; the rest is this worker's own.
    pub(crate) fn view(&self) -> Rc<View> {
        let mut published = self.published.borrow_mut();
        let newest = published.load();
        let mut view = self.view.borrow_mut();
        if !Arc::ptr_eq(newest, &view.published) {
            let next = View::new(Arc::clone(newest), &self.metrics);
            if !Arc::ptr_eq(&next.published.services, &view.published.services) {
                self.upstreams.update(&next.published.services);
            }
            *view = Rc::new(next);
        }
        Rc::clone(&view)
    }

    /// Writes a line of the access log, with others or after a moment.
    pub(crate) fn log(self: &Rc<Self>, line: &Line<'_>, format: Format) {
        match self.access_log.add(line, format) {
            Added::More => {}
            Added::Dropped(lines) => self.metrics.records_dropped.add(lines),
            Added::First => {
                let worker = Rc::clone(self);
                self.tasks.spawn_local(async move {
                    worker.timer.sleep_until(Instant::now() + BATCH_AGE_MAX).await;
                    worker.metrics.records_dropped.add(worker.access_log.hand_over());
                });
            }
        }
    }

    /// Returns whether connections are to end with their next response.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// HTTP/1.1 connections of a retired worker end with their next response; one that rests is left alone, because
    /// its client may be about to ask. HTTP/2 can say goodbye without a loss at any time.
    fn enter(&self, phase: Phase) {
        self.closing.set(phase > Phase::Serving);
        match phase {
            Phase::Serving => {}
            Phase::Retired => self.live.finish(|connection| connection.spoken.get() == Spoken::Http2),
            Phase::Draining => self.live.finish(|_| true),
        }
    }

    async fn run(self: Rc<Self>, mut mail: mpsc::Receiver<Mail>) {
        let mut accepting: HashMap<ListenerId, Vec<AbortHandle>> = HashMap::new();
        self.tasks.spawn_local(self.timer.clone().run());
        let mut orphaned = false;
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                message = mail.recv(), if !orphaned => match message {
                    Some(message) => self.read(message, &mut accepting),
                    None if self.is_closing() => break, // the time to drain has passed
                    // The control plane is gone without a word: what is served is served on (design 2.4).
                    None => orphaned = true,
                },
                _ = sweep.tick() => {
                    let now = Instant::now();
                    self.live.sweep(now);
                    self.upstreams.sweep(now);
                    self.tell_suspects();
                    if self.is_closing() && self.is_idle() {
                        break;
                    }
                }
            }
        }
    }

    fn tell_suspects(&self) {
        for cluster in self.upstreams.take_refused() {
            if self.suspects.send(cluster).is_err() {
                return; // no registry is followed
            }
        }
    }

    /// Returns whether no connection and no tunnel is left.
    fn is_idle(&self) -> bool {
        self.live.len() == 0 && self.metrics.tunnels.get() == self.metrics.tunnels_closed.get()
    }

    fn read(self: &Rc<Self>, message: Mail, accepting: &mut HashMap<ListenerId, Vec<AbortHandle>>) {
        match message {
            Mail::Wake => drop(self.view()),
            Mail::Listen { id, sockets } => {
                let tasks = sockets.into_iter().filter_map(|socket| self.accept_on(&id, socket)).collect();
                for old in accepting.insert(id, tasks).into_iter().flatten() {
                    old.abort();
                }
            }
            Mail::Close { id } => accepting.remove(&id).into_iter().flatten().for_each(|task| task.abort()),
            Mail::Enter(phase) => {
                if phase > Phase::Serving {
                    accepting.drain().flat_map(|(_, tasks)| tasks).for_each(|task| task.abort());
                }
                self.enter(phase);
            }
            Mail::Inspect(reply) => {
                // Whoever asked may have given up waiting.
                drop(reply.send(self.report()));
            }
        }
    }

    fn accept_on(self: &Rc<Self>, id: &ListenerId, socket: std::net::TcpListener) -> Option<AbortHandle> {
        match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => {
                let (worker, id) = (Rc::clone(self), Arc::clone(id));
                Some(self.tasks.spawn_local(async move { worker.accept(&id, &socket).await }).abort_handle())
            }
            Err(error) => {
                tracing::error!(%error, listener = %id, "a socket could not be used");
                None
            }
        }
    }

    /// Accepts for as long as it is polled; an error of one connection or of the moment ends nothing.
    async fn accept(self: Rc<Self>, id: &ListenerId, socket: &tokio::net::TcpListener) {
        loop {
            match socket.accept().await {
                Ok((stream, peer)) => match self.listener(id) {
                    Some(listener) if self.has_room(&listener) => connection::accept(&self, &listener, stream, peer),
                    _ => self.metrics.refused.add(1),
                },
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, listener = %id, "accepting failed; it goes on shortly");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn listener(&self, id: &ListenerId) -> Option<Arc<Listener>> {
        self.view().published.snapshot().listeners.get(id).map(Arc::clone)
    }

    /// The limit of a listener is for all workers; each takes its share.
    fn has_room(&self, listener: &Listener) -> bool {
        let workers = self.view().published.snapshot().workers.max(1);
        self.live.len_of(&listener.id) < listener.limits.connections.div_ceil(workers)
    }

    fn report(&self) -> WorkerReport {
        let now = Instant::now();
        WorkerReport {
            connections: self.live.all().iter().map(|connection| ConnectionReport::of(connection, now)).collect(),
            clusters: self.upstreams.report(now),
            generation: self.view().published.snapshot().generation,
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
