//! From what a registry says to what a client is told.

use http::Method;
use mesh_rpc::RpcError;

use super::watch::NoWatch;
use crate::registry::{DeregisterError, GetError, HeartbeatError, ListError, RegisterError, Unavailable};

/// Whose error it is, in the error object.
pub(super) const ID: &str = "go.micro.registry";

/// An error on its way to the client, and the methods that would have been right.
pub(super) struct Failure {
    pub(super) error: RpcError,
    pub(super) allow: Option<&'static str>,
}

impl Failure {
    pub(super) fn not_allowed(method: &Method, allow: &'static str) -> Failure {
        let error = RpcError::method_not_allowed(ID, format!("{method} is not possible here, but {allow}"));
        Failure { error, allow: Some(allow) }
    }
}

impl<E: Into<RpcError>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure { error: error.into(), allow: None }
    }
}

impl From<RegisterError> for RpcError {
    fn from(error: RegisterError) -> RpcError {
        match error {
            RegisterError::Invalid(invalid) => RpcError::bad_request(ID, invalid.to_string()),
            RegisterError::Full { .. } => RpcError::new(ID, 507, error.to_string()),
            RegisterError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<HeartbeatError> for RpcError {
    fn from(error: HeartbeatError) -> RpcError {
        match error {
            HeartbeatError::UnknownNode { .. } => RpcError::not_found(ID, error.to_string()),
            HeartbeatError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<DeregisterError> for RpcError {
    fn from(error: DeregisterError) -> RpcError {
        match error {
            DeregisterError::UnknownNode { .. } => RpcError::not_found(ID, error.to_string()),
            DeregisterError::Invalid(invalid) => RpcError::bad_request(ID, invalid.to_string()),
            DeregisterError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<GetError> for RpcError {
    fn from(error: GetError) -> RpcError {
        match error {
            GetError::UnknownService { .. } => RpcError::not_found(ID, error.to_string()),
            GetError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ListError> for RpcError {
    fn from(ListError::Unavailable(unavailable): ListError) -> RpcError {
        unavailable.into()
    }
}

impl From<NoWatch> for RpcError {
    fn from(error: NoWatch) -> RpcError {
        match error {
            NoWatch::TooMany => RpcError::new(ID, 503, error.to_string()),
            NoWatch::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<Unavailable> for RpcError {
    fn from(unavailable: Unavailable) -> RpcError {
        tracing::warn!(error = &unavailable as &dyn std::error::Error, "a registry does not answer");
        RpcError::new(ID, 503, unavailable.to_string())
    }
}
