//! Who owns the tasks that hyper spawns, on the control plane.

use std::future::Future;

use hyper::rt::Executor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// An executor for hyper whose tasks can be waited for and cut. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Owner {
    tracker: TaskTracker,
    cut: CancellationToken,
}

impl Owner {
    /// Spawns a task that ends when it ends, or is dropped when it is cut.
    pub fn spawn(&self, future: impl Future + Send + 'static) {
        let cut = self.cut.clone();
        self.tracker.spawn(async move {
            // Whatever the task has to say it says itself.
            drop(cut.run_until_cancelled_owned(future).await);
        });
    }

    /// Waits until all tasks have ended.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Returns what cuts all tasks when it is dropped.
    pub fn cut_on_drop(&self) -> tokio_util::sync::DropGuard {
        self.cut.clone().drop_guard()
    }

    /// Returns how many tasks run.
    pub(crate) fn len(&self) -> usize {
        self.tracker.len()
    }
}

impl<F> Executor<F> for Owner
where
    F: Future + Send + 'static,
{
    fn execute(&self, future: F) {
        self.spawn(future);
    }
}
