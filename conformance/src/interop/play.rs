//! Plays the cases of one set-up in the namespace that this process is in, and tells the process outside.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::step::take;
use super::world::World;
use super::{Area, Case};
use crate::namespace;

/// What came of a case, told from a namespace as one line of JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The case.
    pub id: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What comes of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not hold, as its case says: the reason given there.
    Red(String),
    /// It does not hold: how.
    Failed(String),
}

/// Plays those cases of a set-up that a filter takes, and prints a line of JSON for each.
///
/// # Errors
/// When the namespace cannot be prepared. What goes wrong in cases is told.
pub fn play(area: &Area, setup: &str, filter: &str, micro: &Path, peers: &Path) -> Result<()> {
    namespace::prepare()?;
    let bin = namespace::programs(micro, peers)?;
    let cases: Vec<&Case> =
        area.file.cases.iter().filter(|case| case.setup == setup && case.is_wanted(filter)).collect();
    let started = World::start(area.file.setups.get(setup).context("no such set-up")?, &namespace::folder()?, &bin);
    match started {
        Ok(mut world) => cases.iter().for_each(|case| tell(case, case.play(&mut world))),
        Err(error) => {
            let words = format!("its set-up does not start: {error:#}");
            for case in cases {
                tell(case, Err(anyhow::anyhow!(words.clone())));
            }
        }
    }
    Ok(())
}

impl Case {
    /// Returns whether a filter takes it: a piece of its id or of what it proves.
    pub fn is_wanted(&self, filter: &str) -> bool {
        self.id.contains(filter) || self.proves.iter().any(|line| line == filter)
    }

    fn play(&self, world: &mut World) -> Result<()> {
        for (index, step) in self.steps.iter().enumerate() {
            take(world, step)
                .with_context(|| format!("step {}", index + 1))
                .map_err(|error| anyhow::anyhow!("{error:#}\n{}", world.tails()))?;
        }
        Ok(())
    }
}

#[expect(clippy::print_stdout, reason = "standard output is how a namespace tells what came of its cases")]
fn tell(case: &Case, result: Result<()>) {
    let outcome = match (result, &case.red) {
        (Ok(()), None) => Outcome::Passed,
        (Ok(()), Some(_)) => Outcome::Failed("it is marked red, and holds: take the mark away".to_owned()),
        (Err(_), Some(reason)) => Outcome::Red(reason.clone()),
        (Err(error), None) => Outcome::Failed(format!("{error:#}")),
    };
    let told = Told { id: case.id.clone(), outcome };
    println!("{}", serde_json::to_string(&told).unwrap_or_default());
}

/// Reads what was told; a case that nothing was told of has failed, with what else was written as the reason.
pub fn told(area: &Area, setup: &str, filter: &str, output: &std::process::Output) -> Vec<Told> {
    let text = String::from_utf8_lossy(&output.stdout);
    let all: Vec<Told> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let cases = area.file.cases.iter().filter(|case| case.setup == setup && case.is_wanted(filter));
    let of = |case: &Case| {
        let lost = || {
            let words = format!("nothing was told of it: {}", String::from_utf8_lossy(&output.stderr));
            Told { id: case.id.clone(), outcome: Outcome::Failed(words) }
        };
        all.iter().find(|told| told.id == case.id).cloned().unwrap_or_else(lost)
    };
    cases.map(of).collect()
}
