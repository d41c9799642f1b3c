//! Following the document: files, signals and requests lead to one step, load–compile–apply, one at a time.
//!
//! A document that fails any check changes nothing; the outcome is kept for `/status`, the metrics and whoever asked.

mod watch;

pub use watch::{WatchError, watch_files};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use config_schema::{Loaded, Report};
use gateway_snapshot::Compiled;
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::{Applied, ApplyError, Gateway};

/// How a reload ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is in force, with these warnings.
    Applied(Applied, Arc<Report>),
    /// It says what is in force already.
    Unchanged(Applied),
    /// It was refused: the report says where and why. What served before still serves.
    Refused(Arc<Report>),
    /// It could not be put in force for a reason that no report can point at.
    Failed(Arc<ApplyError>),
}

impl Outcome {
    /// Returns whether the document as it is now is in force.
    pub fn is_in_force(&self) -> bool {
        matches!(self, Self::Applied(..) | Self::Unchanged(_))
    }

    /// Returns the word for logs, `/status` and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Applied(..) => "applied",
            Self::Unchanged(_) => "unchanged",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
        }
    }
}

/// One reload.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// When it ended.
    pub at: Timestamp,
    /// What asked for it: `start`, `file`, `signal`, `request`.
    pub trigger: &'static str,
    /// How it ended.
    pub outcome: Outcome,
}

/// Reads and compiles the document anew. Runs where blocking is allowed.
pub type Load = dyn Fn() -> Result<Compiled, Report> + Send + Sync;

/// Is told which document is in force, before anybody hears of the outcome: what is not the gateway's own, such as the
/// log level, follows it.
pub type InForce = dyn Fn(&Arc<Loaded>) + Send + Sync;

/// Reloads the document, one at a time, and remembers how it went.
pub struct Reloader {
    gateway: Gateway,
    load: Arc<Load>,
    in_force: Arc<InForce>,
    one_at_a_time: tokio::sync::Mutex<()>,
    last: Mutex<Option<Reloaded>>,
    counts: [AtomicU64; 2],
}

impl Reloader {
    /// Makes a reloader for a gateway.
    pub fn new(gateway: Gateway, load: Arc<Load>, in_force: Arc<InForce>) -> Self {
        Self {
            gateway,
            load,
            in_force,
            one_at_a_time: tokio::sync::Mutex::default(),
            last: Mutex::default(),
            counts: Default::default(),
        }
    }

    /// Loads, compiles and applies the document as it is now. `trigger` is a word for who asked.
    pub async fn reload(&self, trigger: &'static str) -> Reloaded {
        let _turn = self.one_at_a_time.lock().await;
        let reloaded = Reloaded { outcome: self.run().await, trigger, at: Timestamp::now() };
        self.note(&reloaded);
        *self.last.lock() = Some(reloaded.clone());
        reloaded
    }

    /// Returns the last reload.
    pub fn last(&self) -> Option<Reloaded> {
        self.last.lock().clone()
    }

    /// Returns how many reloads ended with the document in force, and how many did not.
    pub fn counts(&self) -> (u64, u64) {
        (self.counts[0].load(Ordering::Relaxed), self.counts[1].load(Ordering::Relaxed))
    }

    async fn run(&self) -> Outcome {
        let load = Arc::clone(&self.load);
        let compiled = match tokio::task::spawn_blocking(move || load()).await {
            Ok(Ok(compiled)) => compiled,
            Ok(Err(report)) => return Outcome::Refused(Arc::new(report)),
            // A defect of the reader is no reason to stop what serves.
            Err(error) => return Outcome::Failed(Arc::new(ApplyError::Unread(error))),
        };
        let (loaded, warnings) = (Arc::clone(&compiled.loaded), Arc::clone(&compiled.warnings));
        let before = self.gateway.status().generation;
        let applied = self.gateway.apply(compiled).await;
        if applied.is_ok() {
            (self.in_force)(&loaded);
        }
        match applied {
            Ok(applied) if applied.generation == before => Outcome::Unchanged(applied),
            Ok(applied) => Outcome::Applied(applied, warnings),
            Err(ApplyError::Bind { listener, source }) => {
                Outcome::Refused(Arc::new(gateway_snapshot::bind_report(&loaded, &listener, &source)))
            }
            Err(error) => Outcome::Failed(Arc::new(error)),
        }
    }

    fn note(&self, reloaded: &Reloaded) {
        let Reloaded { trigger, outcome, .. } = reloaded;
        self.counts[usize::from(!outcome.is_in_force())].fetch_add(1, Ordering::Relaxed);
        match outcome {
            Outcome::Applied(applied, _) => {
                tracing::info!(trigger, generation = applied.generation, digest = %applied.digest, "configuration applied");
            }
            Outcome::Unchanged(_) => tracing::debug!(trigger, "the configuration is in force already"),
            Outcome::Refused(report) => {
                tracing::error!(
                    trigger,
                    errors = report.errors(),
                    "configuration refused; the one before stays\n{}",
                    report.render(false)
                );
            }
            Outcome::Failed(error) => {
                tracing::error!(
                    trigger,
                    error = &**error as &dyn std::error::Error,
                    "configuration not applied; the one before stays"
                );
            }
        }
    }
}

impl std::fmt::Debug for Reloader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reloader").field("last", &self.last()).finish_non_exhaustive()
    }
}
