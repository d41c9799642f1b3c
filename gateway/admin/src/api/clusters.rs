//! `/clusters`: who can be called, and how that goes: the figures of all workers summed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use gateway::WorkerReport;
use gateway_upstream::{Balance, Cluster, Endpoint, EndpointReport, Source};
use http::StatusCode;
use serde_json::{Value, json};

use super::{Subject, answer};

/// What all workers together did with one endpoint, or with one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) in_flight: u64,
    pub(crate) idle_connections: u64,
    pub(crate) h2_connections: u64,
    /// How many workers leave it out at the moment.
    pub(crate) ejected_by: u64,
    /// The sum of what the workers that called it measured, and how many these are.
    latency: (Duration, u32),
}

/// The figures of one cluster by endpoint address.
pub(crate) type ClusterTotals = BTreeMap<String, Figures>;

impl Figures {
    fn add(&mut self, report: &EndpointReport) {
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.calls += report.calls;
        self.failures += report.failures;
        self.in_flight += u64::from(report.in_flight);
        self.idle_connections += wide(report.idle_connections);
        self.h2_connections += wide(report.h2_connections);
        self.ejected_by += u64::from(report.ejected);
        if report.calls > 0 {
            self.latency = (self.latency.0 + report.latency, self.latency.1 + 1);
        }
    }

    /// Returns the mean of what the workers measured; nothing before the first call.
    fn latency(&self) -> Option<Duration> {
        let (sum, workers) = self.latency;
        sum.checked_div(workers)
    }
}

/// Sums the figures of all workers by cluster and endpoint.
pub(crate) fn totals(reports: &[WorkerReport]) -> HashMap<String, ClusterTotals> {
    let mut totals: HashMap<String, ClusterTotals> = HashMap::new();
    for cluster in reports.iter().flat_map(|report| &report.clusters) {
        let endpoints = totals.entry(cluster.name.clone()).or_default();
        for endpoint in &cluster.endpoints {
            endpoints.entry(endpoint.address.clone()).or_default().add(endpoint);
        }
    }
    totals
}

pub(super) async fn show(State(subject): State<Arc<Subject>>) -> Response {
    let reports = subject.workers().await;
    let totals = totals(&reports);
    let published = subject.gateway.published();
    let none = ClusterTotals::new();
    let mut clusters: Vec<&Arc<Cluster>> = published.services.iter().map(|(_, cluster)| cluster).collect();
    clusters.sort_by(|a, b| a.id.name.cmp(&b.id.name));
    let clusters: Vec<Value> = clusters
        .into_iter()
        .map(|cluster| show_cluster(cluster, totals.get(&*cluster.id.name).unwrap_or(&none)))
        .collect();
    answer(
        StatusCode::OK,
        &json!({ "stale": published.services.is_stale(), "workers": reports.len(), "clusters": clusters }),
    )
}

fn show_cluster(cluster: &Cluster, totals: &ClusterTotals) -> Value {
    let endpoints: Vec<Value> = cluster.endpoints.iter().map(|endpoint| show_endpoint(endpoint, totals)).collect();
    json!({
        "name": &*cluster.id.name,
        "source": match cluster.id.source {
            Source::Static => "document",
            Source::Registry => "registry",
        },
        "balance": match cluster.balance {
            Balance::P2cEwma => "p2c_ewma",
            Balance::RoundRobin => "round_robin",
        },
        "endpoints": endpoints,
    })
}

fn show_endpoint(endpoint: &Endpoint, totals: &ClusterTotals) -> Value {
    let address = endpoint.address.to_string();
    let figures = totals.get(&address).copied().unwrap_or_default();
    json!({
        "address": address,
        "authority": &*endpoint.authority,
        "protocol": endpoint.protocol.map(gateway_upstream::Protocol::name),
        "weight": endpoint.weight,
        "labels": &*endpoint.labels,
        "calls": figures.calls,
        "failures": figures.failures,
        "in_flight": figures.in_flight,
        "idle_connections": figures.idle_connections,
        "h2_connections": figures.h2_connections,
        "ejected_by": figures.ejected_by,
        "latency_seconds": figures.latency().map(|latency| latency.as_secs_f64()),
    })
}

#[cfg(test)]
mod tests {
    use gateway_upstream::ClusterReport;

    use super::*;

    fn report(calls: u64, latency: u64, ejected: bool) -> WorkerReport {
        let endpoint = EndpointReport {
            address: "10.0.0.1:80".to_owned(),
            idle_connections: 2,
            h2_connections: 1,
            in_flight: 3,
            calls,
            failures: 1,
            latency: Duration::from_millis(latency),
            ejected,
        };
        let clusters = vec![ClusterReport { name: "app".to_owned(), endpoints: vec![endpoint] }];
        WorkerReport { connections: Vec::new(), clusters, generation: 1 }
    }

    #[test]
    fn figures_of_workers_add_up() {
        let totals = totals(&[report(10, 4, false), report(20, 8, true), report(0, 0, false)]);
        let figures = totals["app"]["10.0.0.1:80"];
        assert_eq!((figures.calls, figures.failures, figures.in_flight), (30, 3, 9));
        assert_eq!((figures.idle_connections, figures.h2_connections, figures.ejected_by), (6, 3, 1));
        assert_eq!(figures.latency(), Some(Duration::from_millis(6)), "a worker that never called has no say");
        assert_eq!(Figures::default().latency(), None);
    }
}
