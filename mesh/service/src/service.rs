//! A program as a service, from its start to its end.

use std::error::Error;
use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use mesh::{Identity, Registries};
use nix::sys::signal::Signal;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::back_off::BackOff;
use crate::endpoint::Endpoint;
use crate::group::{Group, ending};
use crate::presence::Presence;
use crate::program;

/// How long the program may take to end once it was told to; then it is killed, and all that it started.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a program must have lived for the pause before its next start to be short again.
const LONG_LIFE: Duration = Duration::from_mins(1);

/// A program as a service: what is called, where it answers, what is started for it.
#[derive(Debug)]
pub struct Wrapped {
    /// What is registered: name, version, labels, what is advertised.
    pub identity: Identity,
    /// Where calls come in.
    pub listener: TcpListener,
    /// Where the program answers.
    pub endpoint: Endpoint,
    /// The program and its arguments, to be started; nothing where it runs already.
    pub command: Vec<OsString>,
    /// Whether a program is started again that answered and then failed.
    pub restart: bool,
}

/// Why a service ended, or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The command cannot be started.
    #[error("the command {command:?} cannot be started")]
    Start {
        /// Its first word.
        command: OsString,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The listener has no address.
    #[error("where calls come in cannot be told")]
    Address(#[source] io::Error),
    /// `exec://` names a folder: what may be run is one file.
    #[error("{endpoint} is a folder: name the file that may be run")]
    Folder {
        /// The endpoint.
        endpoint: Endpoint,
    },
}

/// How one life of a program ended.
enum Life {
    /// It was told to, and is still there.
    Stopped(Option<Group>),
    /// By itself.
    Ended(ExitStatus),
}

/// Runs a service until it is told to end, or its command ends: returns the exit code of the command, 0 without one.
///
/// The command is started first; the service is registered once the endpoint answers, and leaves the registry whenever
/// it does not. A command that ends with 0 ends the service, and so does one that ends before the endpoint ever
/// answered; any other is started again, with pauses of up to half a minute, if `restart` says so. At the end the
/// service leaves the registry, calls that go on may finish, then the command gets SIGTERM, and SIGKILL after
/// [`STOP_TIMEOUT`].
///
/// Dropping the future cuts all that and kills the command; the registration is left to expire.
///
/// # Errors
/// See [`RunError`].
pub async fn run(wrapped: Wrapped, registries: Registries, shutdown: CancellationToken) -> Result<i32, RunError> {
    let Wrapped { identity, listener, endpoint, command, restart } = wrapped;
    if let Endpoint::Exec(path) = &endpoint
        && path.is_dir()
    {
        return Err(RunError::Folder { endpoint });
    }
    tracing::info!("Service [{}] Serving {} at endpoint {endpoint}", endpoint.kind(), identity.name);
    let bound = listener.local_addr().map_err(RunError::Address)?;
    tracing::info!("Server [grpc] Listening on {bound}");
    let server = program::server(&identity.name, &endpoint);
    let (mut serving, end) = (JoinSet::new(), CancellationToken::new());
    serving.spawn(server.serve(listener, end.clone()));
    let mut presence = Presence::new(identity, bound, registries);
    let lived = live(&command, &endpoint, restart, &mut presence, &shutdown).await;
    presence.leave().await;
    end.cancel();
    while let Some(ended) = serving.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "the server of the service ended in a panic");
        }
    }
    match lived? {
        Life::Stopped(program) => {
            if let Some(program) = program {
                stop(program).await;
            }
            Ok(0)
        }
        Life::Ended(status) => Ok(code(status)),
    }
}

/// Starts the program, again and again where that makes sense, and keeps its service registered meanwhile.
async fn live(
    command: &[OsString],
    endpoint: &Endpoint,
    restart: bool,
    presence: &mut Presence,
    shutdown: &CancellationToken,
) -> Result<Life, RunError> {
    let mut pauses = BackOff::default();
    loop {
        let mut program = start(command)?;
        let born = Instant::now();
        let status = tokio::select! {
            () = shutdown.cancelled() => return Ok(Life::Stopped(program)),
            never = presence.keep(endpoint) => match never {},
            status = ended(program.as_mut()) => status,
        };
        drop(program); // and what it left behind, which may hold its port
        presence.leave().await;
        if status.success() || !restart || !presence.has_answered() {
            tracing::info!(how = ending(status), "the program has ended");
            return Ok(Life::Ended(status));
        }
        if born.elapsed() > LONG_LIFE {
            pauses = BackOff::default();
        }
        let pause = pauses.next();
        tracing::warn!(how = ending(status), ?pause, "the program has ended, it is started again");
        tokio::select! {
            () = shutdown.cancelled() => return Ok(Life::Stopped(None)),
            () = sleep(pause) => {}
        }
    }
}

/// Starts the command, if there is one. It writes where this process writes, and reads nothing.
fn start(command: &[OsString]) -> Result<Option<Group>, RunError> {
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let started = Group::spawn(&mut command);
    started.map(Some).map_err(|source| RunError::Start { command: program.clone(), source })
}

/// Waits until the program ends; for ever where there is none.
async fn ended(program: Option<&mut Group>) -> ExitStatus {
    let Some(program) = program else { return pending().await };
    match program.wait().await {
        Ok(status) => status,
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "the program cannot be waited for");
            pending().await
        }
    }
}

/// Ends the program in order, else at once.
async fn stop(mut program: Group) {
    program.signal(Signal::SIGTERM);
    let ending_all = async {
        let status = program.wait().await;
        program.emptied().await;
        status
    };
    match timeout(STOP_TIMEOUT, ending_all).await {
        Ok(Ok(status)) => tracing::info!(how = ending(status), "the program has ended"),
        Ok(Err(error)) => tracing::error!(%error, "the program cannot be waited for"),
        Err(_) => tracing::warn!(timeout = ?STOP_TIMEOUT, "the program did not end, it is killed"),
    }
}

/// As a shell tells it: 128 and the signal for one that was killed.
fn code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1)
}
