//! What the flags of a command are given: on the command line, by variables, by default.

use std::collections::BTreeMap;

use super::line::{Given, Value};
use crate::commands::{Command, Flag, GLOBAL, Takes};

/// The flags of one command with their values. A flag wins over its variable, a variable over the default; an empty
/// variable counts as if it were not there.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// By the usual name of the flag.
    given: BTreeMap<&'static str, Vec<String>>,
    defaults: BTreeMap<&'static str, &'static str>,
}

/// What a switch that is on has for a value, and what one that is off has.
const ON: &str = "true";
const OFF: &str = "false";

/// Why a value is none. The texts are those of Micro v2, as far as it has any.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadValue {
    /// By a flag.
    #[error("invalid value \"{value}\" for flag -{name}: {reason}")]
    Flag { name: &'static str, value: String, reason: String },
    /// By a variable.
    #[error("could not parse \"{value}\" as {kind} value for flag {name}: {reason}")]
    Variable { name: &'static str, value: String, kind: &'static str, reason: String },
}

impl Values {
    /// Collects the values of a command and its groups: of flags that have the same name, those of the innermost one.
    ///
    /// # Errors
    /// When one of them is not what its flag takes.
    pub(super) fn of(
        path: &[&'static Command],
        given: Vec<Given>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, BadValue> {
        let mut values = Self::default();
        let levels = std::iter::once(GLOBAL).chain(path.iter().map(|command| command.flags));
        let flags: Vec<&'static Flag> = levels.flatten().collect();
        for Given { flag, depth, value } in given {
            let flag = match path.last().and_then(|command| command.flag(flag.name())) {
                // One of every command: the command's own of this name knows better what it takes.
                Some(own) if depth == 0 => own,
                Some(_) if depth < path.len() => continue, // of a group, and means something else there
                _ => flag,
            };
            let text = match value {
                Value::Text(text) => text,
                Value::Switch(true) => ON.to_owned(),
                Value::Switch(false) => OFF.to_owned(),
            };
            if let Err(reason) = check(flag, &text) {
                return Err(BadValue::Flag { name: flag.name(), value: shown(flag, text), reason });
            }
            let of_flag = values.given.entry(flag.name()).or_default();
            if !flag.many {
                of_flag.clear(); // the last one counts
            }
            of_flag.push(text);
        }
        for flag in flags {
            if !flag.default.is_empty() {
                values.defaults.insert(flag.name(), flag.default);
            }
            values.take_variable(flag, variables)?;
        }
        Ok(values)
    }

    fn take_variable(&mut self, flag: &'static Flag, variables: &BTreeMap<String, String>) -> Result<(), BadValue> {
        let value = flag.variable.and_then(|name| variables.get(name)).filter(|value| !value.is_empty());
        let Some(value) = value.filter(|_| !self.given.contains_key(flag.name())) else { return Ok(()) };
        let values: Vec<String> = if flag.many {
            value.split(',').map(|value| value.trim().to_owned()).collect()
        } else {
            vec![value.clone()]
        };
        for value in &values {
            if let Err(reason) = check(flag, value) {
                let kind = match flag.takes {
                    Takes::Nothing => "bool",
                    Takes::Integer => "int",
                    Takes::Text(_) | Takes::OneOf(_) | Takes::Secret => "string",
                };
                return Err(BadValue::Variable { name: flag.name(), value: shown(flag, value.clone()), kind, reason });
            }
        }
        self.given.insert(flag.name(), values);
        Ok(())
    }

    /// Returns the value of a flag, its variable or its default. `flag` is its usual name.
    pub(crate) fn text(&self, flag: &str) -> Option<&str> {
        self.given(flag).or_else(|| self.defaults.get(flag).copied())
    }

    /// Returns the value of a flag or its variable.
    pub(crate) fn given(&self, flag: &str) -> Option<&str> {
        self.all(flag).last().map(String::as_str)
    }

    /// Returns the values of a flag that may be repeated, in order.
    pub(crate) fn all(&self, flag: &str) -> &[String] {
        self.given.get(flag).map_or(&[], Vec::as_slice)
    }

    /// Returns the value of a flag with an integer.
    pub(crate) fn integer(&self, flag: &str) -> Option<i64> {
        self.text(flag)?.parse().ok() // it was checked
    }

    /// Returns whether a switch is on.
    pub(crate) fn is_on(&self, flag: &str) -> bool {
        self.given(flag) == Some(ON)
    }
}

/// Says what is wrong with a value.
fn check(flag: &Flag, value: &str) -> Result<(), String> {
    match flag.takes {
        Takes::Nothing if value != ON && value != OFF => Err("write true or false".to_owned()),
        Takes::Integer if value.parse::<i64>().is_err() => Err("parse error".to_owned()),
        Takes::OneOf(words) if !words.contains(&value) => Err(format!("write {}", words.join(", "))),
        Takes::Secret => value.parse::<config_schema::value::Secret>().map(|_| ()).map_err(|error| error.to_string()),
        Takes::Nothing | Takes::Text(_) | Takes::Integer | Takes::OneOf(_) => Ok(()),
    }
}

/// A secret is not shown, not even a malformed one.
fn shown(flag: &Flag, value: String) -> String {
    if matches!(flag.takes, Takes::Secret) { "***".to_owned() } else { value }
}
