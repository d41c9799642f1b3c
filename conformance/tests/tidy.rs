//! What a reader may rely on in every corner of the repository, checked by machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use conformance::suite;
use policies::{REQUEST_ORDER, RESPONSE_ORDER};

/// What stands at the root, and nothing else.
const FOLDERS: &[&str] =
    &["benchmarks", "config-schema", "conformance", "docs", "examples", "gateway", "mesh", "policies", "proto"];
const FILES: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "justfile",
    "rustfmt.toml",
];
/// Files that people write.
const TEXTS: &[&str] = &[".rs", ".md", ".yaml", ".toml", ".sh", ".go", ".proto", "justfile"];
/// Build output; it is ignored by git, too.
const OUTPUT: &str = "target";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate stands in the workspace").to_owned()
}

/// Returns what stands in a folder: path and name of each entry.
fn entries(folder: &Path) -> Vec<(PathBuf, String)> {
    let entry = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("a folder of the checkout can be read");
        (entry.path(), entry.file_name().to_string_lossy().into_owned())
    };
    fs::read_dir(folder).expect("a folder of the checkout can be read").map(entry).collect()
}

/// Returns the files below a folder whose names end so, without build output.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (path, name) in entries(folder) {
        if path.is_dir() && name != OUTPUT && !name.starts_with('.') {
            found.extend(files(&path, end));
        } else if name.ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns what a file says. Samples of wrong documents need not be UTF-8.
fn text(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("a file of the checkout can be read")).into_owned()
}

/// Returns a path as it stands in the repository.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn nothing_strays_at_the_root() {
    let mut stray = Vec::new();
    for (path, name) in entries(&root()) {
        let known = if path.is_dir() { FOLDERS.contains(&name.as_str()) } else { FILES.contains(&name.as_str()) };
        if !known && !name.starts_with('.') && name != OUTPUT {
            stray.push(name);
        }
    }
    none("not a fixed folder and not one of the usual files", &stray);
    let missing: Vec<String> =
        FOLDERS.iter().filter(|name| !root().join(name).is_dir()).map(ToString::to_string).collect();
    none("fixed folders that are missing", &missing);
}

#[test]
fn every_module_says_what_it_is() {
    let sources = files(&root(), ".rs");
    let silent: Vec<String> = sources
        .iter()
        .filter(|path| path.components().any(|part| part.as_os_str() == "src"))
        .filter(|path| !shown(path).contains("/generated/") && !path.ends_with("tests.rs"))
        .filter(|path| !shown(path).contains("/tests/"))
        .filter(|path| !text(path).starts_with("//!"))
        .map(|path| shown(path))
        .collect();
    none("opens without `//!`", &silent);
}

#[test]
fn every_crate_is_named_after_its_folder() {
    let wrong: Vec<String> = files(&root(), "Cargo.toml")
        .iter()
        .filter(|path| path.parent() != Some(&root()) && !shown(path).contains("/fuzz/"))
        .filter(|path| {
            let folder = shown(path.parent().unwrap()).replace('/', "-");
            !text(path).contains(&format!("name = \"{folder}\""))
        })
        .map(|path| shown(path))
        .collect();
    none("the crate's name is not its folder's path", &wrong);
}

#[test]
fn modules_are_named_after_themselves() {
    let found: Vec<String> =
        files(&root(), "mod.rs").iter().filter(|path| path.ends_with("mod.rs")).map(|path| shown(path)).collect();
    none("`x.rs` beside `x/` instead of", &found);
}

/// Words that are put together here, so that this file does not find itself.
fn marks() -> [String; 3] {
    ["DO", "ME", "X"].map(|end| match end {
        "DO" => format!("TO{end}"),
        "ME" => format!("FIX{end}"),
        _ => format!("XX{end}"),
    })
}

#[test]
fn what_is_left_to_do_has_an_issue() {
    let mut bare = Vec::new();
    for path in TEXTS.iter().flat_map(|end| files(&root(), end)) {
        for (number, line) in text(&path).lines().enumerate() {
            let marked = marks().iter().any(|mark| {
                line.match_indices(mark.as_str()).any(|(at, _)| {
                    let (before, found) = line.split_at(at);
                    let after = found.strip_prefix(mark.as_str()).unwrap_or_default();
                    let alone = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
                    alone && !after.starts_with("(#")
                })
            });
            if marked {
                bare.push(format!("{}:{}: {}", shown(&path), number + 1, line.trim()));
            }
        }
    }
    none("without the number of an issue, as in `(#12)`", &bare);
}

/// The name of every policy that there is, as the document has it.
fn policy_names() -> BTreeSet<&'static str> {
    REQUEST_ORDER.iter().chain(RESPONSE_ORDER).map(|kind| kind.name()).collect()
}

#[test]
fn every_policy_has_its_five_pieces() {
    let document: String =
        files(&root().join("config-schema/src/document"), ".rs").iter().map(|path| text(path)).collect();
    let samples: Vec<PathBuf> = ["config-schema/tests", "config-schema/examples", "examples"]
        .iter()
        .map(|folder| root().join(folder))
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| files(&folder, ".yaml"))
        .collect();
    let areas = suite::read().unwrap();
    let mut missing = Vec::new();
    for name in policy_names() {
        let mut need = |has: bool, what: &str| {
            if !has {
                missing.push(format!("{name}: {what}"));
            }
        };
        need(root().join(format!("policies/src/{name}.rs")).is_file(), "a module in policies/src");
        need(document.contains(&format!("pub {name}: Option<")), "a field of the document's policy set");
        let sampled = samples.iter().any(|path| text(path).contains(&format!("{name}:")));
        need(sampled, "a sample document that uses it");
        let proof = format!("policy {name}");
        need(
            areas.iter().flat_map(|area| &area.file.cases).any(|case| case.proves.contains(&proof)),
            "a conformance case",
        );
        need(root().join(format!("docs/policies/{name}.md")).is_file(), "a page in docs/policies");
    }
    none("policies that lack a piece", &missing);
}

#[test]
fn every_example_says_what_it_is_for() {
    let silent: Vec<String> = entries(&root().join("examples"))
        .iter()
        .filter(|(path, _)| path.is_dir() && !path.join("README.md").is_file())
        .map(|(path, _)| shown(path))
        .collect();
    none("examples without a README.md", &silent);
}

/// The folders in which it is being worked must not leak into what is published.
#[test]
fn nothing_names_a_place_on_a_machine() {
    let places = ["/wo", "/tm", "/ro"].map(|start| match start {
        "/wo" => format!("{start}rk/"),
        "/tm" => format!("{start}p/micro"),
        _ => format!("{start}ot/"),
    });
    let mut found = Vec::new();
    for path in TEXTS.iter().flat_map(|end| files(&root(), end)) {
        let text = text(&path);
        found.extend(
            places
                .iter()
                .filter(|place| text.contains(place.as_str()))
                .map(|place| format!("{}: {place}", shown(&path))),
        );
    }
    none("places that exist on one machine only", &found);
}
