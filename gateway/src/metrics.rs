//! Counters of one worker: cells that it alone writes, read by whoever scrapes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gateway_exchange::Cause;
use gateway_snapshot::RouteId;
use http::StatusCode;
use parking_lot::Mutex;

/// How many routes are counted by name; those beyond share the name `other` (a hard cap on series, design 8).
const ROUTES_MAX: usize = 1000;
/// Upper bounds of the latency buckets.
pub const LATENCY_BUCKETS: [Duration; 10] = [
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_millis(2500),
    Duration::from_secs(10),
];

/// One number that one worker adds to.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Returns the number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted for one route.
#[derive(Debug, Default)]
pub struct RouteCells {
    /// Responses by class: 1xx to 5xx.
    pub classes: [Counter; 5],
    /// Exchanges by latency, the last for those slower than every bound.
    pub latency: [Counter; LATENCY_BUCKETS.len() + 1],
    /// The sum of latencies in microseconds.
    pub latency_micros: Counter,
}

impl RouteCells {
    pub(crate) fn observe(&self, status: StatusCode, latency: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.classes[class].add(1);
        let bucket = LATENCY_BUCKETS.iter().position(|bound| latency <= *bound).unwrap_or(LATENCY_BUCKETS.len());
        self.latency[bucket].add(1);
        self.latency_micros.add(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }
}

/// What one worker counts.
#[derive(Debug, Default)]
pub struct WorkerMetrics {
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections that have ended.
    pub closed: Counter,
    /// Connections refused because there are too many.
    pub refused: Counter,
    /// Exchanges begun.
    pub exchanges: Counter,
    /// Exchanges ended.
    pub ended: Counter,
    /// Exchanges that ended in a panic.
    pub panics: Counter,
    /// Connections that were upgraded and are tunnelled.
    pub tunnels: Counter,
    /// Upgraded connections that have ended.
    pub tunnels_closed: Counter,
    /// Access records dropped because their queue was full.
    pub records_dropped: Counter,
    /// Exchanges by cause of their failure.
    pub causes: [Counter; Cause::ALL.len()],
    routes: Mutex<HashMap<RouteId, Arc<RouteCells>>>,
}

impl WorkerMetrics {
    /// Returns the cells of a route. Counters go on by the route's id, whichever snapshot it stands in.
    pub(crate) fn route(&self, id: &RouteId) -> Arc<RouteCells> {
        let mut routes = self.routes.lock();
        let id = if routes.len() < ROUTES_MAX || routes.contains_key(id) { id.clone() } else { RouteId::other() };
        Arc::clone(routes.entry(id).or_default())
    }

    pub(crate) fn count_cause(&self, cause: Cause) {
        if let Some(counter) = Cause::ALL.iter().position(|known| *known == cause).and_then(|at| self.causes.get(at)) {
            counter.add(1);
        }
    }

    /// Returns the cells of all routes.
    pub fn routes(&self) -> Vec<(RouteId, Arc<RouteCells>)> {
        self.routes.lock().iter().map(|(id, cells)| (id.clone(), Arc::clone(cells))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_series_is_bounded() {
        let metrics = WorkerMetrics::default();
        for number in 0..ROUTES_MAX + 50 {
            metrics.route(&RouteId::new(format!("r{number}"))).observe(StatusCode::OK, Duration::ZERO);
        }
        assert_eq!(metrics.routes().len(), ROUTES_MAX + 1);
        assert_eq!(metrics.route(&RouteId::other()).classes[1].get(), 50);
    }
}
