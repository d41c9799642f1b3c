//! One line of a list in the help: what is typed, and what it does.

use config_schema::settings::{self, Place, Row, Status, rows};

use crate::commands::{Command, Flag};

/// The widest left column; what is longer pushes only its own line.
const LEFT_WIDTH_MAX: usize = 46;

/// One line of a list in the help.
#[derive(Debug)]
pub(super) struct Line {
    typed: String,
    does: String,
}

impl Line {
    pub(super) fn of_command(command: &Command) -> Self {
        let names = std::iter::once(&command.name).chain(command.aliases).copied();
        Self { typed: names.collect::<Vec<_>>().join(", "), does: command.about.to_owned() }
    }

    pub(super) fn of_flag(flag: &Flag) -> Self {
        Self { typed: typed(flag.names, flag.takes_value()), does: does(flag.help, flag.default, "", flag.variable) }
    }

    /// Nothing for a variable without a flag.
    pub(super) fn of_setting(row: &Row, default: &str) -> Option<Self> {
        let takes_value = matches!(row.takes, settings::Takes::Value(_));
        let missing = if matches!(row.status(), Status::Ignored | Status::Refused) { " (not built yet)" } else { "" };
        (!row.flags.is_empty()).then(|| Self {
            typed: typed(row.flags, takes_value),
            does: does(row.help, default, missing, variable_of(row)),
        })
    }

    /// Returns whether it is the line of the flag that has this usual name.
    pub(super) fn is_of(&self, flag: &str) -> bool {
        let first = self.typed.split([' ', ',']).next().unwrap_or_default();
        first.trim_start_matches('-') == flag
    }
}

/// An alias has the variable of the flag that it stands for.
fn variable_of(row: &Row) -> Option<&'static str> {
    let same = || rows().iter().filter(|other| other.effect == row.effect && other.place != Place::Fallback);
    row.variable.or_else(|| (row.place == Place::GlobalAlias).then(|| same().find_map(|other| other.variable))?)
}

/// `--name value, -n value`.
fn typed(names: &[&str], takes_value: bool) -> String {
    let value = if takes_value { " value" } else { "" };
    let dashes = |name: &str| if name.chars().count() == 1 { "-" } else { "--" };
    let names = names.iter().map(|name| format!("{}{name}{value}", dashes(name)));
    names.collect::<Vec<_>>().join(", ")
}

fn does(help: &str, default: &str, missing: &str, variable: Option<&str>) -> String {
    let default = if default.is_empty() { String::new() } else { format!(" (default: {default})") };
    let variable = variable.map(|variable| format!(" [${variable}]")).unwrap_or_default();
    format!("{help}{default}{missing}{variable}")
}

/// Returns the lines with their right halves below one another.
pub(super) fn columns(lines: impl Iterator<Item = Line>) -> String {
    let lines: Vec<Line> = lines.collect();
    let widths = lines.iter().map(|line| line.typed.chars().count()).filter(|width| *width <= LEFT_WIDTH_MAX);
    let width = widths.max().unwrap_or_default();
    lines.iter().fold(String::new(), |text, Line { typed, does }| text + &format!("   {typed:width$}  {does}\n"))
}
