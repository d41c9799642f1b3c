//! Starts everything a run needs, once and before the first slice: upstreams on the load core, proxies on theirs.

mod programs;

use std::collections::HashMap;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::case::{Case, Counter, Row};
use crate::check;
use crate::http;
use crate::options::{RunOptions, workspace};
use crate::process::{Process, free_address};

/// The go-micro service of the rpc case.
const GREETER: &str = "go.micro.srv.greeter";

/// A way to start a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Launch {
    /// No proxy: the load goes to the static upstream, whose own time is measured.
    Direct,
    /// Bytes copied both ways.
    Relay,
    /// The distribution's HAProxy.
    Haproxy,
    /// The distribution's nginx.
    Nginx,
    /// Ours, with a document of `examples/`.
    Gateway,
    /// Ours, as `micro api`.
    Api,
    /// The real `micro api` of micro v2.9.3.
    GoMicroApi,
}

/// A program that answers on an address.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    /// Where it tells its metrics; ours alone does.
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) process: Process,
}

/// All programs of a run; dropping it ends them.
#[derive(Debug)]
pub(crate) struct World {
    peers: HashMap<Launch, Running>,
    upstream: Running,
    service: Option<Service>,
    binaries: Binaries,
    folder: TempDir,
}

/// The go-micro service and the registry through which the real `micro` finds it.
#[derive(Debug)]
struct Service {
    greeter: Running,
    etcd: Running,
}

/// Where the programs of a run are.
#[derive(Debug)]
struct Binaries {
    micro: Option<PathBuf>,
    go: Option<PathBuf>,
}

impl World {
    /// Starts all peers of the rows and what stands behind them, and waits until each answers rightly.
    pub(crate) fn start(options: &RunOptions, cases: &[(&Case, Vec<&Row>)]) -> Result<Self> {
        let rows: Vec<&Row> = cases.iter().flat_map(|(_, rows)| rows.iter().copied()).collect();
        let binaries = Binaries::find(options, &rows)?;
        let folder = TempDir::new()?;
        let upstream = start_upstream(options, folder.path())?;
        let service = match &binaries.go {
            Some(go) => Some(start_service(options, go, folder.path())?),
            None => None,
        };
        let mut world = Self { peers: HashMap::new(), upstream, service, binaries, folder };
        for row in rows {
            if row.launch != Launch::Direct && !world.peers.contains_key(&row.launch) {
                let running = world.start_peer(options, row).with_context(|| format!("start {}", row.name))?;
                world.peers.insert(row.launch, running);
            }
        }
        Ok(world)
    }

    /// Returns the program that a row loads.
    pub(crate) fn peer(&self, launch: Launch) -> &Running {
        self.peers.get(&launch).unwrap_or(&self.upstream)
    }

    /// Returns the static upstream.
    pub(crate) fn upstream(&self) -> &Running {
        &self.upstream
    }

    /// Returns the process that answers behind a row.
    pub(crate) fn behind(&self, counter: Counter) -> &Running {
        match (counter, &self.service) {
            (Counter::GoService, Some(service)) => &service.greeter,
            (Counter::Upstream | Counter::GoService, _) => &self.upstream,
        }
    }

    /// Returns our binary, where the run has a row of ours.
    pub(crate) fn micro(&self) -> Option<&Path> {
        self.binaries.micro.as_deref()
    }

    /// Returns the folder of scripts and logs, which ends with the run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn start_peer(&self, options: &RunOptions, row: &Row) -> Result<Running> {
        let (address, admin, registry) = (free_address()?, free_address()?, free_address()?);
        let upstream = self.upstream.address;
        let program = match row.launch {
            Launch::Direct => bail!("there is nothing to start"),
            Launch::Relay => programs::own("relay", &[address, upstream])?,
            Launch::Haproxy => programs::haproxy(address, upstream, self.folder())?,
            Launch::Nginx => programs::nginx(address, upstream, self.folder())?,
            Launch::Gateway => programs::gateway(self.binaries.micro()?, address, upstream, admin),
            Launch::Api => programs::api(self.binaries.micro()?, address, registry, admin),
            Launch::GoMicroApi => programs::micro_v2(self.binaries.go()?, address, self.service()?.etcd.address),
        };
        let mut process = Process::start(program, options.proxy_core, self.folder())?;
        if row.launch == Launch::Api {
            // Our registry is our own: the service is put into it over HTTP once it answers.
            let node = self.service()?.greeter.address;
            process.wait_until(|| register(registry, node))?;
        }
        process.wait_until(|| check::answer(address, row.request))?;
        if matches!(row.launch, Launch::Haproxy | Launch::Nginx | Launch::Gateway) {
            check::forwarding(address)?;
        }
        let admin = matches!(row.launch, Launch::Gateway | Launch::Api).then_some(admin);
        Ok(Running { address, admin, process })
    }

    fn service(&self) -> Result<&Service> {
        self.service.as_ref().context("this peer needs the go-micro service")
    }
}

impl Binaries {
    /// Builds what the rows need: ours in release, the Go peers with their own script. Both do nothing when up to date.
    fn find(options: &RunOptions, rows: &[&Row]) -> Result<Self> {
        let ours = rows.iter().any(|row| matches!(row.launch, Launch::Gateway | Launch::Api));
        let go = rows.iter().any(|row| row.counter == Counter::GoService);
        Ok(Self {
            micro: if ours { Some(fs::canonicalize(options.micro_binary()?)?) } else { None },
            go: if go { Some(go_peers()?) } else { None },
        })
    }

    fn micro(&self) -> Result<&Path> {
        self.micro.as_deref().context("our binary was not looked for")
    }

    fn go(&self) -> Result<&Path> {
        self.go.as_deref().context("the Go peers were not looked for")
    }
}

/// Returns the folder of the Go peers.
fn go_peers() -> Result<PathBuf> {
    let script = workspace().join("conformance/peers/go/build.sh");
    let status = Command::new(&script).status().with_context(|| format!("start {}", script.display()))?;
    ensure!(status.success(), "the Go peers do not build: {status} (the case rpc needs Go)");
    let folder = match env::var_os("GO_BIN") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var_os("HOME").context("HOME is not set")?).join(".cache/micro-peers/bin"),
    };
    Ok(fs::canonicalize(folder)?)
}

fn start_upstream(options: &RunOptions, folder: &Path) -> Result<Running> {
    let address = free_address()?;
    let mut process = Process::start(programs::own("upstream", &[address])?, options.load_core, folder)?;
    process.wait_until(|| http::send(address, "GET", "/count", None, ""))?;
    Ok(Running { address, admin: None, process })
}

fn start_service(options: &RunOptions, go: &Path, folder: &Path) -> Result<Service> {
    let address = free_address()?;
    let program = programs::etcd(address, free_address()?, folder);
    let mut process = Process::start(program, options.load_core, folder)?;
    process.wait_until(|| http::send(address, "GET", "/health", None, ""))?;
    let etcd = Running { address, admin: None, process };

    let address = free_address()?;
    let program = programs::greeter(go, address, etcd.address, GREETER);
    let mut process = Process::start(program, options.load_core, folder)?;
    process.wait_until(|| Ok(TcpStream::connect(address)?))?;
    Ok(Service { greeter: Running { address, admin: None, process }, etcd })
}

/// Puts the go-micro service into our registry, for longer than any run takes.
fn register(registry: SocketAddr, node: SocketAddr) -> Result<()> {
    let path = format!("/v1/registry/{GREETER}/greeter-1?ttl=24h");
    let node = format!(r#"{{"address":"{node}","protocol":"grpc"}}"#);
    let answer = http::send(registry, "PUT", &path, Some("application/json"), &node)?;
    ensure!(answer.status == 204, "PUT {path}: {} {}", answer.status, answer.body);
    Ok(())
}
