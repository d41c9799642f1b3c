//! Where registered clusters come from: a feed of changes that the control plane applies to the table.

use std::future::Future;
use std::pin::Pin;

use crate::Cluster;

/// One change of the registered services.
#[derive(Clone, Debug, PartialEq)]
pub enum Discovered {
    /// All there is. What it does not name is gone.
    Resync(Vec<Cluster>),
    /// One cluster as it is now.
    Upsert(Cluster),
    /// A cluster that is gone.
    Remove(String),
    /// The registry cannot be reached; what was known stays.
    Stale,
}

/// Why a feed ended.
#[derive(Debug, thiserror::Error)]
#[error("discovery failed: {0}")]
pub struct DiscoverError(pub String);

/// A feed of discovered clusters. An open set: the binary adapts each registry back end to it.
pub trait Discover: Send {
    /// Waits for the next change. Dropping the future loses nothing.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Discovered, DiscoverError>> + Send + '_>>;

    /// Hears that an endpoint of a cluster refused a connection. A registry whose records do not end by themselves looks
    /// whether it is still there.
    fn suspect(&mut self, _cluster: &str) {}
}
