//! What clap parses and what help says: our own flags by hand, those of the document from the table.
//!
//! The table's flags are taken from the command line before clap sees it; here they only stand in the help.

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command};
use config_schema::Preset;
use config_schema::settings::{Place, Row, Status, Takes, rows};
use config_schema::value::Secret;

use crate::VERSION;

const ABOUT: &str = "An API gateway, and the tools around it, for services that register themselves";

/// The layout of the help of Micro v2 (spec/toolkit 1.1).
const TOP: &str = "NAME:\n   {name} - {about}\n\nUSAGE:\n   {usage}\n\nVERSION:\n   {version}\n\n{all-args}\n";
const OF_COMMAND: &str = "{about}\n\nUSAGE:\n   {usage}\n\n{all-args}{after-help}\n";

const GLOBAL: &str = "GLOBAL OPTIONS";
const OPTIONS: &str = "OPTIONS";

/// Returns the help of `micro --help`: commands and all global options.
pub(crate) fn top() -> String {
    let global = rows().iter().filter(|row| row.place != Place::Command).filter_map(documented);
    parser().args(global).render_help().to_string()
}

/// Returns the help without the options of the table, which fill pages.
pub(crate) fn overview() -> String {
    parser().render_help().to_string()
}

/// Returns the help of a command.
pub(crate) fn command(name: &str) -> Option<String> {
    let mut parser = parser();
    parser.build();
    Some(parser.find_subcommand_mut(name)?.render_help().to_string())
}

/// Returns the parser of what the table leaves.
pub(crate) fn parser() -> Command {
    let commands = [serve(Preset::Gateway), serve(Preset::Api), serve(Preset::Demo)];
    Command::new("micro")
        .about(ABOUT)
        .version(VERSION)
        .help_template(TOP)
        .override_usage("micro [global options] command [command options] [arguments...]")
        .disable_help_subcommand(true)
        .disable_version_flag(true)
        .disable_help_flag(true)
        .subcommand_help_heading("COMMANDS")
        .next_help_heading(GLOBAL)
        .subcommands(commands)
        .subcommands([check(), explain(), test(), config(), reload(), version(), help()])
        .arg(Arg::new("version").long("version").action(ArgAction::SetTrue).help("print the version"))
        .args([help_flag(), output().global(true)])
}

fn named(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .help_template(format!("NAME:\n   micro {name} - {OF_COMMAND}"))
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .next_help_heading(OPTIONS)
        .arg(help_flag())
        .after_help("`micro --help` lists the global options and their variables.")
}

fn serve(preset: Preset) -> Command {
    let about = match preset {
        Preset::Gateway => "Run a gateway with the listeners and routes of a document",
        Preset::Api => "Run the API gateway",
        Preset::Demo => "Run a gateway, a registry and a greeter to try them with",
    };
    // Every setting that works here; those that do not yet are listed by `micro --help` alone.
    let works = |row: &&Row| matches!(row.status(), Status::Built(_)) && row.counts_for(preset);
    let settings =
        rows().iter().filter(works).filter(|row| row.place != Place::Fallback && row.place != Place::GlobalAlias);
    let documented_here = |row| documented(row).map(|arg| arg.help(help_of(row, default_of(row, preset))));
    named(preset.name(), about).args(settings.filter_map(documented_here))
}

fn check() -> Command {
    named("check", "Check documents: exit code 0, or 78 and a report")
        .arg(files("documents, each on its own; a directory is one document"))
        .args([config_flag(), preset()])
}

fn explain() -> Command {
    named("explain", "Say where a request leads and why, without sending it")
        .arg(
            Arg::new("request")
                .value_name("REQUEST")
                .required(true)
                .help("such as 'GET http://localhost:8080/greeter/say/hello'"),
        )
        .arg(
            Arg::new("header")
                .short('H')
                .long("header")
                .value_name("HEADER")
                .action(ArgAction::Append)
                .help("a header of the request: 'Name: value'"),
        )
        .arg(
            Arg::new("given")
                .long("given")
                .value_name("NAMES")
                .action(ArgAction::Append)
                .help("services that are registered, separated by commas (default: every candidate is)"),
        )
        .arg(
            Arg::new("listener")
                .long("listener")
                .value_name("NAME")
                .help("listener that takes the request (default: by the port of the URL)"),
        )
        .args([config_flag(), preset()])
}

fn test() -> Command {
    named("test", "Run the tests in documents, without sending anything")
        .arg(files("documents, each on its own; a directory is one document"))
        .args([config_flag(), preset()])
}

fn config() -> Command {
    let args = || {
        [
            Arg::new("effective")
                .long("effective")
                .action(ArgAction::SetTrue)
                .help("with every default, not only what somebody said"),
            Arg::new("origin").long("origin").action(ArgAction::SetTrue).help("with the origin of each value"),
            Arg::new("admin")
                .long("admin")
                .value_name("ADDRESS")
                .help("show the document of the process at this admin address"),
            admin_token(),
            config_flag(),
            preset(),
        ]
    };
    named("config", "Show the configuration").subcommand_required(true).subcommand_help_heading("COMMANDS").subcommand(
        named("show", "Show the effective document; secrets are masked")
            .help_template(format!("NAME:\n   micro config show - {OF_COMMAND}"))
            .args(args()),
    )
}

fn reload() -> Command {
    named(
        "reload",
        "Have a running process read its document again: exit code 0 when it is in force, 78 when it was refused",
    )
    .arg(
        Arg::new("admin")
            .long("admin")
            .value_name("ADDRESS")
            .help("admin address of the process (default: 127.0.0.1:8099)"),
    )
    .args([admin_token(), config_flag()])
}

fn version() -> Command {
    named("version", "Print the version")
}

fn help() -> Command {
    named("help", "Show the help of a command")
        .visible_alias("h")
        .arg(Arg::new("topic").value_name("COMMAND").help("the command (default: an overview of all)"))
}

fn help_flag() -> Arg {
    Arg::new("help").long("help").short('h').action(ArgAction::Help).help("show this help").display_order(1000)
}

fn output() -> Arg {
    Arg::new("output")
        .long("output")
        .short('o')
        .value_name("FORMAT")
        .value_parser(["text", "json"])
        .hide_possible_values(true)
        .help("text or json (default: text)")
}

fn files(help: &'static str) -> Arg {
    Arg::new("files").value_name("FILE").num_args(0..).help(help)
}

fn preset() -> Arg {
    Arg::new("preset")
        .long("preset")
        .value_name("COMMAND")
        .value_parser(Preset::ALL.map(Preset::name))
        .help("the command whose built-in document lies below the files; its flags count here, too (default: gateway)")
}

fn admin_token() -> Arg {
    Arg::new("admin_token")
        .long("admin_token")
        .value_name("SECRET")
        .value_parser(ValueParser::new(text_value::<Secret>))
        .help("token of the admin listener, as file:PATH, env:NAME or text")
}

fn config_flag() -> Arg {
    let row = rows().iter().find(|row| row.flags.contains(&"config"));
    row.and_then(documented).unwrap_or_else(|| Arg::new("config").long("config").value_name("FILE"))
}

/// A row of the table as the help shows it; nothing for a variable without a flag.
fn documented(row: &'static Row) -> Option<Arg> {
    let name = *row.flags.first()?;
    let (short, aliases): (Vec<&str>, Vec<&str>) = row.flags.iter().skip(1).partition(|flag| flag.len() == 1);
    let mut arg = Arg::new(name).long(name).visible_aliases(aliases).help(help_of(row, row.default));
    arg = match row.takes {
        Takes::Value(value) => arg.value_name(value),
        Takes::Switch => arg.action(ArgAction::SetTrue),
    };
    Some(short.into_iter().filter_map(|flag| flag.chars().next()).fold(arg, Arg::visible_short_alias))
}

/// The default of a row as the built-in document of a command has it.
fn default_of(row: &Row, preset: Preset) -> &'static str {
    match (preset, row.variable) {
        (Preset::Demo, Some("MICRO_API_ADDRESS")) => "localhost:8080",
        (Preset::Demo, Some("MICRO_API_ENABLE_RPC")) => "true",
        _ => row.default,
    }
}

fn help_of(row: &Row, default: &str) -> String {
    let default = if default.is_empty() { String::new() } else { format!(" (default: {default})") };
    let missing = if matches!(row.status(), Status::Ignored | Status::Refused) { " (not built yet)" } else { "" };
    let variable = row.variable.map(|variable| format!(" [${variable}]")).unwrap_or_default();
    format!("{}{default}{missing}{variable}", row.help)
}

fn text_value<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}
