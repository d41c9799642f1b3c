//! Runs the cases: one process for each set-up, real sockets, one case after another within it.

mod report;
mod request;
mod setup;

use std::path::{Path, PathBuf};

use anyhow::Result;
use futures_util::{StreamExt, stream};

use crate::case::{Case, Setup};
use crate::peer::Peer;
use crate::suite::Area;

pub use report::{Failure, Summary};

/// How many set-ups run side by side.
const AT_ONCE: usize = 3;

/// The cases of one set-up.
#[derive(Debug)]
struct Batch<'b> {
    name: String,
    setup: &'b Setup,
    cases: Vec<&'b Case>,
}

/// Runs every case that a filter takes: a piece of its id or of what it proves; all where it is empty.
///
/// # Errors
/// When the Go service is required and cannot be had. What goes wrong in cases is in the summary.
pub async fn all(program: &Path, areas: &[Area], filter: &str) -> Result<Summary> {
    let peer = Peer::start().await?;
    let program = PathBuf::from(program);
    let batches = batches(areas, filter);
    let mut summary = Summary::default();
    let runs = batches.iter().map(|batch| setup::run(&program, batch, &peer));
    let mut runs = stream::iter(runs).buffer_unordered(AT_ONCE);
    while let Some(part) = runs.next().await {
        summary.add(part);
    }
    summary.sort();
    Ok(summary)
}

fn batches<'b>(areas: &'b [Area], filter: &str) -> Vec<Batch<'b>> {
    let wanted = |case: &Case| case.id.contains(filter) || case.proves.iter().any(|proof| proof == filter);
    let mut batches = Vec::new();
    for area in areas {
        for (name, setup) in &area.file.setups {
            let of_setup = |case: &&Case| case.setup.as_deref() == Some(name) && wanted(case);
            let cases: Vec<&Case> = area.file.cases.iter().filter(of_setup).collect();
            if !cases.is_empty() {
                batches.push(Batch { name: format!("{}/{name}", area.name), setup, cases });
            }
        }
    }
    batches
}
