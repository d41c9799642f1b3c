//! Two listeners cannot have one address; a wildcard covers each address of its family.

use std::{collections::HashMap, net::SocketAddr};

use super::{View, key};
use crate::{
    diagnostic::{Code, Findings},
    path::DocumentPath,
    value::ListenAddress,
};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let mut taken = Taken::default();
    for (address, path) in addresses(view) {
        let Some((other, first)) = taken.take(address, &path) else { continue };
        let message = if address == other {
            format!("`{address}` is taken already")
        } else {
            format!("`{address}` overlaps with `{other}`")
        };
        let finding = view
            .error_with(Code::SameAddress, path, message, "second listener on this address")
            .label(view.tree.mark(&first), "first one")
            .help("give each listener an address or a port of its own");
        findings.push(finding);
    }
}

fn addresses(view: &View<'_>) -> impl Iterator<Item = (ListenAddress, DocumentPath)> {
    let path_of = |name: &str| key("listeners").key(name).key("address");
    let listeners = view.document.listeners.iter();
    let listeners = listeners.map(move |(name, listener)| (listener.address, path_of(name.as_str())));
    // The default of the admin listener gives way where it is taken; only one that was written can clash.
    let admin = view.document.admin.address.get().filter(|_| view.is_written(&key("admin")));
    listeners.chain(admin.map(|address| (address, key("admin").key("address"))))
}

/// Addresses with the listener that has them, looked up without comparing each with each.
#[derive(Debug, Default)]
struct Taken {
    exact: HashMap<SocketAddr, (ListenAddress, DocumentPath)>,
    /// The first listener of a family on a port, whatever its address: a wildcard clashes with it.
    first: HashMap<(bool, u16), (ListenAddress, DocumentPath)>,
}

impl Taken {
    /// Takes an address, or returns the listener that has it already.
    fn take(&mut self, address: ListenAddress, path: &DocumentPath) -> Option<(ListenAddress, DocumentPath)> {
        if address.port == 0 {
            return None; // the system chooses a free one for each
        }
        let sockets = address.socket_addresses();
        if let Some(found) = sockets.iter().find_map(|socket| self.holder(*socket)) {
            return Some(found.clone());
        }
        for socket in sockets {
            self.exact.insert(socket, (address, path.clone()));
            self.first.entry((socket.is_ipv4(), socket.port())).or_insert_with(|| (address, path.clone()));
        }
        None
    }

    fn holder(&self, socket: SocketAddr) -> Option<&(ListenAddress, DocumentPath)> {
        if socket.ip().is_unspecified() {
            return self.first.get(&(socket.is_ipv4(), socket.port()));
        }
        let wildcard = match socket {
            SocketAddr::V4(_) => SocketAddr::from(([0; 4], socket.port())),
            SocketAddr::V6(_) => SocketAddr::from(([0; 16], socket.port())),
        };
        self.exact.get(&socket).or_else(|| self.exact.get(&wildcard))
    }
}
