//! `exec://`: a program that runs once for every message.
//!
//! The file that the endpoint names is all that can be run: there are no paths below it, and no shell sees what a
//! caller sends. The message is the standard input, its member `args` the arguments; what the program writes is the
//! answer.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use mesh_rpc::frame::MESSAGE_BYTES_MAX;
use mesh_rpc::{Codec, RpcError};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::ask::{Ask, Target};
use crate::group::{Group, ending};

/// How many programs run at once, and how many calls may wait for one to end. Further ones are answered 503.
const RUNNING_MAX: usize = 32;
const WAITING_MAX: usize = 256;

/// How long a program may run when the caller names no time.
const RUN_TIMEOUT: Duration = Duration::from_mins(1);

/// The most arguments that a caller may give.
const ARGUMENTS_MAX: usize = 256;

/// The most bytes of the standard error that an error repeats.
const ERROR_BYTES_MAX: usize = 4 * 1024;

/// The variables that a program inherits. Whatever else stands in the environment, secrets too, is not for callers.
const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "USER"];

/// The program that is run.
#[derive(Debug)]
pub(crate) struct Program {
    service: String,
    file: PathBuf,
    running: Semaphore,
    waiting: Semaphore,
}

/// What a program wrote.
#[derive(Debug, Default)]
struct Written {
    /// Both streams, as they came.
    all: Vec<u8>,
    /// The standard error alone.
    error: Vec<u8>,
}

/// The member of a message that holds arguments.
#[derive(Debug, Default, Deserialize)]
struct Arguments {
    #[serde(default)]
    args: Vec<String>,
}

impl Program {
    pub(crate) fn new(service: &str, file: PathBuf) -> Program {
        // A name without a slash would be looked for in the path.
        let file = std::path::absolute(&file).unwrap_or(file);
        let (running, waiting) = (Semaphore::new(RUNNING_MAX), Semaphore::new(RUNNING_MAX + WAITING_MAX));
        Program { service: service.to_owned(), file, running, waiting }
    }

    /// Runs the program once. Dropping the future kills it, and all that it started.
    ///
    /// # Errors
    /// 500 when it ends with another code than 0: the detail is `exit status N` and what it wrote to the standard
    /// error. 404 for a path, 400 for arguments that are none, 408 when it takes too long, 503 when too many run.
    pub(crate) async fn run(&self, ask: &Ask, message: Bytes) -> Result<Bytes, RpcError> {
        if let Target::Path(path) = &ask.target
            && !path.segments(&self.service)?.is_empty()
        {
            let detail = format!("a program has no paths, so there is no {:?}", path.text);
            return Err(RpcError::not_found(self.service.clone(), detail));
        }
        let arguments = self.arguments(ask.codec, &message)?;
        let _permits = self.turn().await?;
        let working = timeout(RUN_TIMEOUT, self.run_with(arguments, ask, message));
        working.await.unwrap_or_else(|_| {
            Err(RpcError::timeout(self.service.clone(), format!("the program did not end within {RUN_TIMEOUT:?}")))
        })
    }

    /// Waits until a program may be started. Cancel safe.
    async fn turn(&self) -> Result<(SemaphorePermit<'_>, SemaphorePermit<'_>), RpcError> {
        let crowded = || RpcError::new(self.service.clone(), 503, "too many calls wait for the program");
        let waiting = self.waiting.try_acquire().map_err(|_| crowded())?;
        let running = self.running.acquire().await.map_err(|_| crowded())?;
        Ok((waiting, running))
    }

    async fn run_with(&self, arguments: Vec<String>, ask: &Ask, message: Bytes) -> Result<Bytes, RpcError> {
        let internal = |detail: String| RpcError::internal(self.service.clone(), detail);
        let mut command = Command::new(&self.file);
        command.args(arguments).env_clear().envs(self.environment(ask));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group =
            Group::spawn(&mut command).map_err(|error| internal(format!("the program cannot be started: {error}")))?;
        let (mut written, mut stdin) = (Written::default(), group.child.stdin.take());
        let (stdout, stderr) = (group.child.stdout.take(), group.child.stderr.take());
        let feed = async {
            if let Some(mut stdin) = stdin.take()
                && let Err(error) = stdin.write_all(&message).await
            {
                tracing::debug!(%error, "the program did not read its standard input to the end");
            }
        };
        // It has ended once it closed its streams, or once it is gone: what it left behind may hold them open.
        let status = {
            let read = read(&mut written, stdout, stderr);
            let mut reading = std::pin::pin!(async { tokio::join!(feed, read).1 });
            tokio::select! {
                fits = reading.as_mut() => if fits { group.wait().await } else { return Err(self.too_much()) },
                status = group.wait() => {
                    group.kill();
                    // What it wrote before is in the pipes.
                    if !reading.await { return Err(self.too_much()) }
                    status
                }
            }
        };
        let status = status.map_err(|error| internal(format!("the program cannot be waited for: {error}")))?;
        if status.success() {
            return Ok(written.all.into());
        }
        Err(internal(written.explain(ending(status))))
    }

    fn arguments(&self, codec: Codec, message: &[u8]) -> Result<Vec<String>, RpcError> {
        if codec != Codec::Json || !message.trim_ascii_start().starts_with(b"{") {
            return Ok(Vec::new());
        }
        let wrong = |why: String| RpcError::bad_request(self.service.clone(), why);
        let given: Arguments =
            serde_json::from_slice(message).map_err(|error| wrong(format!("`args` is a list of texts: {error}")))?;
        if given.args.len() > ARGUMENTS_MAX || given.args.iter().any(|argument| argument.contains('\0')) {
            return Err(wrong(format!("`args` has at most {ARGUMENTS_MAX} texts, without NUL")));
        }
        Ok(given.args)
    }

    /// Some variables of ours, and what the call says.
    fn environment(&self, ask: &Ask) -> Vec<(OsString, OsString)> {
        let inherited = INHERITED.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
        let endpoint = match &ask.target {
            Target::Base | Target::Path(_) => ".",
            Target::Method(method) => method,
        };
        let told = [("MICRO_SERVICE_NAME", self.service.as_str()), ("MICRO_ENDPOINT", endpoint)];
        let told = told.into_iter().map(|(name, value)| (name.into(), value.into()));
        let metadata = ask.metadata.iter().filter(|(_, value)| !value.contains('\0'));
        inherited.chain(told).chain(metadata.map(|(name, value)| (variable(name), value.into()))).collect()
    }

    fn too_much(&self) -> RpcError {
        let detail = format!("the program wrote more than {MESSAGE_BYTES_MAX} bytes, which do not fit into a message");
        RpcError::new(self.service.clone(), 413, detail)
    }
}

/// `X-Request-Id` is `MICRO_METADATA_X_REQUEST_ID`.
fn variable(name: &str) -> OsString {
    let mark = |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' };
    format!("MICRO_METADATA_{}", name.chars().map(mark).collect::<String>()).into()
}

/// Reads both streams until they end, as they come. Returns false once they have more than a message may.
async fn read(
    written: &mut Written,
    stdout: Option<impl AsyncRead + Unpin>,
    stderr: Option<impl AsyncRead + Unpin>,
) -> bool {
    let (mut stdout, mut stderr) = (stdout, stderr);
    let (mut from_out, mut from_error) = (vec![0; 8 * 1024], vec![0; 8 * 1024]);
    while stdout.is_some() || stderr.is_some() {
        tokio::select! {
            biased; // where both have something, what is the answer comes first
            Some(read) = next(&mut stdout, &mut from_out) => written.all.extend_from_slice(&from_out[..read]),
            Some(read) = next(&mut stderr, &mut from_error) => {
                written.all.extend_from_slice(&from_error[..read]);
                written.error.extend_from_slice(&from_error[..read]);
            }
            else => break,
        }
        if written.all.len() > MESSAGE_BYTES_MAX {
            return false;
        }
    }
    true
}

/// Reads once; `None` when the stream has ended or did before. Cancel safe.
async fn next(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &mut [u8]) -> Option<usize> {
    let read = stream.as_mut()?.read(buffer).await.unwrap_or(0);
    if read == 0 {
        *stream = None;
    }
    (read > 0).then_some(read)
}

impl Written {
    /// `exit status 3`, and the end of what the program complained of.
    fn explain(&self, ending: String) -> String {
        let (_, end) = self.error.split_at(self.error.len().saturating_sub(ERROR_BYTES_MAX));
        match String::from_utf8_lossy(end).trim() {
            "" => ending,
            complaint => format!("{ending}: {complaint}"),
        }
    }
}

#[cfg(test)]
mod tests;
