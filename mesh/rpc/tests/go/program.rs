//! The Go program, as a service and as a client.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use mesh_rpc::Server;
use mesh_rpc::client::Target;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::peer::{Say, Test};

/// Longer than anything here takes, also on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const NAME: &str = "go.micro.srv.greeter";

/// A running service. Dropping it ends it.
pub(crate) struct Service {
    pub(crate) address: String,
    pub(crate) output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

fn program() -> PathBuf {
    let folder = std::env::var_os("GO_BIN").map(PathBuf::from);
    folder.unwrap_or_else(|| std::env::home_dir().unwrap_or_default().join(".cache/micro-peers/bin")).join("peer")
}

fn command(kind: &str) -> Command {
    let mut command = Command::new(program());
    command.env("MICRO_SERVER", kind).env("MICRO_CLIENT", kind).env("MICRO_SERVER_NAME", NAME);
    command.env("MICRO_REGISTRY", "memory").env("MICRO_BROKER", "memory").env("PEER_SUBSCRIBE", "no");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Starts a Go service that speaks `grpc` or `mucp`, and waits until it takes connections.
pub(crate) async fn service(kind: &str) -> Result<Service, String> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.and_then(|socket| socket.local_addr());
    let address = port.expect("there is a port").to_string();
    let mut command = command(kind);
    command.args(["--server_address", &address]).stderr(Stdio::null());
    let spawned = command.spawn();
    let mut child = spawned.map_err(|error| format!("{} cannot be started ({error})", program().display()))?;
    let reachable = async {
        while TcpStream::connect(&address).await.is_err() {
            assert!(child.try_wait().expect("is known").is_none(), "the Go service has ended");
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, reachable).await.expect("the Go service listens");
    let output = BufReader::new(child.stdout.take().expect("is piped")).lines();
    Ok(Service { address, output, _child: child })
}

/// Runs the Go client with arguments against an address; returns what it prints.
pub(crate) async fn client(
    kind: &str,
    address: SocketAddr,
    content: &str,
    arguments: &[&str],
) -> Result<String, String> {
    let mut command = command(kind);
    command.env("PEER_ADDRESS", address.to_string()).env("PEER_CONTENT_TYPE", content).args(arguments);
    let spawned = command.spawn();
    let child = spawned.map_err(|error| format!("{} cannot be started ({error})", program().display()))?;
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("the Go client ends").expect("is read");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    let lines = out.lines().chain(errors.lines()).filter(|line| !line.contains("level="));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Serves the same handlers as the Go service.
pub(crate) async fn serve(tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
    let address = listener.local_addr().expect("has an address");
    let server = Server::new().with("Say", Say).with("Test", Test).with_mucp();
    tasks.spawn(server.serve(listener, CancellationToken::new()));
    address
}

pub(crate) fn target(endpoint: &str) -> Target<'_> {
    Target { timeout: PATIENCE, ..Target::new(NAME, endpoint) }
}
