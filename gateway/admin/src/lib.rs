//! The admin API: health, status, metrics, the running configuration, and reload, over HTTP on a listener of its own.
//!
//! It runs on a thread and a runtime of its own, so that it answers while workers and control plane are busy, and it
//! only reads: what it shows are the finished things that others published. The one thing it does is to ask for a reload.
//!
//! | request | answer |
//! |---|---|
//! | `GET /livez` | 200 while the process runs |
//! | `GET /readyz` | 200 when it can take traffic, else 503 with the reasons |
//! | `GET /status` | version, generation, digest, workers, listeners, the last reload with its report |
//! | `GET /metrics` | Prometheus text, or `OpenMetrics` where `Accept` names it |
//! | `GET /config` | the effective document as YAML, or JSON by `Accept` or `?format=json`; `?origin=true` with origins |
//! | `GET /clusters` | clusters, their endpoints, and the figures of all workers summed |
//! | `GET /routes` | listeners and their routes, handlers, policies |
//! | `GET /connections` | live connections |
//! | `POST /reload` | reads the document anew: 200 when it is in force, 422 with the report when it was refused |
//!
//! A web page must not reach it: `Host`, `Origin` and `Sec-Fetch-Site` are checked, and where the document names a token
//! it is asked for.

mod access;
mod api;
mod metrics;
mod server;

pub use access::{Access, Token};
pub use api::{Subject, with_origins};
pub use server::{Admin, StartError};
