//! The brokers with real go-micro v2.9.1 services, a real nats-server and a real etcd.
//!
//! Each test runs itself again in a network namespace with a loopback of its own, where every port is free. Where such a
//! namespace or a peer cannot be had, tests are skipped by name, unless `MICRO_REQUIRE_PEERS=1`.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

#[path = "peers/http.rs"]
mod http;
#[path = "peers/nats.rs"]
mod nats;
#[path = "peers/service.rs"]
mod service;
#[path = "peers/world.rs"]
mod world;

use std::env;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::process::{Command, ExitCode};

/// Set in the namespace, to the name of the test.
const INSIDE: &str = "MICRO_TEST_NAMESPACE";

type Test = fn() -> Pin<Box<dyn Future<Output = ()>>>;

/// Name, programs that are needed, test.
const TESTS: [(&str, &[&str], Test); 7] = [
    ("nats_with_go_both_ways", &["peer", "nats-server"], || Box::pin(nats::with_go_both_ways())),
    ("nats_goes_on_after_a_restart", &["nats-server"], || Box::pin(nats::goes_on_after_a_restart())),
    ("nats_loses_nothing_that_it_took", &["nats-server"], || Box::pin(nats::loses_nothing_that_it_took())),
    ("http_with_go_over_mdns", &["peer"], || Box::pin(http::with_go_over_mdns())),
    ("http_with_go_over_etcd", &["peer", "etcd"], || Box::pin(http::with_go_over_etcd())),
    ("http_shares_a_queue_with_go", &["peer", "etcd"], || Box::pin(http::shares_a_queue_with_go())),
    ("service_with_go_both_ways", &["peer"], || Box::pin(service::with_go_both_ways())),
];

fn main() -> ExitCode {
    if let Ok(name) = env::var(INSIDE) {
        let (_, _, test) = TESTS.iter().find(|(test, ..)| *test == name).unwrap();
        prepare();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test());
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let is_wanted = |name: &str| words.iter().filter(|word| !word.starts_with('-')).all(|word| name.contains(word));
    let is_required = env::var_os("MICRO_REQUIRE_PEERS").is_some_and(|value| value == "1");
    let mut is_well = true;
    for (name, programs, _) in TESTS.iter().filter(|(name, ..)| is_wanted(name)) {
        let result = match catch_unwind(|| in_namespace(name, programs)) {
            Ok(Ok(())) => "ok".to_owned(),
            Ok(Err(reason)) if !is_required => format!("skipped: {reason}"),
            Ok(Err(reason)) => format!("FAILED: {reason}, and MICRO_REQUIRE_PEERS=1 asks for it"),
            Err(_) => "FAILED".to_owned(),
        };
        is_well &= !result.starts_with("FAILED");
        eprintln!("test peers::{name} ... {result}");
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a test in a namespace of its own.
fn in_namespace(name: &str, programs: &[&str]) -> Result<(), String> {
    for program in programs {
        world::program(program).ok_or_else(|| format!("there is no {program}"))?;
    }
    let possible = Command::new("unshare").args(["-rnm", "ip", "link", "set", "lo", "up"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        return Err("`unshare -rnm` or `ip` does not work here".to_owned());
    }
    let output = Command::new("unshare").arg("-rnm").arg(env::current_exe().unwrap()).env(INSIDE, name).output();
    let output = output.unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "in the namespace:\n{text}");
    Ok(())
}

/// Makes the loopback one on which go-micro finds and registers services.
fn prepare() {
    let steps =
        ["link set lo up", "link set lo multicast on", "addr add 10.9.0.1/24 dev lo", "route add 224.0.0.0/4 dev lo"];
    for step in steps {
        assert!(Command::new("ip").args(step.split(' ')).status().unwrap().success(), "ip {step}");
    }
}
