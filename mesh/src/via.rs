//! Detours: a proxy or a network that calls go through instead of to the service itself.

/// Where calls go through, as `MICRO_PROXY`, `MICRO_NETWORK` and `MICRO_NETWORK_ADDRESS` say. Only the choice of the
/// node changes: path and metadata of a call name the service that is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Via {
    /// `service` is the service `go.micro.proxy`; a text with a colon is an address; anything else a service.
    pub proxy: Option<String>,
    /// `service` is the service `go.micro.network`, anything else the name of one. Not asked where there is a proxy.
    pub network: Option<String>,
    /// The address of the network.
    pub network_address: Option<String>,
}

/// Whom to dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dial<'a> {
    /// A node of this service.
    Service(&'a str),
    /// This address.
    Address(&'a str),
}

impl Via {
    /// Says whom to dial for a service, and for the address that the caller named.
    pub(crate) fn dial<'a>(&'a self, service: &'a str, address: Option<&'a str>) -> Dial<'a> {
        let set = |text: &'a Option<String>| text.as_deref().filter(|text| !text.is_empty());
        if let Some(proxy) = set(&self.proxy) {
            return match (proxy, address) {
                // It also takes the place of an address.
                ("service", _) => Dial::Service("go.micro.proxy"),
                (proxy, _) if proxy.contains(':') => Dial::Address(proxy),
                (_, Some(address)) => Dial::Address(address),
                (proxy, None) => Dial::Service(proxy),
            };
        }
        if let Some(network) = set(&self.network) {
            return match (set(&self.network_address).or(address), network) {
                (Some(address), _) => Dial::Address(address),
                (None, "service") => Dial::Service("go.micro.network"),
                (None, network) => Dial::Service(network),
            };
        }
        address.or(set(&self.network_address)).map_or(Dial::Service(service), Dial::Address)
    }
}

#[cfg(test)]
mod tests {
    use super::{Dial, Via};

    #[track_caller]
    fn check(proxy: &str, network: &str, network_address: &str, address: Option<&str>, expected: Dial<'_>) {
        let set = |text: &str| Some(text.to_owned());
        let via = Via { proxy: set(proxy), network: set(network), network_address: set(network_address) };
        assert_eq!(via.dial("greeter", address), expected);
    }

    #[test]
    fn without_a_detour_the_service_or_its_address_is_dialled() {
        check("", "", "", None, Dial::Service("greeter"));
        check("", "", "", Some("a:1"), Dial::Address("a:1"));
        assert_eq!(Via::default().dial("greeter", None), Dial::Service("greeter"));
    }

    #[test]
    fn a_proxy_comes_first() {
        check("service", "net", "n:1", Some("a:1"), Dial::Service("go.micro.proxy"));
        check("p:1", "", "", Some("a:1"), Dial::Address("p:1"));
        check("my.proxy", "", "", None, Dial::Service("my.proxy"));
        check("my.proxy", "", "", Some("a:1"), Dial::Address("a:1"));
    }

    #[test]
    fn a_network_takes_the_place_of_the_service() {
        check("", "service", "", None, Dial::Service("go.micro.network"));
        check("", "net", "", None, Dial::Service("net"));
        check("", "net", "n:1", Some("a:1"), Dial::Address("n:1"));
    }
}
