//! A network of its own for what finds one another by multicast, or takes fixed ports: a program runs itself again in fresh
//! user, network and mount namespaces, where only a loopback is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// Set within, to the name of what is to be done there.
const INSIDE: &str = "MICRO_CONFORMANCE_INSIDE";
/// Set within, to a folder that is there as long as the namespace.
const FOLDER: &str = "MICRO_CONFORMANCE_FOLDER";
/// What makes the loopback one on which go-micro finds and registers services: an address that is not a loopback address
/// (else it may register `[::1]`), and multicast.
const STEPS: [&str; 4] =
    ["link set lo up", "link set lo multicast on", "addr add 10.9.0.1/24 dev lo", "route add 224.0.0.0/4 dev lo"];

/// Returns what this program was started within a namespace for; nothing outside.
pub fn task() -> Option<String> {
    env::var(INSIDE).ok()
}

/// Returns the folder of this namespace.
///
/// # Errors
/// Outside of one.
pub fn folder() -> Result<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from).context("not within a namespace")
}

/// Returns why there can be no namespaces here; nothing where there can.
pub fn missing() -> Option<String> {
    let tried = Command::new("unshare").args(["-rnm", "ip", "link", "set", "lo", "up"]).output();
    (!tried.is_ok_and(|output| output.status.success())).then(|| "`unshare -rnm` or `ip` does not work here".to_owned())
}

/// Runs this program again, in a namespace, to do what it is told by [`task`].
///
/// # Errors
/// When that cannot be started.
pub fn run(task: &str) -> Result<Output> {
    let folder = TempDir::new()?;
    Command::new("unshare")
        .arg("-rnm")
        .arg(env::current_exe()?)
        .args(env::args_os().skip(1))
        .env(INSIDE, task)
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .output()
        .context("start unshare")
}

/// Prepares the namespace that this program runs in: its loopback, its ports, its home.
///
/// # Errors
/// When that fails.
pub fn prepare() -> Result<()> {
    for step in STEPS {
        done("ip", &step.split(' ').collect::<Vec<_>>())?;
    }
    // Keeps random ports away from the fixed ones of commands.
    fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 60000")?;
    let folder = folder()?;
    let home = folder.join("home");
    fs::create_dir_all(&home)?;
    // The real command line asks the system for the home of its user, and not the environment.
    let accounts = folder.join("passwd");
    fs::write(&accounts, format!("root:x:0:0:root:{}:/bin/sh\n", home.display()))?;
    done("mount", &["--bind", &accounts.to_string_lossy(), "/etc/passwd"])
}

fn done(program: &str, args: &[&str]) -> Result<()> {
    let output = Command::new(program).args(args).output().with_context(|| format!("start {program}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {said}", args.join(" "));
    Ok(())
}

/// Makes the folder of programs that commands within find by name: `micro` is the one under test, `micro-go` the real one.
///
/// # Errors
/// When a link cannot be made.
pub fn programs(micro: &Path, peers: &Path) -> Result<PathBuf> {
    let bin = folder()?.join("bin");
    fs::create_dir_all(&bin)?;
    for (name, program) in [
        ("micro", micro.to_owned()),
        ("micro-go", peers.join("micro")),
        ("peer", peers.join("peer")),
        ("world", peers.join("world")),
    ] {
        std::os::unix::fs::symlink(program, bin.join(name))?;
    }
    Ok(bin)
}
