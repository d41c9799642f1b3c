//! Standard output and standard error. Colours go to terminals only, and `NO_COLOR` is heard.
//!
//! A reader that went away (`micro explain … | head -1`) is no error of the command: what cannot be written is left out.

use std::io::Write;

use config_schema::Report;
use serde_json::Value;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON value on standard output.
    Json,
}

/// Writes to standard output.
pub(crate) fn say(text: &str) {
    write(&mut anstream::stdout(), text);
}

/// Writes JSON to standard output.
pub(crate) fn say_json(value: &Value) {
    say(&(json_text(value) + "\n"));
}

/// Returns JSON as it is written for people who look at it.
pub(crate) fn json_text(value: &Value) -> String {
    format!("{value:#}")
}

/// Writes to standard error.
pub(crate) fn complain(text: &str) {
    write(&mut anstream::stderr(), text);
}

/// Writes a report to standard error.
pub(crate) fn complain_report(report: &Report) {
    complain(&report.render(true));
}

/// Writes an error with its causes to standard error, on one line.
pub(crate) fn complain_error(error: &dyn std::error::Error) {
    complain(&format!("error: {}\n", chain(error)));
}

/// Returns an error and what caused it: `a: b: c`.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Returns an error of the system in Go's words: without its number, in lower case.
pub(crate) fn as_go(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn write(to: &mut impl Write, text: &str) {
    // Nobody is left to be told.
    to.write_all(text.as_bytes()).and_then(|()| to.flush()).ok();
}
