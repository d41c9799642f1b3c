//! Load from `wrk`: one thread, closed loop, every connection with one request in flight.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::case::Request;

/// What one slice did, as `wrk` counted it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Answers read to their end.
    pub(crate) requests: u64,
    /// Bytes read, of whole answers and of those under way at the end.
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    /// Answers with a status of 400 and up; any other wrong answer has another size, which is checked.
    pub(crate) failed: u64,
    /// Connects, reads and writes that failed, and requests that timed out.
    pub(crate) socket_errors: u64,
    /// Latency of a closed loop, which hides the time in which nothing was sent: for information, never for a claim.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// Marks our line in `wrk`'s own output.
const MARK: &str = "result ";

const REPORT: &str = r#"
done = function(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        'result {"requests":%d,"bytes":%d,"seconds":%.6f,"failed":%d,"socket_errors":%d,"p50_us":%.1f,"p99_us":%.1f}\n',
        summary.requests, summary.bytes, summary.duration / 1e6, errors.status,
        errors.connect + errors.read + errors.write + errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
"#;

/// Writes the script that makes `wrk` send a request and report in numbers.
pub(crate) fn write_script(path: &Path, request: &Request) -> Result<()> {
    let method = format!("wrk.method = {:?}\n", request.method);
    // A body of a case holds no backslash and no control character, so Rust's quoting is Lua's.
    let body = request.content_type.map(|content_type| {
        format!("wrk.headers[\"Content-Type\"] = {content_type:?}\nwrk.body = {:?}\n", request.body)
    });
    let script = [&method, body.as_deref().unwrap_or_default(), REPORT].concat();
    fs::write(path, script).with_context(|| format!("write {}", path.display()))
}

/// Runs one slice, pinned to a core.
pub(crate) fn run(
    to: SocketAddr,
    path: &str,
    script: &Path,
    connections: u32,
    seconds: u64,
    core: usize,
) -> Result<Load> {
    let output = Command::new("taskset")
        .args(["-c", &core.to_string(), "wrk", "-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "-s"])
        .arg(script)
        .arg(format!("http://{to}{path}"))
        .output()
        .context("start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk: {}: {text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    parse(&text)
}

fn parse(output: &str) -> Result<Load> {
    let line = output.lines().find_map(|line| line.strip_prefix(MARK));
    let line = line.with_context(|| format!("wrk reported nothing: {output}"))?;
    serde_json::from_str(line).with_context(|| format!("wrk reported {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_found_among_other_lines() {
        let line =
            r#"result {"requests":3,"bytes":9,"seconds":2.0,"failed":0,"socket_errors":1,"p50_us":1.5,"p99_us":2.0}"#;
        let load = parse(&format!("Running 2s test @ http://127.0.0.1:1/\n{line}\n")).unwrap();
        assert_eq!((load.requests, load.bytes, load.socket_errors), (3, 9, 1));
        assert!(parse("unable to connect").is_err());
    }
}
