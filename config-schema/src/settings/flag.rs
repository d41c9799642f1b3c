//! Flags of the table on a command line, in Go's way (spec/toolkit 1.1): `-name` is `--name`, `_` and `-` are the same,
//! `--flag=false` turns a switch off, and the same name may mean one thing before the command and another after it.

use super::{
    GivenBy, Setting,
    row::{Place, Row, Takes},
    table::rows,
};
use crate::preset::Preset;

/// Where on the command line a flag stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Before the command: global flags alone.
    BeforeCommand,
    /// After a command that serves this preset, or that names it: its own flags come first.
    Preset(Preset),
    /// After any other command.
    AfterCommand,
}

/// A word that is written as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlagWord<'w> {
    /// The name, without dashes.
    pub name: &'w str,
    /// What stands after `=`.
    pub value: Option<&'w str>,
}

/// Why a flag makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A flag is the last word, and a value should follow.
    #[error("flag needs an argument: -{0}")]
    ValueMissing(String),
    /// A switch has a value that is neither true nor false.
    #[error("invalid boolean value \"{value}\" for -{flag}; write true or false")]
    NoBoolean {
        /// The name of the flag as written.
        flag: String,
        /// The value.
        value: String,
    },
}

impl<'w> FlagWord<'w> {
    /// Reads `--name`, `-name`, `-n`, each with or without `=value`. Anything else, `-`, `--` and `-1` too, is no flag.
    pub fn of(word: &'w str) -> Option<Self> {
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
        let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        let plausible = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        (plausible && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some(Self { name, value })
    }

    /// Returns the value after `=`, or takes the next word for it, whatever that looks like.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn value_or_next(self, words: &mut impl Iterator<Item = String>) -> Result<String, UsageError> {
        let value = self.value.map(str::to_owned).or_else(|| words.next());
        value.ok_or_else(|| UsageError::ValueMissing(self.name.to_owned()))
    }

    /// Returns whether a switch is on: it is without a value.
    ///
    /// # Errors
    ///
    /// When the value is neither true nor false.
    pub fn switch(self) -> Result<bool, UsageError> {
        let Some(value) = self.value else { return Ok(true) };
        boolean(value).ok_or_else(|| UsageError::NoBoolean { flag: self.name.to_owned(), value: value.to_owned() })
    }

    /// Takes the setting that the flag makes, with its value from `words` where it follows. `None` is a flag that the
    /// table does not have in this scope. A setting with an empty value counts as if it were not there.
    ///
    /// # Errors
    ///
    /// When the value is missing, or a switch has one that is neither true nor false.
    pub fn setting(
        self,
        scope: Scope,
        words: &mut impl Iterator<Item = String>,
    ) -> Result<Option<Setting>, UsageError> {
        let Some(row) = row_of(self.name, scope) else { return Ok(None) };
        let value = match row.takes {
            Takes::Switch => self.switch()?.to_string(),
            Takes::Value(_) => self.value_or_next(words)?,
        };
        Ok(Some(Setting { row, by: GivenBy::Flag(format!("--{}", self.name)), value }))
    }
}

/// Finds the row of a flag: after a command that serves its own flags come first, before it the global ones alone.
fn row_of(name: &str, scope: Scope) -> Option<&'static Row> {
    let preset = match scope {
        Scope::Preset(preset) => Some(preset),
        Scope::BeforeCommand | Scope::AfterCommand => None,
    };
    let wanted = |place: fn(Place) -> bool| {
        let counts = move |row: &Row| preset.is_none_or(|preset| row.counts_for(preset));
        rows().iter().find(move |row| place(row.place) && row.has_flag(name) && counts(row))
    };
    let anywhere = || wanted(|place| matches!(place, Place::Anywhere | Place::GlobalAlias));
    match scope {
        Scope::BeforeCommand => wanted(|place| place != Place::Command),
        Scope::Preset(_) => wanted(|place| place == Place::Command).or_else(anywhere),
        Scope::AfterCommand => anywhere(),
    }
}

/// Reads a truth value as Go does.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the first word as a flag, and shows what it sets and what is left.
    fn check(line: &str, scope: Scope, expected: &str) {
        let mut words = line.split(' ').map(str::to_owned);
        let first = words.next().unwrap();
        let flag = FlagWord::of(&first).unwrap_or_else(|| panic!("{line} is no flag"));
        let found = match flag.setting(scope, &mut words) {
            Ok(None) => "none".to_owned(),
            Ok(Some(setting)) => match setting.row.status() {
                super::super::Status::Built(Some(path)) => format!("{path}={}", setting.value),
                _ => format!("{}={}", setting.by.name(), setting.value),
            },
            Err(error) => error.to_string(),
        };
        let left = words.collect::<Vec<_>>().join(" ");
        assert_eq!(format!("{found}|{left}"), expected, "{line}");
    }

    #[test]
    fn dashes_and_underscores_are_the_same() {
        let api = Scope::Preset(Preset::Api);
        check("--enable_rpc x", api, "rpc=true|x");
        check("-enable-rpc=false", api, "rpc=false|");
        check("--address :9 x", api, "listeners.api.address=:9|x");
        check("-registry etcd api", Scope::BeforeCommand, "registry.kind=etcd|api");
        check("--registry-address=a", Scope::AfterCommand, "registry.addresses=a|");
        check("-e server", Scope::BeforeCommand, "--e=server|");
    }

    #[test]
    fn a_name_may_mean_something_else_before_the_command() {
        check("--namespace x", Scope::BeforeCommand, "routes.api[api].namespace=x|");
        check("--address x", Scope::BeforeCommand, "none|x");
        check("--address x", Scope::Preset(Preset::Gateway), "none|x");
        check("--api_address :9", Scope::Preset(Preset::Api), "listeners.api.address=:9|");
        check("--type x", Scope::AfterCommand, "none|x");
    }

    #[test]
    fn slips_are_named() {
        check("--address", Scope::Preset(Preset::Api), "flag needs an argument: -address|");
        let api = Scope::Preset(Preset::Api);
        check("--enable_rpc=yes", api, "invalid boolean value \"yes\" for -enable_rpc; write true or false|");
        check("--registry=", Scope::AfterCommand, "registry.kind=|");
    }

    #[test]
    fn what_is_no_flag_is_left_alone() {
        for word in ["-", "--", "-1", "--=x", "word", "-{}", "---", ""] {
            assert_eq!(FlagWord::of(word), None, "{word}");
        }
        assert_eq!(FlagWord::of("-o"), Some(FlagWord { name: "o", value: None }));
        assert_eq!(FlagWord::of("--a-b_c=d=e"), Some(FlagWord { name: "a-b_c", value: Some("d=e") }));
    }
}
