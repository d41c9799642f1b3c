//! From words and variables to one command with all it needs.
//!
//! [`commands`] says what there is; `line` takes the words apart by it, `values` checks what flags
//! are given. Flags that set the document are config-schema's table.

mod line;
mod other;
mod values;

use std::collections::BTreeMap;
use std::ffi::OsString;

use config_schema::Preset;
use config_schema::settings::{GivenBy, Place, Row, Setting, environment, rows};

use crate::commands::{self, Command, Words};
use crate::exit::Exit;
use crate::help;
use crate::output::{self, Output};
use crate::session::Failure;
use line::{End, Line};
use other::Other;

pub(crate) use values::Values;

/// The commands whose errors are among their results (spec/toolkit 1.6).
const FAIL_ON_STDOUT: &[&str] = &[
    "list",
    "services",
    "get",
    "register",
    "deregister",
    "registry",
    "env",
    "call",
    "query",
    "stream",
    "publish",
    "stats",
    "file",
    "network",
];

/// One command with all it needs.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// The command with the groups that it is in, from the top; never empty.
    path: Vec<&'static Command>,
    /// What its flags are given.
    pub(crate) values: Values,
    /// What is no flag.
    words: Vec<String>,
    /// Variables and flags of the document, the environment's first.
    pub(crate) settings: Vec<Setting>,
    /// The environment.
    pub(crate) variables: BTreeMap<String, String>,
    /// Whose built-in document lies below the files.
    pub(crate) preset: Preset,
    /// How results are written.
    pub(crate) output: Output,
}

impl Invocation {
    /// Returns the command as it is typed: `micro list services`.
    pub(crate) fn name(&self) -> String {
        self.path.iter().fold("micro".to_owned(), |name, command| name + " " + command.name)
    }

    /// Returns the first word of the command: `list`.
    pub(crate) fn top(&self) -> &'static str {
        self.path.first().map_or("", |command| command.name)
    }

    /// Returns what is no flag, after the command.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns the value of a setting by the name of its flag: as the flag has it, else its variable.
    pub(crate) fn setting(&self, flag: &str) -> Option<&str> {
        let of_flag =
            || self.settings.iter().filter(|setting| setting.row.flags.contains(&flag) && !setting.value.is_empty());
        let by_flag = of_flag().rfind(|setting| matches!(setting.by, GivenBy::Flag(_)));
        by_flag.or_else(|| of_flag().next_back()).map(|setting| setting.value.as_str())
    }

    /// Says how a command ended that has printed what it found: where it failed, with the text of it.
    pub(crate) fn finish(&self, result: Result<(), Failure>) -> Exit {
        match result {
            Ok(()) => Exit::Done,
            Err(failure) => self.fail(&failure.to_string()),
        }
    }

    /// Says why the command failed, on the stream that Micro v2 had for it (spec/toolkit 1.6): those that ask services
    /// print it among their results. JSON stays JSON: there it goes to standard error.
    pub(crate) fn fail(&self, text: &str) -> Exit {
        let is_result = FAIL_ON_STDOUT.contains(&self.top());
        let text = format!("{text}\n");
        if is_result && self.output == Output::Text {
            output::say(&text);
        } else {
            output::complain(&text);
        }
        Exit::Failed
    }

    /// Returns the flags of the document as they may stand before another command.
    pub(crate) fn flags_before(&self) -> impl Iterator<Item = String> {
        self.settings.iter().filter_map(|setting| match &setting.by {
            GivenBy::Flag(_) => Some(format!("--{}={}", setting.row.flags.first()?, setting.value)),
            GivenBy::Variable(_) => None,
        })
    }

    /// Does it, and says how it ended.
    pub(crate) fn run(&self) -> Exit {
        let Some(command) = self.path.last() else { return Exit::Failed };
        if let Some(needs) = command.needs.filter(|needs| self.words.len() < needs.words) {
            return match needs.exit {
                Exit::Done => {
                    output::say(&format!("{}\n", needs.otherwise));
                    Exit::Done
                }
                _ => self.fail(needs.otherwise),
            };
        }
        match command.run {
            Some(run) => run(self),
            None => {
                output::say(&help::of(&self.path));
                Exit::Done
            }
        }
    }
}

/// Why no command is run: a text to print, and the code to end with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    text: String,
    exit: Exit,
    /// The program that is run instead.
    other: Option<Other>,
}

impl Stop {
    /// Prints it and returns how to end; or becomes the program that is run instead.
    pub(crate) fn say(self) -> Exit {
        if let Some(other) = self.other {
            return other.run();
        }
        match self.exit {
            Exit::Done => output::say(&self.text),
            _ => output::complain(&self.text),
        }
        self.exit
    }

    fn done(text: String) -> Self {
        Self { text, exit: Exit::Done, other: None }
    }

    fn failed(text: String) -> Self {
        Self { text, exit: Exit::Failed, other: None }
    }

    /// Slips get the code they had in Micro v2 where the command is one of its own, else that of design 8.
    fn usage(path: &[&'static Command], reason: &str) -> Self {
        let exit = if path.last().is_some_and(|command| command.is_ours) { Exit::Usage } else { Exit::Failed };
        let name = path.iter().fold("micro".to_owned(), |name, command| name + " " + command.name);
        let reason = reason.trim_end();
        Self { text: format!("Incorrect Usage. {reason}\n\n`{name} --help` says what there is.\n"), exit, other: None }
    }
}

/// Makes a command of words and variables.
pub(crate) fn parse(
    words: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Invocation, Stop> {
    // A variable that is no UTF-8 can be none of ours, and none that a document can hold.
    let variables: BTreeMap<String, String> = variables
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let words = words.into_iter().map(OsString::into_string).collect::<Result<Vec<String>, OsString>>();
    let words = words.map_err(|word| Stop::usage(&[], &format!("{} is no UTF-8", word.display())))?;
    let last_word = words.iter().rfind(|word| !word.starts_with('-')).cloned();
    let mut line = Line::of(words);
    match std::mem::take(&mut line.end) {
        End::Command => {}
        End::Help(more) => return Err(topic(&line.path, &more)),
        End::Version => line.path = commands::find("version").into_iter().collect(),
        End::Stranger(word, rest) => {
            let other = Other::find(&word, rest, variables.get("PATH"));
            return Err(Stop { other, ..stranger(&last_word.unwrap_or(word)) });
        }
        End::Slip(error) => return Err(Stop::usage(&line.path, &error.to_string())),
        End::NoSuchCommand(word) => return Err(no_such_command(&line.path, &word)),
    }
    if let Some(written) = line.unknown.first() {
        return Err(Stop::usage(&line.path, &unknown_flag(&line.path, written)));
    }
    if line.path.is_empty() {
        return Err(no_command());
    }
    check_words(&line)?;
    invocation(line, variables)
}

fn invocation(line: Line, variables: BTreeMap<String, String>) -> Result<Invocation, Stop> {
    let Line { path, settings: flags, given, words, .. } = line;
    let values = Values::of(&path, given, &variables).map_err(|error| Stop::usage(&path, &error.to_string()))?;
    let output = output_of(&path, &values)?;
    let serves = match path.as_slice() {
        [command] => Preset::of_command(command.name),
        _ => None,
    };
    let preset = serves.or_else(|| Preset::of_command(values.text("preset")?)).unwrap_or(Preset::Gateway);
    let mut settings = environment(&variables);
    settings.extend(flags);
    Ok(Invocation { path, values, words, settings, variables, preset, output })
}

/// A command with an `--output` of its own checks the words of it; `json` means the same everywhere.
fn output_of(path: &[&'static Command], values: &Values) -> Result<Output, Stop> {
    let is_own = path.iter().any(|command| command.flag("output").is_some());
    match values.text("output") {
        Some("json") => Ok(Output::Json),
        None | Some("text") => Ok(Output::Text),
        Some(_) if is_own => Ok(Output::Text),
        Some(other) => {
            Err(Stop::usage(path, &format!("invalid value \"{other}\" for flag -output: write text or json")))
        }
    }
}

fn check_words(line: &Line) -> Result<(), Stop> {
    let Some(command) = line.path.last() else { return Ok(()) };
    let Words::Between(least, most) = command.words else { return Ok(()) };
    if line.words.len() < least {
        return Err(Stop::usage(&line.path, &format!("missing argument: {}", command.usage)));
    }
    match line.words.get(most) {
        Some(word) => Err(Stop::usage(&line.path, &format!("unexpected argument '{word}'"))),
        None => Ok(()),
    }
}

fn no_command() -> Stop {
    Stop::failed(format!("No command provided to micro. Please refer to 'micro --help'\n\n{}", help::overview()))
}

/// The text of Micro v2, which names the last word of the line.
fn stranger(word: &str) -> Stop {
    Stop::failed(format!("Unrecognized micro command: {word}. Please refer to 'micro --help'\n"))
}

fn no_such_command(path: &[&'static Command], word: &str) -> Stop {
    let name = path.iter().fold("micro".to_owned(), |name, command| name + " " + command.name);
    Stop::failed(format!("Unrecognized subcommand for {name}: {word}. Please refer to '{name} --help'\n"))
}

/// The help of the command that words name below a path.
fn topic(path: &[&'static Command], words: &[String]) -> Stop {
    match help::find(path, words) {
        Ok(path) => Stop::done(help::of(&path)),
        Err(word) => Stop { text: format!("No help topic for '{word}'\n"), exit: Exit::NoTopic, other: None },
    }
}

/// Says that a flag is unknown, as Go does, and what may have been meant.
fn unknown_flag(path: &[&'static Command], written: &str) -> String {
    let name = written.trim_start_matches('-').split('=').next().unwrap_or_default();
    let tip = flag_of_api(path, name).or_else(|| help::similar_flag(path, name)).unwrap_or_default();
    format!("flag provided but not defined: -{name}{tip}")
}

/// What to say of a flag that only `micro api` has.
fn flag_of_api(path: &[&'static Command], name: &str) -> Option<String> {
    let name = name.replace('-', "_");
    let is_it = |row: &Row| row.place == Place::Command && row.flags.contains(&name.as_str());
    let takes_preset = path.last().is_some_and(|command| command.flag("preset").is_some());
    let here = if takes_preset { "; `--preset api` makes it count here" } else { "" };
    rows().iter().any(is_it).then(|| format!("\n\n  tip: it is a flag of `micro api`{here}"))
}

#[cfg(test)]
mod tests;
