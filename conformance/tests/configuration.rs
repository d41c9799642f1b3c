//! Where `micro api` listens, and how much it says (spec/gateway 12 A; spec/manual 8.11, 9.1, 11.1).

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result};
use conformance::case::Setup;
use conformance::client::http1::get;
use conformance::process::{self, Gateway, Launch};
use indexmap::IndexMap;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_micro-under-test");

/// Starts `micro api` and checks that it listens where it must. Loopback has as many addresses as a test needs, so that
/// no port has to be guessed.
async fn check(global: &[&str], args: &[&str], env: &[(&str, &str)], expected: [u8; 4]) -> Result<()> {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let setup = Setup { global: owned(global), args: owned(args), env, ..Setup::default() };
    let gateway = Gateway::start(Path::new(PROGRAM), &setup).await?;
    let address = gateway.address()?;
    assert_eq!(address.ip(), IpAddr::from(expected));
    assert_eq!(get(address, "/").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn the_address_of_the_environment_is_taken() -> Result<()> {
    check(&[], &[], &[("MICRO_API_ADDRESS", "127.0.0.7:0")], [127, 0, 0, 7]).await
}

#[tokio::test]
async fn a_flag_wins_over_the_environment() -> Result<()> {
    check(&[], &["--address=127.0.0.8:0"], &[("MICRO_API_ADDRESS", "127.0.0.7:0")], [127, 0, 0, 8]).await?;
    check(&[], &["-address", "127.0.0.8:0"], &[("MICRO_API_ADDRESS", "127.0.0.7:0")], [127, 0, 0, 8]).await
}

#[tokio::test]
async fn the_address_may_stand_before_the_command() -> Result<()> {
    check(&["--api_address=127.0.0.9:0"], &[], &[], [127, 0, 0, 9]).await
}

/// The manual's quick start names no port. Where 8080 is free it serves there; where it is taken it says so and ends with
/// 78, which shows as well where it would have listened.
#[tokio::test]
async fn the_default_port_is_8080() -> Result<()> {
    let env = [("MICRO_API_HANDLER", "rpc"), ("MICRO_API_NAMESPACE", "go.micro.srv")];
    let env: IndexMap<String, String> = env.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let args = ["api", "--admin=127.0.0.1:0", "--registry_listen=127.0.0.1:0"].map(str::to_owned).to_vec();
    let launch = Launch { args, env };
    let free = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 8080));
    if free.is_ok() {
        drop(free);
        let gateway = Gateway::launch(Path::new(PROGRAM), &launch, TempDir::new()?).await?;
        assert!(gateway.listeners().values().all(|address| address.port() == 8080), "{:?}", gateway.listeners());
        assert_eq!(get((Ipv4Addr::LOCALHOST, 8080).into(), "/").await?.status, 200);
    } else {
        let output = process::run(Path::new(PROGRAM), launch).await?;
        assert_eq!(output.status.code(), Some(78));
        assert!(String::from_utf8_lossy(&output.stderr).contains("8080"));
    }
    Ok(())
}

/// Returns what a process says that was started with a log level and served one request.
async fn said(level: &str) -> Result<String> {
    let env = IndexMap::from([("MICRO_LOG_LEVEL".to_owned(), level.to_owned())]);
    let mut gateway = Gateway::start(Path::new(PROGRAM), &Setup { env, ..Setup::default() }).await?;
    assert_eq!(get(gateway.address()?, "/nobody/here").await?.status, 404);
    gateway.signal("TERM")?;
    gateway.ended().await.context(level.to_owned())?;
    Ok(gateway.stderr().text())
}

#[tokio::test]
async fn the_log_level_decides_what_is_said() -> Result<()> {
    let has = |text: &str, level: &str| text.lines().any(|line| line.contains(&format!(" {level} ")));
    let (trace, debug, info, error) =
        (said("trace").await?, said("debug").await?, said("info").await?, said("error").await?);
    assert!(has(&debug, "DEBUG"), "{debug}");
    assert!(has(&trace, "DEBUG") && trace.len() >= debug.len(), "{trace}");
    assert!(has(&info, "INFO") && !has(&info, "DEBUG"), "{info}");
    assert!(!has(&error, "INFO") && !has(&error, "DEBUG"), "{error}");
    Ok(())
}
