//! The command line. Go's way with flags and all settings of the document are config-schema's table; what is left is
//! clap's. Help is made of the same table, so that help, flags and variables cannot disagree.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use config_schema::Preset;
use config_schema::settings::{Arguments, OwnFlag, Place, Row, Setting, arguments, environment, rows};
use config_schema::value::Secret;

use crate::exit::Exit;
use crate::help;
use crate::output::{self, Output};

/// The flags that are no part of the document.
const OWN: &[OwnFlag] = &[
    OwnFlag { name: "output", takes_value: true },
    OwnFlag { name: "preset", takes_value: true },
    OwnFlag { name: "given", takes_value: true },
    OwnFlag { name: "listener", takes_value: true },
    OwnFlag { name: "header", takes_value: true },
    OwnFlag { name: "admin_token", takes_value: true },
    OwnFlag { name: "effective", takes_value: false },
    OwnFlag { name: "origin", takes_value: false },
    OwnFlag { name: "help", takes_value: false },
    OwnFlag { name: "version", takes_value: false },
];

/// Commands of Micro v2 that are known and not built yet.
const PLANNED: &[&str] = &[
    "auth",
    "bot",
    "broker",
    "call",
    "cli",
    "debug",
    "deregister",
    "env",
    "file",
    "get",
    "health",
    "init",
    "kill",
    "list",
    "log",
    "login",
    "logs",
    "network",
    "new",
    "plugin",
    "proxy",
    "publish",
    "query",
    "register",
    "registry",
    "router",
    "run",
    "runtime",
    "server",
    "service",
    "stats",
    "status",
    "store",
    "stream",
    "trace",
    "tunnel",
    "update",
    "web",
    "whoami",
];

/// One command with all it needs.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// What to do.
    pub(crate) command: Command,
    /// Variables and flags of the table.
    pub(crate) settings: Vec<Setting>,
    /// The environment, for `${VAR}` in documents.
    pub(crate) variables: BTreeMap<String, String>,
    /// Whose built-in document lies below the files.
    pub(crate) preset: Preset,
    /// How results are written.
    pub(crate) output: Output,
}

/// What to do. What is served says the document.
#[derive(Debug)]
pub(crate) enum Command {
    Serve,
    Check { files: Vec<String> },
    Explain(Question),
    Test { files: Vec<String> },
    ConfigShow(ConfigShow),
    Reload { token: Option<Secret> },
    Version,
}

/// What `micro explain` is asked.
#[derive(Debug)]
pub(crate) struct Question {
    /// Method and URL.
    pub(crate) request: String,
    /// Header fields.
    pub(crate) headers: Vec<(String, String)>,
    /// The names that are registered; all are if nobody says.
    pub(crate) given: Option<Vec<String>>,
    /// The listener, if it does not follow from the URL.
    pub(crate) listener: Option<String>,
}

/// What `micro config show` shows.
#[derive(Debug)]
pub(crate) struct ConfigShow {
    /// The whole document with every default, not only what was said.
    pub(crate) effective: bool,
    /// Who said so.
    pub(crate) origin: bool,
    /// Of the running process at `--admin`, not of files.
    pub(crate) remote: bool,
    /// What the process asks to be shown.
    pub(crate) token: Option<Secret>,
}

/// Why no command is run: a text to print, and the code to end with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    text: String,
    exit: Exit,
}

impl Stop {
    /// Prints it and returns how to end.
    pub(crate) fn say(self) -> Exit {
        match self.exit {
            Exit::Done => output::say(&self.text),
            _ => output::complain(&self.text),
        }
        self.exit
    }

    /// Slips get the code they had in Micro v2 where the command is one of its own, else that of design 8.
    fn usage(command: Option<&str>, reason: &str) -> Self {
        let exit = if matches!(command, None | Some("api")) { Exit::Failed } else { Exit::Usage };
        Self { text: format!("Incorrect Usage. {}\n", reason.trim_end()), exit }
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
    let words = words.map_err(|word| Stop::usage(None, &format!("{} is no UTF-8", word.display())))?;
    let given = arguments(words, OWN).map_err(|error| Stop::usage(None, &error.to_string()))?;

    let name = command_name(&given)?;
    let preset = Preset::of_command(&name);
    let matches = matches(&given, &name)?;
    let (command, own) = match matches.subcommand() {
        Some((_, own)) => {
            let own = own.subcommand().map_or(own, |(_, show)| show); // `config show`
            (command(&name, own, &given)?, own)
        }
        None if name == "version" => (Command::Version, &matches),
        None => return Err(no_command()),
    };
    Ok(invocation(command, own, given, variables, preset))
}

/// Returns the command, `version` where only its flag is there.
fn command_name(given: &Arguments) -> Result<String, Stop> {
    let asks = |flag: &str| given.rest.iter().any(|word| word == flag);
    match given.command.as_deref() {
        None if asks("--help") || asks("-h") => Err(Stop { text: help::top(), exit: Exit::Done }),
        None if asks("--version") => Ok("version".to_owned()),
        None if given.rest.is_empty() => Err(no_command()),
        None => Ok(String::new()), // flags alone: clap says what is wrong with them
        Some("help" | "h") => Err(topic(given)),
        Some(name) if help::command(name).is_some() => Ok(name.to_owned()),
        Some(name) if PLANNED.contains(&name) => {
            Err(Stop { text: format!("not built yet: micro {name}\n"), exit: Exit::Failed })
        }
        Some(name) => Err(Stop {
            text: format!("Unrecognized micro command: {name}. Please refer to 'micro --help'\n"),
            exit: Exit::Failed,
        }),
    }
}

fn no_command() -> Stop {
    let text = format!("No command provided to micro. Please refer to 'micro --help'\n\n{}", help::overview());
    Stop { text, exit: Exit::Failed }
}

/// `micro help`, `micro help COMMAND`.
fn topic(given: &Arguments) -> Stop {
    match given.rest.iter().filter(|word| !word.starts_with('-')).nth(1) {
        None => Stop { text: help::top(), exit: Exit::Done },
        Some(name) => match help::command(name) {
            Some(text) => Stop { text, exit: Exit::Done },
            None => Stop { text: format!("No help topic for '{name}'\n"), exit: Exit::NoTopic },
        },
    }
}

fn matches(given: &Arguments, name: &str) -> Result<ArgMatches, Stop> {
    let words = std::iter::once("micro").chain(given.rest.iter().map(String::as_str));
    help::parser().try_get_matches_from(words).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp => Stop { text: error.to_string(), exit: Exit::Done },
        _ => {
            let text = flag_of_api(&error, name).unwrap_or_else(|| error.to_string());
            let command = Some(name).filter(|name| !name.is_empty());
            Stop::usage(command, text.strip_prefix("error: ").unwrap_or(&text))
        }
    })
}

/// What to say of a flag that only `micro api` has: what clap advises does not help there.
fn flag_of_api(error: &clap::Error, command: &str) -> Option<String> {
    let ContextValue::String(flag) = error.get(ContextKind::InvalidArg)? else { return None };
    let name = flag.trim_start_matches('-').replace('-', "_");
    let is_it = |row: &Row| row.place == Place::Command && row.flags.contains(&name.as_str());
    rows().iter().any(is_it).then(|| {
        let here = if Preset::of_command(command).is_none() { "; `--preset api` makes it count here" } else { "" };
        format!("unexpected argument '{flag}' found\n\n  tip: it is a flag of `micro api`{here}\n")
    })
}

fn command(name: &str, own: &ArgMatches, given: &Arguments) -> Result<Command, Stop> {
    let many =
        |id: &str| own.get_many::<String>(id).map(|values| values.cloned().collect::<Vec<_>>()).unwrap_or_default();
    Ok(match name {
        "check" => Command::Check { files: many("files") },
        "test" => Command::Test { files: many("files") },
        "explain" => Command::Explain(question(own)?),
        "config" => Command::ConfigShow(config_show(own, given)),
        "reload" => Command::Reload { token: own.get_one::<Secret>("admin_token").cloned() },
        "version" => Command::Version,
        _ => Command::Serve,
    })
}

fn question(own: &ArgMatches) -> Result<Question, Stop> {
    let header = |text: &String| match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err(Stop::usage(Some("explain"), &format!("a header is written `Name: value`, not `{text}`"))),
    };
    let headers = own.get_many::<String>("header").into_iter().flatten().map(header).collect::<Result<_, _>>()?;
    let names = |values: clap::parser::ValuesRef<'_, String>| {
        values
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    };
    Ok(Question {
        request: own.get_one::<String>("request").cloned().unwrap_or_default(),
        headers,
        given: own.get_many::<String>("given").map(names),
        listener: own.get_one::<String>("listener").cloned(),
    })
}

/// `--admin` asks the process there. A variable does not: it says where a process should listen.
fn config_show(own: &ArgMatches, given: &Arguments) -> ConfigShow {
    ConfigShow {
        effective: own.get_flag("effective"),
        origin: own.get_flag("origin"),
        remote: given.settings.iter().any(|setting| setting.row.flags.contains(&"admin")),
        token: own.get_one::<Secret>("admin_token").cloned(),
    }
}

fn invocation(
    command: Command,
    own: &ArgMatches,
    given: Arguments,
    variables: BTreeMap<String, String>,
    preset: Option<Preset>,
) -> Invocation {
    let mut settings = environment(&variables);
    settings.extend(given.settings);
    let named = own.try_get_one::<String>("preset").ok().flatten();
    let named = named.and_then(|name| Preset::of_command(name));
    let output = match own.try_get_one::<String>("output").ok().flatten().map(String::as_str) {
        Some("json") => Output::Json,
        _ => Output::Text,
    };
    Invocation { command, settings, variables, preset: preset.or(named).unwrap_or(Preset::Gateway), output }
}

#[cfg(test)]
mod tests;
