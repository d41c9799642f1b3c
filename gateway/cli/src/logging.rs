//! The log of the process, on standard error. Level and format follow the document while it runs.

use std::fmt;
use std::io::{IsTerminal, Stderr};

use config_schema::document::{Log, LogFormat, LogLevel};
use mesh_rpc::debug::Journal;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

/// The crates of this project, by the first letters of their names. Others only say what somebody should look at, unless
/// everything is asked for.
const OURS: &[&str] = &["gateway", "mesh", "config_schema", "policies", "proto"];

/// Where reloads are logged.
const RELOADS: &str = "gateway::reload";

/// Changes how the running process logs: one writer for each format, of which one is open. What is written is also
/// remembered for `Debug.Log`.
pub(crate) struct Logging {
    text: Box<Set>,
    json: Box<Set>,
    journal: Box<Set>,
}

/// Lets through what a filter lets through from now on.
type Set = dyn Fn(Targets) -> Result<(), reload::Error> + Send + Sync;

impl Logging {
    /// Starts to log; once for a process. Until [`Logging::set`] a refused document is not logged: at the start it is
    /// the command that reports it.
    pub(crate) fn start(log: Log) -> Self {
        let filter_at_start = |format| filter(log, format).with_target(RELOADS, LevelFilter::OFF);
        let (text_filter, text) = reload::Layer::new(filter_at_start(LogFormat::Text));
        let (json_filter, json) = reload::Layer::new(filter_at_start(LogFormat::Json));
        let text_writer = writer().with_ansi(std::io::stderr().is_terminal()).with_filter(text_filter);
        let json_writer = writer().json().flatten_event(true).with_filter(json_filter);
        let (journal_filter, journal) = reload::Layer::new(levels(log.level).with_target(RELOADS, LevelFilter::OFF));
        let journal_writer = Journal::of_process().layer().with_filter(journal_filter);
        let writers = tracing_subscriber::registry().with(text_writer).with(json_writer).with(journal_writer);
        if writers.try_init().is_err() {
            tracing::debug!("somebody else logs in this process already");
        }
        std::panic::set_hook(Box::new(note_panic));
        Self {
            text: Box::new(move |filter| text.reload(filter)),
            json: Box::new(move |filter| json.reload(filter)),
            journal: Box::new(move |filter| journal.reload(filter)),
        }
    }

    /// Logs like this from now on.
    pub(crate) fn set(&self, log: Log) {
        let changed = (self.text)(filter(log, LogFormat::Text))
            .and_then(|()| (self.json)(filter(log, LogFormat::Json)))
            .and_then(|()| (self.journal)(levels(log.level)));
        if let Err(error) = changed {
            tracing::error!(%error, "level and format of the log could not be changed");
        }
    }
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logging")
    }
}

fn writer<S>() -> tracing_subscriber::fmt::Layer<S, DefaultFields, Format, fn() -> Stderr> {
    tracing_subscriber::fmt::Layer::default().with_writer(std::io::stderr as fn() -> Stderr).with_target(false)
}

/// What the writer of a format lets through: nothing where the log has another.
fn filter(log: Log, format: LogFormat) -> Targets {
    if log.format == format { levels(log.level) } else { Targets::new() }
}

fn levels(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    let others = if level == LevelFilter::TRACE { level } else { level.min(LevelFilter::WARN) };
    OURS.iter().fold(Targets::new().with_default(others), |targets, ours| targets.with_target(*ours, level))
}

/// A panic is a defect: it stands in the log with its place, like everything else, and once.
fn note_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let message = panic.payload_as_str().unwrap_or("no message");
    tracing::error!(place, thread = thread.name().unwrap_or_default(), message, "panic");
}
