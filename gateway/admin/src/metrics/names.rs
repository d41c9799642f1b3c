//! Names and help of every metric, in one place: dashboards and the benchmark harness read exactly these.
//!
//! Names are given without the suffix that the format adds (`_total` for counters, `_seconds` for the unit).

/// A metric family: its name and what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
}

const fn name(name: &'static str, help: &'static str) -> Name {
    Name { name, help }
}

/// `micro_requests_total{route,class}`.
pub(super) const REQUESTS: Name = name("micro_requests", "Responses by route and class of status");
/// `micro_request_duration_seconds{route}`.
pub(super) const REQUEST_DURATION: Name =
    name("micro_request_duration", "Time from the head of a request to the end of its response");
/// `micro_exchanges_open`.
pub(super) const EXCHANGES_OPEN: Name = name("micro_exchanges_open", "Exchanges going on");
/// `micro_connections_accepted_total`.
pub(super) const CONNECTIONS_ACCEPTED: Name = name("micro_connections_accepted", "Connections accepted");
/// `micro_connections_refused_total`.
pub(super) const CONNECTIONS_REFUSED: Name =
    name("micro_connections_refused", "Connections refused because there were too many");
/// `micro_connections_open`.
pub(super) const CONNECTIONS_OPEN: Name = name("micro_connections_open", "Connections that are open");
/// `micro_tunnels_open`.
pub(super) const TUNNELS_OPEN: Name = name("micro_tunnels_open", "Upgraded connections that are open");
/// `micro_errors_total{cause}`.
pub(super) const ERRORS: Name = name("micro_errors", "Exchanges that did not end as asked, by cause");
/// `micro_panics_total`.
pub(super) const PANICS: Name = name("micro_panics", "Exchanges that ended in a panic");
/// `micro_access_records_dropped_total`.
pub(super) const RECORDS_DROPPED: Name =
    name("micro_access_records_dropped", "Access records dropped because their queue was full");
/// `micro_config_generation`.
pub(super) const GENERATION: Name = name("micro_config_generation", "Number of the configuration in force");
/// `micro_config_reloads_total{outcome}`.
pub(super) const RELOADS: Name =
    name("micro_config_reloads", "Reloads of the configuration by outcome: in_force or refused");
/// `micro_config_last_reload_in_force`.
pub(super) const LAST_RELOAD: Name =
    name("micro_config_last_reload_in_force", "1 where the document as last read is in force, else 0");
/// `micro_workers`.
pub(super) const WORKERS: Name = name("micro_workers", "Workers that serve");
/// `micro_registry_stale`.
pub(super) const REGISTRY_STALE: Name =
    name("micro_registry_stale", "1 where the services are the last known ones, else 0");
/// `micro_clusters_rebuilt_total`.
pub(super) const CLUSTERS_REBUILT: Name =
    name("micro_clusters_rebuilt", "Clusters that were rebuilt: a node that comes or goes adds one");
/// `micro_upstream_calls_total{cluster}`.
pub(super) const UPSTREAM_CALLS: Name =
    name("micro_upstream_calls", "Calls made to the endpoints that a cluster has now");
/// `micro_upstream_failures_total{cluster}`.
pub(super) const UPSTREAM_FAILURES: Name = name("micro_upstream_failures", "Calls to them that failed on the way");
/// `micro_upstream_in_flight{cluster}`.
pub(super) const UPSTREAM_IN_FLIGHT: Name = name("micro_upstream_in_flight", "Calls being made");
/// `micro_upstream_connections{cluster,state}`.
pub(super) const UPSTREAM_CONNECTIONS: Name =
    name("micro_upstream_connections", "Connections kept to endpoints: idle HTTP/1.1 ones, and open HTTP/2 ones");
/// `micro_upstream_endpoints{cluster}`.
pub(super) const UPSTREAM_ENDPOINTS: Name = name("micro_upstream_endpoints", "Endpoints of a cluster");
/// `micro_upstream_endpoints_ejected{cluster}`.
pub(super) const UPSTREAM_EJECTED: Name =
    name("micro_upstream_endpoints_ejected", "Endpoints that some worker leaves out at the moment");
/// `micro_build{version}`, an info metric: `micro_build_info` in `OpenMetrics`.
pub(super) const BUILD: Name = name("micro_build", "The version that runs");
