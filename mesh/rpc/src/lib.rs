//! Calling and serving go-micro services: over gRPC, over MUCP ([`mucp`]) and over plain HTTP ([`plain_http`]).
//!
//! The greater part is pure and does no I/O, so that the gateway's handlers can use it with connections of their
//! own: [`error`] (the go-micro error object), [`status`] (gRPC's trailers), [`frame`], [`metadata`], [`codec`],
//! [`method`], [`timeout`] and [`json`]. On top of it stand [`server`], which serves what Go peers call, and
//! [`client`], a small client (unary calls and streams) for the control plane and for tests. The data path does not
//! use either. [`debug`] is what a process remembers of itself.
//!
//! Facts about the wire are those of gRPC over HTTP/2 and of go-micro v2.9.1; where Go's behaviour is a defect the
//! item says what happens here instead.
//!
//! ```
//! use mesh_rpc::error::RpcError;
//!
//! let error = RpcError::not_found("go.micro.api", "service not found");
//! assert_eq!(error.to_json(), r#"{"id":"go.micro.api","code":404,"detail":"service not found","status":"Not Found"}"#);
//! assert_eq!(mesh_rpc::method::path("go.micro.srv.greeter", "Say.Hello"), "/go.micro.srv.greeter.Say/Hello");
//! ```

pub mod client;
pub mod codec;
pub mod debug;
pub mod error;
pub mod frame;
pub mod guard;
pub mod json;
pub mod metadata;
pub mod method;
pub mod mucp;
mod owner;
pub mod plain_http;
pub mod server;
pub mod status;
pub mod timeout;

pub use client::{Client, Stream};
pub use codec::Codec;
pub use error::RpcError;
pub use owner::Owner;
pub use plain_http::HttpClient;
pub use server::{Call, Handler, Server};
pub use status::{Code, GrpcError, Status};
