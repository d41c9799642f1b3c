//! Documents, and processes that run; help.

use super::{Command, Flag, Words, flags};
use crate::{help, offline, remote};

/// Any number of words from this on.
const MANY: usize = usize::MAX;

pub(super) const COMMANDS: &[Command] = &[
    Command::ours("check", "Check documents: exit code 0, or 78 and a report")
        .usage("[FILE...]")
        .more("Each file is a document on its own; a directory is one document. Without files: those of --config.")
        .flags(&[flags::PRESET])
        .words(Words::Between(0, MANY))
        .run(offline::check),
    Command::ours("explain", "Say where a request leads and why, without sending it")
        .usage("REQUEST")
        .more("A request is written such as 'GET http://localhost:8080/greeter/say/hello'.")
        .flags(&[
            Flag::text(&["header", "H"], "HEADER", "a header of the request: 'Name: value'; may be repeated").many(),
            Flag::text(
                &["given"],
                "NAMES",
                "services that are registered, separated by commas (default: every candidate is)",
            )
            .many(),
            Flag::text(&["listener"], "NAME", "listener that takes the request (default: by the port of the URL)"),
            flags::PRESET,
        ])
        .words(Words::Between(1, 1))
        .run(offline::explain),
    Command::ours("test", "Run the tests in documents, without sending anything")
        .usage("[FILE...]")
        .more("Each file is a document on its own; a directory is one document. Without files: those of --config.")
        .flags(&[flags::PRESET])
        .words(Words::Between(0, MANY))
        .run(offline::test),
    Command::ours(
        "reload",
        "Have a running process read its document again: exit code 0 when it is in force, 78 when it was refused",
    )
    .more("--admin is the admin address of the process (default: 127.0.0.1:8099).")
    .flags(&[flags::ADMIN_TOKEN])
    .run(remote::reload),
    Command::ours("completion", "Print a script that completes commands and flags in a shell")
        .usage("bash|zsh|fish|powershell|elvish")
        .words(Words::Between(1, 1))
        .run(help::completion),
    Command::ours("version", "Print the version").run(offline::version),
    Command::new("help", "Shows a list of commands or help for one command")
        .aliases(&["h"])
        .usage("[COMMAND...]")
        .run(help::of_words),
];
