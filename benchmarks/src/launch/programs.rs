//! The command line of each program: one function a program, with settings as fair as they can be made.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{env, fs, iter};

use anyhow::{Context, Result};

use crate::options::workspace;
use crate::process::Program;

/// The document of `examples/` that the gateway serves, unchanged.
const GATEWAY_DOCUMENT: &str = "examples/reverse-proxy/gateway.yaml";

/// This program, as one of its hidden commands.
pub(super) fn own(command: &'static str, addresses: &[SocketAddr]) -> Result<Program> {
    let arguments = iter::once(command.into()).chain(addresses.iter().map(|address| address.to_string().into()));
    Ok(program(command, env::current_exe()?, arguments))
}

pub(super) fn haproxy(listen: SocketAddr, upstream: SocketAddr, folder: &Path) -> Result<Program> {
    let path = folder.join("haproxy.cfg");
    write_settings(&path, include_str!("../../peers/haproxy.cfg"), listen, upstream)?;
    Ok(program("haproxy", "haproxy", ["-db".into(), "-f".into(), path.into()]))
}

pub(super) fn nginx(listen: SocketAddr, upstream: SocketAddr, folder: &Path) -> Result<Program> {
    let path = folder.join("nginx.conf");
    write_settings(&path, include_str!("../../peers/nginx.conf"), listen, upstream)?;
    let arguments = ["-e".into(), "stderr".into(), "-p".into(), folder.into(), "-c".into(), path.into()];
    Ok(program("nginx", "nginx", arguments))
}

/// Ours with a document. Its access log is off, as it is for the peers.
pub(super) fn gateway(micro: &Path, listen: SocketAddr, upstream: SocketAddr, admin: SocketAddr) -> Program {
    let document = workspace().join(GATEWAY_DOCUMENT);
    let arguments = ["gateway".into(), "--config".into(), document.into()].into_iter();
    let rest = format!("--admin {admin} --registry_listen 127.0.0.1:0 --workers 1");
    let mut program = program("micro-gateway", micro, arguments.chain(words(&rest)));
    program.environment = vec![
        ("LISTEN", listen.to_string().into()),
        ("UPSTREAM", upstream.to_string().into()),
        ("ACCESS_LOG", "off".into()),
    ];
    program
}

/// Ours as `micro api`, with the flags of the real one.
pub(super) fn api(micro: &Path, listen: SocketAddr, registry: SocketAddr, admin: SocketAddr) -> Program {
    let flags = format!(
        "api --address {listen} --type srv --handler rpc --registry_listen {registry} --admin {admin} --workers 1"
    );
    program("micro-api", micro, words(&flags))
}

/// The real `micro api` of v2.9.3. One core is all it sees, so Go gives it one processor.
pub(super) fn micro_v2(go: &Path, listen: SocketAddr, etcd: SocketAddr) -> Program {
    let flags = format!("--registry etcd --registry_address {etcd} api --address {listen} --type srv --handler rpc");
    program("micro-v2", go.join("micro"), words(&flags))
}

/// The go-micro service that answers the rpc case.
pub(super) fn greeter(go: &Path, listen: SocketAddr, etcd: SocketAddr, name: &str) -> Program {
    let flags = format!("--registry etcd --registry_address {etcd} --server_name {name} --server_address {listen}");
    let mut program = program("greeter", go.join("peer"), words(&flags));
    program.environment = vec![("PEER_SUBSCRIBE", "no".into())];
    program
}

pub(super) fn etcd(listen: SocketAddr, peers: SocketAddr, folder: &Path) -> Program {
    let flags = format!(
        "--listen-client-urls http://{listen} --advertise-client-urls http://{listen} \
         --listen-peer-urls http://{peers} --initial-advertise-peer-urls http://{peers} \
         --initial-cluster default=http://{peers} --data-dir"
    );
    let data = folder.join("etcd-data");
    program("etcd", "etcd", words(&flags).chain([data.into()]))
}

fn program(name: &'static str, path: impl Into<PathBuf>, arguments: impl IntoIterator<Item = OsString>) -> Program {
    Program { name, path: path.into(), arguments: arguments.into_iter().collect(), environment: Vec::new() }
}

fn words(line: &str) -> impl Iterator<Item = OsString> {
    line.split_whitespace().map(OsString::from)
}

fn write_settings(path: &Path, template: &str, listen: SocketAddr, upstream: SocketAddr) -> Result<()> {
    let folder = path.parent().context("a settings file lies in a folder")?;
    let text = template
        .replace("@LISTEN@", &listen.to_string())
        .replace("@UPSTREAM@", &upstream.to_string())
        .replace("@FOLDER@", &folder.to_string_lossy());
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_no_place_left_empty() {
        let folder = tempfile::tempdir().unwrap();
        let (listen, upstream) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        haproxy(listen, upstream, folder.path()).unwrap();
        nginx(listen, upstream, folder.path()).unwrap();
        for name in ["haproxy.cfg", "nginx.conf"] {
            let text = fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(text.contains("127.0.0.1:1") && text.contains("127.0.0.1:2") && !text.contains('@'), "{text}");
        }
    }

    #[test]
    fn the_document_of_the_gateway_is_an_example_that_takes_our_addresses() {
        let text = fs::read_to_string(workspace().join(GATEWAY_DOCUMENT)).unwrap();
        for variable in ["LISTEN", "UPSTREAM", "ACCESS_LOG"] {
            assert!(text.contains(&format!("${{{variable}:-")), "{variable}");
        }
    }
}
