//! Help, in the layout of Micro v2 (spec/toolkit 1.1), made of the table of commands and the table of settings.

mod completion;
mod line;
mod parser;

use config_schema::Preset;
use config_schema::settings::{Place, Row, Status, rows};

use crate::VERSION;
use crate::arguments::Invocation;
use crate::commands::{self, Command, GLOBAL};
use crate::exit::Exit;
use crate::output::{complain, say};
use line::{Line, columns};
use parser::parser;

pub(crate) use completion::completion;
pub(crate) use parser::similar_flag;

const ABOUT: &str = "An API gateway, and the tools around it, for services that register themselves";

/// `micro help`, `micro help COMMAND…`.
pub(crate) fn of_words(invocation: &Invocation) -> Exit {
    match find(&[], invocation.words()) {
        Ok(path) => {
            say(&of(&path));
            Exit::Done
        }
        Err(word) => {
            complain(&format!("No help topic for '{word}'\n"));
            Exit::NoTopic
        }
    }
}

/// Finds the command that words name below a path.
///
/// # Errors
/// Returns the first word that names none.
pub(crate) fn find(path: &[&'static Command], words: &[String]) -> Result<Vec<&'static Command>, String> {
    let mut found = path.to_vec();
    for word in words {
        let command = found.last().map_or_else(|| commands::find(word), |group| group.command(word));
        found.push(command.ok_or_else(|| word.clone())?);
    }
    Ok(found)
}

/// Returns the help of a command with its groups; without any, all commands and global options.
pub(crate) fn of(path: &[&'static Command]) -> String {
    match path.split_last() {
        None => top(),
        Some((command, groups)) => of_command(command, groups),
    }
}

fn top() -> String {
    let settings = rows().iter().filter(|row| row.place != Place::Command);
    let options = settings.filter_map(|row| Line::of_setting(row, row.default)).chain(of_every_command());
    format!("{}\nGLOBAL OPTIONS:\n{}", overview(), columns(options))
}

/// Returns the help without the global options, which fill pages.
pub(crate) fn overview() -> String {
    format!(
        "NAME:\n   micro - {ABOUT}\n\nUSAGE:\n   micro [global options] command [command options] [arguments...]\n\n\
         VERSION:\n   {VERSION}\n\nCOMMANDS:\n{}",
        columns(commands::all().filter(|command| !command.hidden).map(Line::of_command))
    )
}

fn of_command(command: &Command, groups: &[&'static Command]) -> String {
    let name = groups.iter().fold("micro".to_owned(), |name, group| name + " " + group.name) + " " + command.name;
    let is_group = !command.commands.is_empty();
    let usage = match (is_group, command.usage) {
        (true, _) => "command [command options] [arguments...]".to_owned(),
        (false, "") => "[command options]".to_owned(),
        (false, usage) => format!("[command options] {usage}"),
    };
    let mut text = format!("NAME:\n   {name} - {}\n\nUSAGE:\n   {name} {usage}\n", command.about);
    if is_group {
        let commands = command.commands.iter().filter(|command| !command.hidden).map(Line::of_command);
        text = text + "\nCOMMANDS:\n" + &columns(commands);
    }
    let own = command.flags.iter().map(Line::of_flag);
    let preset = Preset::of_command(command.name).filter(|_| groups.is_empty());
    let settings = preset.into_iter().flat_map(settings_of);
    let every = of_every_command().filter(|line| {
        let is_own = command.flags.iter().any(|flag| line.is_of(flag.name()));
        !is_own && (is_group || !line.is_of("version"))
    });
    text = text + "\nOPTIONS:\n" + &columns(own.chain(settings).chain(every));
    if !command.more.is_empty() {
        text = text + "\n" + command.more + "\n";
    }
    text + "\n`micro --help` lists the global options and their variables.\n"
}

/// Every setting that works for a command that serves; those that do not yet are listed by `micro --help` alone.
fn settings_of(preset: Preset) -> impl Iterator<Item = Line> {
    let works = move |row: &&Row| matches!(row.status(), Status::Built(_)) && row.counts_for(preset);
    let settings =
        rows().iter().filter(works).filter(|row| row.place != Place::Fallback && row.place != Place::GlobalAlias);
    settings.filter_map(move |row| Line::of_setting(row, default_of(row, preset)))
}

fn of_every_command() -> impl Iterator<Item = Line> {
    GLOBAL.iter().map(Line::of_flag)
}

/// The default of a row as the built-in document of a command has it.
fn default_of(row: &Row, preset: Preset) -> &'static str {
    match (preset, row.variable) {
        (Preset::Demo, Some("MICRO_API_ADDRESS")) => "localhost:8080",
        (Preset::Demo, Some("MICRO_API_ENABLE_RPC")) => "true",
        _ => row.default,
    }
}

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
