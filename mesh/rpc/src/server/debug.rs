//! The handler `Debug` that every go-micro service answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use proto::debug::{HealthRequest, HealthResponse, StatsRequest, StatsResponse};

use super::{Call, Counters, Handler};
use crate::status::Status;

/// `Debug.Health` and `Debug.Stats`.
#[derive(Debug)]
pub(super) struct Debug {
    counters: Arc<Counters>,
    /// Seconds since the epoch.
    started: u64,
}

impl Debug {
    pub(super) fn new(counters: Arc<Counters>) -> Debug {
        Debug { counters, started: now() }
    }

    fn stats(&self) -> StatsResponse {
        let timestamp = now();
        StatsResponse {
            timestamp,
            started: self.started,
            uptime: timestamp.saturating_sub(self.started),
            requests: self.counters.requests.load(Ordering::Relaxed),
            errors: self.counters.errors.load(Ordering::Relaxed),
            ..StatsResponse::default()
        }
    }
}

#[async_trait]
impl Handler for Debug {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        match call.method() {
            "Health" => {
                call.request::<HealthRequest>().await?;
                call.send(&HealthResponse { status: "ok".to_owned() }).await
            }
            "Stats" => {
                call.request::<StatsRequest>().await?;
                call.send(&self.stats()).await
            }
            _ => Err(call.unknown_method()),
        }
    }
}

/// Seconds since the epoch, 0 where the clock is before it.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
