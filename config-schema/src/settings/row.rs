//! One line of the table of variables and flags.

use crate::preset::Preset;

/// A flag with its variable: what it does and what its help says.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Names of the flag, without dashes, the usual one first; `_` and `-` are the same. None for a variable alone.
    pub flags: &'static [&'static str],
    /// The environment variable.
    pub variable: Option<&'static str>,
    /// Where the flag stands, and how strong it is.
    pub place: Place,
    /// For which commands.
    pub commands: Commands,
    /// What follows the flag.
    pub takes: Takes,
    /// What it does.
    pub effect: Effect,
    /// The default as the help shows it; empty for none.
    pub default: &'static str,
    /// One line of help, without a full stop.
    pub help: &'static str,
}

/// Where a flag stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Anywhere.
    Anywhere,
    /// After the command only: before it the same name may mean something else.
    Command,
    /// Anywhere; weaker than the variable, as it only sets what the command's own flag and variable did not
    /// (`--api_address`).
    GlobalAlias,
    /// Before the command only; weaker than all others, its variable too (`--namespace`, `MICRO_NAMESPACE`: D1).
    Fallback,
}

/// For which commands a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Commands {
    /// For every command.
    All,
    /// For `api` and `demo`.
    Api,
    /// For `registry`.
    Registry,
    /// For `broker`.
    Broker,
}

/// What follows a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// A value, shown in the help under this name.
    Value(&'static str),
    /// Nothing, or `=true` or `=false`.
    Switch,
}

/// What a setting does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Sets a text of the document. `[name]` in the path is the item of a list that has this name.
    Text(&'static str),
    /// Sets a number (or another word that is more than text) of the document.
    Plain(&'static str),
    /// Sets a list of texts; the value is split at commas.
    List(&'static str),
    /// A switch: sets one YAML value or the other.
    Switch {
        /// Where.
        path: &'static str,
        /// What `true` sets.
        on: &'static str,
        /// What `false` sets.
        off: &'static str,
    },
    /// Names a file of the document.
    Files,
    /// No part of the document: says who the process is, to those who ask the registry.
    Process,
    /// Not built yet: warns once and is ignored, unless the value is one of these, which change nothing.
    Ignored(&'static [&'static str]),
    /// Not built yet, and to ignore it would fail open: ends the command, unless the value is one of these.
    Refused(&'static [&'static str]),
    /// Had no effect in Micro v2 either, or is left out for good: accepted without a word.
    Nothing,
}

/// What the help says about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It works; the path of the document that it sets, if it sets one.
    Built(Option<&'static str>),
    /// Not built yet, ignored with a warning.
    Ignored,
    /// Not built yet, refused.
    Refused,
    /// Without effect.
    Nothing,
}

impl Row {
    /// Returns what the help says about it.
    pub const fn status(&self) -> Status {
        match self.effect {
            Effect::Text(path) | Effect::Plain(path) | Effect::List(path) | Effect::Switch { path, .. } => {
                Status::Built(Some(path))
            }
            Effect::Files | Effect::Process => Status::Built(None),
            Effect::Ignored(_) => Status::Ignored,
            Effect::Refused(_) => Status::Refused,
            Effect::Nothing => Status::Nothing,
        }
    }

    /// Returns whether it counts for a command that serves.
    pub const fn counts_for(&self, preset: Preset) -> bool {
        match self.commands {
            Commands::All => true,
            Commands::Api => matches!(preset, Preset::Api | Preset::Demo),
            Commands::Registry => matches!(preset, Preset::Registry),
            Commands::Broker => matches!(preset, Preset::Broker),
        }
    }

    /// Returns whether one of its flags has this name; `_` and `-` are the same.
    pub(crate) fn has_flag(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| same_flag(flag, name))
    }
}

/// Compares two names of flags; `_` and `-` are the same.
pub fn same_flag(a: &str, b: &str) -> bool {
    let dashes = |name: &str| name.replace('_', "-");
    dashes(a) == dashes(b)
}
