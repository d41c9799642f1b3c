//! Runs all cases and prints what came of them, also when all is well: what was skipped must be seen.
//!
//! `cargo test -p conformance --test cases -- K83` runs those that prove K83, or whose id contains the word.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use conformance::{run, suite};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let filter = words.iter().find(|word| !word.starts_with('-')).cloned().unwrap_or_default();
    match run_cases(&filter) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_cases(filter: &str) -> Result<bool> {
    let areas = suite::read()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let program = Path::new(env!("CARGO_BIN_EXE_micro-under-test"));
    let summary = runtime.block_on(run::all(program, &areas, filter))?;
    eprintln!("\n{summary}\n");
    Ok(summary.failures.is_empty())
}
