//! The command line.

use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};

/// Measures what a request costs each proxy, in CPU time, beside its peers in the same run.
#[derive(Debug, Parser)]
#[command(name = "benchmarks")]
pub(crate) struct Options {
    /// What to do instead of a load run.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Options of a load run.
    #[command(flatten)]
    pub(crate) run: RunOptions,
}

/// What the program can do beside a load run.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the time `micro check` takes for generated documents, as information.
    CheckTime {
        /// Size of each document in MiB.
        #[arg(long, default_value_t = 4)]
        mebibytes: usize,
    },
    /// The static upstream that a load run starts.
    #[command(hide = true)]
    Upstream {
        /// Where to listen.
        listen: SocketAddr,
    },
    /// The byte relay that a load run starts: the floor under every proxy.
    #[command(hide = true)]
    Relay {
        /// Where to listen.
        listen: SocketAddr,
        /// Where every connection goes.
        to: SocketAddr,
    },
}

/// Options of a load run.
#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    /// Rounds; each gives every peer one slice. Ten is the least from which a result is quoted.
    #[arg(long, default_value_t = 10)]
    pub(crate) rounds: usize,

    /// Length of a slice, in whole seconds (`2s`).
    #[arg(long, default_value = "2s", value_parser = whole_seconds)]
    pub(crate) slice: u64,

    /// Case to run (repeatable); default: all of them.
    #[arg(long = "case")]
    pub(crate) cases: Vec<String>,

    /// Peer to run (repeatable); default: all rows of the case.
    #[arg(long = "peer")]
    pub(crate) peers: Vec<String>,

    /// Our binary; default: built now, in release, so that what is measured is what is checked out.
    #[arg(long)]
    pub(crate) micro: Option<PathBuf>,

    /// Folder for the results; default: `results` beside this crate.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,

    /// Name of the result files; default: the date and time.
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Core of the proxies.
    #[arg(long, default_value_t = 0)]
    pub(crate) proxy_core: usize,

    /// Core of the load generator and the upstreams.
    #[arg(long, default_value_t = 1)]
    pub(crate) load_core: usize,

    /// A slice is dropped when the hypervisor took more than this share of the two cores.
    #[arg(long, default_value = "5%", value_parser = percent)]
    pub(crate) max_steal: f64,

    /// A slice is dropped when programs outside the run took more than this share of one core.
    #[arg(long, default_value = "20%", value_parser = percent)]
    pub(crate) max_others: f64,
}

impl RunOptions {
    /// Returns our binary, building it unless a path was given.
    pub(crate) fn micro_binary(&self) -> Result<PathBuf> {
        if let Some(path) = &self.micro {
            ensure!(path.is_file(), "no binary at {}", path.display());
            return Ok(path.clone());
        }
        eprintln!("building micro (release)…");
        let target = target_folder()?;
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = Program::new(cargo)
            .args(["build", "--release", "--locked", "-p", "gateway-cli", "--target-dir"])
            .arg(&target)
            .current_dir(workspace())
            .status()
            .context("start cargo")?;
        ensure!(status.success(), "micro does not build: {status}");
        let path = target.join("release/micro");
        ensure!(path.is_file(), "cargo built no binary at {}", path.display());
        Ok(path)
    }

    /// Returns the folder that results are written to.
    pub(crate) fn results(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("results"))
    }
}

/// Returns the checkout this program was built from.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate sits in a folder of the workspace")
}

/// This program lies in `TARGET/PROFILE`, wherever cargo was told to put the target folder.
fn target_folder() -> Result<PathBuf> {
    let program = env::current_exe().context("find this program")?;
    let target = program.ancestors().nth(2).context("this program does not lie in a target folder")?;
    Ok(target.to_owned())
}

/// `wrk` takes whole seconds only.
fn whole_seconds(text: &str) -> Result<u64, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}"))?;
    match u64::try_from(duration.as_secs()) {
        Ok(seconds) if seconds > 0 && duration.subsec_nanos() == 0 => Ok(seconds),
        _ => Err("expected whole seconds, at least 1s".to_owned()),
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').ok_or("expected a percentage, such as 20%")?;
    let number: f64 = number.parse().map_err(|error| format!("{error}"))?;
    if number.is_finite() && number >= 0.0 {
        Ok(number / 100.0)
    } else {
        Err("expected a positive percentage".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn slices_are_whole_seconds() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(whole_seconds(text).ok(), expected, "{text}");
        check("2s", Some(2));
        check("1m", Some(60));
        check("1500ms", None);
        check("0s", None);
        check("-2s", None);
        check("2", None);
    }

    #[test]
    fn shares_are_percentages() {
        let check = |text: &str, expected: Option<f64>| assert_eq!(percent(text).ok(), expected, "{text}");
        check("20%", Some(0.2));
        check("0%", Some(0.0));
        check("20", None);
        check("-1%", None);
        check("NaN%", None);
    }
}
