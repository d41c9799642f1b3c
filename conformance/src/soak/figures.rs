//! What the watchers saw, held against what was written.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, bail};
use config_schema::{Layers, load};
use serde_json::Value;

use super::documents::Documents;
use super::wrk::Load;
use super::{Plan, Sightings};

/// The share of documents that may be overtaken by the next one before the gateway has looked.
const OVERTAKEN_PERCENT: usize = 5;

/// The outcome of a run.
#[derive(Clone, Debug)]
pub struct Figures {
    plan: Plan,
    valid: usize,
    applied: usize,
    wrong: usize,
    refused: u64,
    foreign: Vec<String>,
    checked: u64,
    failures: Vec<String>,
    load: Option<(u64, u64)>,
    swaps: u64,
    echo_rounds: u64,
    echoes: u64,
    side_answers: usize,
    workers_not_shown: Vec<usize>,
    serves_last: bool,
}

pub(super) fn gather(
    plan: Plan,
    documents: &Documents,
    seen: Sightings,
    status: &Value,
    load: Option<Load>,
    serves_last: bool,
) -> Result<Figures> {
    let (mut applied, mut workers_not_shown) = (0, Vec::new());
    let (mut digests, mut answers) = (BTreeSet::new(), BTreeSet::new());
    for number in (0..=plan.documents).filter(|number| Documents::is_valid(*number)) {
        let digest = digest(&documents.text(number))?;
        if let Some(workers) = seen.digests.get(&digest) {
            applied += usize::from(number > 0);
            if !workers.contains(&Documents::workers(number)) {
                workers_not_shown.push(number);
            }
        }
        digests.insert(digest);
        answers.insert(Documents::answer(number));
    }
    let known = |set: &BTreeSet<String>, name: &String| set.contains(name);
    let foreign = seen.digests.keys().filter(|digest| !known(&digests, digest));
    let foreign =
        foreign.chain(seen.answers.keys().chain(seen.side_answers.keys()).filter(|answer| !known(&answers, answer)));
    let wrong = (1..=plan.documents).filter(|number| !Documents::is_valid(*number)).count();
    Ok(Figures {
        plan,
        valid: plan.documents - wrong,
        applied,
        wrong,
        refused: status["reloads"]["refused"].as_u64().unwrap_or_default(),
        foreign: foreign.cloned().collect(),
        checked: seen.requests,
        load: load.map(|load| (load.requests, load.failed)),
        swaps: seen.swaps,
        echo_rounds: seen.echo_rounds,
        echoes: seen.echoes,
        side_answers: seen.side_answers.len(),
        failures: seen.failures,
        workers_not_shown,
        serves_last,
    })
}

/// Returns the digest that a document has, worked out beside the running gateway.
fn digest(text: &str) -> Result<String> {
    match load(&Layers::text("gateway.yaml", text)) {
        Ok(loaded) => Ok(loaded.digest),
        Err(report) => bail!("{}", report.render(false)),
    }
}

impl Figures {
    /// Returns what must not be, in words; nothing when all is well.
    pub fn shortcomings(&self) -> Vec<String> {
        let enough = |count: usize, of: usize| count * 100 >= of * (100 - OVERTAKEN_PERCENT);
        let refused = usize::try_from(self.refused).unwrap_or(usize::MAX);
        let rules = [
            (
                enough(self.applied, self.valid),
                format!("{} of {} valid documents were applied", self.applied, self.valid),
            ),
            (enough(refused, self.wrong), format!("{refused} of {} wrong documents were refused", self.wrong)),
            (self.foreign.is_empty(), format!("somebody served {:?}", self.foreign)),
            (
                self.failures.is_empty(),
                format!("{} failures, such as {:?}", self.failures.len(), self.failures.first()),
            ),
            (self.load.is_none_or(|(_, failed)| failed == 0), format!("requests of the load failed: {:?}", self.load)),
            (self.swaps == self.echo_rounds, format!("{} swaps, {} rounds of echoes", self.swaps, self.echo_rounds)),
            (self.echoes == self.echo_rounds * self.plan.websockets as u64, format!("{} echoes", self.echoes)),
            (enough(self.side_answers, self.applied), format!("{} answers of the second listener", self.side_answers)),
            (
                self.workers_not_shown.is_empty(),
                format!("workers of documents not shown: {:?}", self.workers_not_shown),
            ),
            (self.serves_last, "the last valid document does not serve".to_owned()),
        ];
        rules.into_iter().filter(|(holds, _)| !holds).map(|(_, words)| words).collect()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "documents      {} written, one every {:?}", self.plan.documents, self.plan.every)?;
        writeln!(f, "valid          {} of {} applied", self.applied, self.valid)?;
        writeln!(f, "wrong          {} of {} refused", self.refused, self.wrong)?;
        writeln!(f, "foreign        {} digests or answers that no valid document has", self.foreign.len())?;
        match self.load {
            Some((requests, failed)) => writeln!(f, "load           {requests} requests, {failed} failed")?,
            None => writeln!(f, "load           none")?,
        }
        writeln!(f, "checked        {} answers, {} failures", self.checked, self.failures.len())?;
        writeln!(f, "WebSockets     {} open, {} echoes after {} swaps", self.plan.websockets, self.echoes, self.swaps)?;
        writeln!(f, "listener       moved, answered under {} documents", self.side_answers)?;
        writeln!(f, "workers        {} documents whose number was not shown", self.workers_not_shown.len())?;
        write!(
            f,
            "at the end     the last valid document {}",
            if self.serves_last { "serves" } else { "does not serve" }
        )
    }
}
