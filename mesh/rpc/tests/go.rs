//! Client and server against unmodified go-micro v2.9.1: the program `peer`, which is both.
//!
//! Without it the tests are skipped by name, unless `MICRO_REQUIRE_PEERS=1`. A word on the command line runs the tests
//! whose names hold it.

#[path = "go/grpc.rs"]
mod grpc;
#[path = "go/mucp.rs"]
mod mucp;
#[path = "support/peer.rs"]
mod peer;
#[path = "go/program.rs"]
mod program;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;

/// What a test comes to: nothing, or why it is skipped.
type Outcome = Result<(), String>;

type Test = (&'static str, fn() -> Pin<Box<dyn Future<Output = Outcome>>>);

macro_rules! tests {
    ($($module:ident::$name:ident),* $(,)?) => {
        const TESTS: &[Test] = &[$((stringify!($name), || Box::pin($module::$name()))),*];
    };
}

tests![
    grpc::our_client_streams_with_a_go_service,
    grpc::a_go_client_streams_with_our_service,
    grpc::a_go_service_learns_that_a_call_was_cancelled,
    mucp::our_client_calls_a_go_service,
    mucp::our_client_streams_with_a_go_service,
    mucp::a_go_client_calls_our_service,
    mucp::a_go_client_streams_with_our_service,
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let is_wanted = |name: &str| words.iter().filter(|word| !word.starts_with('-')).all(|word| name.contains(word));
    let is_required = std::env::var_os("MICRO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let mut is_well = true;
    for (name, test) in TESTS.iter().filter(|(name, _)| is_wanted(name)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there is a runtime");
        // A panic of one must not end the others.
        let result = match std::panic::catch_unwind(|| runtime.block_on(test())) {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(reason)) if !is_required => format!("skipped: {reason}"),
            Ok(Err(reason)) => format!("FAILED: {reason}, and MICRO_REQUIRE_PEERS=1 asks for it"),
            Err(_) => "FAILED".to_owned(),
        };
        is_well &= !result.starts_with("FAILED");
        eprintln!("test go::{name} ... {result}");
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
