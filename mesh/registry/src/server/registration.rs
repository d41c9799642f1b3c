//! What a program says about itself when it registers over HTTP.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use crate::model::{Endpoint, Metadata, Node, PROTOCOL, Service, VERSION_DEFAULT};

/// The body of `PUT /v1/registry/{service}/{node}`: JSON, every member may be left out.
///
/// ```
/// let body = br#"{"version":"1.2.0","port":9090,"protocol":"grpc","endpoints":[{"name":"Say.Hello"}]}"#;
/// let registration = mesh_registry::server::Registration::parse(body).unwrap();
/// let service = registration.into_service("greeter".into(), "1".into(), "127.0.0.1".parse().unwrap()).unwrap();
/// assert_eq!(service.nodes[0].address, "127.0.0.1:9090");
/// assert_eq!(service.nodes[0].protocol(), Some("grpc"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// The version; `latest` when left out.
    pub version: Option<String>,
    /// Where the node listens: `host:port`, or a host to which `port` is added. When left out: where the request
    /// came from, with `port`.
    pub address: Option<String>,
    /// The port; needed where the address has none.
    pub port: Option<u16>,
    /// How the node is spoken to: `grpc`, `mucp` or `http`. Becomes its label of that name.
    pub protocol: Option<String>,
    /// The labels of the node.
    pub metadata: Option<Metadata>,
    /// What can be called.
    pub endpoints: Option<Vec<Endpoint>>,
}

/// Why a registration means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// There is no port to reach the node at.
    #[error("where does the node listen? give `address` as `host:port`, or `port`")]
    NoPort,
    /// The address and `port` say different things.
    #[error("`address` {address:?} and `port` {port} disagree")]
    TwoPorts {
        /// The address.
        address: String,
        /// The port.
        port: u16,
    },
    /// The address is not `host:port`.
    #[error("`address` {0:?} is not `host:port` (an IPv6 host stands in brackets)")]
    Address(String),
    /// The protocol is not known.
    #[error("`protocol` is {0:?}, expected grpc, mucp or http")]
    Protocol(String),
}

impl Registration {
    /// Reads a body; an empty one leaves everything out.
    ///
    /// # Errors
    /// When it is not JSON, has another member, or one of another type.
    pub fn parse(body: &[u8]) -> serde_json::Result<Registration> {
        if body.trim_ascii().is_empty() {
            return Ok(Registration::default());
        }
        // serde would take a list for the members in order.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(serde::de::Error::custom("invalid type: sequence, expected an object"));
        }
        serde_json::from_slice(body)
    }

    /// Makes the record of one node.
    ///
    /// # Errors
    /// When the address or the protocol means nothing; limits are not checked here.
    pub fn into_service(self, name: String, node: String, peer: IpAddr) -> Result<Service, RegistrationError> {
        let address = match self.address.filter(|address| !address.is_empty()) {
            Some(address) => join(address, self.port)?,
            None => SocketAddr::new(peer, self.port.ok_or(RegistrationError::NoPort)?).to_string(),
        };
        let mut metadata = self.metadata.unwrap_or_default();
        if let Some(protocol) = self.protocol {
            metadata.insert(PROTOCOL.to_owned(), protocol);
        }
        if let Some(protocol) = metadata.get(PROTOCOL)
            && !matches!(protocol.as_str(), "grpc" | "mucp" | "http")
        {
            return Err(RegistrationError::Protocol(protocol.clone()));
        }
        let version = self.version.filter(|version| !version.is_empty());
        Ok(Service {
            name,
            version: version.unwrap_or_else(|| VERSION_DEFAULT.to_owned()),
            metadata: Metadata::new(),
            endpoints: self.endpoints.unwrap_or_default(),
            nodes: vec![Node { id: node, address, metadata }],
        })
    }
}

/// Joins an address with the port that is given apart from it.
fn join(address: String, port: Option<u16>) -> Result<String, RegistrationError> {
    let (host, own) = match address.rsplit_once(':') {
        Some((host, text)) if !host.contains(':') || host.ends_with(']') => {
            let own = text.parse::<u16>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
            (host, Some(own.ok_or_else(|| RegistrationError::Address(address.clone()))?))
        }
        _ => (address.as_str(), None),
    };
    if !is_host(host) {
        return Err(RegistrationError::Address(address));
    }
    match (own, port) {
        (Some(own), Some(port)) if own != port => Err(RegistrationError::TwoPorts { address, port }),
        (Some(_), _) => Ok(address),
        (None, Some(port)) => Ok(format!("{host}:{port}")),
        (None, None) => Err(RegistrationError::NoPort),
    }
}

/// An IPv6 address in brackets, or something without a colon that is a name or an IPv4 address; empty: all
/// addresses of the host.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')),
    }
}

#[cfg(test)]
mod tests {
    use super::Registration;
    use crate::model::Service;

    fn service(body: &str) -> Result<Service, String> {
        let registration = Registration::parse(body.as_bytes()).map_err(|error| error.to_string())?;
        let peer = "fd00::7".parse().expect("is an address");
        registration.into_service("s".to_owned(), "n".to_owned(), peer).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check_address(body: &str, expected: &str) {
        assert_eq!(service(body).map(|service| service.nodes[0].address.clone()).as_deref(), Ok(expected));
    }

    #[track_caller]
    fn check_refused(body: &str, part: &str) {
        let error = service(body).expect_err("is refused");
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn addresses_and_ports_go_together() {
        check_address(r#"{"address":"127.0.0.1:9090"}"#, "127.0.0.1:9090");
        check_address(r#"{"address":"127.0.0.1:9090","port":9090}"#, "127.0.0.1:9090");
        check_address(r#"{"address":"app","port":9090}"#, "app:9090");
        check_address(r#"{"address":"[::1]","port":9090}"#, "[::1]:9090");
        check_address(r#"{"address":":9090"}"#, ":9090");
        check_address(r#"{"port":9090}"#, "[fd00::7]:9090");
        check_address(r#"{"address":"","port":9090}"#, "[fd00::7]:9090");
    }

    #[test]
    fn addresses_that_mean_nothing_are_refused() {
        check_refused("", "where does the node listen?");
        check_refused(r#"{"address":"app"}"#, "where does the node listen?");
        check_refused(r#"{"address":"app:1","port":2}"#, "`address` \"app:1\" and `port` 2 disagree");
        for address in ["app:http", "app:70000", "app:", "::1", "::1:80", "a b:1", "[x]:1", "http://app:80", "app:+1"] {
            check_refused(&format!(r#"{{"address":"{address}","port":1}}"#), "is not `host:port`");
        }
        check_refused(r#"{"port":70000}"#, "expected u16");
    }

    #[test]
    fn the_protocol_becomes_a_label() {
        let service = service(r#"{"port":1,"protocol":"mucp","metadata":{"zone":"a","protocol":"grpc"}}"#);
        let service = service.expect("is a service");
        assert_eq!(service.nodes[0].protocol(), Some("mucp"));
        assert_eq!(service.nodes[0].metadata.get("zone").map(String::as_str), Some("a"));
        assert_eq!(service.version, "latest");
        check_refused(r#"{"port":1,"protocol":"h2"}"#, "`protocol` is \"h2\", expected grpc, mucp or http");
        check_refused(r#"{"port":1,"metadata":{"protocol":"h2"}}"#, "expected grpc, mucp or http");
    }

    #[test]
    fn what_is_no_registration_is_refused_with_the_reason() {
        check_refused(r#"{"adress":"x:1"}"#, "unknown field `adress`, expected one of `version`, `address`");
        check_refused("[]", "sequence");
        check_refused("{", "EOF");
        check_refused(r#"{"port":1,"metadata":{"a":5}}"#, "expected a string");
        check_refused(r#"{"port":1,"endpoints":["Say.Hello"]}"#, "expected an endpoint (an object)");
    }
}
