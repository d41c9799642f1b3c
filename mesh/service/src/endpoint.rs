//! What `--endpoint` says: where the program behind a service answers, and how.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// Where the program behind a service answers, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// `http://host:port/base`: an HTTP server. Paths are joined to the base.
    Http(Uri),
    /// `grpc://host:port`: a gRPC server. Everything passes unchanged.
    Grpc(Authority),
    /// `mucp://host:port`, or `host:port` alone: a service of go-micro's own protocol over HTTP.
    Mucp(Authority),
    /// `file:///path`: a file, or a folder of files.
    File(PathBuf),
    /// `exec:///path`: a program that runs once for every message.
    Exec(PathBuf),
}

/// What is wrong with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// There is no such kind.
    #[error("{given:?} is no endpoint: it begins with http://, grpc://, mucp://, file:// or exec://, or is host:port")]
    Kind {
        /// What was given.
        given: String,
    },
    /// Known, but not offered yet.
    #[error("{given:?} asks for TLS, which is not built yet for endpoints")]
    Tls {
        /// What was given.
        given: String,
    },
    /// It names no host and port.
    #[error("{given:?} names no address: expected host:port behind the scheme")]
    Address {
        /// What was given.
        given: String,
    },
    /// It names no path.
    #[error("{given:?} names no path: expected for instance file:///srv/files")]
    Path {
        /// What was given.
        given: String,
    },
    /// It has a part that would be ignored.
    #[error("{given:?} has a query or a user: neither is sent")]
    Excess {
        /// What was given.
        given: String,
    },
}

impl Endpoint {
    /// Where a service is expected that says nothing, as in Micro v2.
    pub const DEFAULT: &'static str = "localhost:9090";

    /// Returns what Micro v2 calls the kind: `http`, `grpc`, `mucp`, `file`, `exec`.
    pub fn kind(&self) -> &'static str {
        match self {
            Endpoint::Http(_) => "http",
            Endpoint::Grpc(_) => "grpc",
            Endpoint::Mucp(_) => "mucp",
            Endpoint::File(_) => "file",
            Endpoint::Exec(_) => "exec",
        }
    }

    /// Returns the address that has to accept connections, as `host:port`; `None` where there is none.
    pub fn address(&self) -> Option<String> {
        match self {
            Endpoint::Http(base) => {
                let authority = base.authority()?;
                Some(format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)))
            }
            Endpoint::Grpc(authority) | Endpoint::Mucp(authority) => Some(authority.to_string()),
            Endpoint::File(_) | Endpoint::Exec(_) => None,
        }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        let given = || text.to_owned();
        match text.split_once("://") {
            Some(("http", rest)) => http(rest, given),
            Some(("https", _)) => Err(EndpointError::Tls { given: given() }),
            Some(("grpc", rest)) => authority(rest, given).map(Endpoint::Grpc),
            Some(("mucp", rest)) => authority(rest, given).map(Endpoint::Mucp),
            Some(("file" | "exec", "")) => Err(EndpointError::Path { given: given() }),
            Some(("file", path)) => Ok(Endpoint::File(path.into())),
            Some(("exec", path)) => Ok(Endpoint::Exec(path.into())),
            Some(_) => Err(EndpointError::Kind { given: given() }),
            None => authority(text, || text.to_owned())
                .map(Endpoint::Mucp)
                .map_err(|_| EndpointError::Kind { given: given() }),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Http(base) => write!(formatter, "{base}"),
            Endpoint::Grpc(authority) | Endpoint::Mucp(authority) => write!(formatter, "{}://{authority}", self.kind()),
            Endpoint::File(path) | Endpoint::Exec(path) => write!(formatter, "{}://{}", self.kind(), path.display()),
        }
    }
}

fn http(rest: &str, given: impl Fn() -> String) -> Result<Endpoint, EndpointError> {
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Ok(authority) = Authority::try_from(host) else { return Err(EndpointError::Address { given: given() }) };
    if authority.as_str().contains('@') || rest.contains(['?', '#']) {
        return Err(EndpointError::Excess { given: given() });
    }
    let path = if path.is_empty() { "/" } else { path };
    let Ok(path) = PathAndQuery::try_from(path) else { return Err(EndpointError::Address { given: given() }) };
    let base = Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path).build();
    base.map(Endpoint::Http).map_err(|_| EndpointError::Address { given: given() })
}

fn authority(text: &str, given: impl Fn() -> String) -> Result<Authority, EndpointError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let authority = Authority::try_from(text).ok();
    authority
        .filter(|authority| authority.port_u16().is_some() && !authority.host().is_empty())
        .filter(|authority| !authority.as_str().contains('@'))
        .ok_or_else(|| EndpointError::Address { given: given() })
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[track_caller]
    fn check(text: &str, shown: &str, address: Option<&str>) {
        let endpoint: Endpoint = text.parse().expect("is an endpoint");
        assert_eq!((endpoint.to_string().as_str(), endpoint.address().as_deref()), (shown, address));
    }

    #[test]
    fn every_kind_is_read() {
        check("http://localhost:9090", "http://localhost:9090/", Some("localhost:9090"));
        check("http://back.example/base/", "http://back.example/base/", Some("back.example:80"));
        check("http://[::1]:9", "http://[::1]:9/", Some("[::1]:9"));
        check("grpc://127.0.0.1:9", "grpc://127.0.0.1:9", Some("127.0.0.1:9"));
        check("localhost:9090", "mucp://localhost:9090", Some("localhost:9090"));
        check("mucp://h:1/", "mucp://h:1", Some("h:1"));
        check("file:///tmp/a b.txt", "file:///tmp/a b.txt", None);
        check("exec://tools/run.sh", "exec://tools/run.sh", None);
        check(Endpoint::DEFAULT, "mucp://localhost:9090", Some("localhost:9090"));
    }

    #[test]
    fn what_is_none_says_why() {
        let check = |text: &str, expected: &str| {
            let error = text.parse::<Endpoint>().expect_err("is none").to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check("ftp://x:1", "it begins with http://, grpc://");
        check("localhost", "it begins with http://, grpc://");
        check("", "it begins with http://, grpc://");
        check("https://x", "not built yet");
        check("http://", "names no address");
        check("http://a b/", "names no address");
        check("grpc://name", "names no address");
        check("grpc://:9", "names no address");
        check("file://", "names no path");
        check("exec://", "names no path");
        check("http://x/?a=b", "a query or a user");
        check("http://u:p@x/", "a query or a user");
    }
}
