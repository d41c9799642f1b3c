//! The load: `wrk`, which keeps its connections open and counts what fails.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

/// What `wrk` counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) requests: u64,
    pub(super) failed: u64,
}

pub(super) fn start(main: SocketAddr, connections: usize, time: Duration) -> Result<Child> {
    Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{}s", time.as_secs().max(1)), "--timeout", "10s"])
        .arg(format!("http://{main}/answer"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("start wrk (package wrk)")
}

pub(super) async fn finish(child: Child) -> Result<Load> {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    ensure!(output.status.success(), "wrk: {}", output.status);
    read(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `N requests in …`, `Socket errors: connect A, read B, write C, timeout D` and `Non-2xx or 3xx responses: N`; the
/// last two stand there only when there were any.
fn read(report: &str) -> Result<Load> {
    let numbers = |line: &str| -> u64 {
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<u64>().ok()).sum()
    };
    let after = |start: &str| report.lines().map(str::trim).find_map(|line| line.strip_prefix(start));
    let requests =
        report.lines().find(|line| line.contains(" requests in ")).context("no count in the report of wrk")?;
    Ok(Load {
        requests: requests.split_whitespace().next().unwrap_or_default().parse()?,
        failed: after("Socket errors:").map_or(0, numbers) + after("Non-2xx or 3xx responses:").map_or(0, numbers),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_read() {
        let quiet = "Running 1s test\n  1234 requests in 1.00s, 1.00MB read\nRequests/sec: 1234.00\n";
        assert_eq!(read(quiet).unwrap(), Load { requests: 1234, failed: 0 });
        let loud =
            format!("{quiet}  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 40\n");
        assert_eq!(read(&loud).unwrap().failed, 46);
        assert!(read("").is_err());
    }
}
