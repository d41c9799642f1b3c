//! How an etcd is reached.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where go-micro looks for etcd.
const ADDRESS_DEFAULT: &str = "127.0.0.1:2379";

/// The port of etcd for clients.
const PORT_DEFAULT: u16 = 2379;

/// Where go-micro keeps its records.
const PREFIX_DEFAULT: &str = "/micro/registry";

/// The TTL of go-micro.
const HOLD_DEFAULT: Duration = Duration::from_secs(60);

/// The most members that are named.
const ADDRESSES_MAX: usize = 64;

/// How an etcd is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its members, one or more: `host`, `host:port`, `http://host:port` or `https://host:port`. Tried in turn. None:
    /// `127.0.0.1:2379`. One with `https` asks for TLS to all.
    pub addresses: Vec<String>,
    /// The folder of all records. Default: `/micro/registry`, as go-micro has it.
    pub prefix: String,
    /// Who asks, where etcd wants to know.
    pub credentials: Option<Credentials>,
    /// How TLS is made. Default: none, unless an address asks for it; then against the roots of the system.
    pub tls: Option<Tls>,
    /// How long nodes stay that an etcd lost which comes back empty. Default: 60 s, the TTL of go-micro, by whose half
    /// every node has registered again.
    pub hold: Duration,
}

/// How TLS is made. The files are read once, when the registry is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates of those who may vouch for etcd, in PEM. Default: the roots of the system.
    pub ca: Option<PathBuf>,
    /// Our own certificate with its chain, and its key, in PEM, where etcd wants to know who asks.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A user of etcd with its password, which goes over the network as it is unless there is TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password. Never printed.
    pub password: String,
}

/// Why options mean nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOptions {
    /// An address is none.
    #[error(
        "{address:?} is no address of etcd: expected `host`, `host:port`, `http://host:port` or `https://host:port`"
    )]
    Address {
        /// What was given.
        address: String,
    },
    /// An address is to be reached in clear while there is TLS.
    #[error("{address:?} is in clear, and the others ask for TLS: one etcd has one of both")]
    Mixed {
        /// What was given.
        address: String,
    },
    /// A file of TLS cannot be used.
    #[error("{} cannot be used: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// What the files say together cannot be used, or the system has no roots.
    #[error("TLS cannot be used: {reason}")]
    Unusable {
        /// Why.
        reason: String,
    },
    /// There are too many addresses.
    #[error("{count} addresses of etcd, at most {ADDRESSES_MAX} are accepted")]
    TooMany {
        /// How many.
        count: usize,
    },
}

impl Default for Options {
    fn default() -> Options {
        Options {
            addresses: Vec::new(),
            prefix: PREFIX_DEFAULT.to_owned(),
            credentials: None,
            tls: None,
            hold: HOLD_DEFAULT,
        }
    }
}

impl Options {
    /// Returns the options for these addresses, all else as go-micro has it.
    pub fn at(addresses: impl IntoIterator<Item = impl Into<String>>) -> Options {
        Options { addresses: addresses.into_iter().map(Into::into).collect(), ..Options::default() }
    }

    /// Returns how TLS is made; `None` where etcd is reached in clear.
    pub fn secured(&self) -> Option<Tls> {
        let asked = || self.addresses.iter().any(|address| address.starts_with("https://"));
        self.tls.clone().or_else(|| asked().then(Tls::default))
    }

    /// Returns the members as `host:port`, in order and each once.
    ///
    /// # Errors
    /// The first address that is none, or is in clear beside one with TLS.
    pub fn members(&self) -> Result<Vec<String>, InvalidOptions> {
        if self.addresses.len() > ADDRESSES_MAX {
            return Err(InvalidOptions::TooMany { count: self.addresses.len() });
        }
        let mut members: Vec<String> = Vec::new();
        for address in &self.addresses {
            let member = member(address)?;
            if self.secured().is_some() && address.starts_with("http://") {
                return Err(InvalidOptions::Mixed { address: address.clone() });
            }
            if !members.contains(&member) {
                members.push(member);
            }
        }
        if members.is_empty() {
            members.push(ADDRESS_DEFAULT.to_owned());
        }
        Ok(members)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).field("password", &"***").finish()
    }
}

/// Go leaves an address with a scheme out without a word; here it means what it says.
fn member(address: &str) -> Result<String, InvalidOptions> {
    let invalid = || InvalidOptions::Address { address: address.to_owned() };
    let authority = match address.split_once("://") {
        None => address,
        Some(("http" | "https", authority)) => authority.trim_end_matches('/'),
        Some(_) => return Err(invalid()),
    };
    let parsed: http::uri::Authority = authority.parse().map_err(|_| invalid())?;
    let (host, port) = (parsed.host(), parsed.port());
    let is_split = authority.strip_prefix(host).is_some_and(|rest| rest.is_empty() || port.is_some());
    if host.is_empty() || !is_split || port.as_ref().is_some_and(|port| port.as_u16() == 0) {
        return Err(invalid());
    }
    Ok(format!("{host}:{}", port.map_or(PORT_DEFAULT, |port| port.as_u16())))
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Options};

    #[track_caller]
    fn check(addresses: &[&str], expected: Result<&[&str], &str>) {
        let members = Options::at(addresses.iter().copied()).members().map_err(|error| error.to_string());
        let expected = expected.map(|members| members.iter().map(ToString::to_string).collect());
        assert_eq!(members, expected.map_err(ToOwned::to_owned), "{addresses:?}");
    }

    #[test]
    fn addresses_are_hosts_with_or_without_a_port() {
        check(&[], Ok(&["127.0.0.1:2379"]));
        check(
            &["etcd-0", "etcd-1:4001", "[::1]", "[::1]:1"],
            Ok(&["etcd-0:2379", "etcd-1:4001", "[::1]:2379", "[::1]:1"]),
        );
        check(&["http://etcd:2379/", "etcd"], Ok(&["etcd:2379"]));
        check(&["https://etcd-0", "etcd-1:1"], Ok(&["etcd-0:2379", "etcd-1:1"]));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for address in
            ["", ":2379", "etcd:", "etcd:x", "etcd:0", "etcd:99999", "a b", "etcd:1/x", "u@etcd:1", "ftp://etcd", "::1"]
        {
            let expected = format!(
                "{address:?} is no address of etcd: expected `host`, `host:port`, `http://host:port` or `https://host:port`"
            );
            check(&[address], Err(&expected));
        }
        let mixed = "\"http://b\" is in clear, and the others ask for TLS: one etcd has one of both";
        check(&["https://a", "http://b"], Err(mixed));
        check(&["etcd"; 65], Err("65 addresses of etcd, at most 64 are accepted"));
    }

    #[test]
    fn a_password_does_not_print() {
        let credentials = Credentials { user: "root".into(), password: "secret".into() };
        let options = Options { credentials: Some(credentials), ..Options::default() };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
