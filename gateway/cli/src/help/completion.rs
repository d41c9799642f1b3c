//! `micro completion SHELL`: a script that the shell reads, made of the table of commands.

use clap_complete::Shell;

use super::parser;
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{complain, say};

/// Prints the script for a shell.
pub(crate) fn completion(invocation: &Invocation) -> Exit {
    let name = invocation.words().first().map_or("", String::as_str);
    let Some(shell) = shell(name) else {
        complain(&format!("Incorrect Usage. unknown shell `{name}`; write bash, zsh, fish, powershell or elvish\n"));
        return Exit::Usage;
    };
    say(&script(shell));
    Exit::Done
}

fn shell(name: &str) -> Option<Shell> {
    Some(match name {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        "powershell" | "pwsh" => Shell::PowerShell,
        "elvish" => Shell::Elvish,
        _ => return None,
    })
}

fn script(shell: Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut parser(), "micro", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_has_a_script_that_knows_the_commands() {
        for name in ["bash", "zsh", "fish", "powershell", "elvish"] {
            let script = script(shell(name).unwrap());
            for word in ["deregister", "registry_address", "databases", "explain"] {
                assert!(script.contains(word), "{name}: {word}");
            }
        }
        assert_eq!(shell("tcsh"), None);
    }
}
