//! The one cell that workers read: the generations of the configuration and the table of clusters, swapped together.
//!
//! One swap for both, so that a route never meets a table that lacks its cluster; two parts inside, so that a node that
//! comes or goes makes no new generation, and a trial shares the table with the live one.

use std::sync::Arc;

use arc_swap::ArcSwap;
use gateway_upstream::Services;

use crate::Snapshot;

/// The live configuration, and room for a second one on trial.
#[derive(Clone, Debug)]
pub struct Generations {
    /// What serves.
    pub live: Arc<Snapshot>,
    /// What is being tried on a part of the traffic; nothing fills it yet.
    pub trial: Option<Arc<Snapshot>>,
}

/// What one exchange sees.
#[derive(Clone, Debug)]
pub struct Published {
    /// The configuration.
    pub generations: Generations,
    /// The clusters.
    pub services: Arc<Services>,
}

impl Published {
    /// Returns the live snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.generations.live
    }
}

/// The cell. Written by the control plane alone, read by every worker through a cache of its own.
pub type Cell = ArcSwap<Published>;
