//! The Go programs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use mesh_registry::{Registry, Remote};
use tokio::task::spawn_blocking;

use crate::until;

/// The service that the peer registers.
pub(crate) const GREETER: &str = "go.micro.srv.greeter";

/// One that runs until it is dropped.
pub(crate) struct Peer {
    child: Child,
    address: SocketAddr,
    _home: tempfile::TempDir,
}

impl Peer {
    /// Starts a service that registers with the registry there.
    pub(crate) fn greeter(registry: SocketAddr) -> Result<Peer, String> {
        let address = free();
        Self::start("peer", address, |command| {
            command.args(["--server_address", &address.to_string()]);
            command.env("MICRO_REGISTRY", "service").env("MICRO_REGISTRY_ADDRESS", registry.to_string());
            command.env("PEER_NAME", GREETER).env("PEER_SUBSCRIBE", "no");
        })
    }

    /// Starts the real `micro registry`.
    pub(crate) fn registry() -> Result<Peer, String> {
        let address = free();
        Self::start("micro", address, |command| {
            command.args(["registry", "--address", &address.to_string()]).env("MICRO_REGISTRY", "memory");
        })
    }

    /// Returns our client of it once it answers.
    pub(crate) async fn remote(&self) -> Remote {
        let remote = Remote::new([self.address.to_string()]).expect("is an address");
        until(|| async { remote.list().await.is_ok() }).await;
        remote
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().expect("there is kill").success());
    }

    fn start(name: &str, address: SocketAddr, set: impl FnOnce(&mut Command)) -> Result<Peer, String> {
        let home = tempfile::tempdir().expect("there is a folder");
        let program = program(name);
        let mut command = Command::new(&program);
        set(&mut command);
        command.env("HOME", home.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("{} cannot be started ({error})", program.display()))?;
        Ok(Peer { child, address, _home: home })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the real command line with the registry there, and returns what it prints.
pub(crate) async fn micro(registry: SocketAddr, words: &[&str]) -> Result<String, String> {
    let home = tempfile::tempdir().expect("there is a folder");
    let program = program("micro");
    let mut command = Command::new(&program);
    command.args(words).env("HOME", home.path()).stdin(Stdio::null());
    command.env("MICRO_REGISTRY", "service").env("MICRO_REGISTRY_ADDRESS", registry.to_string());
    let output = spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.map_err(|error| format!("{} cannot be started ({error})", program.display()))?;
    Ok(String::from_utf8(output.stdout).expect("is text"))
}

fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("GO_BIN").map(PathBuf::from);
    folder.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".cache/micro-peers/bin")).join(name)
}

fn free() -> SocketAddr {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
    socket.local_addr().expect("has an address")
}
