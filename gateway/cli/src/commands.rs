//! All commands there are, as one table: parser, help, completion, the manual page and the reference are made of it.
//!
//! A command is one entry of this table and one function ([`Run`]). The entries stand in one file per area, in the
//! modules below; to add a command, or to give a planned one its function, change its entry there. What a command may
//! read (its own flags, its words, the settings of the document, variables) is in [`Invocation`].
//!
//! Names, flags, variables and whether a flag takes a value are those of Micro v2 (spec/toolkit 1.7, 1.8, 1.10), as
//! its own help pages print them; what is ours is marked [`Command::ours`].

mod authentication;
mod calling;
mod environment;
mod flags;
mod messaging;
mod network;
mod ours;
mod planned;
mod registry;
mod runtime;
mod serving;
mod store;
mod wrapping;

use config_schema::settings::same_flag;

use crate::arguments::Invocation;
use crate::exit::Exit;

/// Does what a command does, and says how it ended.
pub(crate) type Run = fn(&Invocation) -> Exit;

/// One command, or a group of commands.
#[derive(Debug)]
pub(crate) struct Command {
    /// Its word.
    pub(crate) name: &'static str,
    /// Other words for it, shown in the help.
    pub(crate) aliases: &'static [&'static str],
    /// One line of help, without a full stop.
    pub(crate) about: &'static str,
    /// What follows its flags, as the help shows it; empty for nothing.
    pub(crate) usage: &'static str,
    /// More help, after the options.
    pub(crate) more: &'static str,
    /// Its own flags. They win over global ones of the same name.
    pub(crate) flags: &'static [Flag],
    /// What it contains.
    pub(crate) commands: &'static [Command],
    /// What it does; none for a group, which shows its help.
    pub(crate) run: Option<Run>,
    /// How many words it takes.
    pub(crate) words: Words,
    /// What is said where words are missing, before anything is done.
    pub(crate) needs: Option<Needs>,
    /// Not of Micro v2: ends with 2 where it is used wrongly, and counts its words.
    pub(crate) is_ours: bool,
    /// Left out of the help.
    pub(crate) hidden: bool,
}

/// How many words a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Any number: its function says what is missing, as in Micro v2, and ignores what is too much.
    Any,
    /// From so many to so many.
    Between(usize, usize),
    /// The first word and all after it, flags too, belong to a command that it runs.
    Verbatim,
    /// Any word that is no command of the group is an error; its function runs without words.
    Commands,
}

/// What a command says where words are missing, in the text of Micro v2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// How many words there must be.
    pub(crate) words: usize,
    /// What is said otherwise.
    pub(crate) otherwise: &'static str,
    /// How it ends then: not always as a failure there.
    pub(crate) exit: Exit,
}

/// A flag of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// Its names without dashes, the usual one first; those of one letter are short ones.
    pub(crate) names: &'static [&'static str],
    /// The variable that stands in for it.
    pub(crate) variable: Option<&'static str>,
    /// What follows it.
    pub(crate) takes: Takes,
    /// Whether it may be repeated; the variable is split at commas.
    pub(crate) many: bool,
    /// The default that the help shows; empty for none. It is what [`Values::text`] returns then.
    ///
    /// [`Values::text`]: crate::arguments::Values::text
    pub(crate) default: &'static str,
    /// One line of help, without a full stop.
    pub(crate) help: &'static str,
}

/// What follows a flag.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// Nothing, or `=true` or `=false`.
    Nothing,
    /// A text; in the manual page and completions it has this name.
    Text(&'static str),
    /// An integer.
    Integer,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A secret: `file:PATH`, `env:NAME` or the text.
    Secret,
}

impl Command {
    /// Returns a command of Micro v2 that takes any words. Without a function it is a group.
    pub(crate) const fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            about,
            usage: "",
            more: "",
            flags: &[],
            commands: &[],
            run: None,
            words: Words::Any,
            needs: None,
            is_ours: false,
            hidden: false,
        }
    }

    /// Returns a command that Micro v2 does not have: it takes no words unless told otherwise.
    pub(crate) const fn ours(name: &'static str, about: &'static str) -> Self {
        Self { is_ours: true, words: Words::Between(0, 0), ..Self::new(name, about) }
    }

    /// With other names.
    pub(crate) const fn aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// With what the help shows after the flags.
    pub(crate) const fn usage(self, usage: &'static str) -> Self {
        Self { usage, ..self }
    }

    /// With more help, after the options.
    pub(crate) const fn more(self, more: &'static str) -> Self {
        Self { more, ..self }
    }

    /// With flags.
    pub(crate) const fn flags(self, flags: &'static [Flag]) -> Self {
        Self { flags, ..self }
    }

    /// With commands of its own.
    pub(crate) const fn commands(self, commands: &'static [Self]) -> Self {
        Self { commands, ..self }
    }

    /// With what it does.
    pub(crate) const fn run(self, run: Run) -> Self {
        Self { run: Some(run), ..self }
    }

    /// With the number of words that it takes.
    pub(crate) const fn words(self, words: Words) -> Self {
        Self { words, ..self }
    }

    /// Fails with this text where there are fewer words.
    pub(crate) const fn needs(self, words: usize, otherwise: &'static str) -> Self {
        Self { needs: Some(Needs { words, otherwise, exit: Exit::Failed }), ..self }
    }

    /// Says this where there are fewer words, and that is no failure.
    pub(crate) const fn wants(self, words: usize, otherwise: &'static str) -> Self {
        Self { needs: Some(Needs { words, otherwise, exit: Exit::Done }), ..self }
    }

    /// Left out of the help.
    pub(crate) const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    /// Returns whether this is one of its names.
    pub(crate) fn is_called(&self, word: &str) -> bool {
        self.name == word || self.aliases.contains(&word)
    }

    /// Returns the command of this name in the group.
    pub(crate) fn command(&self, word: &str) -> Option<&'static Self> {
        self.commands.iter().find(|command| command.is_called(word))
    }

    /// Returns its own flag of this name.
    pub(crate) fn flag(&self, name: &str) -> Option<&'static Flag> {
        self.flags.iter().find(|flag| flag.is_called(name))
    }
}

impl Flag {
    /// Returns a flag with a text.
    pub(crate) const fn text(names: &'static [&'static str], value: &'static str, help: &'static str) -> Self {
        Self { names, variable: None, takes: Takes::Text(value), many: false, default: "", help }
    }

    /// Returns a flag without a value.
    pub(crate) const fn switch(names: &'static [&'static str], help: &'static str) -> Self {
        Self { takes: Takes::Nothing, ..Self::text(names, "", help) }
    }

    /// Returns a flag with an integer.
    pub(crate) const fn integer(names: &'static [&'static str], help: &'static str) -> Self {
        Self { takes: Takes::Integer, ..Self::text(names, "", help) }
    }

    /// Returns a flag that takes one of these words.
    pub(crate) const fn one_of(
        names: &'static [&'static str],
        words: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { takes: Takes::OneOf(words), ..Self::text(names, "", help) }
    }

    /// Returns a flag that takes a secret.
    pub(crate) const fn secret(names: &'static [&'static str], help: &'static str) -> Self {
        Self { takes: Takes::Secret, ..Self::text(names, "", help) }
    }

    /// With a variable.
    pub(crate) const fn variable(self, variable: &'static str) -> Self {
        Self { variable: Some(variable), ..self }
    }

    /// May be repeated.
    pub(crate) const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    /// With a default.
    pub(crate) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// Returns its usual name.
    pub(crate) fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// Returns whether this is one of its names; `_` and `-` are the same.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| same_flag(own, name))
    }

    /// Returns whether a value follows.
    pub(crate) const fn takes_value(&self) -> bool {
        !matches!(self.takes, Takes::Nothing)
    }
}

/// The table. The order is that of the help: first what most people look for, as in Micro v2.
static TABLE: &[&[Command]] = &[
    serving::COMMANDS,
    calling::COMMANDS,
    messaging::COMMANDS,
    registry::COMMANDS,
    wrapping::COMMANDS,
    environment::COMMANDS,
    runtime::COMMANDS,
    store::COMMANDS,
    authentication::COMMANDS,
    network::COMMANDS,
    ours::COMMANDS,
];

/// The flags that every command takes, beside the table of settings.
pub(crate) static GLOBAL: &[Flag] = flags::GLOBAL;

/// Names the command whose built-in document lies below the files; it may stand before its command.
pub(crate) static PRESET: Flag = flags::PRESET;

/// Returns the commands at the top, in the order of the help.
pub(crate) fn all() -> impl Iterator<Item = &'static Command> {
    TABLE.iter().flat_map(|area| area.iter())
}

/// Returns the command at the top that has this name.
pub(crate) fn find(word: &str) -> Option<&'static Command> {
    all().find(|command| command.is_called(word))
}

#[cfg(test)]
mod tests;
