//! The handler `Debug` that every go-micro service answers.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use proto::debug::{
    CacheRequest, CacheResponse, HealthRequest, HealthResponse, LogRequest, Record, StatsRequest, StatsResponse,
    TraceRequest, TraceResponse,
};
use tokio::sync::broadcast::error::RecvError;

use super::{Call, Counters, Handler};
use crate::debug::Journal;
use crate::status::Status;

/// How many records `Debug.Log` tells when it is not asked for a number: go-micro's, before a stream and without.
const STREAM_RECORDS: usize = 10;
const RECORDS: usize = 100;

/// `Debug.Health`, `Stats`, `Log`, `Trace` and `Cache`.
#[derive(Debug)]
pub(super) struct Debug {
    counters: Arc<Counters>,
    journal: Journal,
    /// Seconds since the epoch.
    started: u64,
}

impl Debug {
    pub(super) fn new(counters: Arc<Counters>, journal: Journal) -> Debug {
        Debug { counters, journal, started: now() }
    }

    fn stats(&self) -> StatsResponse {
        let timestamp = now();
        let (memory, threads) = footprint(&fs::read_to_string("/proc/self/status").unwrap_or_default());
        StatsResponse {
            timestamp,
            started: self.started,
            uptime: timestamp.saturating_sub(self.started),
            memory,
            threads,
            gc: 0,
            requests: self.counters.requests.load(Ordering::Relaxed),
            errors: self.counters.errors.load(Ordering::Relaxed),
        }
    }

    /// Tells records of the past and, if it is asked to, those to come. Number and age are honoured; Go ignores them,
    /// and never tells new ones.
    async fn log(&self, call: &mut Call) -> Result<(), Status> {
        let request: LogRequest = call.request().await?;
        let default = if request.stream { STREAM_RECORDS } else { RECORDS };
        let count = usize::try_from(request.count).ok().filter(|count| *count > 0).unwrap_or(default);
        let (past, mut live) = self.journal.follow(count, request.since);
        for record in &past {
            call.send(record).await?;
        }
        if !request.stream {
            return Ok(());
        }
        loop {
            let logged = tokio::select! {
                () = call.shutdown().cancelled() => return Ok(()),
                logged = live.recv() => logged,
            };
            let record = match logged {
                Ok(record) => record,
                Err(RecvError::Lagged(missed)) => left_out(missed),
                Err(RecvError::Closed) => return Ok(()),
            };
            call.send(&record).await?;
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
            "Log" => self.log(call).await,
            "Trace" => {
                let request: TraceRequest = call.request().await?;
                call.send(&TraceResponse { spans: self.journal.spans(&request.id) }).await
            }
            // Clients here keep no responses.
            "Cache" => {
                call.request::<CacheRequest>().await?;
                call.send(&CacheResponse::default()).await
            }
            _ => Err(call.unknown_method()),
        }
    }
}

/// Tells a reader that is too slow what it missed.
fn left_out(missed: u64) -> Record {
    let metadata = BTreeMap::from([("level".to_owned(), "warn".to_owned())]);
    let timestamp = i64::try_from(now()).unwrap_or(i64::MAX);
    Record { timestamp, metadata, message: format!("{missed} records were left out") }
}

/// Returns bytes of memory and number of threads as Linux tells them; 0 where it does not.
fn footprint(status: &str) -> (u64, u64) {
    let figure = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    (figure("VmRSS:").saturating_mul(1024), figure("Threads:"))
}

/// Seconds since the epoch, 0 where the clock is before it.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::footprint;

    #[test]
    fn memory_and_threads_are_read_where_they_are_told() {
        assert_eq!(footprint("Name:\tmicro\nVmRSS:\t   12 kB\nThreads:\t3\n"), (12 * 1024, 3));
        assert_eq!(footprint(""), (0, 0));
        assert_eq!(footprint("VmRSS: many kB"), (0, 0));
    }
}
