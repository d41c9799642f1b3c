//! Two listeners cannot have one address; a wildcard covers each address of its family.

use super::{View, key};
use crate::{
    diagnostic::{Code, Diagnostic},
    path::DocumentPath,
    value::ListenAddress,
};

pub(super) fn check(view: &View<'_>, findings: &mut Vec<Diagnostic>) {
    let mut taken: Vec<(ListenAddress, DocumentPath)> = Vec::new();
    for (address, path) in addresses(view) {
        if let Some((other, first)) = taken.iter().find(|(other, _)| address.overlaps(*other)) {
            let message = match address == *other {
                true => format!("`{address}` is taken already"),
                false => format!("`{address}` overlaps with `{other}`"),
            };
            let finding = view
                .error_with(Code::SameAddress, path.clone(), message, "second listener on this address")
                .label(view.tree.mark(first), "first one")
                .help("give each listener an address or a port of its own");
            findings.push(finding);
        } else {
            taken.push((address, path));
        }
    }
}

fn addresses(view: &View<'_>) -> impl Iterator<Item = (ListenAddress, DocumentPath)> {
    let listeners = view.document.listeners.iter();
    let listeners =
        listeners.map(|(name, listener)| (listener.address, key("listeners").key(name.as_str()).key("address")));
    let admin = view.document.admin.address.get().map(|address| (address, key("admin").key("address")));
    // Defaults give way at start (the admin listener) or are taken by nobody; only what was written can clash.
    listeners.chain(admin).filter(|(_, path)| view.is_written(path) || view.is_written(&key("admin")))
}
