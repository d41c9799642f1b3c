//! The admin listener outside loopback wants a token: it can stop the gateway and shows how it is built.

use super::{View, key};
use crate::diagnostic::{Code, Findings};

pub(super) fn check(view: &View<'_>, findings: &mut Findings) {
    let admin = &view.document.admin;
    let Some(address) = admin.address.get() else { return };
    if address.is_loopback() || view.is_written(&key("admin").key("token")) {
        return;
    }
    let message = format!("the admin listener on `{address}` is open to others");
    let finding = view
        .error_with(Code::OpenAdmin, key("admin").key("address"), message, "not a loopback address")
        .help("make a token with `openssl rand -hex 32 > admin.token` and add `token: file:admin.token` to `admin`");
    findings.push(finding);
}
