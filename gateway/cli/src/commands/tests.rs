//! What must hold for every entry of the table.

use std::collections::HashSet;

use super::*;

fn visit(commands: impl Iterator<Item = &'static Command>, check: &mut dyn FnMut(&'static Command)) {
    for command in commands {
        check(command);
        visit(command.commands.iter(), check);
    }
}

fn names<'c>(commands: impl Iterator<Item = &'c Command>) -> Vec<&'c str> {
    commands.flat_map(|command| std::iter::once(command.name).chain(command.aliases.iter().copied())).collect()
}

#[test]
fn no_name_stands_twice() {
    let unique = |names: Vec<&str>| {
        let mut seen = HashSet::new();
        for name in names {
            assert!(seen.insert(name), "{name} stands twice");
        }
    };
    unique(names(all()));
    visit(all(), &mut |command| {
        unique(names(command.commands.iter()));
        unique(command.flags.iter().flat_map(|flag| flag.names.iter().copied()).collect());
    });
}

#[test]
fn every_command_does_something_and_says_what() {
    visit(all(), &mut |command| {
        assert!(command.run.is_some() || !command.commands.is_empty(), "{}", command.name);
        let helps = std::iter::once(command.about).chain(command.flags.iter().map(|flag| flag.help));
        for help in helps {
            assert!(!help.is_empty() && !help.ends_with('.'), "{}: {help}", command.name);
        }
    });
}

#[test]
fn variables_are_of_micro() {
    visit(all(), &mut |command| {
        for variable in command.flags.iter().filter_map(|flag| flag.variable) {
            assert!(variable.starts_with("MICRO_"), "{}: {variable}", command.name);
        }
    });
}
