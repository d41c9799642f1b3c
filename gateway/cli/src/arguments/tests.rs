//! How words become commands.

use super::*;

fn parsed(line: &str) -> Result<Invocation, Stop> {
    let words: Vec<OsString> = if line.is_empty() { Vec::new() } else { line.split(' ').map(OsString::from).collect() };
    parse(words, Vec::new())
}

#[track_caller]
fn command_of(line: &str) -> Invocation {
    parsed(line).unwrap_or_else(|stop| panic!("{line}: {stop:?}"))
}

/// Checks the first line and the exit code of what is no command.
#[track_caller]
fn check_stop(line: &str, first: &str, exit: Exit) {
    let stop = parsed(line).unwrap_err();
    assert_eq!((stop.text.lines().next().unwrap_or_default(), stop.exit), (first, exit), "{line}");
}

#[test]
fn slips_are_named_and_have_their_codes() {
    check_stop("", "No command provided to micro. Please refer to 'micro --help'", Exit::Failed);
    check_stop("--output json", "No command provided to micro. Please refer to 'micro --help'", Exit::Failed);
    check_stop("frob", "Unrecognized micro command: frob. Please refer to 'micro --help'", Exit::Failed);
    check_stop("web", "not built yet: micro web", Exit::Failed);
    check_stop("-v", "Incorrect Usage. unexpected argument '-v' found", Exit::Failed);
    check_stop("api --nope", "Incorrect Usage. unexpected argument '--nope' found", Exit::Failed);
    check_stop("check --nope", "Incorrect Usage. unexpected argument '--nope' found", Exit::Usage);
    check_stop("gateway --address :9", "Incorrect Usage. unexpected argument '--address' found", Exit::Usage);
    check_stop("help nope", "No help topic for 'nope'", Exit::NoTopic);
    check_stop("explain -H x http://h/", "Incorrect Usage. a header is written `Name: value`, not `x`", Exit::Usage);
}

#[test]
fn a_flag_of_the_api_is_told_from_a_slip() {
    let check = |line: &str, tip: Option<&str>| {
        let stop = parsed(line).unwrap_err();
        let found = stop.text.lines().find_map(|line| line.trim().strip_prefix("tip: it is a flag of `micro api`"));
        assert_eq!(found, tip, "{}", stop.text);
    };
    check("explain --namespace x http://h/", Some("; `--preset api` makes it count here"));
    check("explain --enable-rpc http://h/", Some("; `--preset api` makes it count here"));
    check("gateway --address :9", Some(""));
    check("explain --nope http://h/", None);
}

#[test]
fn help_is_the_same_however_it_is_asked_for() {
    for command in ["gateway", "api", "demo", "check", "explain", "test", "config", "reload", "version"] {
        let asked = [format!("help {command}"), format!("{command} --help"), format!("{command} -h")]
            .map(|line| parsed(&line).unwrap_err());
        assert!(asked.iter().all(|stop| stop.exit == Exit::Done && *stop == asked[0]), "{command}: {asked:#?}");
        assert!(asked[0].text.starts_with(&format!("NAME:\n   micro {command} - ")), "{}", asked[0].text);
    }
    let show = parsed("config show --help").unwrap_err();
    assert!(show.text.starts_with("NAME:\n   micro config show - "), "{}", show.text);
    let demo = parsed("demo --help").unwrap_err().text;
    assert!(demo.contains("(default: localhost:8080)"), "{demo}");
    let top = parsed("--help").unwrap_err();
    assert_eq!(parsed("help").unwrap_err(), top);
    for row in rows() {
        let named = row.flags.iter().all(|flag| flag.len() == 1 || top.text.contains(&format!("--{flag}")));
        assert!(named || row.place == Place::Command, "{:?} is not in the help", row.flags);
    }
}

#[test]
fn flags_of_the_document_become_settings() {
    let api = command_of("--registry memory api -address 127.0.0.1:0 --handler=rpc --drain_timeout 5s");
    assert!(matches!(api.command, Command::Serve), "{api:?}");
    assert_eq!(api.preset, Preset::Api);
    assert_eq!(api.settings.len(), 4);
}

#[test]
fn explain_takes_headers_and_names() {
    let line = "explain --config a.yaml -H x-a:1 -H X-B:2 --given a,b --given c -output json http://h/";
    let explain = command_of(line);
    assert_eq!(explain.output, Output::Json);
    let Command::Explain(question) = explain.command else { panic!() };
    assert_eq!(question.headers, [("x-a".to_owned(), "1".to_owned()), ("X-B".to_owned(), "2".to_owned())]);
    assert_eq!(question.given, Some(["a", "b", "c"].map(str::to_owned).to_vec()));
    assert_eq!(question.request, "http://h/");
}

#[test]
fn config_show_asks_a_process_only_where_a_flag_says_so() {
    let check = |line: &str, remote: bool| match command_of(line).command {
        Command::ConfigShow(how) => assert_eq!(how.remote, remote, "{line}"),
        other => panic!("{line}: {other:?}"),
    };
    check("config show --effective --origin", false);
    check("config show --admin 127.0.0.1:1", true);
    check("--admin 127.0.0.1:1 config show", true);
}

#[test]
fn the_preset_of_a_command_that_does_not_serve_is_named() {
    let check = |line: &str, preset: Preset, output: Output| {
        let found = command_of(line);
        assert_eq!((found.preset, found.output), (preset, output), "{line}");
    };
    check("explain --preset api http://h/", Preset::Api, Output::Text);
    check("check --preset=demo a.yaml -o json", Preset::Demo, Output::Json);
    check("config show --preset api --output json --origin", Preset::Api, Output::Json);
    check("--output json config show --type srv --preset api", Preset::Api, Output::Json);
    check("test a.yaml", Preset::Gateway, Output::Text);
    check("demo", Preset::Demo, Output::Text);
}

#[test]
fn the_version_has_two_names() {
    assert!(matches!(command_of("--version").command, Command::Version));
    assert!(matches!(command_of("version").command, Command::Version));
}
