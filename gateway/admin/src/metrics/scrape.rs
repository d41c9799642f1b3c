//! The cells of all workers as they are at one moment, and how they are written.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use gateway::{LATENCY_BUCKETS, RouteCells, WorkerMetrics};
use gateway_exchange::Cause;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::CLUSTERS_MAX;
use super::names::{self, Name};
use crate::api::{ClusterTotals, Subject, totals};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Everything one scrape shows.
#[derive(Debug, Default)]
pub(super) struct Scrape {
    version: &'static str,
    generation: u64,
    workers: u64,
    stale: bool,
    clusters_rebuilt: u64,
    reloads: (u64, u64),
    last_reload_in_force: Option<bool>,
    counted: Counted,
    clusters: BTreeMap<String, Upstream>,
}

/// What workers count.
#[derive(Debug, Default)]
struct Counted {
    accepted: u64,
    refused: u64,
    connections_open: u64,
    exchanges_open: u64,
    tunnels_open: u64,
    panics: u64,
    records_dropped: u64,
    causes: Vec<u64>,
    routes: BTreeMap<String, RouteTotals>,
}

#[derive(Debug, Default)]
struct RouteTotals {
    classes: [u64; CLASSES.len()],
    latency: [u64; LATENCY_BUCKETS.len() + 1],
    latency_micros: u64,
}

#[derive(Debug, Default)]
struct Upstream {
    calls: u64,
    failures: u64,
    in_flight: u64,
    idle: u64,
    h2: u64,
    endpoints: u64,
    ejected: u64,
}

impl Scrape {
    /// Reads all cells and asks the workers for what only they know.
    pub(super) async fn take(subject: &Subject) -> Self {
        let reports = subject.workers().await;
        let status = subject.gateway.status();
        let mut counted = Counted { causes: vec![0; Cause::ALL.len()], ..Counted::default() };
        for cells in subject.gateway.metrics() {
            counted.add(&cells);
        }
        Self {
            version: subject.version,
            generation: status.generation,
            workers: wide(status.workers),
            stale: status.stale,
            clusters_rebuilt: status.clusters_rebuilt,
            reloads: subject.reloader.counts(),
            last_reload_in_force: subject.reloader.last().map(|last| last.outcome.is_in_force()),
            counted,
            clusters: upstreams(totals(&reports)),
        }
    }
}

impl Counted {
    fn add(&mut self, cells: &WorkerMetrics) {
        // What ends is read before what begins, so that a difference is never negative.
        let (closed, ended, tunnels_closed) = (cells.closed.get(), cells.ended.get(), cells.tunnels_closed.get());
        let accepted = cells.accepted.get();
        self.accepted += accepted;
        self.refused += cells.refused.get();
        self.connections_open += accepted.saturating_sub(closed);
        self.exchanges_open += cells.exchanges.get().saturating_sub(ended);
        self.tunnels_open += cells.tunnels.get().saturating_sub(tunnels_closed);
        self.panics += cells.panics.get();
        self.records_dropped += cells.records_dropped.get();
        for (sum, counter) in self.causes.iter_mut().zip(&cells.causes) {
            *sum += counter.get();
        }
        for (id, route) in cells.routes() {
            self.routes.entry(id.to_string()).or_default().add(&route);
        }
    }
}

impl RouteTotals {
    fn add(&mut self, cells: &RouteCells) {
        for (sum, counter) in self.classes.iter_mut().zip(&cells.classes) {
            *sum += counter.get();
        }
        for (sum, counter) in self.latency.iter_mut().zip(&cells.latency) {
            *sum += counter.get();
        }
        self.latency_micros += cells.latency_micros.get();
    }
}

fn upstreams(totals: impl IntoIterator<Item = (String, ClusterTotals)>) -> BTreeMap<String, Upstream> {
    let mut upstreams: BTreeMap<String, Upstream> = BTreeMap::new();
    let sorted: BTreeMap<String, ClusterTotals> = totals.into_iter().collect();
    for (place, (name, endpoints)) in sorted.into_iter().enumerate() {
        let name = if place < CLUSTERS_MAX { name } else { "other".to_owned() };
        let sum = upstreams.entry(name).or_default();
        for figures in endpoints.values() {
            sum.calls += figures.calls;
            sum.failures += figures.failures;
            sum.in_flight += figures.in_flight;
            sum.idle += figures.idle_connections;
            sum.h2 += figures.h2_connections;
            sum.endpoints += 1;
            sum.ejected += u64::from(figures.ejected_by > 0);
        }
    }
    upstreams
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(encoder);
        out.info(names::BUILD, &[("version", self.version)])?;
        self.encode_configuration(&mut out)?;
        self.counted.encode(&mut out)?;
        self.encode_routes(&mut out)?;
        self.encode_clusters(&mut out)
    }
}

impl Scrape {
    fn encode_configuration(&self, out: &mut Out<'_>) -> fmt::Result {
        out.gauge(names::GENERATION, self.generation)?;
        out.gauge(names::WORKERS, self.workers)?;
        out.gauge(names::REGISTRY_STALE, u64::from(self.stale))?;
        out.counter(names::CLUSTERS_REBUILT, self.clusters_rebuilt)?;
        if let Some(in_force) = self.last_reload_in_force {
            out.gauge(names::LAST_RELOAD, u64::from(in_force))?;
        }
        let (in_force, refused) = self.reloads;
        out.counters(names::RELOADS, [([("outcome", "in_force")], in_force), ([("outcome", "refused")], refused)])
    }

    fn encode_routes(&self, out: &mut Out<'_>) -> fmt::Result {
        let routes = &self.counted.routes;
        let by_class = routes.iter().flat_map(|(route, totals)| {
            CLASSES
                .iter()
                .zip(totals.classes)
                .map(move |(class, count)| ([("route", route.as_str()), ("class", *class)], count))
        });
        // A class that never was is no series: most routes only ever answer with two of them.
        out.counters(names::REQUESTS, by_class.filter(|(_, count)| *count > 0))?;
        let mut family = out.family(names::REQUEST_DURATION, Some(&Unit::Seconds), MetricType::Histogram)?;
        routes.iter().try_for_each(|(route, totals)| totals.encode_latency(route, &mut family))
    }

    fn encode_clusters(&self, out: &mut Out<'_>) -> fmt::Result {
        let each = |value: fn(&Upstream) -> u64| {
            self.clusters.iter().map(move |(name, sum)| ([("cluster", name.as_str())], value(sum)))
        };
        out.counters(names::UPSTREAM_CALLS, each(|sum| sum.calls))?;
        out.counters(names::UPSTREAM_FAILURES, each(|sum| sum.failures))?;
        out.gauges(names::UPSTREAM_IN_FLIGHT, each(|sum| sum.in_flight))?;
        out.gauges(names::UPSTREAM_ENDPOINTS, each(|sum| sum.endpoints))?;
        out.gauges(names::UPSTREAM_EJECTED, each(|sum| sum.ejected))?;
        let connections = self.clusters.iter().flat_map(|(name, sum)| {
            let labels = |state| [("cluster", name.as_str()), ("state", state)];
            [(labels("idle"), sum.idle), (labels("h2"), sum.h2)]
        });
        out.gauges(names::UPSTREAM_CONNECTIONS, connections)
    }
}

impl Counted {
    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        out.counter(names::CONNECTIONS_ACCEPTED, self.accepted)?;
        out.counter(names::CONNECTIONS_REFUSED, self.refused)?;
        out.gauge(names::CONNECTIONS_OPEN, self.connections_open)?;
        out.gauge(names::EXCHANGES_OPEN, self.exchanges_open)?;
        out.gauge(names::TUNNELS_OPEN, self.tunnels_open)?;
        out.counter(names::PANICS, self.panics)?;
        out.counter(names::RECORDS_DROPPED, self.records_dropped)?;
        let causes = Cause::ALL.iter().zip(&self.causes).map(|(cause, count)| ([("cause", cause.name())], *count));
        out.counters(names::ERRORS, causes)
    }
}

impl RouteTotals {
    fn encode_latency(&self, route: &str, family: &mut MetricEncoder<'_>) -> fmt::Result {
        let bounds = LATENCY_BUCKETS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(self.latency).collect();
        // The count is the sum of the buckets, not a cell of its own: the two can then never disagree.
        let count = self.latency.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "a sum of seconds needs no more than 52 bits")]
        let sum = self.latency_micros as f64 / 1e6;
        family.encode_family(&[("route", route)])?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

/// Writes families of one kind each.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn family<'s>(
        &'s mut self,
        name: Name,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name.name, name.help, unit, kind)
    }

    fn counter(&mut self, name: Name, value: u64) -> fmt::Result {
        self.family(name, None, MetricType::Counter)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    fn gauge(&mut self, name: Name, value: u64) -> fmt::Result {
        self.family(name, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn info(&mut self, name: Name, labels: &[(&str, &str)]) -> fmt::Result {
        self.family(name, None, MetricType::Info)?.encode_info(&labels)
    }

    fn counters<'l, const N: usize>(
        &mut self,
        name: Name,
        values: impl IntoIterator<Item = ([(&'l str, &'l str); N], u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, None, MetricType::Counter)?;
        values.into_iter().try_for_each(|(labels, value)| {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    fn gauges<'l, const N: usize>(
        &mut self,
        name: Name,
        values: impl IntoIterator<Item = ([(&'l str, &'l str); N], u64)>,
    ) -> fmt::Result {
        let mut family = self.family(name, None, MetricType::Gauge)?;
        values.into_iter().try_for_each(|(labels, value)| family.encode_family(&labels)?.encode_gauge(&value))
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text;
    use prometheus_client::registry::Registry;

    use super::*;

    fn written(scrape: Scrape) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(scrape));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry).unwrap();
        text
    }

    #[track_caller]
    fn check(text: &str, line: &str) {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }

    #[test]
    fn workers_are_merged_under_the_names_that_others_read() {
        let cells = RouteCells::default();
        cells.classes[1].add(2);
        cells.latency[0].add(1);
        cells.latency[LATENCY_BUCKETS.len()].add(1);
        cells.latency_micros.add(1_500_000);
        let mut counted = Counted { causes: vec![0; Cause::ALL.len()], ..Counted::default() };
        for _ in 0..2 {
            let worker = WorkerMetrics::default();
            worker.accepted.add(3);
            worker.closed.add(1);
            worker.causes[0].add(1);
            counted.add(&worker);
            counted.routes.entry("/greeter/**".to_owned()).or_default().add(&cells);
        }
        let text = written(Scrape { version: "1", generation: 7, reloads: (3, 2), counted, ..Scrape::default() });
        check(&text, "micro_requests_total{route=\"/greeter/**\",class=\"2xx\"} 4");
        check(&text, "micro_request_duration_seconds_bucket{route=\"/greeter/**\",le=\"0.00025\"} 2");
        check(&text, "micro_request_duration_seconds_bucket{route=\"/greeter/**\",le=\"+Inf\"} 4");
        check(&text, "micro_request_duration_seconds_count{route=\"/greeter/**\"} 4");
        check(&text, "micro_connections_accepted_total 6");
        check(&text, "micro_connections_open 4");
        check(&text, "micro_errors_total{cause=\"bad_request\"} 2");
        check(&text, "micro_config_generation 7");
        check(&text, "micro_config_reloads_total{outcome=\"refused\"} 2");
        check(&text, "micro_build_info{version=\"1\"} 1");
        assert!(!text.contains("class=\"5xx\""), "{text}");
    }

    #[test]
    fn the_number_of_clusters_is_bounded() {
        let endpoint = || ClusterTotals::from([("10.0.0.1:80".to_owned(), crate::api::Figures::default())]);
        let upstreams = upstreams((0..CLUSTERS_MAX + 20).map(|number| (format!("c{number:04}"), endpoint())));
        assert_eq!(upstreams.len(), CLUSTERS_MAX + 1);
        assert_eq!(upstreams["other"].endpoints, 20);
    }
}
