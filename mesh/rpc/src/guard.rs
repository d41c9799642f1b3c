//! Keeps web pages away from a listener that is meant for programs on this host.
//!
//! A browser runs the pages of strangers, and from them it can reach loopback. Two things tell such a request
//! apart, and both are checked before anything else is read:
//!
//! - `Host`: a page whose name was made to point here (DNS rebinding) still sends its own name;
//! - `Origin` and `Sec-Fetch-Site`: the browser says which page asks (Fetch standard, §3.2; Fetch Metadata).
//!
//! Programs send neither `Origin` nor `Sec-Fetch-Site` and name the host they dial, so nothing changes for them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Uri};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request may call the listener, besides loopback names and addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Host names in lower case.
    names: Vec<String>,
    /// The address that is listened on. Where it is a wildcard, any address will do: rebinding needs a name.
    listen: Option<IpAddr>,
}

impl Allowed {
    /// Allows loopback only.
    pub fn loopback() -> Allowed {
        Allowed::default()
    }

    /// Allows loopback and the address that is listened on; all addresses where that is a wildcard.
    pub fn listening(address: SocketAddr) -> Allowed {
        Allowed { names: Vec::new(), listen: Some(address.ip().to_canonical()) }
    }

    /// Allows a host name too, such as the name of a container or of a Kubernetes service.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Allowed {
        self.names.push(plain(name));
        self
    }

    fn allows(&self, host: &str) -> bool {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address = match bare {
            Some(v6) => v6.parse::<Ipv6Addr>().map(IpAddr::V6).ok(),
            None => host.parse::<IpAddr>().ok(),
        };
        if let Some(address) = address.map(|address| address.to_canonical()) {
            return address.is_loopback()
                || self.listen.is_some_and(|listen| listen.is_unspecified() || listen == address);
        }
        let host = plain(host);
        host == "localhost" || host.ends_with(".localhost") || self.names.contains(&host)
    }
}

/// Why a request is refused, always with 403.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Host`, several, or one that is not a host.
    #[error("the request does not say which host it is for")]
    NoHost,
    /// The host is not this one.
    #[error("host {host:?} is not served here: use a loopback address, or allow the name")]
    ForeignHost {
        /// What the request called it.
        host: String,
    },
    /// A page of another origin asks.
    #[error("requests from web pages of another origin ({origin:?}) are not served here")]
    ForeignOrigin {
        /// The origin.
        origin: String,
    },
    /// The browser says that a page of another site, or of another origin of the same site, asks.
    #[error("requests from web pages of another site (sec-fetch-site: {site}) are not served here")]
    ForeignSite {
        /// What the browser calls it.
        site: String,
    },
}

/// Checks who asks. For HTTP/1.1 `uri` is the target of the request, for HTTP/2 it holds the authority.
///
/// # Errors
/// The first reason to refuse the request.
pub fn check(uri: &Uri, headers: &HeaderMap, allowed: &Allowed) -> Result<(), Refusal> {
    let authority = authority(uri, headers).ok_or(Refusal::NoHost)?;
    if !allowed.allows(authority.host()) {
        return Err(Refusal::ForeignHost { host: authority.host().chars().take(253).collect() });
    }
    for origin in headers.get_all(ORIGIN) {
        let text = String::from_utf8_lossy(origin.as_bytes());
        if !is_same_origin(&text, &authority) {
            return Err(Refusal::ForeignOrigin { origin: text.chars().take(253).collect() });
        }
    }
    for site in headers.get_all(SEC_FETCH_SITE) {
        if site != "none" && site != "same-origin" {
            let site = String::from_utf8_lossy(site.as_bytes()).chars().take(32).collect();
            return Err(Refusal::ForeignSite { site });
        }
    }
    Ok(())
}

/// RFC 9112 §3.3: the target's authority, else the one `Host`. Credentials in it are refused.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() {
        return None;
    }
    let authority = match uri.authority() {
        Some(authority) => authority.clone(),
        None => Authority::try_from(host?.as_bytes()).ok()?,
    };
    (!authority.as_str().contains('@') && !authority.host().is_empty()).then_some(authority)
}

/// An origin is scheme, host and port; the listener does not know whether it is behind TLS, so either scheme will do.
fn is_same_origin(origin: &str, authority: &Authority) -> bool {
    let place = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    place.is_some_and(|place| place.eq_ignore_ascii_case(authority.as_str()))
}

/// A name without the root's dot, in lower case.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Allowed, check};

    #[track_caller]
    fn check_headers(allowed: &Allowed, headers: &[(&'static str, &'static str)], expected: Result<(), &str>) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let result = check(&"/v1/registry".parse().expect("is a target"), &map, allowed);
        assert_eq!(result.map_err(|refusal| refusal.to_string()), expected.map_err(str::to_owned), "{headers:?}");
    }

    fn allowed() -> Allowed {
        Allowed::listening("10.0.0.5:8000".parse().expect("is an address")).with_name("Registry.Local")
    }

    #[test]
    fn loopback_and_what_is_allowed_pass() {
        for host in [
            "localhost",
            "localhost:8000",
            "LocalHost.:8000",
            "a.localhost",
            "127.0.0.1:8000",
            "127.9.9.9",
            "[::1]:8000",
            "[::ffff:127.0.0.1]",
            "10.0.0.5:8000",
            "registry.local",
            "REGISTRY.LOCAL.:80",
        ] {
            check_headers(&allowed(), &[("host", host)], Ok(()));
        }
    }

    #[test]
    fn other_hosts_are_refused() {
        for (host, name) in [
            ("evil.example:8000", "evil.example"),
            ("10.0.0.6", "10.0.0.6"),
            ("localhost.evil.example", "localhost.evil.example"),
            ("evillocalhost", "evillocalhost"),
            ("[::2]", "[::2]"),
            ("127.0.0.1.nip.io", "127.0.0.1.nip.io"),
        ] {
            let expected = format!("host {name:?} is not served here: use a loopback address, or allow the name");
            check_headers(&allowed(), &[("host", host)], Err(&expected));
        }
        let none = Err("the request does not say which host it is for");
        for headers in [
            &[][..],
            &[("host", "")],
            &[("host", ":80")],
            &[("host", "localhost"), ("host", "localhost")],
            &[("host", "a@localhost")],
            &[("host", "local host")],
        ] {
            check_headers(&allowed(), headers, none);
        }
    }

    #[test]
    fn a_wildcard_listener_takes_any_address_and_no_other_name() {
        let wildcard = Allowed::listening("[::]:8000".parse().expect("is an address"));
        check_headers(&wildcard, &[("host", "192.168.1.7:8000")], Ok(()));
        check_headers(&wildcard, &[("host", "[fd00::7]:8000")], Ok(()));
        assert!(!wildcard.allows("evil.example"));
        assert!(!Allowed::loopback().allows("192.168.1.7"));
    }

    #[test]
    fn the_target_counts_before_the_header() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("localhost"));
        let target = "http://evil.example/v1/registry".parse().expect("is a target");
        assert!(check(&target, &headers, &Allowed::loopback()).is_err());
        let target = "http://localhost:8000/v1/registry".parse().expect("is a target");
        assert_eq!(check(&target, &HeaderMap::new(), &Allowed::loopback()), Ok(()));
    }

    #[test]
    fn pages_of_another_origin_are_refused() {
        let host = ("host", "localhost:8000");
        for origin in ["http://localhost:8000", "https://LOCALHOST:8000"] {
            check_headers(&allowed(), &[host, ("origin", origin)], Ok(()));
        }
        for origin in ["http://localhost:3000", "http://localhost", "https://evil.example", "null", "localhost:8000"] {
            let expected = format!("requests from web pages of another origin ({origin:?}) are not served here");
            check_headers(&allowed(), &[host, ("origin", origin)], Err(&expected));
        }
        let two = [host, ("origin", "http://localhost:8000"), ("origin", "https://evil.example")];
        check_headers(
            &allowed(),
            &two,
            Err("requests from web pages of another origin (\"https://evil.example\") are not served here"),
        );
    }

    #[test]
    fn pages_of_another_site_are_refused() {
        let host = ("host", "localhost:8000");
        for site in ["none", "same-origin"] {
            check_headers(&allowed(), &[host, ("sec-fetch-site", site)], Ok(()));
        }
        for site in ["cross-site", "same-site", "new-word"] {
            let expected =
                format!("requests from web pages of another site (sec-fetch-site: {site}) are not served here");
            check_headers(&allowed(), &[host, ("sec-fetch-site", site)], Err(&expected));
        }
    }
}
