//! MUCP: the older protocol of go-micro, over its HTTP transport.
//!
//! A transport message is a map of headers and a body. Over HTTP/1.1 it looks like a request (`POST /`) on the way
//! to a service and like a response on the way back, but the two are not paired: a stream has as many of either as
//! it likes. hyper cannot be used for that, so [`frame`] reads and writes these messages itself.
//!
//! Pure parts: [`message`] (headers in Go's spelling), [`frame`], [`content`] (content types, with those that
//! clients of before 0.15 mean) and [`envelope`] (json-rpc, proto-rpc). [`client`] calls; a
//! [`Server`](crate::Server) serves it beside gRPC with [`Server::with_mucp`](crate::Server::with_mucp).

pub mod client;
pub mod content;
pub mod envelope;
pub mod frame;
pub mod message;

pub use client::{MucpClient, MucpStream};
pub use content::ContentType;
pub use message::{Headers, Message};

/// The text of `Micro-Error` that ends a stream.
pub const END_OF_STREAM: &str = "EOS";
