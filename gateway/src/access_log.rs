//! The access log: one line per exchange, written by a thread of its own behind a bounded queue.
//!
//! When the queue is full the record is dropped and counted: a slow disk or terminal must not slow requests down.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use gateway_exchange::Record;
use jiff::Timestamp;
use parking_lot::Mutex;

/// How many batches may wait: with those being filled, a few MiB at most.
const QUEUE_MAX: usize = 64;
/// How large a batch grows, in bytes.
const BATCH_BYTES_MAX: usize = 32 * 1024;
/// How old a batch grows.
pub(crate) const BATCH_AGE_MAX: Duration = Duration::from_millis(50);
/// How long a line may stay in the buffer while others keep coming.
const FLUSH_AFTER: Duration = Duration::from_millis(200);

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// Words separated by spaces, quoted where needed.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Destination {
    /// Standard output.
    Stdout,
    /// A file that is appended to; it is opened again when it was moved away.
    File(PathBuf),
}

/// All that a line says.
#[derive(Debug)]
pub(crate) struct Line<'l> {
    pub(crate) at: Timestamp,
    pub(crate) peer: std::net::IpAddr,
    pub(crate) method: &'l str,
    pub(crate) host: &'l str,
    pub(crate) target: &'l str,
    pub(crate) version: &'static str,
    pub(crate) status: u16,
    pub(crate) bytes_sent: u64,
    pub(crate) micros: u64,
    pub(crate) complete: bool,
    pub(crate) record: &'l Record,
}

impl Line<'_> {
    /// Writes the line with its newline. Control characters of clients are escaped in both forms.
    pub(crate) fn write(&self, format: Format, out: &mut String) {
        let written = match format {
            Format::Json => self.json(out),
            Format::Text => self.text(out),
        };
        written.expect("a string takes whatever is written");
        out.push('\n');
    }

    fn json(&self, out: &mut String) -> fmt::Result {
        let record = self.record;
        let line = serde_json::json!({
            "time": self.at.to_string(),
            "client": self.peer.to_string(),
            "method": self.method,
            "host": self.host,
            "target": self.target,
            "version": self.version,
            "status": self.status,
            "bytes": self.bytes_sent,
            "micros": self.micros,
            "complete": self.complete,
            "request_id": record.request_id.as_ref().and_then(|id| id.to_str().ok()),
            "route": record.route.as_deref(),
            "cluster": record.cluster.as_deref(),
            "rpc": record.method,
            "endpoint": record.endpoint.map(|endpoint| endpoint.to_string()),
            "tries": record.tries,
            "cause": record.cause.map(gateway_exchange::Cause::name),
        });
        write!(out, "{line}")
    }

    fn text(&self, out: &mut String) -> fmt::Result {
        let record = self.record;
        let id = record.request_id.as_ref().and_then(|id| id.to_str().ok());
        write!(out, "{} {} \"{} ", self.at, self.peer, Shown(self.method))?;
        write!(out, "{}{} {}\" ", Shown(self.host), Shown(self.target), self.version)?;
        write!(out, "{} {} {}us ", self.status, self.bytes_sent, self.micros)?;
        let (route, cluster) = (record.route.as_deref().unwrap_or("-"), record.cluster.as_deref().unwrap_or("-"));
        write!(out, "{} {} ", Shown(route), Shown(cluster))?;
        match record.endpoint {
            Some(endpoint) => write!(out, "{endpoint}")?,
            None => out.push('-'),
        }
        write!(out, " {} {}", record.cause.map_or("-", gateway_exchange::Cause::name), Shown(id.unwrap_or("-")))?;
        out.push_str(if self.complete { "" } else { " incomplete" });
        Ok(())
    }
}

/// A text of a client: as it is where that is harmless, else escaped.
struct Shown<'t>(&'t str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let harmless = self.0.bytes().all(|byte| (b' '..0x7f).contains(&byte) && !matches!(byte, b'"' | b'\'' | b'\\'));
        if harmless { f.write_str(self.0) } else { write!(f, "{}", self.0.escape_debug()) }
    }
}

/// The lines of one worker on their way to the writing thread, which is woken once per batch and not once per request.
#[derive(Debug)]
pub(crate) struct Batch {
    log: AccessLog,
    lines: RefCell<String>,
    count: Cell<u64>,
}

/// What adding a line led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// The batch was empty: it is to be handed over after [`BATCH_AGE_MAX`].
    First,
    /// The line waits with others, or went with them.
    More,
    /// So many lines were dropped, because the queue was full.
    Dropped(u64),
}

impl Batch {
    pub(crate) fn new(log: AccessLog) -> Self {
        Self { log, lines: RefCell::default(), count: Cell::new(0) }
    }

    /// Adds a line; hands the batch over when it is full.
    pub(crate) fn add(&self, line: &Line<'_>, format: Format) -> Added {
        let mut lines = self.lines.borrow_mut();
        line.write(format, &mut lines);
        self.count.set(self.count.get() + 1);
        if lines.len() >= BATCH_BYTES_MAX {
            drop(lines);
            return match self.hand_over() {
                0 => Added::More,
                dropped => Added::Dropped(dropped),
            };
        }
        if self.count.get() == 1 { Added::First } else { Added::More }
    }

    /// Hands the lines over to the writing thread. Returns how many were dropped, because the queue was full.
    pub(crate) fn hand_over(&self) -> u64 {
        let count = self.count.replace(0);
        let lines = self.lines.take();
        if lines.is_empty() || self.log.write(lines) { 0 } else { count }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// The near end of the queue; each worker has one.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    lines: SyncSender<String>,
    next: Arc<Mutex<Option<Destination>>>,
}

impl AccessLog {
    /// Starts the writing thread. It ends when the last sender is dropped.
    ///
    /// # Errors
    /// Fails when no thread can be started.
    pub(crate) fn start() -> io::Result<Self> {
        let (lines, queued) = sync_channel(QUEUE_MAX);
        let next = Arc::new(Mutex::new(None));
        let told = Arc::clone(&next);
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || write_lines(&queued, &told))?;
        Ok(Self { lines, next })
    }

    /// Queues a batch of lines. Returns whether there was room.
    fn write(&self, lines: String) -> bool {
        !matches!(self.lines.try_send(lines), Err(TrySendError::Full(_)))
    }

    /// Sends later lines elsewhere. Never waits: whoever cannot write is not waited for by who configures.
    pub(crate) fn redirect(&self, destination: Destination) {
        *self.next.lock() = Some(destination);
    }
}

fn write_lines(queued: &Receiver<String>, next: &Mutex<Option<Destination>>) {
    let mut output = Output::open(Destination::Stdout);
    let (mut flushed, mut failed) = (Instant::now(), false);
    loop {
        let queued = queued.recv_timeout(FLUSH_AFTER);
        if let Some(destination) = next.lock().take() {
            complain(output.writer.flush(), &mut failed);
            output = Output::open(destination);
        }
        match queued {
            Ok(line) => complain(output.writer.write_all(line.as_bytes()), &mut failed),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if flushed.elapsed() >= FLUSH_AFTER {
            complain(output.writer.flush(), &mut failed);
            if output.was_moved() {
                output = Output::open(output.destination);
            }
            flushed = Instant::now();
        }
    }
    complain(output.writer.flush(), &mut failed);
}

/// Says that writing failed, once until it succeeds again.
fn complain(result: io::Result<()>, failed: &mut bool) {
    let before = std::mem::replace(failed, result.is_err());
    if let (false, Err(error)) = (before, result) {
        tracing::error!(%error, "the access log cannot be written");
    }
}

/// An open destination.
struct Output {
    destination: Destination,
    /// Which file was opened, by device and number.
    file: Option<(u64, u64)>,
    writer: BufWriter<Box<dyn Write>>,
}

impl Output {
    fn open(destination: Destination) -> Self {
        let (file, writer): (_, Box<dyn Write>) = match &destination {
            Destination::Stdout => (None, Box::new(io::stdout())),
            Destination::File(path) => match OpenOptions::new().create(true).append(true).open(path) {
                Ok(file) => (file.metadata().ok().map(|file| (file.dev(), file.ino())), Box::new(file)),
                Err(error) => {
                    tracing::error!(%error, path = %path.display(), "the access log cannot be opened; it goes to standard output");
                    (None, Box::new(io::stdout()))
                }
            },
        };
        Self { destination, file, writer: BufWriter::new(writer) }
    }

    /// Returns whether another file, or none, stands where the open one was: it was rotated.
    fn was_moved(&self) -> bool {
        let Destination::File(path) = &self.destination else { return false };
        self.file.is_some() && self.file != path.metadata().ok().map(|file| (file.dev(), file.ino()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_never_carry_raw_control_characters() {
        let record = Record { route: Some("a\nb".into()), ..Record::default() };
        let line = Line {
            at: Timestamp::UNIX_EPOCH,
            peer: [127, 0, 0, 1].into(),
            method: "GET",
            host: "h\u{1b}[31m",
            target: "/a\r\nb",
            version: "HTTP/1.1",
            status: 200,
            bytes_sent: 5,
            micros: 12,
            complete: true,
            record: &record,
        };
        for format in [Format::Text, Format::Json] {
            let mut text = String::new();
            line.write(format, &mut text);
            assert!(text.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{text:?}");
        }
        let mut text = String::new();
        line.write(Format::Json, &mut text);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((json["status"].as_u64(), json["target"].as_str()), (Some(200), Some("/a\r\nb")));
    }

    #[test]
    fn a_full_queue_drops_and_never_waits() {
        let (lines, queued) = sync_channel(1);
        let log = AccessLog { lines, next: Arc::default() };
        log.redirect(Destination::Stdout);
        assert!(log.write("a".to_owned()));
        assert!(!log.write("b".to_owned()));
        assert_eq!(queued.try_recv().as_deref(), Ok("a"));
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        let log = AccessLog::start().unwrap();
        log.redirect(Destination::File(path.clone()));
        // Lines keep coming, faster than the writer would rest.
        let write_until = |line: &str, path: &std::path::Path| {
            let end = Instant::now() + Duration::from_secs(20);
            while !std::fs::read_to_string(path).is_ok_and(|text| text.contains(line)) {
                assert!(Instant::now() < end, "{line} is not in {}", path.display());
                assert!(log.write(format!("{line}\n")));
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        write_until("before", &path);
        std::fs::rename(&path, &old).unwrap();
        write_until("after", &path);
        assert!(!std::fs::read_to_string(&path).unwrap().contains("before"));
    }
}
