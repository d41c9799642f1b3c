//! Reloads documents under load and prints what was found; exits 1 when anything is not as it must be.
//!
//! ```text
//! cargo run --release -p conformance --bin reload-under-load [PROGRAM]
//! ```
//!
//! 200 documents in 40 s, every other one wrong, under `wrk -c32`, with 50 WebSockets open. PROGRAM is the binary to test;
//! `micro-under-test` beside this one unless given.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use conformance::soak::{Plan, run};

/// The plan that the acceptance of reloads names.
const PLAN: Plan =
    Plan { documents: 200, every: Duration::from_millis(200), websockets: 50, wrk_connections: Some(32) };

fn main() -> Result<ExitCode> {
    let program = match std::env::args_os().nth(1) {
        Some(program) => PathBuf::from(program),
        None => std::env::current_exe()?.parent().context("no folder")?.join("micro-under-test"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(run(&program, PLAN))?;
    eprintln!("{figures}");
    let shortcomings = figures.shortcomings();
    for shortcoming in &shortcomings {
        eprintln!("not as it must be: {shortcoming}");
    }
    Ok(if shortcomings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
