//! The command line, taken apart by the table of commands: Go's way with flags (spec/toolkit 1.1), in any order.

use config_schema::Preset;
use config_schema::settings::{FlagWord, Scope, Setting, UsageError, same_flag};

use crate::commands::{self, Command, Flag, PRESET, Words};

/// A command line, taken apart. Nothing is checked but what taking apart needs.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The command with the groups that it is in, from the top.
    pub(super) path: Vec<&'static Command>,
    /// Flags of the document, in order.
    pub(super) settings: Vec<Setting>,
    /// Flags of the command, of its groups and of every command, in order.
    pub(super) given: Vec<Given>,
    /// What is no flag, after the command.
    pub(super) words: Vec<String>,
    /// Flags that nobody knows, as written.
    pub(super) unknown: Vec<String>,
    /// How taking apart ended.
    pub(super) end: End,
}

/// A flag with its value.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) flag: &'static Flag,
    /// How deep it belongs: 0 to every command, 1 to the first of the path, …
    pub(super) depth: usize,
    pub(super) value: Value,
}

/// What a flag is given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Switch(bool),
}

/// How taking apart ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    /// With the last word.
    #[default]
    Command,
    /// Help was asked for: of the path and of these words after it.
    Help(Vec<String>),
    /// The version was asked for.
    Version,
    /// The first word is no command; the words after it, as they are.
    Stranger(String, Vec<String>),
    /// The group has no command of this name.
    NoSuchCommand(String),
    /// A value is missing, or a switch has one that is neither true nor false.
    Slip(UsageError),
}

impl Line {
    /// Takes words apart, without the name of the program.
    pub(super) fn of(words: Vec<String>) -> Self {
        let named = named_preset(&words);
        let mut line = Self::default();
        let mut words = words.into_iter();
        let mut only_words = false; // after `--`
        while let Some(word) = words.next() {
            if !only_words && word == "--" {
                only_words = true;
            } else if let Some(flag) = FlagWord::of(&word).filter(|_| !only_words) {
                if let Err(error) = line.take_flag(flag, named, &word, &mut words) {
                    line.end = End::Slip(error);
                }
            } else {
                line.take_word(word, &mut words);
            }
            if line.end != End::Command {
                break;
            }
            only_words |= line.is_verbatim();
        }
        line
    }

    /// Returns whether everything from here on belongs to another program.
    fn is_verbatim(&self) -> bool {
        !self.words.is_empty() && self.path.last().is_some_and(|command| command.words == Words::Verbatim)
    }

    fn take_word(&mut self, word: String, rest: &mut impl Iterator<Item = String>) {
        if self.words.is_empty() {
            let Some(group) = self.path.last() else {
                match commands::find(&word) {
                    Some(command) => self.path.push(command),
                    None => self.end = End::Stranger(word, rest.collect()),
                }
                return;
            };
            if let Some(command) = group.command(&word) {
                self.path.push(command);
                return;
            }
            if !group.commands.is_empty() {
                if matches!(word.as_str(), "help" | "h") {
                    self.end = End::Help(rest.filter(|word| !word.starts_with('-')).collect());
                    return;
                }
                if group.run.is_none() || group.words == Words::Commands {
                    self.end = End::NoSuchCommand(word);
                    return;
                }
            }
        }
        self.words.push(word);
    }

    fn take_flag(
        &mut self,
        word: FlagWord<'_>,
        named: Option<Preset>,
        written: &str,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<(), UsageError> {
        let mut own = self.path.iter().enumerate().rev();
        let own = own.find_map(|(at, command)| Some((at + 1, command.flag(word.name)?)));
        let of_every = || commands::GLOBAL.iter().find(|flag| flag.is_called(word.name)).map(|flag| (0, flag));
        // Before the command its preset may be named, too.
        let preset = || (self.path.is_empty() && PRESET.is_called(word.name)).then_some((0, &PRESET));
        let Some((depth, flag)) = own.or_else(of_every).or_else(preset) else {
            match word.setting(self.scope(named), rest)? {
                Some(setting) => self.settings.push(setting),
                None => self.unknown.push(written.to_owned()),
            }
            return Ok(());
        };
        let value =
            if flag.takes_value() { Value::Text(word.value_or_next(rest)?) } else { Value::Switch(word.switch()?) };
        match flag.name() {
            "help" if value == Value::Switch(true) => self.end = End::Help(Vec::new()),
            // Only a group has a version, as in Micro v2; `-version` of a command may be its own some day.
            "version" if self.path.last().is_some_and(|command| command.commands.is_empty()) => {
                self.unknown.push(written.to_owned());
            }
            "version" if value == Value::Switch(true) => self.end = End::Version,
            _ => self.given.push(Given { flag, depth, value }),
        }
        Ok(())
    }

    /// The flags of a command that serves are its own, those of another one are those of the preset that it names.
    fn scope(&self, named: Option<Preset>) -> Scope {
        match self.path.as_slice() {
            [] => Scope::BeforeCommand,
            [command] => Preset::of_command(command.name).or(named).map_or(Scope::AfterCommand, Scope::Preset),
            _ => named.map_or(Scope::AfterCommand, Scope::Preset),
        }
    }
}

/// Finds the command that `--preset` names, wherever it stands: flags before it may be its own.
fn named_preset(words: &[String]) -> Option<Preset> {
    let words = words.iter().take_while(|word| *word != "--");
    let following = words.clone().skip(1).map(Some).chain([None]);
    words.zip(following).find_map(|(word, next)| match FlagWord::of(word)? {
        FlagWord { name, value } if same_flag(name, PRESET.name()) => {
            Preset::of_command(value.or(next.map(String::as_str))?)
        }
        _ => None,
    })
}
