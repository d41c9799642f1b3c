//! The thread that serves the admin API: accept loops of our own, with bounds that `axum::serve` does not set.

use std::io;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{self, Subject};

/// The most connections at once: a scraper, a probe and some people. Further ones wait in the listener's queue.
const CONNECTIONS_MAX: usize = 64;
/// How long a request head may take, and how long a connection may rest between requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of a request head; hyper allows no less than 8 KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long a connection may last, so that one whose client does not read cannot stay for ever.
const AGE_MAX: Duration = Duration::from_secs(15 * 60);
/// How long accepting rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How many moves to other addresses may wait.
const MOVES: usize = 4;
/// How long exchanges may go on once the end was asked for.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the admin API cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("the thread of the admin API cannot be started")]
pub struct StartError(#[from] io::Error);

/// The admin API as it runs. Dropping it ends the API; [`Admin::stop`] waits for it.
#[derive(Debug)]
pub struct Admin {
    sockets: mpsc::Sender<Vec<StdListener>>,
    shutdown: CancellationToken,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Admin {
    /// Starts the thread. It answers once it is given sockets.
    ///
    /// # Errors
    /// Fails when the system gives no thread or no runtime.
    pub fn start(subject: Subject) -> Result<Self, StartError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sockets, given) = mpsc::channel(MOVES);
        let shutdown = CancellationToken::new();
        let ended = shutdown.clone();
        let thread = thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || runtime.block_on(serve(given, subject, ended)))?;
        Ok(Self { sockets, shutdown, thread: Mutex::new(Some(thread)) })
    }

    /// Listens on these from now on and no more on those before; exchanges on these end in their own time.
    /// An empty list: nothing is listened on.
    ///
    /// Returns false when it was told twice before it could follow, or has ended.
    pub fn listen(&self, sockets: Vec<StdListener>) -> bool {
        self.sockets.try_send(sockets).is_ok()
    }

    /// Ends the API and waits for that, two seconds at most. Blocks. Later calls do nothing.
    pub fn stop(&self) {
        self.shutdown.cancel();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread of the admin API ended in a panic");
        }
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn serve(mut given: mpsc::Receiver<Vec<StdListener>>, subject: Subject, shutdown: CancellationToken) {
    let (free, connections) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), TaskTracker::new());
    let router = api::router(subject, connections.clone());
    let mut listening = CancellationToken::new();
    loop {
        let sockets = tokio::select! {
            () = shutdown.cancelled() => break,
            sockets = given.recv() => match sockets {
                Some(sockets) => sockets,
                None => break,
            },
        };
        listening.cancel();
        listening = shutdown.child_token();
        for socket in sockets {
            let Ok(socket) = adopt(socket) else { continue };
            connections.spawn(accept_all(
                socket,
                router.clone(),
                Arc::clone(&free),
                connections.clone(),
                listening.clone(),
            ));
        }
    }
    listening.cancel();
    connections.close();
    if timeout(DRAIN_TIMEOUT, connections.wait()).await.is_err() {
        tracing::debug!(connections = connections.len(), "connections to the admin API are cut");
    }
}

fn adopt(socket: StdListener) -> io::Result<TcpListener> {
    socket
        .set_nonblocking(true)
        .and_then(|()| TcpListener::from_std(socket))
        .inspect_err(|error| tracing::error!(%error, "an admin socket cannot be used"))
}

async fn accept_all(
    listener: TcpListener,
    router: Router,
    free: Arc<Semaphore>,
    connections: TaskTracker,
    ended: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            () = ended.cancelled() => return,
            accepted = accept(&listener, &free) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => drop(connections.spawn(converse(stream, router.clone(), ended.clone(), permit))),
            Err(error) => {
                tracing::warn!(%error, "the admin listener cannot accept, it tries again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Takes a connection once there is room for one. Cancel safe: the permit goes back, nothing was accepted.
async fn accept(listener: &TcpListener, free: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

/// Serves one connection until it ends, is too old, or its listener is given up; then the exchange it is in ends first.
async fn converse(stream: TcpStream, router: Router, ended: CancellationToken, permit: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = over(&ended) => {
            connection.as_mut().graceful_shutdown();
            timeout(AGE_MAX, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection to the admin API broke");
    }
    drop(permit);
}

async fn over(ended: &CancellationToken) {
    tokio::select! {
        () = ended.cancelled() => {}
        () = sleep(AGE_MAX) => {}
    }
}
