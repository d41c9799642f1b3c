//! Commands without a server: environments, what the registry holds, programs of others, completions.

use std::path::Path;

use crate::support::{Ended, Folder, run, run_with};

/// Runs a command with a home of its own.
fn at(home: &Folder, words: &[&str]) -> Ended {
    run_with(words, &[("HOME", home.path(".").to_str().unwrap()), ("MICRO_REGISTRY", "memory")])
}

#[track_caller]
fn check(ended: &Ended, code: i32, out: &str, err: &str) {
    assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(code), out, err));
}

#[test]
fn environments_are_kept() {
    let home = Folder::with("");
    check(&at(&home, &["env"]), 0, "* local      none\n  server     127.0.0.1:8081\n  platform   proxy.micro.mu\n", "");
    check(&at(&home, &["env", "set", "server"]), 0, "", "");
    check(&at(&home, &["env", "get"]), 0, "server\n", "");
    check(&at(&home, &["-env=platform", "env", "get"]), 0, "platform\n", "");
    check(&at(&home, &["env", "set", "nope"]), 1, "Environment 'nope' does not exist\n", "");
    check(&at(&home, &["env", "set"]), 1, "name required\n", "");
    let unknown = "Env \"nope\" not found. See `micro env` for available environments.\n";
    check(&at(&home, &["--env", "nope", "list", "services"]), 1, unknown, "");
    let json = at(&home, &["env", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json[1]["name"], &json[1]["current"]), (&"server".into(), &true.into()));
}

#[test]
fn an_empty_registry_says_so() {
    let home = Folder::with("");
    check(&at(&home, &["list", "services"]), 0, "", "");
    check(&at(&home, &["services", "--output", "json"]), 0, "[]\n", "");
    check(&at(&home, &["get", "service", "nobody"]), 1, "service not found\n", "");
    check(&at(&home, &["get", "service", "nobody", "-o", "json"]), 1, "", "service not found\n");
    check(&at(&home, &["register", "service", "{}"]), 1, "Require at least one node\n", "");
    check(&at(&home, &["registry", "get", "service"]), 1, "service required\n", "");
    let not_found = r#"{"id":"go.micro.client","code":500,"detail":"service go.micro.network: not found","status":"Internal Server Error"}"#;
    check(&at(&home, &["list", "nodes"]), 1, &format!("{not_found}\n"), "");
    let registered =
        at(&home, &["register", "service", r#"{"name":"a","nodes":[{"id":"a-1","address":"127.0.0.1","port":1}]}"#]);
    check(&registered, 0, "ok\n", "");
}

#[cfg(unix)]
#[test]
fn a_program_of_others_is_a_command() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::with("");
    let add = |name: &str| {
        let path = folder.path(name);
        std::fs::write(&path, "#!/bin/sh\necho \"$@\"\nexit 7\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    add("micro-hello");
    add("alone");
    let path = format!("{}:/usr/bin:/bin", folder.path(".").display());
    let with_path = |words: &[&str]| run_with(words, &[("PATH", &path)]);
    check(&with_path(&["hello", "a", "--b", "c d"]), 7, "a --b c d\n", "");
    check(&with_path(&["alone"]), 1, "", "Unrecognized micro command: alone. Please refer to 'micro --help'\n");
    check(&with_path(&["ls"]), 1, "", "Unrecognized micro command: ls. Please refer to 'micro --help'\n");
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let ended = run(&["completion", shell]);
        assert!(
            ended.code == Some(0) && ended.out.contains("deregister") && ended.err.is_empty(),
            "{shell}: {ended:?}"
        );
    }
    assert_eq!(run(&["completion", "tcsh"]).code, Some(2));
    if Path::new("/bin/bash").exists() {
        let folder = Folder::with(&run(&["completion", "bash"]).out);
        let parsed = std::process::Command::new("/bin/bash").arg("-n").arg(folder.document()).status().unwrap();
        assert!(parsed.success(), "bash reads it");
    }
}
