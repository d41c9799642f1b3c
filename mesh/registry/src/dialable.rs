//! Where the address of a record may be dialled.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where a record came from, as far as that helps with an address that names no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The registry of this process: who registers there runs on this host.
    Own,
    /// A packet or connection from that host (mdns).
    Host(IpAddr),
    /// A shared back end that does not say.
    Shared,
}

/// Returns where to dial a node, or `None` where its address cannot be reached.
///
/// A server that listens on all addresses may register `[::]:port` or `0.0.0.0:port`. For a node of the own
/// registry that is loopback, for one whose record came from a host it is that host; otherwise nobody knows. The
/// caller then skips the node and says so in the log, once. Every other address is dialled as it is.
///
/// ```
/// use mesh_registry::{Source, dialable};
///
/// assert_eq!(dialable("[::]:9090", Source::Own).as_deref(), Some("127.0.0.1:9090"));
/// assert_eq!(dialable("[::]:9090", Source::Shared), None);
/// assert_eq!(dialable("app:9090", Source::Shared).as_deref(), Some("app:9090"));
/// ```
pub fn dialable(address: &str, source: Source) -> Option<Cow<'_, str>> {
    let Some(port) = wildcard_port(address) else { return Some(Cow::Borrowed(address)) };
    let host = match source {
        // A listener on `[::]` takes IPv4 too on every system this runs on, and IPv6 may be off.
        Source::Own => IpAddr::V4(Ipv4Addr::LOCALHOST),
        Source::Host(host) => host,
        Source::Shared => return None,
    };
    Some(Cow::Owned(SocketAddr::new(host, port).to_string()))
}

/// Returns the port of an address whose host is empty or unspecified.
fn wildcard_port(address: &str) -> Option<u16> {
    if let Ok(address) = address.parse::<SocketAddr>() {
        return address.ip().to_canonical().is_unspecified().then_some(address.port());
    }
    // Go also registers `:9090`, and `:::9090` where brackets were forgotten.
    address.strip_prefix("::").unwrap_or(address).strip_prefix(':')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Source, dialable};

    #[track_caller]
    fn check(address: &str, source: Source, expected: Option<&str>) {
        assert_eq!(dialable(address, source).as_deref(), expected, "{address}");
    }

    #[test]
    fn wildcards_are_dialled_where_the_record_came_from() {
        let hosts = [Source::Host("10.0.0.7".parse().unwrap()), Source::Host("fd00::7".parse().unwrap())];
        for address in ["[::]:80", "0.0.0.0:80", ":80", ":::80", "[::ffff:0.0.0.0]:80", "[0:0::0]:80"] {
            check(address, Source::Own, Some("127.0.0.1:80"));
            check(address, hosts[0], Some("10.0.0.7:80"));
            check(address, hosts[1], Some("[fd00::7]:80"));
            check(address, Source::Shared, None);
        }
    }

    #[test]
    fn other_addresses_stay() {
        for address in ["127.0.0.1:80", "[::1]:80", "app:80", "queue", "", ":", "::1", "0.0.0.0", "[::]:http"] {
            check(address, Source::Own, Some(address));
            check(address, Source::Shared, Some(address));
        }
    }
}
