//! The program under test as a process of its own: started on free ports, known by what it says of itself, ended with
//! its handle.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indexmap::IndexMap;
use tempfile::TempDir;

use crate::case::Setup;
use crate::wait::{until, until_within};

/// Access records as JSON, laid over whatever a set-up says, so that the runner can read what was decided.
const OVERLAY: &str = "version: micro/v1\ntelemetry: { access_log: { format: json } }\n";
/// How long a process may take to end when it was asked to.
const END: Duration = Duration::from_secs(60);

/// How the program is started.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// All arguments.
    pub args: Vec<String>,
    /// The environment; nothing else is passed on but `PATH`.
    pub env: IndexMap<String, String>,
}

/// Lines that a process has written, growing.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Follows a pipe until its end, on a thread of its own, so that the process never waits for us.
    pub fn follow(pipe: impl Read + Send + 'static) -> Self {
        let lines = Self::default();
        let written = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                written.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        lines
    }

    /// Returns what was written so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns it as one text.
    pub fn text(&self) -> String {
        self.all().join("\n")
    }
}

/// A running gateway. Dropping it kills it.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    folder: TempDir,
    stdout: Lines,
    stderr: Lines,
    listeners: IndexMap<String, SocketAddr>,
    admin: Option<SocketAddr>,
    registry: Option<SocketAddr>,
}

impl Gateway {
    /// Starts the program as a set-up says, with every port free, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready; the error holds what it wrote.
    pub async fn start(program: &Path, setup: &Setup) -> Result<Self> {
        let folder = TempDir::new()?;
        let launch = launch(setup, folder.path())?;
        Self::launch(program, &launch, folder).await
    }

    /// Starts the program with a document. It is written to [`Gateway::document`], where a test may change it.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub async fn with_document(program: &Path, document: &str) -> Result<Self> {
        Self::start(program, &Setup { document: Some(document.to_owned()), ..Setup::default() }).await
    }

    /// Starts the program with exactly these arguments.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub async fn launch(program: &Path, launch: &Launch, folder: TempDir) -> Result<Self> {
        let mut child = command(program, launch)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let stdout = Lines::follow(child.stdout.take().context("no pipe")?);
        let stderr = Lines::follow(child.stderr.take().context("no pipe")?);
        let (listeners, admin, registry) = (IndexMap::new(), None, None);
        let mut gateway = Self { child, folder, stdout, stderr, listeners, admin, registry };
        gateway.become_ready().await.with_context(|| format!("{launch:?}"))?;
        Ok(gateway)
    }

    async fn become_ready(&mut self) -> Result<()> {
        let ended = until("the line `ready`", async || {
            if self.stderr.all().iter().any(|line| line == "ready") {
                return Some(None);
            }
            self.child.try_wait().ok().flatten().map(Some)
        })
        .await
        .with_context(|| self.stderr.text())?;
        if let Some(status) = ended {
            bail!("it ended instead: {status}\n{}", self.stderr.text());
        }
        for line in self.stderr.all() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["listening", name, address] => {
                    self.listeners.entry(name.to_owned()).or_insert(address.parse()?);
                }
                ["registry", address] => self.registry = Some(address.parse()?),
                ["admin", address] => self.admin = Some(address.parse()?),
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns the address of the first listener.
    ///
    /// # Errors
    /// When there is none.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listeners.values().next().copied().context("there is no listener")
    }

    /// Returns the addresses of all listeners by name.
    pub fn listeners(&self) -> &IndexMap<String, SocketAddr> {
        &self.listeners
    }

    /// Returns the address of the admin listener.
    ///
    /// # Errors
    /// When there is none.
    pub fn admin(&self) -> Result<SocketAddr> {
        self.admin.context("there is no admin listener")
    }

    /// Returns the address of the embedded registry.
    ///
    /// # Errors
    /// When there is none.
    pub fn registry(&self) -> Result<SocketAddr> {
        self.registry.context("there is no registry")
    }

    /// Returns the file of the document it was started with.
    pub fn document(&self) -> PathBuf {
        self.folder.path().join(DOCUMENT)
    }

    /// Returns the files of its configuration in their order, as a set-up has them.
    pub fn files(&self) -> Vec<PathBuf> {
        [DOCUMENT, OVERLAY_FILE]
            .iter()
            .map(|name| self.folder.path().join(name))
            .filter(|path| path.is_file())
            .collect()
    }

    /// Returns what it has written to standard output: access records.
    pub fn stdout(&self) -> &Lines {
        &self.stdout
    }

    /// Returns what it has written to standard error: its log.
    pub fn stderr(&self) -> &Lines {
        &self.stderr
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `TERM`.
    ///
    /// # Errors
    /// When that fails.
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status()?;
        anyhow::ensure!(status.success(), "kill -{name}: {status}");
        Ok(())
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        until_within(END, "the end of the process", async || self.child.try_wait().ok().flatten()).await
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const DOCUMENT: &str = "gateway.yaml";
const OVERLAY_FILE: &str = "overlay.yaml";

/// Returns the command line of a set-up; its files are written into a folder.
fn launch(setup: &Setup, folder: &Path) -> Result<Launch> {
    let mut args = setup.global.clone();
    let config = |name: &str, text: &str| -> Result<[String; 2]> {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        Ok(["--config".to_owned(), path.to_string_lossy().into_owned()])
    };
    match &setup.document {
        Some(document) => {
            args.push("gateway".to_owned());
            args.extend(config(DOCUMENT, document)?);
        }
        None => args.push("api".to_owned()),
    }
    args.extend(config(OVERLAY_FILE, OVERLAY)?);
    args.extend(setup.args.iter().cloned());
    for flag in ["--admin=127.0.0.1:0", "--registry_listen=127.0.0.1:0"] {
        args.push(flag.to_owned());
    }
    let names_address =
        |text: &String| text.trim_start_matches('-').starts_with("address") || text.contains("api_address");
    let chosen = args.iter().any(names_address) || setup.env.contains_key("MICRO_API_ADDRESS");
    if setup.document.is_none() && !chosen {
        args.push("--address=127.0.0.1:0".to_owned());
    }
    Ok(Launch { args, env: setup.env.clone() })
}

fn command(program: &Path, launch: &Launch) -> Command {
    let mut command = Command::new(program);
    command.args(&launch.args).env_clear().envs(&launch.env);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the program to its end, for commands that end by themselves.
///
/// # Errors
/// When it cannot be started, or does not end.
pub async fn run(program: &Path, launch: Launch) -> Result<Output> {
    let program = program.to_owned();
    let run = tokio::task::spawn_blocking(move || command(&program, &launch).output());
    Ok(tokio::time::timeout(END, run).await.context("it does not end")???)
}
