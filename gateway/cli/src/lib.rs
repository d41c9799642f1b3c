//! The command `micro`: arguments, wiring, output. What it wires has its own crates; here is nothing worth a unit test
//! but how words become commands.
//!
//! `commands` is the table of all commands; each is one entry and one function. Three kinds of them. Those that *serve*
//! (`gateway`, `api`, `demo`) read a document, start the two planes and run until they are told to end: `serve` tells that story. Those that work *offline* (`check`, `explain`, `test`,
//! `config show`) read the same document the same way and say what they see. Those that speak to a *running* process
//! (`reload`, `config show --admin`) do it through its admin API.

mod arguments;
mod call;
mod commands;
mod document;
mod environments;
mod exit;
mod go_json;
mod help;
mod kinds;
mod logging;
mod network;
mod offline;
mod output;
mod registered;
mod remote;
mod serve;
mod session;
mod subscribe;
mod wrap;

use std::ffi::OsString;
use std::process::ExitCode;

/// mimalloc: the data plane allocates in many short bursts on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The version that runs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs one command to its end. `words` are the arguments without the name of the program, `variables` its environment.
///
/// Exit codes (design 8): 0 done, 1 failed, 2 used wrongly, 78 invalid configuration. Commands of Micro v2 keep theirs.
pub fn run(
    words: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let exit = match arguments::parse(words, variables) {
        Ok(invocation) => invocation.run(),
        Err(stop) => stop.say(),
    };
    exit.into()
}
