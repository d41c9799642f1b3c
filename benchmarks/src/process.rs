//! One program of a run: pinned to a core, and gone when the run is.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a program may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Pause between two looks at a program that starts.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// How a program is started.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

/// A program that runs; dropping it kills it and waits for its end.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program on one core, with its output in a file of `folder`, which is also its home and working folder.
    pub(crate) fn start(program: Program, core: usize, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{}.log", program.name));
        let output = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let child = Command::new("setpriv")
            // Nothing may outlive a run that is killed: it would load the next one. Both wrappers exec, so that the
            // process measured is the program itself.
            .args(["--pdeathsig", "KILL", "taskset", "-c", &core.to_string()])
            .arg(&program.path)
            .args(&program.arguments)
            .env("HOME", folder)
            .envs(program.environment)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("start {}", program.path.display()))?;
        Ok(Self { name: program.name, child, log })
    }

    /// Returns the process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a look succeeds; the error holds what the last look and the program itself said.
    pub(crate) fn wait_until<T>(&mut self, look: impl Fn() -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            let error = match look() {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            let state = match self.child.try_wait()? {
                Some(status) => status.to_string(),
                None if Instant::now() > deadline => format!("not ready within {START_DEADLINE:?}"),
                None => {
                    thread::sleep(LOOK_AGAIN);
                    continue;
                }
            };
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let last: Vec<&str> = log.lines().rev().take(20).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            bail!("{}: {state}: {error:#}\n{}", self.name, last.join("\n"));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Returns a loopback address that nobody listens on. Another program may take it before it is used; the start of a peer
/// then fails with its own message.
pub(crate) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Path) -> Process {
        let arguments = ["-c", script].map(OsString::from).to_vec();
        let program = Program { name: "shell", path: "sh".into(), arguments, environment: Vec::new() };
        Process::start(program, 0, folder).unwrap()
    }

    #[test]
    fn a_program_that_ends_early_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("echo no such option >&2; exit 3", folder.path());
        let error = process.wait_until(|| -> Result<()> { bail!("connection refused") }).unwrap_err().to_string();
        assert_eq!(error, "shell: exit status: 3: connection refused\nno such option");
    }

    #[test]
    fn a_program_ends_with_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let process = shell("exec sleep 600", folder.path());
        let proc = PathBuf::from(format!("/proc/{}", process.pid()));
        assert!(proc.exists());
        drop(process);
        assert!(!proc.exists());
    }
}
