//! Sockets of the control plane: those of the admin API and of the embedded registry.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use config_schema::value::{ListenAddress, ListenHost};

/// How often a free port is looked for that both loopbacks have.
const ATTEMPTS: usize = 8;

/// Opens all sockets of an address. `localhost` is both loopbacks on one port, the second where its family is on;
/// no host is one socket for both families, or IPv4 alone where IPv6 is off.
///
/// # Errors
/// Fails when an address is taken or may not be used.
pub(super) fn bind(address: ListenAddress) -> io::Result<Vec<TcpListener>> {
    let mut result = bind_once(address);
    for _ in 1..ATTEMPTS {
        match &result {
            // The port that one loopback gave may be taken on the other.
            Err(error) if error.kind() == ErrorKind::AddrInUse && address.port == 0 => result = bind_once(address),
            _ => break,
        }
    }
    result
}

fn bind_once(address: ListenAddress) -> io::Result<Vec<TcpListener>> {
    let mut bound: Vec<TcpListener> = Vec::new();
    let mut last = None;
    for mut wanted in address.socket_addresses() {
        if let Some(first) = bound.first() {
            wanted.set_port(first.local_addr()?.port());
        }
        match TcpListener::bind(wanted) {
            Ok(socket) => bound.push(socket),
            Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {
                return Err(error);
            }
            Err(error) => last = Some(error), // the family is off
        }
        if address.host == ListenHost::Any && !bound.is_empty() {
            break; // the first takes both families
        }
    }
    match last {
        Some(error) if bound.is_empty() => Err(error),
        _ => Ok(bound),
    }
}

/// Returns the addresses of sockets as bound.
pub(super) fn addresses(sockets: &[TcpListener]) -> Vec<SocketAddr> {
    sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(address: &str) -> Vec<SocketAddr> {
        addresses(&bind(address.parse().unwrap()).unwrap())
    }

    #[test]
    fn localhost_is_one_port_on_every_loopback_there_is() {
        let bound = ports("localhost:0");
        assert!(
            bound.iter().all(|address| address.ip().is_loopback() && address.port() == bound[0].port()),
            "{bound:?}"
        );
        assert!(bound[0].is_ipv4() && bound.len() <= 2);
    }

    #[test]
    fn no_host_is_one_socket() {
        let bound = ports(":0");
        assert!(bound.len() == 1 && bound[0].ip().is_unspecified());
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address: ListenAddress = taken.local_addr().unwrap().to_string().parse().unwrap();
        assert_eq!(bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
        let both = ListenAddress::loopback(address.port);
        assert_eq!(bind(both).unwrap_err().kind(), ErrorKind::AddrInUse);
    }
}
