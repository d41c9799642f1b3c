//! Commands and services beside real ones: cases that are lines of a shell, played in a network of their own in which etcd, NATS,
//! go-micro services and ours run as the case says.
//!
//! The data is in `interop/` and `manual/`; `README.md` says how it is written.

mod play;
mod step;
mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

pub use play::{Outcome, Told, play, told};
pub use world::World;

/// One file: set-ups, and the cases in them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What runs, by name.
    pub setups: IndexMap<String, Setup>,
    /// The cases.
    pub cases: Vec<Case>,
}

/// What runs beside the commands of its cases. It is started once for all of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Setup {
    /// Environment of every command and process.
    pub env: IndexMap<String, String>,
    /// Files that are there from the beginning, relative to the working folder; those that start with `#!` can be run.
    pub files: IndexMap<String, String>,
    /// What is started, one after another, each when the one before is ready.
    pub start: Vec<Start>,
}

/// A process that goes on running.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Its name in steps.
    pub name: String,
    /// Its command line.
    pub run: String,
    /// Environment of its own.
    #[serde(default)]
    pub env: IndexMap<String, String>,
    /// What shows that it is ready.
    #[serde(default)]
    pub ready: Ready,
}

/// What shows that a process is ready: all that is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ready {
    /// An address that takes connections.
    pub tcp: Option<String>,
    /// A piece of what it writes.
    pub says: Option<String>,
    /// A command that succeeds.
    pub command: Option<String>,
}

/// One promise, and the steps that show that it is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Names it in reports.
    pub id: String,
    /// What it proves: `wire 31`, `manual 8.8`, `issue 5`.
    pub proves: Vec<String>,
    /// The set-up it runs in.
    pub setup: String,
    /// Why it is as it is, where that is not plain.
    #[serde(default)]
    pub note: String,
    /// Known not to hold yet: the reason. It is played all the same, and fails when it holds.
    pub red: Option<String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One step: a command with what must come of it, or a change of what runs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// A line of a shell.
    pub run: Option<String>,
    /// Environment of its own.
    pub env: IndexMap<String, String>,
    /// Standard input.
    pub stdin: String,
    /// The exit status.
    pub exit: i32,
    /// All of standard output, but for blanks at the ends.
    pub stdout: Option<String>,
    /// Pieces of standard output.
    pub stdout_has: Vec<String>,
    /// What standard output must not have.
    pub stdout_not: Vec<String>,
    /// Standard output as JSON.
    pub json: Option<Value>,
    /// Pieces of standard output and standard error together.
    pub says: Vec<String>,
    /// Another line of a shell, whose output must be the same: the lines as a set, each with single blanks.
    pub same_as: Option<String>,
    /// Patterns that stand for `…` when the two are compared, such as ports.
    pub apart_from: Vec<String>,
    /// For how many seconds it is tried again until all that holds; once unless given.
    pub within: f64,
    /// Starts a process.
    pub start: Option<Start>,
    /// Ends a process in order, and waits for it.
    pub end: Option<String>,
    /// Kills a process.
    pub kill: Option<String>,
    /// Waits for pieces of what a process writes.
    pub log: Option<Log>,
}

/// Pieces of what a process writes, each in a line after the last step that read its log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// The process.
    pub of: String,
    /// Every piece must come, in any order, each in a line of its own.
    pub has: Vec<String>,
}

/// A file of cases with its name, such as `interop/etcd`.
#[derive(Debug)]
pub struct Area {
    /// The path without extension.
    pub name: String,
    /// What it holds.
    pub file: File,
}

/// Reads all files of `interop/` and `manual/`.
///
/// # Errors
/// When one cannot be read, a case names no set-up of its file, or two have one id.
pub fn read() -> Result<Vec<Area>> {
    let mut areas = Vec::new();
    for folder in ["interop", "manual"] {
        let mut paths: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|kind| kind == "yaml"));
        paths.sort();
        for path in paths {
            let file: File =
                serde_yaml::from_str(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            areas.push(Area { name: format!("{folder}/{stem}"), file });
        }
    }
    let mut ids = BTreeSet::new();
    for (area, case) in areas.iter().flat_map(|area| area.file.cases.iter().map(move |case| (area, case))) {
        ensure!(ids.insert(case.id.as_str()), "two cases have the id {}", case.id);
        check(&area.file, case).with_context(|| format!("{}: case {}", area.name, case.id))?;
    }
    Ok(areas)
}

fn check(file: &File, case: &Case) -> Result<()> {
    ensure!(file.setups.contains_key(&case.setup), "there is no set-up {:?} in its file", case.setup);
    ensure!(!case.proves.is_empty() && !case.steps.is_empty(), "it proves nothing, or does nothing");
    for step in &case.steps {
        let does =
            [step.run.is_some(), step.start.is_some(), step.end.is_some(), step.kill.is_some(), step.log.is_some()];
        if does.iter().filter(|does| **does).count() != 1 {
            bail!("a step does one thing: run, start, end, kill or log: {step:?}");
        }
    }
    Ok(())
}
