//! Words that need no document (spec/toolkit 1.1, 1.6, 13.1).

use crate::support::{Ended, run, run_with};

#[track_caller]
fn check(words: &[&str], code: i32, out: &str, err: &str) -> Ended {
    let ended = run(words);
    assert_eq!(ended.code, Some(code), "{words:?}: {ended:?}");
    assert!(ended.out.starts_with(out), "{words:?}: {ended:?}");
    assert!(ended.err.starts_with(err), "{words:?}: {ended:?}");
    ended
}

#[test]
fn the_version_is_one_line() {
    let version = format!("micro version {}\n", env!("CARGO_PKG_VERSION"));
    for words in [&["--version"][..], &["version"], &["-version"]] {
        assert_eq!(check(words, 0, &version, "").out, version);
    }
    let json = check(&["version", "--output", "json"], 0, "{", "");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json.out).unwrap()["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn no_command_shows_what_there_is() {
    let ended = check(&[], 1, "", "No command provided to micro. Please refer to 'micro --help'\n");
    assert!(ended.out.is_empty() && ended.err.contains("COMMANDS:"), "{ended:?}");
}

#[test]
fn an_unknown_command_is_named() {
    check(&["frob"], 1, "", "Unrecognized micro command: frob. Please refer to 'micro --help'\n");
    check(&["help", "frob"], 3, "", "No help topic for 'frob'\n");
}

#[test]
fn an_unknown_flag_runs_nothing() {
    check(&["gateway", "--nope"], 2, "", "Incorrect Usage. flag provided but not defined: -nope");
    check(&["web"], 1, "", "not built yet: micro web\n");
    check(&["call", "x"], 1, "require service and endpoint e.g micro call", "");
    check(&["list"], 0, "NAME:\n   micro list - ", "");
    check(&["-v"], 1, "", "Incorrect Usage.");
    check(&["check"], 2, "", "no document is named");
}

#[test]
fn what_is_not_built_yet_and_would_fail_open_is_refused() {
    let ended = run_with(
        &["api", "--admin", "127.0.0.1:0", "--registry_listen", "127.0.0.1:0"],
        &[("MICRO_ENABLE_TLS", "true")],
    );
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.err.contains("not built yet: `MICRO_ENABLE_TLS`"), "{ended:?}");
}
