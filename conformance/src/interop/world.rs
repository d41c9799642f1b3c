//! The processes of a set-up, and the commands beside them.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, bail, ensure};
use indexmap::IndexMap;

use super::{Ready, Setup, Start};
use crate::wait::{PATIENCE, keep_trying};

/// How long a command may take, as `timeout` takes it.
const COMMAND_SECONDS: &str = "60";
/// Where programs are, after those of the case.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What runs in a namespace. Dropping it ends all of it.
#[derive(Debug)]
pub struct World {
    folder: PathBuf,
    env: IndexMap<String, String>,
    processes: IndexMap<String, Process>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// The file that takes what it writes: `NAME.log` in the working folder.
    log: PathBuf,
    /// How many of its lines a step has read.
    read: usize,
}

impl Process {
    fn text(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl World {
    /// Starts a set-up in a folder, with programs from `bin`.
    ///
    /// # Errors
    /// When one does not become ready.
    pub fn start(setup: &Setup, folder: &Path, bin: &Path) -> Result<Self> {
        let work = folder.join("work");
        fs::create_dir_all(&work)?;
        let mut env = IndexMap::from([
            ("PATH".to_owned(), format!("{}:{}:{PATH}", bin.display(), work.display())),
            ("HOME".to_owned(), folder.join("home").display().to_string()),
            ("TMPDIR".to_owned(), folder.display().to_string()),
            ("TZ".to_owned(), "UTC".to_owned()),
            ("MICRO_REPORT_USAGE".to_owned(), "false".to_owned()),
        ]);
        env.extend(setup.env.clone());
        for (name, text) in &setup.files {
            let path = work.join(name);
            fs::create_dir_all(path.parent().context("a file stands in a folder")?)?;
            fs::write(&path, text)?;
            if text.starts_with("#!") {
                fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
            }
        }
        let mut world = Self { folder: work, env, processes: IndexMap::new() };
        for start in &setup.start {
            world.spawn(start)?;
        }
        Ok(world)
    }

    fn shell(&self, line: &str, env: &IndexMap<String, String>) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(&self.folder).env_clear().envs(&self.env).envs(env);
        command
    }

    /// Runs a line of a shell to its end.
    pub(super) fn run(&self, line: &str, env: &IndexMap<String, String>, stdin: &str) -> Result<Output> {
        let input = self.folder.join(".stdin");
        fs::write(&input, stdin)?;
        let mut command = Command::new("timeout");
        command.args(["-k", "5", COMMAND_SECONDS, "sh", "-c", line]).current_dir(&self.folder);
        command.env_clear().envs(&self.env).envs(env).stdin(fs::File::open(&input)?);
        command.output().with_context(|| line.to_owned())
    }

    /// Starts a process and waits until it is ready.
    ///
    /// # Errors
    /// When it does not; the error holds what it wrote.
    pub fn spawn(&mut self, start: &Start) -> Result<()> {
        // `exec`, so that what is ended is the program and not its shell.
        let log = self.folder.join(format!("{}.log", start.name));
        let output = fs::File::create(&log)?;
        let child = self
            .shell(&format!("exec {}", start.run), &start.env)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| start.run.clone())?;
        let mut process = Process { child, log, read: 0 };
        let ready = self.wait_ready(&mut process, &start.ready);
        let text = process.text();
        self.processes.insert(start.name.clone(), process);
        ready.with_context(|| format!("{}: {}\n{text}", start.name, start.run))
    }

    fn wait_ready(&self, process: &mut Process, ready: &Ready) -> Result<()> {
        let is_ready = |process: &mut Process| -> Result<()> {
            if let Some(status) = process.child.try_wait()? {
                bail!("it ended: {status}");
            }
            if let Some(address) = &ready.tcp {
                TcpStream::connect(address).with_context(|| address.clone())?;
            }
            if let Some(words) = &ready.says {
                ensure!(process.text().contains(words), "it has not said {words:?}");
            }
            if let Some(line) = &ready.command {
                let output = self.run(line, &IndexMap::new(), "")?;
                ensure!(output.status.success(), "{line}: {output:?}");
            }
            Ok(())
        };
        keep_trying(PATIENCE, || is_ready(process))
    }

    fn process(&mut self, name: &str) -> Result<&mut Process> {
        self.processes.get_mut(name).with_context(|| format!("no process {name:?} was started"))
    }

    /// Ends a process with a signal, and waits for it.
    ///
    /// # Errors
    /// When there is none of that name, or it does not end.
    pub fn end(&mut self, name: &str, signal: &str) -> Result<()> {
        let process = self.process(name)?;
        let id = process.child.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status()?;
        ensure!(status.success(), "kill {signal} {id}: {status}");
        keep_trying(PATIENCE, || {
            ensure!(process.child.try_wait()?.is_some(), "{name} does not end");
            Ok(())
        })
    }

    /// Returns what a process has written.
    pub fn log(&self, name: &str) -> Option<String> {
        self.processes.get(name).map(Process::text)
    }

    /// Returns the lines that a process has written since they were last read.
    pub(super) fn news(&mut self, name: &str) -> Result<Vec<String>> {
        let process = self.process(name)?;
        Ok(process.text().lines().skip(process.read).map(str::to_owned).collect())
    }

    /// Takes what a process has written so far as read.
    pub(super) fn read(&mut self, name: &str) -> Result<()> {
        let process = self.process(name)?;
        process.read = process.text().lines().count();
        Ok(())
    }

    /// Returns the last lines of every process, for a report.
    pub(super) fn tails(&self) -> String {
        let tail = |(name, process): (&String, &Process)| {
            let text = process.text();
            let all: Vec<&str> = text.lines().collect();
            let last = all.get(all.len().saturating_sub(8)..).unwrap_or_default();
            format!("  [{name}]\n    {}", last.join("\n    "))
        };
        self.processes.iter().map(tail).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for process in self.processes.values_mut().rev() {
            // With all that it has started. They may have ended already; there is nobody left to tell.
            drop(Command::new("kill").args(["-KILL", "--", &format!("-{}", process.child.id())]).output());
            drop(process.child.wait());
        }
    }
}
