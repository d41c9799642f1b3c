//! Every sample of `tests/invalid` and `tests/warned` with its exact report, and what the samples must cover.
//!
//! A `*.yaml` is loaded as it is. A `*.case` is a command line with its environment and files, for findings that no
//! file can show. The name of a sample begins with the code that it shows; `several.*` shows three findings or more.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use config_schema::{Code, Input, Layers, Preset, Report, load, settings};

#[path = "support/line.rs"]
mod line;

/// Codes whose samples are made by other crates: they need the compiled form, or sockets and files.
const FOUND_ELSEWHERE: [Code; 4] = [Code::BadTemplate, Code::UnreachableRoute, Code::BindFailed, Code::Unavailable];

/// Samples too large to be files.
fn generated() -> Vec<(String, Report)> {
    let scalar = format!("version: micro/v1\nadmin: {{ token: {} }}\n", "x".repeat(80 << 20));
    let comments = format!("version: micro/v1\n{}", "# nothing to see here\n".repeat(2 << 20));
    let report = |text: String| load(&Layers::text("large.yaml", text)).unwrap_err();
    vec![("too-large.one-scalar".to_owned(), report(scalar)), ("too-large.comments".to_owned(), report(comments))]
}

fn samples() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folders = ["invalid", "warned"].map(|folder| fs::read_dir(tests.join(folder)).unwrap());
    let mut files: Vec<PathBuf> = folders.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn invalid_samples_have_errors_and_warned_ones_have_none() {
    for sample in samples() {
        let invalid = sample.parent().unwrap().ends_with("invalid");
        assert_eq!(report_of(&sample).errors() > 0, invalid, "{}", sample.display());
    }
}

fn report_of(sample: &Path) -> Report {
    let name = sample.file_name().unwrap().to_str().unwrap();
    let bytes = fs::read(sample).unwrap();
    let layers = match sample.extension().unwrap().to_str().unwrap() {
        "yaml" => Layers::text(name, bytes),
        "case" => case(&String::from_utf8(bytes).unwrap()),
        other => panic!("no sample ends in .{other}"),
    };
    match load(&layers) {
        Ok(loaded) => loaded.warnings,
        Err(report) => report,
    }
}

/// Reads a case: `command`, `args` (words), `env` (map), `files` (map of texts, in order; null for a missing one).
fn case(text: &str) -> Layers {
    let case: serde_yaml::Value = serde_yaml::from_str(text).unwrap();
    let words = |value: &serde_yaml::Value| -> Vec<String> {
        value.as_str().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let pairs = |key: &str| -> Vec<(String, Option<String>)> {
        let map = case[key].as_mapping().into_iter().flatten();
        map.map(|(k, v)| (k.as_str().unwrap().to_owned(), v.as_str().map(str::to_owned))).collect()
    };
    let line = [words(&case["before"]), words(&case["command"]), words(&case["args"])].concat();
    let flags = line::settings(line, case["command"].as_str().and_then(Preset::of_command));
    let variables: BTreeMap<String, String> =
        pairs("env").into_iter().map(|(k, v)| (k, v.unwrap_or_default())).collect();
    let file = |(name, text): (String, Option<String>)| match text {
        Some(text) => Input::text(name, text),
        None => config_schema::read_files([name]).remove(0),
    };
    Layers {
        preset: case["command"].as_str().and_then(Preset::of_command),
        files: pairs("files").into_iter().map(file).collect(),
        settings: [settings::environment(variables.clone()), flags].concat(),
        variables,
    }
}

fn stem(sample: &Path) -> &str {
    sample.file_stem().unwrap().to_str().unwrap()
}

/// All samples with their reports, by name; made once for all tests.
static REPORTS: LazyLock<Vec<(String, Report)>> = LazyLock::new(|| {
    let files = samples().into_iter().map(|sample| (stem(&sample).to_owned(), report_of(&sample)));
    files.chain(generated()).collect()
});

#[test]
fn every_sample_has_its_exact_report() {
    for (name, report) in REPORTS.iter() {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name.as_str(), report.render(false));
        });
    }
}

#[test]
fn the_name_of_a_sample_is_what_it_shows() {
    for (name, report) in REPORTS.iter() {
        let (code, _) = name.split_once('.').unwrap();
        if code == "several" {
            assert!(report.diagnostics.len() >= 3, "{name} shows {} findings", report.diagnostics.len());
        } else {
            let shown = report.diagnostics.iter().any(|finding| finding.code.as_str() == code);
            assert!(shown, "{name} does not show {code}:\n{report}");
        }
    }
}

#[test]
fn every_code_has_a_sample_and_every_promised_check_two() {
    let mut samples_of: BTreeMap<Code, BTreeSet<String>> = BTreeMap::new();
    let reports = &*REPORTS;
    for (name, report) in reports {
        for finding in &report.diagnostics {
            samples_of.entry(finding.code).or_default().insert(name.clone());
        }
    }
    for code in Code::ALL.iter().filter(|code| !FOUND_ELSEWHERE.contains(code)) {
        assert!(samples_of.contains_key(code), "no sample shows {code}");
    }
    let promised = [
        Code::UnknownKey,
        Code::DuplicateKey,
        Code::WrongType,
        Code::BadDuration,
        Code::BadSize,
        Code::BadRate,
        Code::BadAddress,
        Code::BadNetwork,
        Code::BadRegex,
        Code::UnquotedBrace,
        Code::UnknownReference,
        Code::SameAddress,
        Code::EmptyMatch,
        Code::UnreadableFile,
        Code::ExpansionLimit,
        Code::TooDeep,
        Code::TooLarge,
        Code::InvalidUtf8,
    ];
    for code in promised {
        assert!(samples_of[&code].len() >= 2, "{code} has one sample only");
    }
    let several = reports.iter().filter(|(_, report)| report.diagnostics.len() >= 3).count();
    assert!(several >= 10, "{several} samples hold three findings");
    assert!(samples().len() >= 60);
}

#[test]
fn every_finding_says_where() {
    for (name, report) in REPORTS.iter() {
        for finding in &report.diagnostics {
            let nowhere = finding.code == Code::UnreadableFile;
            assert_eq!(finding.labels.is_empty(), nowhere, "{name}: {finding:?}");
            assert!(!finding.message.ends_with('.') && !finding.message.is_empty(), "{name}: {}", finding.message);
        }
    }
}

#[test]
fn machines_read_the_same_report() {
    let (_, report) = REPORTS.iter().find(|(name, _)| name == "several.file-variable-and-flag").unwrap();
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!("report-for-machines", report.to_json());
    });
}
