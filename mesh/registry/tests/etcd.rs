//! The back end `etcd`, against a real etcd that each test starts for itself.
//!
//! Without etcd (or, for one of them, the Go peer) they are skipped by name, unless `MICRO_REQUIRE_PEERS=1`. A word on
//! the command line runs the tests whose names hold it.

#[path = "etcd/faults.rs"]
mod faults;
#[path = "etcd/go.rs"]
mod go;
#[path = "etcd/many.rs"]
mod many;
#[path = "etcd/proxy.rs"]
mod proxy;
#[path = "etcd/records.rs"]
mod records;
#[path = "etcd/secure.rs"]
mod secure;
#[path = "etcd/server.rs"]
mod server;
#[path = "etcd/support.rs"]
mod support;
#[path = "etcd/users.rs"]
mod users;

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
    records::nodes_are_registered_found_and_taken_away,
    records::a_node_is_written_once_and_its_lease_renewed,
    records::a_lease_that_is_not_renewed_ends,
    records::a_lost_lease_is_made_anew,
    records::two_watchers_are_told_the_same,
    records::what_is_no_node_is_left_out,
    faults::a_restart_is_survived_and_what_comes_after_is_seen,
    faults::a_broken_connection_is_nobodys_business,
    faults::changes_that_were_compacted_away_are_not_missed,
    faults::what_an_emptied_etcd_lost_stays_for_a_while,
    faults::an_emptied_etcd_that_is_ahead_is_recognised,
    faults::another_member_takes_over,
    faults::a_member_that_hangs_is_given_up,
    secure::etcd_is_reached_with_tls,
    secure::who_is_not_trusted_is_not_spoken_to,
    users::a_password_is_asked_for_and_given_again,
    many::ten_thousand_nodes_are_one_table_and_one_change_is_one_event,
    go::a_go_service_is_seen_and_our_records_equal_its_own,
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
        eprintln!("test etcd::{name} ... {result}");
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
