//! The sockets: for each of IPv4 and IPv6 one at port 5353, which hears questions and announcements and answers, and
//! one at a port of its own, which asks and hears the answers.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, InterfaceIndexOrAddress, Protocol, SockRef, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Options;
use super::interfaces::{self, Interface};

/// The group and port (RFC 6762 section 3).
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
const PORT: u16 = 5353;
/// The most bytes of a datagram.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// How long to wait after reading failed, for instance since an interface went down.
const ERROR_PAUSE: Duration = Duration::from_millis(100);
/// How far packets for the group travel: one network (RFC 6762 section 11).
const HOPS: u32 = 255;

/// A datagram as it came.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) bytes: Vec<u8>,
    pub(super) source: SocketAddr,
}

/// All sockets, with a task for each that reads it. Dropping it closes them.
#[derive(Debug)]
pub(super) struct Sockets {
    options: Options,
    interfaces: Vec<Interface>,
    families: Vec<Family>,
    heard: mpsc::Sender<Datagram>,
    readers: JoinSet<()>,
    /// What was said in the log and still holds.
    said: BTreeSet<String>,
}

/// The sockets of IPv4, or those of IPv6.
#[derive(Debug)]
struct Family {
    group: IpAddr,
    asking: Option<Arc<UdpSocket>>,
    listening: Option<Arc<UdpSocket>>,
    /// The numbers of the interfaces on which the group was joined.
    joined: BTreeSet<u32>,
}

impl Sockets {
    /// Opens what can be opened; the rest is tried again by [`Sockets::refresh`]. What is heard goes to the channel.
    pub(super) fn open(options: Options, heard: mpsc::Sender<Datagram>) -> Sockets {
        let mut groups: Vec<IpAddr> = vec![GROUP_V4.into()];
        groups.extend(options.ipv6.then_some(IpAddr::V6(GROUP_V6)));
        let families = groups.into_iter().map(Family::new).collect();
        let (interfaces, readers, said) = (Vec::new(), JoinSet::new(), BTreeSet::new());
        let mut sockets = Sockets { options, interfaces, families, heard, readers, said };
        sockets.refresh();
        sockets
    }

    /// Follows the interfaces of this host, and tries again what failed. Each failure is one line in the log for as
    /// long as it lasts.
    pub(super) fn refresh(&mut self) {
        let mut failures = BTreeSet::new();
        match interfaces::list(&self.options.interfaces) {
            Ok(interfaces) => self.interfaces = interfaces,
            Err(error) => drop(failures.insert(format!("the interfaces of this host are not known: {error}"))),
        }
        let Sockets { interfaces, families, heard, readers, .. } = self;
        for family in families.iter_mut().filter(|family| family.is_offered(interfaces)) {
            family.open(heard, readers, &mut failures);
            family.join(interfaces, &mut failures);
        }
        for failure in failures.difference(&self.said) {
            tracing::warn!("mdns is not complete: {failure}");
        }
        self.said = failures;
    }

    /// Returns whether anybody can hear of the services of this process.
    pub(super) fn are_listening(&self) -> bool {
        self.families.iter().any(|family| family.listening.is_some())
    }

    /// Returns the address under which others reach this host.
    pub(super) fn advertised(&self) -> IpAddr {
        self.options.advertise.unwrap_or_else(|| interfaces::advertised(&self.interfaces))
    }

    /// Sends a question to the group, over all interfaces; says whether it went over one of them.
    pub(super) fn ask(&self, packet: &[u8]) -> bool {
        self.send_to_group(packet, |family| family.asking.as_deref())
    }

    /// Sends an announcement to the group, over all interfaces; says whether it went over one of them.
    pub(super) fn announce(&self, packet: &[u8]) -> bool {
        self.send_to_group(packet, |family| family.listening.as_deref().or(family.asking.as_deref()))
    }

    /// Sends an answer to one asker.
    pub(super) fn reply(&self, packet: &[u8], to: SocketAddr) {
        let family = self.families.iter().find(|family| family.group.is_ipv4() == to.is_ipv4());
        let Some(socket) = family.and_then(|family| family.listening.as_deref()) else { return };
        // One that is lost is asked for again.
        if let Err(error) = send(socket, packet, to) {
            tracing::debug!(%to, %error, "an answer was not sent");
        }
    }

    fn send_to_group<'a>(&'a self, packet: &[u8], socket: impl Fn(&'a Family) -> Option<&'a UdpSocket>) -> bool {
        let mut sent = false;
        for family in &self.families {
            let Some(socket) = socket(family) else { continue };
            for interface in &self.interfaces {
                match family.send(socket, interface, packet) {
                    Ok(through) => sent |= through,
                    Err(error) => {
                        let (name, group) = (&interface.name, family.group);
                        tracing::debug!(interface = name, %group, %error, "a packet was not sent");
                    }
                }
            }
        }
        sent
    }
}

impl Family {
    fn new(group: IpAddr) -> Family {
        Family { group, asking: None, listening: None, joined: BTreeSet::new() }
    }

    /// Returns whether an interface has an address of this family.
    fn is_offered(&self, interfaces: &[Interface]) -> bool {
        interfaces.iter().any(|interface| self.is_on(interface))
    }

    fn is_on(&self, interface: &Interface) -> bool {
        if self.group.is_ipv4() { interface.v4.is_some() } else { interface.has_v6 }
    }

    fn open(&mut self, heard: &mpsc::Sender<Datagram>, readers: &mut JoinSet<()>, failures: &mut BTreeSet<String>) {
        let group = self.group;
        for (socket, address) in [(&mut self.asking, any(group, 0)), (&mut self.listening, bound(group))] {
            if socket.is_some() {
                continue;
            }
            match bind(address) {
                Ok(opened) => {
                    let opened = Arc::new(opened);
                    readers.spawn(read(Arc::clone(&opened), heard.clone()));
                    *socket = Some(opened);
                }
                Err(error) => drop(failures.insert(format!("{address} could not be opened: {error}"))),
            }
        }
    }

    fn join(&mut self, interfaces: &[Interface], failures: &mut BTreeSet<String>) {
        let Some(socket) = &self.listening else { return };
        let socket = SockRef::from(&**socket);
        self.joined.retain(|joined| interfaces.iter().any(|interface| interface.index == *joined));
        for interface in interfaces {
            if !self.is_on(interface) || self.joined.contains(&interface.index) {
                continue;
            }
            let result = match self.group {
                IpAddr::V4(group) => {
                    socket.join_multicast_v4_n(&group, &InterfaceIndexOrAddress::Index(interface.index))
                }
                IpAddr::V6(group) => socket.join_multicast_v6(&group, interface.index),
            };
            match result {
                Ok(()) => drop(self.joined.insert(interface.index)),
                // An interface that came back has it still.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => drop(self.joined.insert(interface.index)),
                Err(error) => {
                    let (group, name) = (self.group, &interface.name);
                    failures.insert(format!("the group {group} could not be joined on {name}: {error}"));
                }
            }
        }
    }

    /// Sends a packet to the group over one interface; says whether that has an address of this family.
    fn send(&self, socket: &UdpSocket, interface: &Interface, packet: &[u8]) -> io::Result<bool> {
        if !self.is_on(interface) {
            return Ok(false);
        }
        let options = SockRef::from(socket);
        match (self.group, interface.v4) {
            (IpAddr::V4(_), Some(address)) => options.set_multicast_if_v4(&address)?,
            _ => options.set_multicast_if_v6(interface.index)?,
        }
        send(socket, packet, SocketAddr::new(self.group, PORT)).map(|()| true)
    }
}

/// Sends a packet without waiting: where the queue of the system is full it is lost, as it may be anywhere on its way.
/// Past tokio, which would call a socket that was just opened not ready yet.
fn send(socket: &UdpSocket, packet: &[u8], to: SocketAddr) -> io::Result<()> {
    SockRef::from(socket).send_to(packet, &to.into()).map(drop)
}

/// Opens a socket as go-micro does: the port of mdns is shared with whoever else on this host speaks it.
fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.port() == PORT {
        socket.set_reuse_address(true)?;
        // Linux shares without, and would give packets for one address to one of the sockets only.
        #[cfg(all(unix, not(target_os = "linux")))]
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
        socket.set_multicast_hops_v6(HOPS)?;
        socket.set_multicast_loop_v6(true)?;
    } else {
        socket.set_multicast_ttl_v4(HOPS)?;
        socket.set_multicast_loop_v4(true)?;
    }
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Where the socket at the port of mdns is bound. To the group itself where the system allows it: then a packet that
/// somebody sends to this host alone, from another network, is not answered.
fn bound(group: IpAddr) -> SocketAddr {
    match group {
        IpAddr::V4(_) if cfg!(target_os = "linux") => SocketAddr::new(group, PORT),
        _ => any(group, PORT),
    }
}

fn any(group: IpAddr, port: u16) -> SocketAddr {
    match group {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, port).into(),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, port).into(),
    }
}

/// Reads a socket until nobody wants what is heard. A full channel makes it wait; the system drops what comes
/// meanwhile.
async fn read(socket: Arc<UdpSocket>, heard: mpsc::Sender<Datagram>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, source)) => {
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                if heard.send(Datagram { bytes, source }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(%error, "reading a socket of mdns failed");
                sleep(ERROR_PAUSE).await;
            }
        }
    }
}
