//! The request path and what feeds it: listeners, connections, exchanges, workers, and the control plane that hands
//! them finished configurations.
//!
//! Two planes. Each worker is a thread with a runtime of its own; it accepts, decides, forwards and answers without
//! asking anybody (`serve` tells that story). The `control` plane binds sockets, resolves names, watches the
//! registry and the document, and publishes what workers then read; when it fails, they go on with what they have.

mod access_log;
mod connection;
mod control;
mod ingress;
mod live;
mod metrics;
mod recording;
mod reload;
mod serve;
mod sockets;
mod stream;
mod telemetry;
mod tunnel;
mod wheel;
mod worker;

pub use control::{Applied, ApplyError, Control, Gateway, GatewayError, ListenerStatus, Status};
pub use gateway_handler::{Publication, Refusal};
pub use metrics::{Counter, LATENCY_BUCKETS, RouteCells, WorkerMetrics};
pub use reload::{InForce, Load, Outcome, Reloaded, Reloader, WatchError, watch_files};
pub use sockets::BindError;
pub use worker::{ConnectionReport, WorkerReport};
