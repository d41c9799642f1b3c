//! Every sample of `tests/invalid` with its exact report: what only the compiled form can tell, and what only applying
//! it can.
//!
//! The name of a sample begins with the code that it shows; `several.*` shows three findings or more. Of a
//! `bind-failed.*` the document is sound: its listener `edge` is reported as the control plane does when it cannot be opened.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config_schema::{Code, Layers, Loaded, Report, load};
use gateway_snapshot::{bind_report, compile};

/// The errors of the samples `bind-failed.*`, as the system has them (Linux: 13, 98, 99).
const BIND_ERRORS: [(&str, io::ErrorKind); 3] = [
    ("bind-failed.in-use", io::ErrorKind::AddrInUse),
    ("bind-failed.not-ours", io::ErrorKind::AddrNotAvailable),
    ("bind-failed.privileged", io::ErrorKind::PermissionDenied),
];

/// What the control plane says of a socket.
#[derive(Debug, thiserror::Error)]
#[error("{address} cannot be listened on")]
struct BindError {
    address: String,
    #[source]
    source: io::Error,
}

fn samples() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid");
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn loaded(sample: &Path) -> Arc<Loaded> {
    let name = sample.file_name().unwrap().to_str().unwrap();
    let layers = Layers::text(name, fs::read(sample).unwrap());
    Arc::new(load(&layers).unwrap_or_else(|report| panic!("{name} is found without compiling:\n{report}")))
}

fn report_of(sample: &Path) -> Report {
    let loaded = loaded(sample);
    match BIND_ERRORS.iter().find(|(name, _)| *name == stem(sample)) {
        Some((_, kind)) => {
            compile(Arc::clone(&loaded)).unwrap_or_else(|report| panic!("{report}"));
            let address = loaded.document.listeners.values().next().unwrap().address.to_string();
            bind_report(&loaded, &"edge".into(), &BindError { address, source: (*kind).into() })
        }
        None => compile(loaded).map(drop).unwrap_err(),
    }
}

fn stem(sample: &Path) -> &str {
    sample.file_stem().unwrap().to_str().unwrap()
}

fn all_reports() -> Vec<(String, Report)> {
    samples().into_iter().map(|sample| (stem(&sample).to_owned(), report_of(&sample))).collect()
}

#[test]
fn every_sample_has_its_exact_report() {
    for (name, report) in all_reports() {
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, report.render(false));
        });
    }
}

#[test]
fn the_name_of_a_sample_is_what_it_shows() {
    for (name, report) in all_reports() {
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
fn every_finding_says_where() {
    for (name, report) in all_reports() {
        for finding in &report.diagnostics {
            assert!(!finding.labels.is_empty(), "{name}: {finding:?}");
            assert!(!finding.message.ends_with('.') && !finding.message.is_empty(), "{name}: {}", finding.message);
        }
    }
}

#[test]
fn what_only_compiling_finds_has_four_samples_and_more() {
    let mut samples: BTreeMap<Code, usize> = BTreeMap::new();
    for (_, report) in all_reports() {
        let mut codes: Vec<Code> = report.diagnostics.iter().map(|finding| finding.code).collect();
        codes.dedup();
        for code in codes {
            *samples.entry(code).or_default() += 1;
        }
    }
    for code in [Code::BadTemplate, Code::UnreachableRoute] {
        assert!(samples[&code] >= 4, "{code} has {} samples", samples[&code]);
    }
    assert_eq!(samples[&Code::BindFailed], BIND_ERRORS.len());
}
