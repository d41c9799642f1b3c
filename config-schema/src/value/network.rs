//! A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address.

use std::{fmt, net::IpAddr, str::FromStr};

use ipnet::IpNet;

use super::{ParseError, text_value};

/// A range of addresses in CIDR notation; one address alone is the range that holds only it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpNet);

text_value!(Network, BadNetwork, "a network", "`10.0.0.0/8` or `2001:db8::/32`", "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$");

impl Network {
    /// Returns the range.
    pub const fn net(&self) -> &IpNet {
        &self.0
    }

    /// Returns whether `address` lies in the range. An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.parse().map_err(|_| ParseError::new(format!("`{address}` is no IP address")))?;
        let Some(length) = length else {
            return Ok(Self(IpNet::from(address)));
        };
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let net = length.parse().ok().and_then(|length: u8| IpNet::new(address, length).ok());
        let net = net.ok_or_else(|| ParseError::new(format!("the prefix length goes from 0 to {longest}")))?;
        if net.addr() != net.network() {
            return Err(ParseError::new(format!("it has bits beyond its prefix; write `{}`", net.trunc())));
        }
        Ok(Self(net))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let parsed = text.parse::<Network>().map(|value| value.to_string());
        assert_eq!(parsed.as_deref().map_err(ToString::to_string), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn networks() {
        check("10.0.0.0/8", Ok("10.0.0.0/8"));
        check("192.0.2.7", Ok("192.0.2.7/32"));
        check("::1", Ok("::1/128"));
        check("10.0.0.1/8", Err("it has bits beyond its prefix; write `10.0.0.0/8`"));
        check("10.0.0.0/33", Err("the prefix length goes from 0 to 32"));
        check("10.0.0/8", Err("`10.0.0` is no IP address"));
        check("example.com", Err("`example.com` is no IP address"));
    }

    #[test]
    fn mapped_addresses_count_as_ipv4() {
        let network: Network = "10.0.0.0/8".parse().unwrap();
        assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!network.contains("11.0.0.1".parse().unwrap()));
    }
}
