//! Listening sockets. The control plane owns them and lends copies to workers (design 11.10).
//!
//! A socket that is closed resets what waits in its accept queue, so sockets live as long as their listener does,
//! however many workers there are. All new ones are bound before a snapshot is swapped in: what cannot be bound is a
//! failed check, not a half-applied change.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use config_schema::value::ListenAddress;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

/// How many connections may wait to be accepted on one socket.
const BACKLOG: i32 = 4096;
/// A connection on which nothing comes is asked after a minute whether its peer is still there, and ends a minute later.
const KEEPALIVE: TcpKeepalive =
    TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)).with_retries(4);

/// Why a listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{address} cannot be listened on")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// The reason.
    #[source]
    pub source: io::Error,
}

/// Where a listener listens: one address, or one of each family.
#[derive(Debug)]
pub(crate) struct Listening(Vec<Sockets>);

/// The sockets of one address, one for each worker there ever was.
#[derive(Debug)]
struct Sockets {
    address: SocketAddr,
    sockets: Vec<TcpListener>,
}

impl Listening {
    /// Binds the sockets of a listener. `ours` are the ports that this process holds already.
    ///
    /// # Errors
    /// Fails when an address cannot be bound; of two families the one that this machine lacks is left out.
    pub(crate) fn open(address: ListenAddress, workers: usize, ours: &HashSet<u16>) -> Result<Self, BindError> {
        let mut opened: Vec<Sockets> = Vec::new();
        let mut missing = None;
        for mut each in address.socket_addresses() {
            if let Some(first) = opened.first() {
                each.set_port(first.address.port()); // port 0 of the document: both families on one port
            }
            match Sockets::open(each, workers, ours) {
                Ok(sockets) => opened.push(sockets),
                Err(error) if lacks_family(&error.source) => missing = Some(error),
                Err(error) => return Err(error),
            }
        }
        match missing {
            Some(error) if opened.is_empty() => Err(error),
            _ => Ok(Self(opened)),
        }
    }

    /// Makes sure that there is a socket for each worker. Never closes one.
    pub(crate) fn grow(&mut self, workers: usize) -> Result<(), BindError> {
        self.0.iter_mut().try_for_each(|sockets| sockets.grow(workers))
    }

    /// Returns copies of the sockets that one of `workers` workers accepts on: its own, and by turns those of workers
    /// that are no more.
    pub(crate) fn lend(&self, worker: usize, workers: usize) -> io::Result<Vec<TcpListener>> {
        let lent = self.0.iter().flat_map(|sockets| sockets.sockets.iter().skip(worker).step_by(workers.max(1)));
        lent.map(TcpListener::try_clone).collect()
    }

    /// Returns the addresses as bound: a port 0 of the document has become a real one.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|sockets| sockets.address).collect()
    }
}

impl Sockets {
    /// `SO_REUSEPORT` would let another process share the port unnoticed, so it is probed without first, unless this
    /// process holds the port already: a listener may move from a wildcard to one address.
    fn open(address: SocketAddr, workers: usize, ours: &HashSet<u16>) -> Result<Self, BindError> {
        let failed = |source| BindError { address, source };
        if address.port() != 0 && !ours.contains(&address.port()) {
            bind(address, false).map_err(failed)?;
        }
        let first = bind(address, true).map_err(failed)?;
        let bound = first.local_addr().map_err(failed)?;
        let mut sockets = Self { address: bound, sockets: vec![first] };
        sockets.grow(workers)?;
        Ok(sockets)
    }

    fn grow(&mut self, workers: usize) -> Result<(), BindError> {
        let address = self.address;
        while self.sockets.len() < workers {
            self.sockets.push(bind(address, true).map_err(|source| BindError { address, source })?);
        }
        Ok(())
    }
}

fn lacks_family(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    if shared {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        // Each family has a socket of its own, so that a wildcard of one does not take the other's port.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if shared {
        // Accepted connections inherit it: a peer that vanished is noticed where nothing is timed, as in a tunnel.
        socket.set_tcp_keepalive(&KEEPALIVE)?;
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(address: &str, workers: usize) -> Result<Listening, BindError> {
        Listening::open(address.parse().unwrap(), workers, &HashSet::new())
    }

    #[test]
    fn a_port_of_another_is_not_shared() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap().to_string();
        assert!(open(&address, 1).is_err());
        drop(other);
        assert!(open(&address, 2).is_ok());
    }

    #[test]
    fn each_socket_has_a_worker_at_any_number_of_workers() {
        let mut listening = open("127.0.0.1:0", 3).unwrap();
        for workers in 1..=3 {
            let lent: usize = (0..workers).map(|worker| listening.lend(worker, workers).unwrap().len()).sum();
            assert_eq!(lent, 3, "{workers} workers");
        }
        listening.grow(5).unwrap();
        assert_eq!(listening.lend(0, 2).unwrap().len(), 3);
    }

    #[test]
    fn both_families_share_one_free_port() {
        let listening = open("localhost:0", 1).unwrap();
        let ports: HashSet<u16> = listening.addresses().iter().map(SocketAddr::port).collect();
        assert_eq!(ports.len(), 1);
    }
}
