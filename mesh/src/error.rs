//! Why a call or a stream failed, in the words of go-micro's clients.

use std::fmt;

use mesh_registry::GetError;
use mesh_rpc::RpcError;
use mesh_rpc::client::ConnectError;
use mesh_rpc::error::CLIENT_ID;
use mesh_rpc::status::GrpcError;

/// Why a call failed. It prints what `micro call` prints behind `error calling …: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// An error object: that of the service, or one of `go.micro.client` where the call did not come to an end. The
    /// code of what is no error object is 500 whatever its gRPC status was, as in Go.
    Rpc(RpcError),
    /// What a mucp service said in words of its own.
    Text(String),
}

impl CallError {
    /// Returns the error object; of a text the one with it as detail and without a code.
    pub fn to_rpc(&self) -> RpcError {
        match self {
            CallError::Rpc(error) => error.clone(),
            CallError::Text(text) => RpcError::parse(text),
        }
    }

    /// The time was up.
    pub(crate) fn deadline() -> CallError {
        CallError::Rpc(RpcError::deadline_exceeded())
    }

    /// 500 of the client: something that no service said.
    pub fn internal(detail: impl Into<String>) -> CallError {
        CallError::Rpc(RpcError::internal(CLIENT_ID, detail))
    }

    /// What a mucp client says: a plain text of the service has neither code nor id.
    pub(crate) fn of_mucp(error: RpcError) -> CallError {
        if error.code == 0 && error.id.is_empty() { CallError::Text(error.detail) } else { CallError::Rpc(error) }
    }

    /// The registry knows no such service.
    pub(crate) fn unknown_service(service: &str) -> CallError {
        Self::internal(format!("service {service}: not found"))
    }

    /// No node could be chosen.
    pub(crate) fn selecting(service: &str, reason: impl fmt::Display) -> CallError {
        Self::internal(format!("error selecting {service} node: {reason}"))
    }

    pub(crate) fn of_registry(service: &str, error: &GetError) -> CallError {
        match error {
            GetError::UnknownService { .. } => Self::unknown_service(service),
            GetError::Unavailable(error) => {
                tracing::warn!(error = error as &dyn std::error::Error, service, "the registry does not answer");
                Self::selecting(service, "context deadline exceeded")
            }
        }
    }

    /// No connection, in the words of Go's gRPC library.
    pub(crate) fn of_connection(error: &ConnectError) -> CallError {
        let reason = match error {
            ConnectError::Address { address } => format!("dial tcp: address {address}: missing port in address"),
            ConnectError::Unreachable { address, source } => dialling(address, source),
            ConnectError::Timeout { address, .. } => format!("dial tcp {address}: i/o timeout"),
            error @ (ConnectError::Handshake { .. } | ConnectError::Tls { .. }) => error.to_string(),
        };
        Self::internal(format!("connection error: desc = \"transport: Error while dialing {reason}\""))
    }
}

/// Says why a socket was not connected, as Go does.
fn dialling(address: &str, error: &std::io::Error) -> String {
    let text = error.to_string();
    if error.raw_os_error().is_some() {
        let reason = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
        return format!("dial tcp {address}: connect: {reason}");
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    if text.starts_with("failed to lookup") {
        return format!("dial tcp: lookup {host}: no such host");
    }
    format!("dial tcp {address}: {text}")
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Rpc(error) => error.fmt(formatter),
            CallError::Text(text) => formatter.write_str(text),
        }
    }
}

impl std::error::Error for CallError {}

impl From<GrpcError> for CallError {
    fn from(error: GrpcError) -> CallError {
        CallError::Rpc(RpcError::from_grpc_as_go(&error.0))
    }
}

/// How an open stream failed. Unlike a call's it is told as the protocol told it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The status of a gRPC stream: `rpc error: code = … desc = …`.
    #[error(transparent)]
    Grpc(#[from] GrpcError),
    /// What a mucp service said, or what broke.
    #[error(transparent)]
    Mucp(#[from] CallError),
}

#[cfg(test)]
mod tests {
    use std::io;

    use mesh_rpc::status::{Code, GrpcError, Status};

    use super::{CallError, dialling};

    #[test]
    fn sockets_fail_in_the_words_of_go() {
        let refused = io::Error::from_raw_os_error(111);
        assert_eq!(dialling("127.0.0.1:1", &refused), "dial tcp 127.0.0.1:1: connect: connection refused");
        let unknown = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(dialling("nobody:1", &unknown), "dial tcp: lookup nobody: no such host");
    }

    #[test]
    fn errors_print_as_the_command_line_shows_them() {
        let error = CallError::unknown_service("nobody");
        let expected = r#"{"id":"go.micro.client","code":500,"detail":"service nobody: not found","status":"Internal Server Error"}"#;
        assert_eq!(error.to_string(), expected);
        let error = CallError::Text("rpc: can't find method Nope".to_owned());
        assert_eq!(error.to_string(), "rpc: can't find method Nope");
        assert_eq!(error.to_rpc().code, 0);
        let error = CallError::from(GrpcError(Status::new(Code::Unimplemented, "unknown service Say.Nope")));
        assert_eq!(error.to_rpc().code, 500);
    }
}
