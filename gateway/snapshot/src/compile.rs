//! From the document to the snapshot.
//!
//! Everything is compiled and every finding collected before any of them counts; a snapshot is only made of a document
//! without errors. No sockets and no files: what only trying can tell (is the port free?) comes when it is applied.

mod cluster;
mod finding;
mod listener;
mod route;

pub use finding::bind_report;

use std::sync::Arc;

use config_schema::document::Document;
use config_schema::{DocumentPath, Loaded, Report};
use gateway_handler::Rpc;
use http::HeaderName;
use indexmap::IndexMap;

use crate::snapshot::{AccessLog, RequestId, Snapshot, Telemetry};
use finding::Findings;

/// A snapshot that is ready to be applied, and what it was made of.
#[derive(Debug)]
pub struct Compiled {
    /// The snapshot, not numbered yet.
    pub snapshot: Snapshot,
    /// The document it was made of, for reports about it.
    pub loaded: Arc<Loaded>,
    /// What is not wrong but worth knowing.
    pub warnings: Arc<Report>,
}

/// Compiles a document.
///
/// # Errors
/// Returns all findings, each with its place in the document.
pub fn compile(loaded: Arc<Loaded>) -> Result<Compiled, Report> {
    let mut findings = Findings::default();
    let snapshot = snapshot(&loaded.document, &loaded.digest, &mut findings);
    let report = findings.into_report(&loaded);
    if report.errors() > 0 {
        return Err(report);
    }
    Ok(Compiled { snapshot, warnings: Arc::new(report), loaded })
}

/// Compiles each part in turn. The parts that have findings are left out; the caller throws the rest away.
fn snapshot(document: &Document, digest: &str, findings: &mut Findings) -> Snapshot {
    let clusters = cluster::compile(document);
    let sets = listener::policy_sets(document, findings);
    let tables = route::tables(document, &sets, findings);
    let listeners = listener::compile(document, &sets, &tables, findings);
    Snapshot {
        generation: 0,
        digest: digest.into(),
        workers: document.workers.map_or_else(cores, usize::from),
        telemetry: telemetry(document),
        listeners: listeners.into_iter().map(|listener| (Arc::clone(&listener.id), Arc::new(listener))).collect(),
        clusters,
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn telemetry(document: &Document) -> Telemetry {
    let telemetry = &document.telemetry;
    let header = HeaderName::try_from(telemetry.request_id.header.as_str());
    Telemetry {
        access_log: AccessLog { format: telemetry.access_log.format, path: telemetry.access_log.path.clone() },
        request_id: RequestId {
            header: header.unwrap_or(HeaderName::from_static("x-request-id")),
            to_client: telemetry.request_id.to_client,
        },
    }
}

impl Snapshot {
    /// Returns the configuration before the first: nothing listens, nothing is known.
    pub fn empty() -> Self {
        let mut snapshot = snapshot(&Document::default(), "", &mut Findings::default());
        (snapshot.workers, snapshot.listeners) = (0, IndexMap::new());
        snapshot
    }
}

/// The names under which RPCs of a route are made.
fn rpc(prefix: &str, namespace: &str) -> Rpc {
    let default = Rpc::default();
    let namespace = namespace.try_into().unwrap_or(default.namespace);
    Rpc { namespace, from_service: prefix.try_into().unwrap_or(default.from_service) }
}

fn root() -> DocumentPath {
    DocumentPath::root()
}

#[cfg(test)]
pub(crate) mod tests;
