//! The argument normaliser in front of clap: Go's way with flags (spec/toolkit 1.1).
//!
//! `-name` is `--name`, `_` and `-` are the same, `--flag=false` turns a switch off, global flags may precede the
//! command. Flags of the table become settings; everything else is handed on in order, in the spelling that clap
//! knows.

use super::{
    GivenBy, Setting,
    row::{Place, Row, Takes, same_flag},
    table::rows,
};
use crate::preset::Preset;

/// A flag that the program handles itself. It wins over a row of the table with the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnFlag {
    /// The name as clap knows it, without dashes.
    pub name: &'static str,
    /// Whether a value follows.
    pub takes_value: bool,
}

/// A command line, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments {
    /// The first word that is no flag.
    pub command: Option<String>,
    /// Flags of the table, in order.
    pub settings: Vec<Setting>,
    /// All else in order, the command included, without the name of the program.
    pub rest: Vec<String>,
}

/// Why a command line makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// A flag is the last word, and a value should follow.
    #[error("flag needs an argument: {0}")]
    ValueMissing(String),
    /// A switch has a value that is neither true nor false.
    #[error("invalid boolean value `{value}` for {flag}; write true or false")]
    NoBoolean {
        /// The flag as written.
        flag: String,
        /// The value.
        value: String,
    },
}

/// The flag of the program's own that names a command whose flags are taken, too: `explain --preset api --type srv`.
const PRESET: &str = "preset";

/// Takes a command line apart. `words` are the arguments without the name of the program. A flag `preset` among `own`
/// names the command whose flags stand after another one.
///
/// # Errors
///
/// When a flag of the table has no value, or a switch one that is neither true nor false.
pub fn arguments(words: impl IntoIterator<Item = String>, own: &[OwnFlag]) -> Result<Arguments, UsageError> {
    let mut result = Arguments::default();
    let words: Vec<String> = words.into_iter().collect();
    let named = own.iter().find(|flag| flag.name == PRESET).and_then(|_| named_preset(&words));
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let Some((name, value)) = long_flag(&word) else {
            if word == "--" {
                result.rest.push(word);
                result.rest.extend(words);
                break;
            }
            if !word.starts_with('-') || word == "-" {
                result.command.get_or_insert_with(|| word.clone());
            }
            result.rest.push(word);
            continue;
        };
        if let Some(flag) = own.iter().find(|flag| same_flag(flag.name, name)) {
            let spelled = value.map_or_else(|| format!("--{}", flag.name), |value| format!("--{}={value}", flag.name));
            result.rest.push(spelled);
            if flag.takes_value && value.is_none() {
                result.rest.extend(words.next());
            }
        } else if let Some(row) = row_of(name, result.command.as_deref(), named) {
            let shown = format!("--{name}");
            let value = value.map(str::to_owned);
            let value = match row.takes {
                Takes::Switch => switch(&shown, value)?,
                Takes::Value(_) => {
                    value.or_else(|| words.next()).ok_or_else(|| UsageError::ValueMissing(shown.clone()))?
                }
            };
            if !value.is_empty() {
                result.settings.push(Setting { row, by: GivenBy::Flag(shown), value });
            }
        } else {
            result.rest.push(word);
        }
    }
    Ok(result)
}

/// Splits `--name`, `-name`, `--name=value`; a dash with one letter is left to clap.
fn long_flag(word: &str) -> Option<(&str, Option<&str>)> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-').filter(|rest| rest.chars().count() > 1))?;
    let (name, value) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
    let plausible = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    (plausible && name.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((name, value))
}

/// Finds the command that `--preset` names, wherever it stands.
fn named_preset(words: &[String]) -> Option<Preset> {
    let words = words.iter().take_while(|word| *word != "--");
    let following = words.clone().skip(1).map(Some).chain([None]);
    words.zip(following).find_map(|(word, next)| match long_flag(word)? {
        (name, value) if same_flag(name, PRESET) => Preset::of_command(value.or(next.map(String::as_str))?),
        _ => None,
    })
}

/// Finds the row of a flag: after the command its own flags come first, before it the global ones alone. The flags of
/// a command that serves are its own, those of another one are those of the preset that it names.
fn row_of(name: &str, command: Option<&str>, named: Option<Preset>) -> Option<&'static Row> {
    let preset = command.and_then(|command| Preset::of_command(command).or(named));
    let wanted = |place: fn(Place) -> bool| {
        let counts = move |row: &Row| preset.is_none_or(|preset| row.counts_for(preset));
        rows().iter().find(move |row| place(row.place) && row.has_flag(name) && counts(row))
    };
    match command {
        None => wanted(|place| place != Place::Command),
        Some(_) if preset.is_some() => wanted(|place| place == Place::Command)
            .or_else(|| wanted(|place| matches!(place, Place::Anywhere | Place::GlobalAlias))),
        Some(_) => wanted(|place| matches!(place, Place::Anywhere | Place::GlobalAlias)),
    }
}

fn switch(flag: &str, value: Option<String>) -> Result<String, UsageError> {
    let Some(value) = value else { return Ok("true".to_owned()) };
    match boolean(&value) {
        Some(value) => Ok(value.to_string()),
        None => Err(UsageError::NoBoolean { flag: flag.to_owned(), value }),
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

    const OWN: &[OwnFlag] = &[
        OwnFlag { name: "output", takes_value: true },
        OwnFlag { name: "effective", takes_value: false },
        OwnFlag { name: "preset", takes_value: true },
    ];

    fn check(line: &str, expected: &str) {
        let words = line.split(' ').map(str::to_owned);
        let found = match arguments(words, OWN) {
            Ok(arguments) => {
                let settings = arguments.settings.iter().map(|setting| match setting.row.status() {
                    super::super::Status::Built(Some(path)) => format!("{path}={}", setting.value),
                    _ => format!("{}={}", setting.by.name(), setting.value),
                });
                let settings = settings.collect::<Vec<_>>().join(" ");
                format!("{} | {settings} | {}", arguments.command.unwrap_or_default(), arguments.rest.join(" "))
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn dashes_and_underscores_are_the_same() {
        check("api --enable_rpc", "api | rpc=true | api");
        check("api -enable-rpc=false", "api | rpc=false | api");
        check("api --address :9 --handler=rpc", "api | listeners.api.address=:9 routes.api[api].handler=rpc | api");
        check("-registry etcd api", "api | registry.kind=etcd | api");
    }

    #[test]
    fn a_name_may_mean_something_else_before_the_command() {
        check("--namespace x api", "api | routes.api[api].namespace=x | api");
        check("api --namespace x", "api | routes.api[api].namespace=x | api");
        check("gateway --address :9", "gateway |  | gateway --address :9");
        check("--api_address :9 api", "api | listeners.api.address=:9 | api");
    }

    #[test]
    fn a_command_takes_the_flags_of_the_preset_it_names() {
        check("explain --preset api --type srv x", "explain | routes.api[api].type=srv | explain --preset api x");
        check("check -type srv -preset=api", "check | routes.api[api].type=srv | check --preset=api");
        check("--preset api explain --address :9", "explain | listeners.api.address=:9 | --preset api explain");
        check("explain --preset gateway --type srv", "explain |  | explain --preset gateway --type srv");
        check("explain --type srv", "explain |  | explain --type srv");
        check("explain --type srv -- --preset api", "explain |  | explain --type srv -- --preset api");
        check("gateway --preset api --type srv", "gateway |  | gateway --preset api --type srv");
    }

    #[test]
    fn the_rest_is_handed_on_in_the_spelling_of_clap() {
        check("-output json check a.yaml", "check |  | --output json check a.yaml");
        check("explain -H x:1 GET", "explain |  | explain -H x:1 GET");
        check("api -- --address :9", "api |  | api -- --address :9");
        check("test - --bogus", "test |  | test - --bogus");
        check("config show --effective=true", "config |  | config show --effective=true");
    }

    #[test]
    fn slips_are_named() {
        check("api --address", "flag needs an argument: --address");
        check("api --enable_rpc=yes", "invalid boolean value `yes` for --enable_rpc; write true or false");
        check("api --namespace=", "api |  | api");
    }
}
