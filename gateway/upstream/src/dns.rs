//! Host names of endpoints, resolved on the control plane: all addresses, again at their time to live.
//!
//! A failed look-up changes nothing: the caller keeps the last good addresses and asks again after [`RETRY`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;

/// How long the answer for a name is used at least and at most, whatever its time to live says.
const TTL_MIN: Duration = Duration::from_secs(1);
const TTL_MAX: Duration = Duration::from_secs(3600);
/// How long to wait after a failed look-up.
const RETRY: Duration = Duration::from_secs(2);
/// The deadline of one look-up.
const DEADLINE: Duration = Duration::from_secs(10);

/// All addresses of a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAddresses {
    /// The addresses, sorted, so that equal answers are equal.
    pub addresses: Vec<IpAddr>,
    /// When to ask again.
    pub ask_again_in: Duration,
}

/// Why a name has no addresses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveHostError {
    /// The system's configuration cannot be read.
    #[error("the system's name service configuration cannot be read")]
    Configuration(#[source] hickory_resolver::net::NetError),
    /// The look-up failed.
    #[error("no address for {host}")]
    Lookup {
        /// The name.
        host: String,
        /// The reason.
        #[source]
        source: hickory_resolver::net::NetError,
    },
    /// The look-up took too long.
    #[error("no address for {host} within {DEADLINE:?}")]
    Timeout {
        /// The name.
        host: String,
    },
}

impl ResolveHostError {
    /// Returns how long to wait before the next look-up.
    pub fn ask_again_in(&self) -> Duration {
        RETRY
    }
}

/// Asks the system's name servers and hosts file.
#[derive(Clone)]
pub struct HostResolver(TokioResolver);

impl HostResolver {
    /// Reads the system's configuration.
    ///
    /// # Errors
    /// Fails when that cannot be read.
    pub fn from_system() -> Result<Self, ResolveHostError> {
        let mut builder = TokioResolver::builder_tokio().map_err(ResolveHostError::Configuration)?;
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        builder.options_mut().positive_max_ttl = Some(TTL_MAX);
        Ok(Self(builder.build().map_err(ResolveHostError::Configuration)?))
    }

    /// Returns all addresses of a name. An IP literal is itself; `localhost` is both loopback addresses.
    ///
    /// # Errors
    /// Says which name has no address, and why.
    pub async fn resolve(&self, host: &str) -> Result<HostAddresses, ResolveHostError> {
        if let Some(addresses) = fixed(host) {
            return Ok(HostAddresses { addresses, ask_again_in: TTL_MAX });
        }
        let found = tokio::time::timeout(DEADLINE, self.0.lookup_ip(host))
            .await
            .map_err(|_| ResolveHostError::Timeout { host: host.to_owned() })?
            .map_err(|source| ResolveHostError::Lookup { host: host.to_owned(), source })?;
        let mut addresses: Vec<IpAddr> = found.iter().collect();
        addresses.sort_unstable();
        addresses.dedup();
        let ttl = found.valid_until().saturating_duration_since(Instant::now());
        Ok(HostAddresses { addresses, ask_again_in: ttl.clamp(TTL_MIN, TTL_MAX) })
    }
}

impl std::fmt::Debug for HostResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostResolver")
    }
}

fn fixed(host: &str) -> Option<Vec<IpAddr>> {
    if host.eq_ignore_ascii_case("localhost") {
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    host.parse().ok().map(|address| vec![address])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_localhost_need_no_server() {
        assert_eq!(fixed("10.1.2.3").unwrap(), [IpAddr::from([10, 1, 2, 3])]);
        assert_eq!(fixed("LocalHost").unwrap().len(), 2);
        assert_eq!(fixed("::1").unwrap().len(), 1);
        assert!(fixed("app").is_none());
    }
}
