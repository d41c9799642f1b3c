//! Protocol buffer messages that Micro peers exchange, as plain Rust types.
//!
//! The sources are in `schema/`, what prost makes of them is committed in `src/generated/`, so that a build needs
//! neither `protoc` nor a build script. The test `generated` makes the code anew and compares it; run it with
//! `UPDATE_GENERATED=1` after a change of a source.
//!
//! Nothing here knows how a message is sent: framing, the error object and conversions live with those who use
//! them. Messages that are also spoken as JSON (the debug handler, the greeter) carry serde implementations in
//! the manner of [`json`].
//!
//! ```
//! use prost::Message;
//!
//! let error = proto::errors::Error { id: "go.micro.srv.greeter".into(), code: 404, ..Default::default() };
//! assert_eq!(proto::errors::Error::decode(error.encode_to_vec().as_slice()), Ok(error));
//! ```

pub mod json;

/// The error object of go-micro.
pub mod errors {
    include!("generated/errors.rs");

    /// The type URL under which [`Error`] is a detail of a gRPC status.
    pub const ERROR_TYPE_URL: &str = "type.googleapis.com/errors.Error";
}

/// The handler `Debug` that every service answers.
#[expect(clippy::doc_markdown, reason = "prost writes enumerations so")]
pub mod debug {
    include!("generated/debug.rs");
}

/// The envelope of go-micro's `application/proto-rpc`.
pub mod protorpc {
    include!("generated/protorpc.rs");
}

/// The demonstration service.
pub mod greeter {
    include!("generated/greeter.rs");
}

/// What the handlers `api` and `event` of the gateway exchange with services.
pub mod api {
    include!("generated/go.api.rs");
}

/// The registry as a service, as go-micro's registry `service` calls it.
#[expect(clippy::doc_markdown, reason = "prost writes enumerations so")]
pub mod registry {
    include!("generated/go.micro.registry.rs");
}

/// Accounts, tokens and rules as a service.
#[expect(missing_docs, clippy::doc_markdown, reason = "the names are all that the sources say of most members")]
pub mod auth {
    include!("generated/go.micro.auth.rs");
}

/// Configuration as a service.
#[expect(missing_docs, reason = "the names are all that the sources say of most members")]
pub mod config {
    include!("generated/go.micro.config.rs");
}

/// Log records of services that the debug service collected.
#[expect(missing_docs, reason = "the names are all that the sources say of most members")]
pub mod debug_log {
    include!("generated/go.micro.debug.log.rs");
}

/// The supervisor of services as a service.
#[expect(missing_docs, reason = "the names are all that the sources say of most members")]
pub mod runtime {
    include!("generated/go.micro.runtime.rs");
}

/// The store as a service.
#[expect(missing_docs, reason = "the names are all that the sources say of most members")]
pub mod store {
    include!("generated/go.micro.store.rs");
}

/// The broker as a service, as go-micro's broker `service` calls it.
pub mod broker {
    include!("generated/go.micro.broker.rs");
}

/// The client side of etcd's API: as much of it as a registry needs. Only with the feature `etcd`.
#[cfg(feature = "etcd")]
pub mod etcd {
    /// Keys, their values, and changes of them.
    #[expect(clippy::doc_markdown, reason = "prost writes enumerations so")]
    pub mod mvccpb {
        include!("generated/mvccpb.rs");
    }

    /// The services and what they exchange.
    #[expect(
        unused_qualifications,
        clippy::allow_attributes_without_reason,
        clippy::missing_errors_doc,
        reason = "tonic writes clients so; each call fails with a status"
    )]
    pub mod etcdserverpb {
        include!("generated/etcdserverpb.rs");
    }
}

/// Messages of Google's that gRPC itself relies on.
pub mod google {
    /// Well-known types.
    pub mod protobuf {
        include!("generated/google.protobuf.rs");
    }

    /// The status model.
    pub mod rpc {
        include!("generated/google.rpc.rs");
    }
}
