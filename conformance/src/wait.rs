//! Waiting for something to become true, with an end.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

/// How long anything may take that is not about time, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(5);

/// Asks again and again until the answer is there.
///
/// # Errors
/// When it is not within [`PATIENCE`]; `what` says what was waited for.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    until_within(PATIENCE, what, ask).await
}

/// As [`until`], with a limit of its own.
///
/// # Errors
/// When the answer is not there within `limit`.
pub async fn until_within<T>(limit: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if Instant::now() >= end {
            bail!("waited {limit:?} in vain: {what}");
        }
        sleep(PAUSE).await;
    }
}

/// Tries again and again until it succeeds, without a runtime.
///
/// # Errors
/// The last error, when it does not succeed within `limit`. With a limit of nought it is tried once.
pub fn keep_trying<T>(limit: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= end => return Err(error),
            Err(_) => std::thread::sleep(PAUSE * 10),
        }
    }
}
