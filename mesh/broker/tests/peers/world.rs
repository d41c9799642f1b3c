//! What the tests share: programs that run beside them, and waiting.

use std::env;
use std::fs::File;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mesh_broker::{Broker, Delivery, Message, Subscription};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// How long anything may take; far more than it does, as machines that test are busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Finds a program: the Go peers among those that were built, others on the path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let built = env::var_os("GO_BIN").map(PathBuf::from);
    let built = built.unwrap_or_else(|| env::home_dir().unwrap_or_default().join(".cache/micro-peers/bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).chain(["/usr/sbin".into()]).collect();
    if name == "peer" {
        folders = vec![built];
    }
    folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A program that runs. Dropping it ends it.
pub(crate) struct Running {
    child: Child,
    folder: TempDir,
}

impl Running {
    /// Starts a program; what it prints is kept.
    pub(crate) fn start(name: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let child = Command::new(program(name).unwrap())
            .args(arguments)
            .env_clear()
            .envs(variables.iter().copied())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Running { child, folder }
    }

    /// What it has printed.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Kills it, as a machine does that loses its power.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Publishes until it prints that it got it: who subscribes is known to others a little later.
    pub(crate) async fn gets(&self, broker: &dyn Broker, topic: &str, name: &str, line: &str) {
        wait(line, || async {
            let body = format!(r#"{{"name":"{name}"}}"#);
            let message = Message::new(body).with("Content-Type", "application/json");
            let result = broker.publish(topic, message).await;
            let log = self.log();
            if log.contains(line) { Ok(()) } else { Err(format!("{result:?}: {log}")) }
        })
        .await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts an etcd on its usual port.
pub(crate) async fn etcd() -> Running {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().join("data");
    let server = Running::start("etcd", &["--data-dir", data.to_str().unwrap(), "--log-level", "error"], &[]);
    listens("127.0.0.1:2379").await;
    server
}

/// Starts a nats-server on its usual port.
pub(crate) async fn nats() -> Running {
    let server = Running::start("nats-server", &["-a", "127.0.0.1", "-p", "4222"], &[]);
    listens("127.0.0.1:4222").await;
    server
}

async fn listens(address: &str) {
    wait(address, || async { TcpStream::connect(address).map(drop).map_err(|error| error.to_string()) }).await;
}

/// Tries until it is so.
pub(crate) async fn wait<F: Future<Output = Result<(), String>>>(what: &str, mut is_so: impl FnMut() -> F) {
    let mut last = String::new();
    let trying = async {
        while let Err(error) = is_so().await {
            last = error;
            sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(timeout(DEADLINE, trying).await.is_ok(), "{what} does not come: {last}");
}

pub(crate) async fn next(subscription: &mut Subscription) -> Delivery {
    timeout(DEADLINE, subscription.next()).await.expect("a message comes").expect("the subscription goes on")
}

/// A Go client publishes until we have it: it may not know us at first. Returns what came first.
pub(crate) async fn go_publishes(subscription: &mut Subscription, topic: &str, variables: &[(&str, &str)]) -> Message {
    let publishing = async {
        loop {
            let client = Running::start("peer", &["publish", topic, "John"], variables);
            sleep(Duration::from_secs(2)).await;
            eprintln!("{}", client.log());
        }
    };
    tokio::select! {
        delivery = next(subscription) => delivery.message,
        () = publishing => unreachable!("it goes on"),
    }
}
