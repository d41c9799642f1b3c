//! Sockets of the control plane: those of the admin API and of the embedded registry.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};

use config_schema::value::{ListenAddress, ListenHost};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// How often a free port is looked for that both loopbacks have.
const ATTEMPTS: usize = 8;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// A socket that has its address. [`listen`] makes it a listener.
#[derive(Debug)]
pub(super) struct Bound {
    socket: TcpListener,
    /// Nobody can connect yet: one of our own sockets covers the address, and serves until it is given up.
    waits: bool,
}

/// Opens all sockets of an address. `localhost` is both loopbacks on one port, the second where its family is on;
/// no host is one socket for both families, or IPv4 alone where IPv6 is off.
///
/// `held` are those that the new ones replace. One for the same address is used on; one that is in the way, as a wildcard
/// is for an address on its port, goes on undisturbed until [`listen`].
///
/// # Errors
/// Fails when an address is taken by somebody else or may not be used.
pub(super) fn bind(address: ListenAddress, held: &[TcpListener]) -> io::Result<Vec<Bound>> {
    let mut result = bind_once(address, held);
    for _ in 1..ATTEMPTS {
        match &result {
            // The port that one loopback gave may be taken on the other.
            Err(error) if error.kind() == ErrorKind::AddrInUse && address.port == 0 => {
                result = bind_once(address, held);
            }
            _ => break,
        }
    }
    result
}

/// Makes listeners of bound sockets, the moment before those that are `held` are given up.
///
/// # Errors
/// Fails when the system refuses; the sockets are closed then.
pub(super) fn listen(bound: Vec<Bound>, held: &[TcpListener]) -> io::Result<Vec<TcpListener>> {
    sharing(held, || {
        for Bound { socket, .. } in bound.iter().filter(|bound| bound.waits) {
            let socket = SockRef::from(socket);
            socket.listen(BACKLOG)?;
            socket.set_reuse_port(false)?;
        }
        Ok(bound.into_iter().map(|bound| bound.socket).collect())
    })
}

fn bind_once(address: ListenAddress, held: &[TcpListener]) -> io::Result<Vec<Bound>> {
    let mut bound: Vec<Bound> = Vec::new();
    let mut last = None;
    for mut wanted in address.socket_addresses() {
        if let Some(first) = bound.first() {
            wanted.set_port(first.socket.local_addr()?.port());
        }
        match bind_one(wanted, held) {
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

fn bind_one(address: SocketAddr, held: &[TcpListener]) -> io::Result<Bound> {
    let place = |socket: &TcpListener| socket.local_addr().ok();
    if let Some(same) = held.iter().find(|socket| place(socket) == Some(address)) {
        return Ok(Bound { socket: same.try_clone()?, waits: false });
    }
    match TcpListener::bind(address) {
        Ok(socket) => Ok(Bound { socket, waits: false }),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let ours = held.iter().any(|socket| place(socket).is_some_and(|place| place.port() == address.port()));
            let beside = ours.then(|| bind_beside(address, held).ok()).flatten();
            beside.map(|socket| Bound { socket, waits: true }).ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// Binds an address that our own sockets cover. Whoever else has it is in the way still.
fn bind_beside(address: SocketAddr, held: &[TcpListener]) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    sharing(held, || socket.bind(&address.into()))?;
    Ok(socket.into())
}

/// Lets sockets of the same user that ask for it have the ports of these, for as long as it takes to act.
fn sharing<R>(held: &[TcpListener], act: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    let share = |on: bool| held.iter().try_for_each(|socket| SockRef::from(socket).set_reuse_port(on));
    let result = share(true).and_then(|()| act());
    share(false)?;
    result
}

/// Returns the addresses of sockets as bound.
pub(super) fn addresses(sockets: &[TcpListener]) -> Vec<SocketAddr> {
    sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use super::*;

    fn ports(address: &str) -> Vec<SocketAddr> {
        addresses(&open(address.parse().unwrap(), &[]))
    }

    fn open(address: ListenAddress, held: &[TcpListener]) -> Vec<TcpListener> {
        listen(bind(address, held).unwrap(), held).unwrap()
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
        assert_eq!(bind(address, &[]).unwrap_err().kind(), ErrorKind::AddrInUse);
        let both = ListenAddress::loopback(address.port);
        assert_eq!(bind(both, &[]).unwrap_err().kind(), ErrorKind::AddrInUse);
        let other = open("127.0.0.1:0".parse().unwrap(), &[]);
        assert_eq!(bind(address, &other).unwrap_err().kind(), ErrorKind::AddrInUse, "another port is ours");
    }

    fn connects(last: u8, port: u16) -> bool {
        TcpStream::connect(SocketAddr::from(([127, 0, 0, last], port))).is_ok()
    }

    /// Whether a connection to its address comes to this socket.
    fn reaches(socket: &TcpListener) -> bool {
        while socket.accept().is_ok() {}
        let mut address = socket.local_addr().unwrap();
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        TcpStream::connect(address).is_ok() && socket.accept().is_ok()
    }

    /// Whether another process that does not ask to share it could have this port, there or everywhere.
    fn is_free(address: SocketAddr) -> bool {
        [address, SocketAddr::from(([0; 4], address.port()))].iter().any(|place| TcpListener::bind(place).is_ok())
    }

    #[test]
    fn a_port_of_ours_moves_between_addresses() {
        let mut held = open("0.0.0.0:0".parse().unwrap(), &[]);
        let port = addresses(&held)[0].port();
        let mut check = |host: &str, first: bool, second: bool| {
            let bound = bind(format!("{host}:{port}").parse().unwrap(), &held).unwrap();
            let served = held.iter().all(|socket| socket.set_nonblocking(true).is_ok() && reaches(socket));
            assert!(served, "{host}: what was open serves until the document is in force");
            held = listen(bound, &held).unwrap();
            assert_eq!((connects(1, port), connects(2, port)), (first, second), "{host}");
            assert!(addresses(&held).into_iter().all(|address| !is_free(address)), "{host}");
        };
        check("127.0.0.1", true, false);
        check("localhost", true, false);
        check("127.0.0.2", false, true);
        check("", true, true);
        check("0.0.0.0", true, true);
        check("127.0.0.1", true, false);
    }
}
