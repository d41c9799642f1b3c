//! The workers: started, retired and called back as the document's `workers:` says.
//!
//! A worker that is one too many accepts no more, asks its clients to come again on another connection with its next
//! responses, and keeps what stays open, such as WebSockets, until that ends by itself. If it is needed again before,
//! it is called back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use gateway_handler::Publisher;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::access_log::AccessLog;
use crate::metrics::WorkerMetrics;
use crate::worker::{self, Handle, Mail, Phase, Seat, Suspects, WorkerReport};

/// How often the end of workers is looked for while draining.
const LOOK: Duration = Duration::from_millis(20);

/// All workers by index; the first `serving` of them serve.
#[derive(Debug)]
pub(crate) struct Crew {
    seats: Vec<Option<Handle>>,
    metrics: Vec<Arc<WorkerMetrics>>,
    serving: usize,
    cell: Arc<gateway_snapshot::Cell>,
    access_log: AccessLog,
    suspects: Suspects,
    publisher: Publisher,
    shared: Arc<parking_lot::Mutex<Vec<Arc<WorkerMetrics>>>>,
}

impl Crew {
    pub(crate) fn new(
        cell: Arc<gateway_snapshot::Cell>,
        access_log: AccessLog,
        suspects: Suspects,
        publisher: Publisher,
        shared: Arc<parking_lot::Mutex<Vec<Arc<WorkerMetrics>>>>,
    ) -> Self {
        Self { seats: Vec::new(), metrics: Vec::new(), serving: 0, cell, access_log, suspects, publisher, shared }
    }

    /// Returns how many workers serve.
    pub(crate) fn serving(&self) -> usize {
        self.serving
    }

    /// Makes sure that `workers` can serve: starts those that are missing, calls back those that had retired. None that
    /// serves is touched, so that this may fail without harm. Returns whether one that should have served had ended, and
    /// was started again without sockets.
    pub(crate) async fn grow(&mut self, workers: usize) -> io::Result<bool> {
        let mut revived = false;
        self.seats.resize_with(self.seats.len().max(workers), || None);
        for index in 0..workers {
            let alive = match self.seats.get(index).and_then(Option::as_ref) {
                Some(handle) if index < self.serving => !handle.mailbox.is_closed(),
                Some(handle) => call_back(handle).await,
                None => false,
            };
            if !alive {
                let handle = self.start(index)?;
                self.seats[index] = Some(handle);
                revived |= index < self.serving;
            }
        }
        self.serving = self.serving.max(workers);
        Ok(revived)
    }

    /// Retires the workers beyond `workers`.
    pub(crate) async fn shrink(&mut self, workers: usize) {
        for index in workers..self.serving {
            self.send(index, Mail::Enter(Phase::Retired)).await;
        }
        self.serving = self.serving.min(workers);
    }

    fn start(&mut self, index: usize) -> io::Result<Handle> {
        let metrics = match self.metrics.get(index) {
            Some(metrics) => Arc::clone(metrics), // counters go on when a worker is started again
            None => {
                let metrics = Arc::new(WorkerMetrics::default());
                self.metrics.push(Arc::clone(&metrics));
                self.shared.lock().push(Arc::clone(&metrics));
                metrics
            }
        };
        worker::start(Seat {
            index,
            published: Arc::clone(&self.cell),
            metrics,
            access_log: self.access_log.clone(),
            suspects: self.suspects.clone(),
            publisher: self.publisher.clone(),
        })
    }

    /// Sends one worker a message. One that has ended needs none.
    pub(crate) async fn send(&self, worker: usize, mail: Mail) {
        if let Some(handle) = self.seats.get(worker).and_then(Option::as_ref)
            && handle.mailbox.send(mail).await.is_err()
        {
            tracing::debug!(worker, "the worker has ended");
        }
    }

    /// Sends every worker a message, the retired too.
    pub(crate) async fn tell(&self, mail: impl Fn(usize) -> Mail) {
        for index in 0..self.seats.len() {
            self.send(index, mail(index)).await;
        }
    }

    /// Asks every worker what it has; one that does not answer in time is left out.
    pub(crate) async fn inspect(&self, limit: Duration) -> Vec<WorkerReport> {
        let mut waiting = Vec::new();
        for index in 0..self.seats.len() {
            let (reply, report) = oneshot::channel();
            self.send(index, Mail::Inspect(reply)).await;
            waiting.push(report);
        }
        let end = Instant::now() + limit;
        let mut reports = Vec::new();
        for report in waiting {
            reports.extend(tokio::time::timeout_at(end, report).await.ok().and_then(Result::ok));
        }
        reports
    }

    /// Waits until the workers, which drain, have finished what they have, and ends them when `limit` has passed.
    pub(crate) async fn end(&mut self, limit: Duration) {
        let end = Instant::now() + limit;
        while self.seats.iter().flatten().any(|handle| !handle.thread.is_finished()) && Instant::now() < end {
            tokio::time::sleep(LOOK).await;
        }
        let cut = self.seats.iter().flatten().filter(|handle| !handle.thread.is_finished()).count();
        if cut > 0 {
            tracing::warn!(workers = cut, ?limit, "connections were cut: the drain time has passed");
        }
        // Dropping the mailboxes ends what is left.
        self.seats.clear();
    }
}

/// Calls a retired worker back. It may be ending at this moment with the call unread, so it has to answer.
async fn call_back(handle: &Handle) -> bool {
    let (reply, answer) = oneshot::channel();
    handle.mailbox.send(Mail::Enter(Phase::Serving)).await.is_ok()
        && handle.mailbox.send(Mail::Inspect(reply)).await.is_ok()
        && answer.await.is_ok()
}
