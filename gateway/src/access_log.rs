//! The access log: one line per exchange, written by a thread of its own behind a bounded queue.
//!
//! When the queue is full the record is dropped and counted: a slow disk or terminal must not slow requests down.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use gateway_exchange::Record;
use jiff::Timestamp;

/// How many lines may wait.
const QUEUE_MAX: usize = 8192;
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
    /// Returns the line with its newline. Control characters of clients are escaped in both forms.
    pub(crate) fn render(&self, format: Format) -> String {
        match format {
            Format::Json => self.json(),
            Format::Text => self.text(),
        }
    }

    fn json(&self) -> String {
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
        format!("{line}\n")
    }

    fn text(&self) -> String {
        let or_dash = |text: Option<&str>| text.unwrap_or("-").escape_debug().to_string();
        let record = self.record;
        format!(
            "{} {} \"{} {}{} {}\" {} {} {}us {} {} {} {} {}{}\n",
            self.at,
            self.peer,
            self.method.escape_debug(),
            self.host.escape_debug(),
            self.target.escape_debug(),
            self.version,
            self.status,
            self.bytes_sent,
            self.micros,
            or_dash(record.route.as_deref()),
            or_dash(record.cluster.as_deref()),
            record.endpoint.map_or_else(|| "-".to_owned(), |endpoint| endpoint.to_string()),
            record.cause.map_or("-", gateway_exchange::Cause::name),
            or_dash(record.request_id.as_ref().and_then(|id| id.to_str().ok())),
            if self.complete { "" } else { " incomplete" },
        )
    }
}

/// The near end of the queue; each worker has one.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog(SyncSender<Order>);

#[derive(Debug)]
enum Order {
    Line(String),
    Destination(Destination),
}

impl AccessLog {
    /// Starts the writing thread. It ends when the last sender is dropped.
    ///
    /// # Errors
    /// Fails when no thread can be started.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE_MAX);
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || write_lines(&receiver))?;
        Ok(Self(sender))
    }

    /// Queues a line. Returns whether there was room.
    pub(crate) fn write(&self, line: String) -> bool {
        !matches!(self.0.try_send(Order::Line(line)), Err(TrySendError::Full(_)))
    }

    /// Sends later lines elsewhere.
    pub(crate) fn redirect(&self, destination: Destination) {
        if self.0.send(Order::Destination(destination)).is_err() {
            tracing::error!("the access log has ended");
        }
    }
}

fn write_lines(orders: &Receiver<Order>) {
    let mut output = BufWriter::new(open(&Destination::Stdout));
    let mut failed = false;
    loop {
        let result = match orders.recv_timeout(FLUSH_AFTER) {
            Ok(Order::Line(line)) => output.write_all(line.as_bytes()),
            Ok(Order::Destination(destination)) => {
                let flushed = output.flush();
                output = BufWriter::new(open(&destination));
                flushed
            }
            Err(RecvTimeoutError::Timeout) => output.flush(),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if let Err(error) = &result
            && !failed
        {
            tracing::error!(%error, "the access log cannot be written");
        }
        failed = result.is_err();
    }
    if let Err(error) = output.flush() {
        tracing::error!(%error, "the access log cannot be written");
    }
}

fn open(destination: &Destination) -> Box<dyn Write> {
    match destination {
        Destination::Stdout => Box::new(io::stdout()),
        Destination::File(path) => match OpenOptions::new().create(true).append(true).open(path) {
            Ok(file) => Box::new(file),
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "the access log cannot be opened; it goes to standard output");
                Box::new(io::stdout())
            }
        },
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
            let text = line.render(format);
            assert!(text.trim_end_matches('\n').chars().all(|c| !c.is_control()), "{text:?}");
        }
        let json: serde_json::Value = serde_json::from_str(&line.render(Format::Json)).unwrap();
        assert_eq!((json["status"].as_u64(), json["target"].as_str()), (Some(200), Some("/a\r\nb")));
    }
}
