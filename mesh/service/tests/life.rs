//! A command as a service: when it is registered, when it is not, and how it ends.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mesh::Identity;
use mesh_registry::{Memory, Registry};
use mesh_service::{RunError, Wrapped, run};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Running {
    folder: tempfile::TempDir,
    registry: Memory,
    shutdown: CancellationToken,
    task: JoinSet<Result<i32, RunError>>,
}

impl Running {
    /// Runs a shell script in a folder; its endpoint is the file `up` there.
    async fn start(script: &str, restart: bool) -> Running {
        let folder = tempfile::tempdir().expect("is made");
        let script = format!("cd {}; {script}", folder.path().display());
        let command = ["sh", "-c", &script].map(OsString::from).to_vec();
        Running::of(folder, "file", command, restart).await
    }

    async fn of(folder: tempfile::TempDir, kind: &str, command: Vec<OsString>, restart: bool) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let wrapped = Wrapped {
            identity: Identity::new("tool"),
            listener,
            endpoint: format!("{kind}://{}", folder.path().join("up").display()).parse().expect("is one"),
            command,
            restart,
        };
        let (registry, shutdown, mut task) = (Memory::new(), CancellationToken::new(), JoinSet::new());
        let registries: Vec<Arc<dyn Registry>> = vec![Arc::new(registry.clone())];
        task.spawn(run(wrapped, watch::channel(registries).1, shutdown.clone()));
        Running { folder, registry, shutdown, task }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.file(name)).unwrap_or_default();
        text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(str::to_owned).collect()
    }

    async fn is_registered(&self) -> bool {
        self.registry.get("tool").await.is_ok()
    }

    async fn registered(&self, expected: bool) {
        until(async || (self.is_registered().await == expected).then_some(())).await;
    }

    async fn ended(mut self) -> (tempfile::TempDir, Result<i32, RunError>) {
        let ended = timeout(PATIENCE, self.task.join_next()).await.expect("in time").expect("there is one");
        assert!(!self.is_registered().await, "it is still registered");
        (self.folder, ended.expect("does not panic"))
    }
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, looking).await.expect("it comes in time")
}

fn signal(name: &str, pid: &str) {
    let status = std::process::Command::new("kill").args([&format!("-{name}"), pid]).status();
    assert!(status.expect("kill runs").success());
}

fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[tokio::test]
async fn it_is_registered_once_the_endpoint_answers_and_leaves_when_it_does_not() {
    let running = Running::start("echo begun > begun; exec sleep 600", true).await;
    until(async || (running.lines("begun") == ["begun"]).then_some(())).await;
    assert!(!running.is_registered().await, "the endpoint is not there yet");
    std::fs::write(running.file("up"), "x").expect("is written");
    running.registered(true).await;
    std::fs::remove_file(running.file("up")).expect("is removed");
    running.registered(false).await;
    std::fs::write(running.file("up"), "x").expect("is written");
    running.registered(true).await;
    running.shutdown.cancel();
    assert_eq!(running.ended().await.1.expect("ends well"), 0);
}

#[tokio::test]
async fn it_ends_with_the_code_of_a_command_that_never_answered() {
    assert_eq!(Running::start("exit 7", true).await.ended().await.1.expect("has a code"), 7);
    assert_eq!(Running::start("kill -KILL $$", true).await.ended().await.1.expect("has a code"), 128 + 9);
}

#[tokio::test]
async fn it_ends_with_a_command_that_is_done() {
    let running = Running::start("touch up; while [ ! -e go ]; do sleep 0.05; done", true).await;
    running.registered(true).await;
    std::fs::write(running.file("go"), "").expect("is written");
    assert_eq!(running.ended().await.1.expect("has a code"), 0);
}

#[tokio::test]
async fn a_command_that_answered_and_failed_is_started_again() {
    let running = Running::start("touch up; echo $$ >> starts; exec sleep 600", true).await;
    for life in 1..=2 {
        until(async || (running.lines("starts").len() == life).then_some(())).await;
        running.registered(true).await;
        std::fs::remove_file(running.file("up")).expect("is removed");
        signal("KILL", running.lines("starts").last().expect("has started"));
        running.registered(false).await;
    }
    until(async || (running.lines("starts").len() == 3).then_some(())).await;
    running.shutdown.cancel();
    assert_eq!(running.ended().await.1.expect("ends well"), 0);
}

#[tokio::test]
async fn where_nothing_is_started_again_the_code_is_handed_on() {
    let running = Running::start("touch up; while [ ! -e go ]; do sleep 0.05; done; exit 5", false).await;
    running.registered(true).await;
    std::fs::write(running.file("go"), "").expect("is written");
    assert_eq!(running.ended().await.1.expect("has a code"), 5);
}

#[tokio::test]
async fn the_end_reaches_the_command_and_all_that_it_started() {
    let script = "trap 'echo bye > bye' TERM; sleep 600 & echo $! > pids; echo $$ >> pids; touch up; wait; wait";
    let running = Running::start(script, true).await;
    running.registered(true).await;
    let pids = running.lines("pids");
    assert!(pids.len() == 2 && pids.iter().all(|pid| is_alive(pid)), "{pids:?}");
    running.shutdown.cancel();
    let (folder, ended) = running.ended().await;
    assert_eq!(ended.expect("ends well"), 0);
    assert!(folder.path().join("bye").exists(), "it was told");
    assert!(pids.iter().all(|pid| !is_alive(pid)), "all are gone");
}

#[tokio::test]
async fn what_cannot_be_run_is_said() {
    let folder = tempfile::tempdir().expect("is made");
    let running = Running::of(folder, "file", vec!["/nowhere/tool".into()], true).await;
    let error = running.ended().await.1.expect_err("cannot be started");
    assert_eq!(error.to_string(), r#"the command "/nowhere/tool" cannot be started"#);

    let folder = tempfile::tempdir().expect("is made");
    std::fs::create_dir(folder.path().join("up")).expect("is made");
    let error = Running::of(folder, "exec", Vec::new(), true).await.ended().await.1.expect_err("is a folder");
    assert!(error.to_string().ends_with("is a folder: name the file that may be run"), "{error}");
}
