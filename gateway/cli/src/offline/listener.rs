//! Which listener a request reaches, from its URL.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gateway_snapshot::{Listener, Snapshot};

/// Returns the listener of that name; without a name the one with the URL's port, or the only one.
///
/// # Errors
/// Says which listeners there are.
pub(super) fn choose<'s>(snapshot: &'s Snapshot, url: &str, name: Option<&str>) -> Result<&'s Arc<Listener>, String> {
    if let Some(name) = name {
        return snapshot
            .listeners
            .get(name)
            .ok_or_else(|| format!("there is no listener `{name}`: {}", known(snapshot)));
    }
    let (port, address) = place(url)?;
    if let Some(listener) = snapshot.listener_at(port, address) {
        return Ok(listener);
    }
    let mut all = snapshot.listeners.values();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(format!("no listener has the port {port}: {}; name one with --listener", known(snapshot))),
    }
}

fn known(snapshot: &Snapshot) -> String {
    let names: Vec<String> =
        snapshot.listeners.values().map(|listener| format!("{} at {}", listener.id, listener.address)).collect();
    if names.is_empty() {
        "the document has no listeners".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    }
}

/// The port of a URL, and its address where the host is one.
fn place(url: &str) -> Result<(u16, Option<SocketAddr>), String> {
    let uri: http::Uri = url.parse().map_err(|_| format!("`{url}` is no URL"))?;
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(default);
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    Ok((port, host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_follows_from_the_scheme() {
        let check = |url: &str, port: u16, address: Option<&str>| {
            assert_eq!(place(url).unwrap(), (port, address.map(|address| address.parse().unwrap())), "{url}");
        };
        check("http://a.example/x", 80, None);
        check("https://a.example/x", 443, None);
        check("http://localhost:8080/x", 8080, None);
        check("http://10.0.0.1:8080/x", 8080, Some("10.0.0.1:8080"));
        check("http://[::1]/x", 80, Some("[::1]:80"));
        assert!(place("http://").is_err());
    }
}
