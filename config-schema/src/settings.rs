//! Variables and flags: one table says which there are, what each does to the document, and what its help says.
//!
//! The table ([`rows`]) is read by the environment ([`fn@environment`]), by the command line ([`FlagWord`]), by
//! `--help` and by the reference, so they cannot disagree. Who wins (spec/gateway 2.3): a command's flag over its
//! variable over the global `--api_…` flag over the files; empty values are skipped as if they were not there.

mod apply;
mod environment;
mod flag;
mod registry;
mod row;
mod table;

pub use environment::environment;
pub use flag::{FlagWord, Scope, UsageError};
pub use row::{Commands, Effect, Place, Row, Status, Takes, same_flag};
pub use table::rows;

pub(crate) use apply::apply;

/// How many further tries a call of `micro api` gets (spec/gateway 2.2, `--client_retries`).
pub(crate) const DEFAULT_RETRIES: u8 = 1;

/// A variable or a flag that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The line of the table.
    pub row: &'static Row,
    /// How it was given, by its name: `MICRO_API_ADDRESS`, `--address`.
    pub by: GivenBy,
    /// The value; `true` or `false` for a switch.
    pub value: String,
}

/// How a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenBy {
    /// By an environment variable of this name.
    Variable(String),
    /// By a flag, written like this.
    Flag(String),
}

impl GivenBy {
    /// Returns the name.
    pub fn name(&self) -> &str {
        match self {
            Self::Variable(name) | Self::Flag(name) => name,
        }
    }
}

impl Setting {
    /// Returns the order in which settings are applied: the later one wins.
    pub(crate) fn rank(&self) -> u8 {
        match (&self.by, self.row.place) {
            (GivenBy::Variable(_), Place::Fallback) => 0,
            (GivenBy::Flag(_), Place::Fallback) => 1,
            (GivenBy::Flag(_), Place::GlobalAlias) => 2,
            (GivenBy::Variable(_), _) => 3,
            (GivenBy::Flag(_), _) => 4,
        }
    }
}

/// Returns the files that `--config` names, else those of `MICRO_CONFIG`, in order.
///
/// The value `service` is no file: it is the configuration service of Micro v2 (a file of that name is `./service`).
pub fn config_files(settings: &[Setting]) -> Vec<String> {
    let files = |flags: bool| {
        let wanted = move |setting: &&Setting| {
            setting.row.effect == Effect::Files
                && setting.value != "service"
                && matches!(setting.by, GivenBy::Flag(_)) == flags
        };
        settings.iter().filter(wanted)
    };
    let by_flags: Vec<String> =
        files(true).map(|setting| setting.value.clone()).filter(|name| !name.is_empty()).collect();
    if !by_flags.is_empty() {
        return by_flags;
    }
    let names = files(false).flat_map(|setting| setting.value.split(','));
    names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
