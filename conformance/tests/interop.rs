//! Plays the cases of `interop/` and `manual/`, each set-up in a network of its own, and prints what came of every one.
//!
//! `cargo test -p conformance --test interop -- mdns` plays those whose id holds the word; `'wire 31'` those that prove it.
//! Without network namespaces or Go peers they are skipped, unless `MICRO_REQUIRE_PEERS=1`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use conformance::interop::{Area, Outcome, Told, play, read, told};
use conformance::{namespace, peer};
use parking_lot::Mutex;

/// How many set-ups run side by side.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let filter = words.iter().find(|word| !word.starts_with('-')).cloned().unwrap_or_default();
    let result = match namespace::task() {
        Some(task) => inside(&task, &filter).map(|()| true),
        None => outside(&filter),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn inside(task: &str, filter: &str) -> Result<()> {
    let (area, setup) = task.split_once(' ').context("no set-up to play")?;
    let areas = read()?;
    let area = areas.iter().find(|known| known.name == area).context("no such file")?;
    play(area, setup, filter, &program(), &peer::folder()?)
}

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_micro-under-test"))
}

fn outside(filter: &str) -> Result<bool> {
    let areas = read()?;
    if let Some(why) = namespace::missing().or(peer::build(&["peer", "micro"])?) {
        let count: usize = areas.iter().map(|area| area.file.cases.len()).sum();
        eprintln!("skipped all {count} cases of interop/ and manual/: {why}");
        return Ok(!peer::is_required());
    }
    let batches = Mutex::new(batches(&areas, filter));
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = batches.lock().pop();
                    let Some((area, setup)) = next else { break };
                    let part = run(area, setup, filter);
                    results.lock().extend(part);
                }
            });
        }
    });
    let results = results.into_inner();
    results.iter().for_each(report);
    let count = |wanted: fn(&Outcome) -> bool| results.iter().filter(|told| wanted(&told.outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let red = count(|outcome| matches!(outcome, Outcome::Red(_)));
    eprintln!("\ninterop: {} passed, {failed} failed, {red} red as said\n", results.len() - failed - red);
    Ok(failed == 0)
}

/// Returns the set-ups that have cases to play, the last ones first.
fn batches<'a>(areas: &'a [Area], filter: &str) -> Vec<(&'a Area, &'a str)> {
    let of = |area: &'a Area| {
        let wanted = area.file.cases.iter().filter(|case| case.is_wanted(filter));
        let setups: BTreeSet<&str> = wanted.map(|case| case.setup.as_str()).collect();
        setups.into_iter().map(move |setup| (area, setup))
    };
    areas.iter().flat_map(of).rev().collect()
}

fn run(area: &Area, setup: &str, filter: &str) -> Vec<Told> {
    match namespace::run(&format!("{} {setup}", area.name)) {
        Ok(output) => told(area, setup, filter, &output),
        Err(error) => {
            vec![Told { id: format!("{} {setup}", area.name), outcome: Outcome::Failed(format!("{error:#}")) }]
        }
    }
}

fn report(told: &Told) {
    match &told.outcome {
        Outcome::Passed => eprintln!("test interop::{} ... ok", told.id),
        Outcome::Red(reason) => eprintln!("test interop::{} ... red: {reason}", told.id),
        Outcome::Failed(how) => eprintln!("test interop::{} ... FAILED\n{how}\n", told.id),
    }
}
