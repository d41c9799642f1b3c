//! The tables as clap knows commands: for completions, the manual page and what was probably meant.

use clap::builder::PossibleValuesParser;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, ValueHint};
use config_schema::Preset;
use config_schema::settings::{self, Place, Row, rows};

use super::ABOUT;
use crate::VERSION;
use crate::commands::{self, Command, Flag, GLOBAL, Takes, Words};

/// Returns all commands with their flags. What they are given is parsed by [`arguments`](crate::arguments).
pub(super) fn parser() -> clap::Command {
    let settings = rows().iter().filter(|row| row.place != Place::Command);
    clap::Command::new("micro")
        .about(ABOUT)
        .version(VERSION)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(settings.filter_map(setting))
        .args(GLOBAL.iter().map(flag))
        .subcommands(commands::all().map(|command| subcommand(command, true)))
}

/// Returns what to say of a flag that is close to one there is.
pub(crate) fn similar_flag(path: &[&'static Command], name: &str) -> Option<String> {
    let groups = path.iter().map(|command| command.name);
    let words = std::iter::once("micro").chain(groups).map(str::to_owned).chain([format!("--{name}")]);
    let error = parser().try_get_matches_from(words).err()?;
    match error.get(ContextKind::SuggestedArg)? {
        ContextValue::String(flag) => Some(format!("\n\n  tip: a similar flag exists: {flag}")),
        _ => None,
    }
}

fn subcommand(command: &Command, is_top: bool) -> clap::Command {
    let own = command.flags.iter().map(flag);
    let preset = Preset::of_command(command.name).filter(|_| is_top);
    let settings = preset.into_iter().flat_map(|preset| {
        rows().iter().filter(move |row| row.place == Place::Command && row.counts_for(preset)).filter_map(setting)
    });
    let every = GLOBAL.iter().filter(|flag| {
        command.flag(flag.name()).is_none() && (flag.name() != "version" || !command.commands.is_empty())
    });
    let words = (!command.usage.is_empty()).then(|| {
        let hint = match command.usage {
            usage if usage.contains("FILE") || usage.contains("LOCAL") => ValueHint::AnyPath,
            _ if command.words == Words::Verbatim => ValueHint::CommandWithArguments,
            _ => ValueHint::Unknown,
        };
        let words = Arg::new("WORDS").value_name(command.usage).value_hint(hint).action(ArgAction::Append);
        words.num_args(0..).trailing_var_arg(command.words == Words::Verbatim)
    });
    clap::Command::new(command.name)
        .visible_aliases(command.aliases)
        .about(command.about)
        .after_help(command.more)
        .hide(command.hidden)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(own.chain(settings).chain(every.map(flag)).chain(words))
        .subcommands(command.commands.iter().map(|command| subcommand(command, false)))
}

fn flag(flag: &Flag) -> Arg {
    let help = match flag.variable {
        Some(variable) => format!("{} [${variable}]", flag.help),
        None => flag.help.to_owned(),
    };
    let arg = named(flag.names).help(help);
    let arg = if flag.default.is_empty() { arg } else { arg.default_value(flag.default) };
    match flag.takes {
        Takes::Nothing => arg.action(ArgAction::SetTrue),
        Takes::Text(value) => arg.value_name(value).value_hint(hint(value)),
        Takes::Integer => arg.value_name("NUMBER"),
        Takes::OneOf(words) => arg.value_name("WORD").value_parser(PossibleValuesParser::new(words)),
        Takes::Secret => arg.value_name("SECRET"),
    }
}

/// Nothing for a variable without a flag.
fn setting(row: &'static Row) -> Option<Arg> {
    let variable = row.variable.map(|variable| format!(" [${variable}]")).unwrap_or_default();
    let default = if row.default.is_empty() { String::new() } else { format!(" (default: {})", row.default) };
    let arg = (!row.flags.is_empty()).then(|| named(row.flags))?.help(format!("{}{default}{variable}", row.help));
    Some(match row.takes {
        settings::Takes::Switch => arg.action(ArgAction::SetTrue),
        settings::Takes::Value(value) => arg.value_name(value).value_hint(hint(value)),
    })
}

fn named(names: &'static [&'static str]) -> Arg {
    let (short, long): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.len() == 1);
    let mut long = long.into_iter();
    let first = long.next().unwrap_or_default();
    let arg = Arg::new(first).long(first).visible_aliases(long).action(ArgAction::Append);
    short.iter().filter_map(|name| name.chars().next()).enumerate().fold(arg, |arg, (at, letter)| match at {
        0 => arg.short(letter),
        _ => arg.visible_short_alias(letter),
    })
}

fn hint(value: &str) -> ValueHint {
    if matches!(value, "FILE" | "PATH") { ValueHint::AnyPath } else { ValueHint::Unknown }
}
