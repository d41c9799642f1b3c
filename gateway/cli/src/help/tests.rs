//! What the help says of the tables.

use super::*;

fn path(words: &str) -> Vec<&'static Command> {
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    find(&[], &words).unwrap_or_else(|word| panic!("{words:?}: {word}"))
}

#[test]
fn a_line_has_names_default_and_variable() {
    let health = of(&path("health"));
    let line = "   --check_service value     service that /health asks [$MICRO_HEALTH_CHECK_SERVICE]\n";
    assert!(health.starts_with("NAME:\n   micro health - ") && health.contains(line), "{health}");
    let read = of(&path("store read"));
    assert!(read.contains("   --table value, -t value "), "{read}");
    assert!(
        read.contains("(default: micro)\n") && read.contains("   micro store read [command options] KEY\n"),
        "{read}"
    );
    assert!(of(&path("demo")).contains("(default: localhost:8080)"));
}

#[test]
fn a_group_lists_its_commands() {
    let list = of(&path("list"));
    let commands = "\nCOMMANDS:\n   services  List services in registry\n   nodes     List nodes in the network\n";
    assert!(list.contains(commands) && list.contains("   --version "), "{list}");
    assert!(!of(&path("list services")).contains("--version"));
    assert_eq!(find(&[], &["list".to_owned(), "nope".to_owned()]).unwrap_err(), "nope");
}

#[test]
fn the_top_lists_every_command_and_every_global_option() {
    let top = top();
    for command in commands::all() {
        let listed =
            top.contains(&format!("\n   {} ", command.name)) || top.contains(&format!("\n   {}, ", command.name));
        assert_eq!(listed, !command.hidden, "{}", command.name);
    }
    for row in rows() {
        let named = row.flags.iter().all(|flag| flag.len() == 1 || top.contains(&format!("--{flag}")));
        assert!(named || row.place == Place::Command, "{:?} is not in the help", row.flags);
    }
}

#[test]
fn clap_accepts_the_tables() {
    parser().debug_assert();
}
