//! `micro check` and `micro config show`.

use std::path::{Path, PathBuf};

use crate::support::{Folder, run, run_with};

#[track_caller]
fn check_invalid(text: &str, place: &str, message: &str) {
    let folder = Folder::with(text);
    let ended = run(&["check", &folder.document()]);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.out.is_empty(), "{ended:?}");
    assert!(ended.err.contains(&format!("{}:{place}", folder.document())), "{}", ended.err);
    assert!(ended.err.contains(message), "{}", ended.err);
}

#[test]
fn a_finding_has_its_place() {
    check_invalid("version: micro/v1\nlisteners:\n  a: { adress: \":1\", routes: r }\n", "3:8", "unknown-key");
    check_invalid("version: micro/v1\nworkers: many\n", "2:10", "many");
    check_invalid("version: [", "1:", "syntax");
    check_invalid("", "1:1", "");
    // Found by compiling, not by loading.
    let twice = "version: micro/v1\nlisteners: { a: { address: \"127.0.0.1:0\", routes: r } }\nroutes:\n  r:\n    \
                 - { match: { path: /** }, handler: respond }\n    - { match: { path: /a }, handler: respond }\n    \
                 - { match: { path: /a }, handler: respond }\n";
    check_invalid(twice, "7:", "unreachable-route");
}

#[test]
fn a_finding_in_a_variable_or_flag_names_it() {
    let ended =
        run_with(&["check", "--config", &Folder::with("version: micro/v1\n").document()], &[("MICRO_WORKERS", "many")]);
    assert_eq!(ended.code, Some(78));
    assert!(ended.err.contains("MICRO_WORKERS"), "{}", ended.err);
    let folder = Folder::with("version: micro/v1\n");
    let ended = run(&["check", &folder.document(), "--workers", "0"]);
    assert_eq!(ended.code, Some(78));
    assert!(ended.err.contains("--workers"), "{}", ended.err);
}

#[test]
fn several_documents_are_checked_each_on_its_own() {
    let (good, bad) = (Folder::with("version: micro/v1\n"), Folder::with("version: micro/v2\n"));
    let ended = run(&["check", &good.document(), &bad.document(), "--output", "json"]);
    assert_eq!(ended.code, Some(78));
    let json: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["documents"][0]["valid"], true);
    assert_eq!(json["documents"][1]["valid"], false);
    assert_eq!(json["documents"][1]["diagnostics"][0]["code"], "unknown-version");
    assert_eq!(json["documents"][1]["diagnostics"][0]["labels"][0]["line"], 1);
}

#[test]
fn bytes_that_are_no_document_are_no_panic() {
    let folder = Folder::with("");
    for bytes in [&b"\0\xff"[..], b"a: *a", b"- - - - -", b"{{{{", b"? ? ?"] {
        std::fs::write(folder.path("gateway.yaml"), bytes).unwrap();
        let ended = run(&["check", &folder.document()]);
        assert_eq!(ended.code, Some(78), "{bytes:?}: {ended:?}");
    }
    assert_eq!(run(&["check", folder.path("none.yaml").to_str().unwrap()]).code, Some(78));
}

#[test]
fn every_example_passes() {
    let mut documents = Vec::new();
    find(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"), &mut documents);
    assert!(documents.len() >= 2, "{documents:?}");
    for document in documents {
        let path = document.to_str().unwrap();
        for command in ["check", "test"] {
            let ended = run(&[command, path]);
            assert_eq!(ended.code, Some(0), "{path}: {ended:?}");
        }
    }
}

fn find(folder: &Path, documents: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, documents);
        } else if path.file_name().is_some_and(|name| name == "gateway.yaml") {
            documents.push(path);
        }
    }
}

#[test]
fn the_configuration_is_shown_with_its_origins() {
    let folder = Folder::with("version: micro/v1\nworkers: 2\nadmin: { token: hunter2 }\n");
    let ended = run_with(
        &["config", "show", "--effective", "--origin", "--config", &folder.document(), "--log_format", "json"],
        &[("MICRO_LOG_LEVEL", "debug")],
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = |key: &str| {
        ended.out.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("{key}: {}", ended.out))
    };
    assert!(line("workers: 2").ends_with("gateway.yaml:2:10"));
    assert!(line("telemetry.log.level: debug").ends_with("variable MICRO_LOG_LEVEL"));
    assert!(line("telemetry.log.format: json").ends_with("flag --log_format"));
    assert!(line("admin.address: 127.0.0.1:8099").ends_with("default"));
    assert!(!ended.out.contains("hunter2"), "{}", ended.out);

    let said = run(&["config", "show", "--config", &folder.document()]);
    assert!(said.out.contains("workers: 2") && !said.out.contains("8099"), "{}", said.out);
    let json = run(&["config", "show", "--config", &folder.document(), "--output", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json.out).unwrap()["workers"], 2);
}
