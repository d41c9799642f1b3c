//! The real go-micro service: built from `peers/go`, started once, registered under whatever names a case needs.
//!
//! go-micro looks only at what follows the last dot of the service in a call's path, so one process can stand for every
//! service that has its methods.

use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tokio::net::TcpStream;

use crate::process::Lines;
use crate::wait::until;

/// The variable that makes a missing peer a failure instead of a skipped group.
pub const REQUIRE: &str = "MICRO_REQUIRE_PEERS";

/// Whether the Go service can be had.
#[derive(Debug)]
pub enum Peer {
    /// It runs.
    Running(Running),
    /// It does not, and this is why.
    Missing(String),
}

/// The running service. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    address: SocketAddr,
    output: Lines,
}

impl Peer {
    /// Starts the service, if this machine can build it.
    ///
    /// # Errors
    /// When it is required, or there is Go and it still does not start.
    pub async fn start() -> Result<Self> {
        match tokio::task::spawn_blocking(|| build(&["peer"])).await?? {
            None => Ok(Self::Running(Running::start(&folder()?.join("peer")).await?)),
            Some(why) => {
                ensure!(!is_required(), "{why}, and {REQUIRE}=1 asks for it");
                Ok(Self::Missing(why))
            }
        }
    }

    /// Returns where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Running(running) => Some(running.address),
            Self::Missing(_) => None,
        }
    }
}

impl Running {
    /// Starts the service on a free port.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn start(binary: &Path) -> Result<Self> {
        // It takes no port 0 that it would tell us about: one is found, and given back for it to take.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut child = Command::new(binary)
            .args(["--registry", "memory", "--server_name", "go.micro.srv.example", "--server_address"])
            .arg(address.to_string())
            .env("PEER_SUBSCRIBE", "no")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let output = Lines::follow(child.stdout.take().context("no pipe")?);
        let peer = Self { child, address, output };
        until("the go-micro service to listen", async || TcpStream::connect(address).await.ok()).await?;
        Ok(peer)
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what it has printed.
    pub fn output(&self) -> &Lines {
        &self.output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns whether a missing peer is a failure.
pub fn is_required() -> bool {
    env::var_os(REQUIRE).is_some_and(|value| value == "1")
}

/// Returns the folder of the built peers.
///
/// # Errors
/// When there is neither `GO_BIN` nor `HOME`.
pub fn folder() -> Result<PathBuf> {
    match env::var_os("GO_BIN") {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Ok(PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(".cache/micro-peers/bin")),
    }
}

/// Builds peers where there is Go; its script does nothing when they are up to date. Without Go, those that were built before
/// do. Returns why there is one missing; nothing when all are there.
///
/// # Errors
/// When there is Go and one cannot be built.
pub fn build(names: &[&str]) -> Result<Option<String>> {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/go/bin");
    let mut go = Command::new("go");
    go.arg("version").env("PATH", &path).stdout(Stdio::null()).stderr(Stdio::null());
    if go.status().is_err() {
        let folder = folder()?;
        let missing = names.iter().find(|name| !folder.join(name).is_file());
        return Ok(missing.map(|name| format!("Go is not installed, so there is no {name}")));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/go/build.sh");
    let output = Command::new(script).args(names).env("PATH", path).stdin(Stdio::null()).output();
    let output = output.context("start peers/go/build.sh")?;
    ensure!(output.status.success(), "peers/go/build.sh: {}", String::from_utf8_lossy(&output.stderr));
    Ok(None)
}
