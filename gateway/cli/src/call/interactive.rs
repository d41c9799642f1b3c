//! `micro cli`: a prompt for the commands that ask and change services.
//!
//! A line is a command line: its words become a command as they do in a shell, and its output is the same.

mod line;
mod prompt;

use std::ffi::OsString;
use std::io::{BufRead, IsTerminal};

use crate::arguments::{self, Invocation};
use crate::exit::Exit;
use crate::output::{complain, say};

use self::prompt::Prompt;

/// The commands with what the help says of each; those without further words stand for more than one of the command line.
const COMMANDS: &[(&str, &str)] = &[
    ("call", "Call a service"),
    ("deregister", "Deregister a service"),
    ("exit", "Exit the CLI"),
    ("get", "Get service info"),
    ("health", "Get service health"),
    ("help", "CLI usage"),
    ("list", "List services, peers or routes"),
    ("publish", "Publish a message to a topic"),
    ("quit", "Exit the CLI"),
    ("register", "Register a service"),
    ("stats", "Get service stats"),
    ("stream", "Stream a call to a service"),
];

/// What happens after a line.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Another one.
    Line,
    /// The end.
    End,
}

/// `micro cli`. At a terminal with a prompt, history and completion; else it reads lines, and the end of them without
/// `quit` is a failure, as in Micro v2.
pub(crate) fn interactive(invocation: &Invocation) -> Exit {
    if std::io::stdin().is_terminal() {
        return at_terminal(invocation);
    }
    for line in std::io::stdin().lock().lines() {
        match line {
            Ok(line) if follow(invocation, &line) == Next::End => return Exit::Done,
            Ok(_) => {}
            Err(error) => {
                complain(&format!("{error}\n"));
                return Exit::Failed;
            }
        }
    }
    say("EOF");
    complain("EOF\n");
    Exit::Failed
}

fn at_terminal(invocation: &Invocation) -> Exit {
    let mut prompt = match Prompt::open(invocation) {
        Ok(prompt) => prompt,
        Err(error) => {
            complain(&format!("{error}\n"));
            return Exit::Failed;
        }
    };
    while let Some(line) = prompt.line() {
        if follow(invocation, &line) == Next::End {
            break;
        }
    }
    Exit::Done
}

/// Does what one line says.
fn follow(invocation: &Invocation, line: &str) -> Next {
    let words = match line::words(line) {
        Ok(words) => words,
        Err(reason) => {
            complain(&format!("{reason}\n"));
            return Next::Line;
        }
    };
    let words = match words.as_slice() {
        // As one would type it in a shell.
        [micro, rest @ ..] if micro == "micro" => rest,
        words => words,
    };
    match words.first().map(String::as_str) {
        None => {}
        Some("quit" | "exit") => return Next::End,
        Some("help" | "?") => say(&help()),
        Some(_) => match of_shell(words) {
            Some(words) => run(invocation, words),
            None => complain("unknown command\n"),
        },
    }
    Next::Line
}

/// Returns the words with which the command line says the same. `get NAME`, `list`, `register JSON` are short forms.
fn of_shell(words: &[String]) -> Option<Vec<String>> {
    let (name, rest) = words.split_first()?;
    let name = if name == "ls" { "list" } else { name };
    let is_known = COMMANDS.iter().any(|(known, _)| *known == name);
    let first = rest.first().map(String::as_str);
    let item = match name {
        "list" if !matches!(first, Some("services" | "nodes" | "routes")) => Some("services"),
        "get" | "register" | "deregister" if first != Some("service") => Some("service"),
        _ => None,
    };
    let words = std::iter::once(name).chain(item).map(str::to_owned).chain(rest.iter().cloned());
    is_known.then(|| words.collect())
}

/// Runs a command with the flags that stand before `cli`.
fn run(invocation: &Invocation, words: Vec<String>) {
    let words = invocation.flags_before().chain(words).map(OsString::from);
    let variables = invocation.variables.iter().map(|(name, value)| (name.into(), value.into()));
    match arguments::parse(words, variables) {
        Ok(invocation) => invocation.run(),
        Err(stop) => stop.say(),
    };
}

fn help() -> String {
    let widest = COMMANDS.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    COMMANDS
        .iter()
        .fold("Commands:\n".to_owned(), |text, (name, about)| format!("{text}\t {name:widest$} \t {about}\n"))
}

#[cfg(test)]
mod tests {
    use super::of_shell;

    #[test]
    fn short_forms_stand_for_commands_of_the_shell() {
        let shell = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            of_shell(&words).map(|words| words.join(" "))
        };
        for (line, expected) in [
            ("list", "list services"),
            ("ls services", "list services"),
            ("list nodes", "list nodes"),
            ("get greeter", "get service greeter"),
            ("get service greeter", "get service greeter"),
            ("register {}", "register service {}"),
            ("call a B.C {}", "call a B.C {}"),
        ] {
            assert_eq!(shell(line).as_deref(), Some(expected), "{line}");
        }
        assert_eq!(shell("frob"), None);
        assert_eq!(shell("api"), None);
    }
}
