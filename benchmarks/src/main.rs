//! Whole-process load runs: what a request costs each proxy, in CPU time, beside its peers in the same run.
//!
//! ```text
//! cargo run --release -p benchmarks                        every case, ten rounds of two-second slices
//! cargo run --release -p benchmarks -- --case rpc --rounds 20
//! cargo run --release -p benchmarks -- check-time          the time `micro check` takes for 4 MiB of document
//! ```
//!
//! A machine's speed is nobody's merit, so nothing is judged by an absolute figure: all peers run at once, a round gives
//! each one slice of load, the order rotates, and a result is the median of the ratios that single rounds gave. The
//! README beside this crate says how to read a table and how to add a row.

mod case;
mod check;
mod check_time;
mod cpu;
mod http;
mod launch;
mod load;
mod options;
mod process;
mod relay;
mod report;
mod run;
mod statistics;
mod upstream;

use std::process::ExitCode;

use clap::Parser;

use crate::options::{Command, Options};

fn main() -> ExitCode {
    let options = Options::parse();
    let result = match &options.command {
        None => run::run(&options.run),
        Some(Command::CheckTime { mebibytes }) => check_time::run(&options.run, *mebibytes),
        Some(Command::Upstream { listen }) => upstream::serve(*listen),
        Some(Command::Relay { listen, to }) => relay::serve(*listen, *to),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain alone: a backtrace says nothing about a peer that did not start.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
