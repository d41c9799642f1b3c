//! Where a listener binds, and where an endpoint is reached.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use super::{ParseError, text_value};

/// An address to bind: `0.0.0.0:443`, `:8080`, `localhost:8080`, `[::1]:80`. Port 0 lets the system choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenAddress {
    /// On which addresses of this machine.
    pub host: ListenHost,
    /// On which port; 0 = any free one.
    pub port: u16,
}

/// The host part of a [`ListenAddress`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenHost {
    /// `:8080`, all addresses of both families (IPv4 alone where IPv6 is off).
    Any,
    /// `localhost:8080`, both loopback addresses (IPv4 alone where IPv6 is off).
    Loopback,
    /// One literal address, or the wildcard of one family (`0.0.0.0`, `[::]`).
    Ip(IpAddr),
}

text_value!(
    ListenAddress,
    BadAddress,
    "an address to listen on",
    "`:8080`, `localhost:8080` or `0.0.0.0:443`",
    "^.*:[0-9]{1,5}$"
);

impl ListenAddress {
    /// Makes an address of both families' wildcards (`:8080`).
    pub const fn any(port: u16) -> Self {
        Self { host: ListenHost::Any, port }
    }

    /// Makes an address of both loopbacks (`localhost:8080`).
    pub const fn loopback(port: u16) -> Self {
        Self { host: ListenHost::Loopback, port }
    }

    /// Returns the socket addresses to bind, in order. The second of two is optional where its family is off.
    pub fn socket_addresses(self) -> Vec<SocketAddr> {
        let hosts: &[IpAddr] = match self.host {
            ListenHost::Any => &[IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
            ListenHost::Loopback => &[IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)],
            ListenHost::Ip(ip) => return vec![SocketAddr::new(ip, self.port)],
        };
        hosts.iter().map(|ip| SocketAddr::new(*ip, self.port)).collect()
    }

    /// Returns whether only this machine can reach the address.
    pub fn is_loopback(self) -> bool {
        match self.host {
            ListenHost::Any => false,
            ListenHost::Loopback => true,
            ListenHost::Ip(ip) => ip.to_canonical().is_loopback(),
        }
    }

    /// Returns whether both cannot be bound by one process: the same port, and an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        if self.port != other.port || self.port == 0 {
            return false;
        }
        if let (ListenHost::Ip(ours), ListenHost::Ip(theirs)) = (self.host, other.host) {
            return ip_overlaps(ours, theirs);
        }
        let (ours, theirs) = (self.socket_addresses(), other.socket_addresses());
        ours.iter().any(|a| theirs.iter().any(|b| ip_overlaps(a.ip(), b.ip())))
    }
}

/// One family's wildcard covers each address of that family.
fn ip_overlaps(a: IpAddr, b: IpAddr) -> bool {
    a.is_ipv4() == b.is_ipv4() && (a == b || a.is_unspecified() || b.is_unspecified())
}

impl FromStr for ListenAddress {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (host, port) = split_port(text)?;
        let host = match host {
            "" => ListenHost::Any,
            "localhost" => ListenHost::Loopback,
            host => ListenHost::Ip(literal_ip(host)?.ok_or_else(|| {
                ParseError::new(format!(
                    "`{host}` is no address of this machine; write an IP address, `localhost` or nothing"
                ))
            })?),
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            ListenHost::Any => write!(out, ":{}", self.port),
            ListenHost::Loopback => write!(out, "localhost:{}", self.port),
            ListenHost::Ip(ip) => write!(out, "{}", SocketAddr::new(ip, self.port)),
        }
    }
}

/// Where an endpoint is reached: `10.0.0.5:8080`, `[2001:db8::1]:80`, `app:3000`. A host name is resolved by the
/// control plane, all its addresses count, again at their TTL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointAddress {
    /// Literal address or host name.
    pub host: EndpointHost,
    /// Port, never 0.
    pub port: u16,
}

/// The host part of an [`EndpointAddress`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointHost {
    /// A literal address.
    Ip(IpAddr),
    /// A DNS name, in lower case.
    Name(String),
}

text_value!(EndpointAddress, BadAddress, "an endpoint address", "`10.0.0.5:8080` or `app:3000`", "^.+:[0-9]{1,5}$");

impl FromStr for EndpointAddress {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Some((scheme, rest)) = text.split_once("://") {
            let rest = rest.trim_end_matches('/');
            return Err(ParseError::new(format!(
                "the protocol stands in `protocol`, not in the address; write `{rest}` without `{scheme}://`"
            )));
        }
        let (host, port) = split_port(text)?;
        if port == 0 {
            return Err(ParseError::new("port 0 cannot be reached"));
        }
        let host = match literal_ip(host)? {
            Some(ip) if ip.is_unspecified() => {
                return Err(ParseError::new(format!("`{host}` is no address that can be reached")));
            }
            Some(ip) => EndpointHost::Ip(ip),
            None => EndpointHost::Name(host_name(host)?),
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            EndpointHost::Ip(ip) => write!(out, "{}", SocketAddr::new(*ip, self.port)),
            EndpointHost::Name(name) => write!(out, "{name}:{}", self.port),
        }
    }
}

/// Splits `host:port`; an IPv6 address stands in brackets.
fn split_port(text: &str) -> Result<(&str, u16), ParseError> {
    let Some((host, port)) = text.rsplit_once(':') else {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        return Err(ParseError::new(if digits {
            format!("a port alone is written with a colon: `:{text}`")
        } else {
            "the port is missing".to_owned()
        }));
    };
    if host.contains(':') && !host.starts_with('[') {
        return Err(ParseError::new("an IPv6 address stands in brackets, as in `[::1]:8080`"));
    }
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(ParseError::new(format!("`{port}` is no port number")));
    }
    let port = port.parse().map_err(|_| ParseError::new(format!("port {port} is above 65535")))?;
    Ok((host, port))
}

/// Reads a literal address. A text in brackets, or of digits and dots alone, must be one.
fn literal_ip(host: &str) -> Result<Option<IpAddr>, ParseError> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match inner.parse() {
            Ok(ip) => Ok(Some(IpAddr::V6(ip))),
            Err(_) => Err(ParseError::new(format!("`{inner}` is no IPv6 address"))),
        };
    }
    match host.parse::<Ipv4Addr>() {
        Ok(ip) => Ok(Some(IpAddr::V4(ip))),
        Err(_) if !host.is_empty() && host.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            Err(ParseError::new(format!("`{host}` is no IPv4 address")))
        }
        Err(_) => Ok(None),
    }
}

/// Checks a DNS name (RFC 1123 §2.1, plus the underscore that service records use); returns it in lower case.
pub(super) fn host_name(host: &str) -> Result<String, ParseError> {
    let trimmed = host.strip_suffix('.').unwrap_or(host);
    if trimmed.is_empty() {
        return Err(ParseError::new("the host is missing"));
    }
    if trimmed.len() > 253 || trimmed.split('.').any(|label| label.len() > 63) {
        return Err(ParseError::new("the host name is too long"));
    }
    if trimmed.split('.').any(str::is_empty) {
        return Err(ParseError::new("the host name has an empty part"));
    }
    match trimmed.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))) {
        Some(other) => Err(ParseError::new(format!("`{}` is not allowed in a host name", other.escape_debug()))),
        None => Ok(trimmed.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = ParseError> + ToString>(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<T>().map(|value| value.to_string());
        assert_eq!(parsed.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn addresses_to_listen_on() {
        check::<ListenAddress>(":8080", Ok(":8080"));
        check::<ListenAddress>("localhost:0", Ok("localhost:0"));
        check::<ListenAddress>("0.0.0.0:443", Ok("0.0.0.0:443"));
        check::<ListenAddress>("[::1]:80", Ok("[::1]:80"));
        check::<ListenAddress>("8080", Err("a port alone is written with a colon: `:8080`"));
        check::<ListenAddress>(":80800", Err("port 80800 is above 65535"));
        check::<ListenAddress>("::1:80", Err("an IPv6 address stands in brackets, as in `[::1]:8080`"));
        check::<ListenAddress>("1.2.3:80", Err("`1.2.3` is no IPv4 address"));
        check::<ListenAddress>("0.0.0.0:http", Err("`http` is no port number"));
        check::<ListenAddress>(
            "example.com:80",
            Err("`example.com` is no address of this machine; write an IP address, `localhost` or nothing"),
        );
    }

    #[test]
    fn addresses_of_endpoints() {
        check::<EndpointAddress>("10.0.0.5:8080", Ok("10.0.0.5:8080"));
        check::<EndpointAddress>("App.local.:3000", Ok("app.local:3000"));
        check::<EndpointAddress>("[2001:db8::1]:80", Ok("[2001:db8::1]:80"));
        check::<EndpointAddress>("app", Err("the port is missing"));
        check::<EndpointAddress>("app:0", Err("port 0 cannot be reached"));
        check::<EndpointAddress>(":80", Err("the host is missing"));
        check::<EndpointAddress>("0.0.0.0:80", Err("`0.0.0.0` is no address that can be reached"));
        check::<EndpointAddress>("a..b:80", Err("the host name has an empty part"));
        check::<EndpointAddress>("a b:80", Err("` ` is not allowed in a host name"));
        check::<EndpointAddress>(
            "http://app:80/",
            Err("the protocol stands in `protocol`, not in the address; write `app:80` without `http://`"),
        );
    }

    #[test]
    fn overlap_is_about_addresses_in_common() {
        let overlap = |a: &str, b: &str| {
            let (a, b): (ListenAddress, ListenAddress) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(a.overlaps(b), b.overlaps(a));
            a.overlaps(b)
        };
        assert!(overlap(":80", "127.0.0.1:80"));
        assert!(overlap(":80", "[::1]:80"));
        assert!(overlap("0.0.0.0:80", "localhost:80"));
        assert!(overlap("localhost:80", "127.0.0.1:80"));
        assert!(!overlap("0.0.0.0:80", "[::1]:80"));
        assert!(!overlap("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!overlap(":80", ":81"));
        assert!(!overlap("127.0.0.1:0", "127.0.0.1:0"));
    }
}
