//! The network interfaces of this host, as mdns needs them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most interfaces that are used; hosts of many containers have hundreds of virtual ones.
const INTERFACES_MAX: usize = 32;

/// One interface that is up and takes packets for groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    /// Its name in the system.
    pub(super) name: String,
    /// Its number in the system.
    pub(super) index: u32,
    /// Whether it leads to this host only.
    pub(super) is_loopback: bool,
    /// Its first address of IPv4.
    pub(super) v4: Option<Ipv4Addr>,
    /// Whether it has an address of IPv6.
    pub(super) has_v6: bool,
    /// All its addresses.
    pub(super) addresses: Vec<IpAddr>,
}

/// Which interfaces are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Interfaces {
    /// All that are up, loopback among them.
    #[default]
    All,
    /// Loopback alone: services on this host.
    Loopback,
    /// Those of these names.
    Named(Vec<String>),
}

impl Interfaces {
    fn contain(&self, interface: &Interface) -> bool {
        match self {
            Interfaces::All => true,
            Interfaces::Loopback => interface.is_loopback,
            Interfaces::Named(names) => names.contains(&interface.name),
        }
    }
}

/// Returns the interfaces to use, as they are now.
///
/// # Errors
/// When the system does not tell.
pub(super) fn list(wanted: &Interfaces) -> std::io::Result<Vec<Interface>> {
    let mut found = system::list()?;
    found.retain(|interface| wanted.contain(interface));
    found.truncate(INTERFACES_MAX);
    Ok(found)
}

/// Returns the address under which others reach this host: a private one before any other, loopback last, as
/// go-micro chooses.
pub(super) fn advertised(interfaces: &[Interface]) -> IpAddr {
    let (loopback, others): (Vec<_>, Vec<_>) = interfaces.iter().partition(|interface| interface.is_loopback);
    let all: Vec<IpAddr> = others.iter().chain(&loopback).flat_map(|interface| &interface.addresses).copied().collect();
    let private = all.iter().find(|address| is_private(**address));
    let other = || all.iter().find(|address| !address.is_loopback() && !is_link_local(**address));
    private.or_else(other).or(all.first()).copied().unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// Returns the address under which others reach a server of this host that listens on all addresses, by the rule of
/// `advertised`; loopback where the system does not tell.
pub fn advertised_host() -> IpAddr {
    advertised(&list(&Interfaces::All).unwrap_or_default())
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            address.is_private() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(address) => address.octets()[0] == 0xfd,
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => Ipv6Addr::is_unicast_link_local(&address),
    }
}

/// Returns the name of this host.
pub(super) fn host_name() -> String {
    system::host_name().filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::net::IpAddr;

    use nix::ifaddrs::{InterfaceAddress, getifaddrs};
    use nix::net::if_::{InterfaceFlags, if_nametoindex};
    use nix::sys::socket::SockaddrStorage;

    use super::Interface;

    pub(super) fn list() -> io::Result<Vec<Interface>> {
        let mut found: Vec<Interface> = Vec::new();
        for entry in getifaddrs()? {
            let flags = entry.flags;
            let is_loopback = flags.contains(InterfaceFlags::IFF_LOOPBACK);
            // Loopback carries packets for groups on most systems, whether it says so or not.
            let reaches = is_loopback || flags.contains(InterfaceFlags::IFF_MULTICAST);
            let Some(address) = address(&entry).filter(|_| flags.contains(InterfaceFlags::IFF_UP) && reaches) else {
                continue;
            };
            let at = match found.iter().position(|interface| interface.name == entry.interface_name) {
                Some(at) => at,
                None => {
                    let index = if_nametoindex(entry.interface_name.as_str())?;
                    let (name, addresses) = (entry.interface_name, Vec::new());
                    found.push(Interface { name, index, is_loopback, v4: None, has_v6: false, addresses });
                    found.len() - 1
                }
            };
            let Some(interface) = found.get_mut(at) else { continue };
            match address {
                IpAddr::V4(address) => {
                    interface.v4.get_or_insert(address);
                }
                IpAddr::V6(_) => interface.has_v6 = true,
            }
            interface.addresses.push(address);
        }
        Ok(found)
    }

    pub(super) fn host_name() -> Option<String> {
        nix::unistd::gethostname().ok()?.into_string().ok()
    }

    fn address(entry: &InterfaceAddress) -> Option<IpAddr> {
        let address: &SockaddrStorage = entry.address.as_ref()?;
        let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;
    use std::net::Ipv4Addr;

    use super::Interface;

    /// The system chooses the interface where there is only one without a number.
    #[expect(clippy::unnecessary_wraps, reason = "other systems can fail")]
    pub(super) fn list() -> io::Result<Vec<Interface>> {
        let name = "default".to_owned();
        let (v4, addresses) = (Some(Ipv4Addr::UNSPECIFIED), Vec::new());
        Ok(vec![Interface { name, index: 0, is_loopback: false, v4, has_v6: true, addresses }])
    }

    pub(super) fn host_name() -> Option<String> {
        std::env::var("COMPUTERNAME").ok()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Interface, Interfaces, advertised};

    fn interface(name: &str, addresses: &[&str]) -> Interface {
        let addresses: Vec<IpAddr> = addresses.iter().map(|address| address.parse().expect("is one")).collect();
        let is_loopback = name == "lo";
        Interface { name: name.to_owned(), index: 1, is_loopback, v4: None, has_v6: false, addresses }
    }

    #[track_caller]
    fn check_advertised(interfaces: &[Interface], expected: &str) {
        assert_eq!(advertised(interfaces).to_string(), expected);
    }

    #[test]
    fn a_private_address_is_advertised_first() {
        let lo = || interface("lo", &["127.0.0.1", "::1"]);
        check_advertised(&[], "127.0.0.1");
        check_advertised(&[lo()], "127.0.0.1");
        check_advertised(&[interface("lo", &["127.0.0.1", "10.9.0.1"])], "10.9.0.1");
        check_advertised(&[lo(), interface("e", &["8.8.8.8"])], "8.8.8.8");
        check_advertised(
            &[lo(), interface("e", &["fe80::1", "8.8.8.8"]), interface("f", &["192.168.1.2"])],
            "192.168.1.2",
        );
        check_advertised(&[interface("e", &["100.64.0.1"]), lo()], "100.64.0.1");
        check_advertised(&[interface("e", &["100.128.0.1", "fd00::1"]), lo()], "fd00::1");
        check_advertised(&[interface("lo", &["10.0.0.1"]), interface("e", &["172.16.0.1"])], "172.16.0.1");
    }

    #[test]
    fn wanted_interfaces_are_chosen() {
        let (lo, eth) = (interface("lo", &[]), interface("eth0", &[]));
        assert!(Interfaces::All.contain(&lo) && Interfaces::All.contain(&eth));
        assert!(Interfaces::Loopback.contain(&lo) && !Interfaces::Loopback.contain(&eth));
        let named = Interfaces::Named(vec!["eth0".to_owned()]);
        assert!(!named.contain(&lo) && named.contain(&eth));
    }
}
