//! A process together with all that it starts: its process group.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// How often to look whether somebody is left of a group; the system does not tell.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// A process that leads a group of its own. Dropping it kills the whole group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) child: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts a process in a new group.
    ///
    /// # Errors
    /// Those of the system: there is no such program, it may not be executed.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Group> {
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Group { child, id })
    }

    /// Waits for the leader. Others of its group may go on. Cancel safe.
    ///
    /// # Errors
    /// When the system does not tell; that has not been seen.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Waits until nobody is left of the group. Cancel safe.
    pub(crate) async fn emptied(&self) {
        while self.id.is_some_and(|id| killpg(id, None).is_ok()) {
            sleep(LOOK_PAUSE).await;
        }
    }

    /// Sends a signal to the whole group.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(id) = self.id
            && let Err(error) = killpg(id, signal)
        {
            tracing::debug!(%error, %signal, "the process group is gone");
        }
    }

    /// Kills what is left of the group, once: later its number may be somebody else's.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.id = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns how a process ended, in Go's words.
pub(crate) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("signal: {}", signal.as_str().trim_start_matches("SIG").to_ascii_lowercase()),
            Err(_) => format!("signal: {number}"),
        },
        (None, None) => "ended".to_owned(),
    }
}
