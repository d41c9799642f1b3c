//! The reference of all commands, and the manual page: files of `docs/reference` that are what the tables say.

use std::fmt::Write;
use std::path::Path;

use super::*;

/// Set to `1`, the files are written instead of compared.
const UPDATE: &str = "MICRO_UPDATE_REFERENCE";

fn commands_page() -> String {
    let mut text = "# All commands\n\nThe help of every command, as `micro COMMAND --help` prints it. Made of the table of commands: \
                    `MICRO_UPDATE_REFERENCE=1 cargo test -p gateway-cli reference` writes it anew.\n"
        .to_owned();
    page_of(&[], &mut text);
    for command in commands::all().filter(|command| !command.hidden) {
        pages(&mut vec![command], &mut text);
    }
    text
}

fn pages(path: &mut Vec<&'static Command>, text: &mut String) {
    page_of(path, text);
    let Some(command) = path.last() else { return };
    for below in command.commands.iter().filter(|command| !command.hidden) {
        path.push(below);
        pages(path, text);
        path.pop();
    }
}

fn page_of(path: &[&'static Command], text: &mut String) {
    let name = path.iter().fold("micro".to_owned(), |name, command| name + " " + command.name);
    let page = of(path);
    let page = page.replace("\n`micro --help` lists the global options and their variables.\n", "");
    let page = page.replace(&format!("VERSION:\n   {VERSION}\n\n"), "");
    write!(text, "\n## {name}\n\n```text\n{}\n```\n", page.trim_end()).unwrap();
}

fn manual_page() -> String {
    let mut page = Vec::new();
    let command = parser().version(None::<&str>);
    clap_mangen::Man::new(command).date("").source("micro").manual("Micro").render(&mut page).unwrap();
    String::from_utf8(page).unwrap()
}

#[track_caller]
fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var(UPDATE).is_ok_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(found == expected, "docs/reference/{name} is not what the tables say, set {UPDATE}=1: {differs:?}");
}

#[test]
fn the_reference_is_what_the_tables_say() {
    check("commands.md", &commands_page());
}

#[test]
fn the_manual_page_is_what_the_tables_say() {
    check("micro.1", &manual_page());
}
