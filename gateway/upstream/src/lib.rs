//! The side that is called: clusters, their endpoints, balancing, pools.
//!
//! Two halves that meet in one table. The *control plane* builds [`Services`], an immutable table of [`Cluster`]s, and
//! publishes a new one whenever an endpoint comes or goes. Each *worker* owns an [`Upstreams`]: pools, load figures and
//! ejections of the endpoints it calls, kept by id across tables, never shared, never locked.

mod balance;
mod cluster;
mod connect;
mod discover;
mod dns;
mod endpoint;
mod error;
mod pool;
mod services;
mod upstreams;

pub use balance::{Balance, Ewma};
pub use cluster::{Cluster, ClusterId, Endpoint, PoolSettings, Protocol, Source};
pub use discover::{Discover, DiscoverError, Discovered};
pub use dns::{HostAddresses, HostResolver, ResolveHostError};
pub use endpoint::{EndpointReport, EndpointState, InFlight};
pub use error::{SendError, SendFailure};
pub use services::{ClusterSlot, Services, ServicesTable};
pub use upstreams::{ClusterReport, ClusterState, Upstreams};
