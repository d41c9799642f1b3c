//! What a run says: a line a slice while it runs, then a JSON file with every slice and a Markdown table of the medians.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::case::Case;
use crate::options::{RunOptions, workspace};
use crate::run::{Measured, Slice};
use crate::statistics::{Spread, ratios, spread};

/// The fewest rounds from which a result is quoted.
const QUOTABLE_ROUNDS: usize = 10;

#[derive(Debug, Serialize)]
struct Report<'a> {
    date: String,
    commit: String,
    settings: Settings,
    environment: Environment,
    versions: BTreeMap<&'static str, String>,
    cases: Vec<CaseReport<'a>>,
}

#[derive(Debug, Serialize)]
struct Settings {
    rounds: usize,
    slice_seconds: u64,
    drop_rule: String,
}

#[derive(Debug, Serialize)]
struct Environment {
    cpu: String,
    cores: usize,
    kernel: String,
}

#[derive(Debug, Serialize)]
struct CaseReport<'a> {
    case: &'static str,
    about: &'static str,
    connections: u32,
    references: &'static [&'static str],
    verdict: String,
    summary: Vec<Summary>,
    slices: &'a [Slice],
}

/// One peer over all its rounds; a figure is missing where every slice was dropped.
#[derive(Debug, Serialize)]
struct Summary {
    peer: &'static str,
    cpu_us: Option<Spread>,
    /// By reference.
    ratios: BTreeMap<&'static str, Option<Spread>>,
    core_share: Option<Spread>,
    user_share: Option<Spread>,
    upstream_us: Option<Spread>,
    others: Option<Spread>,
    requests_per_second: Option<Spread>,
    resident_mib: Option<Spread>,
    slices: usize,
    dropped: usize,
}

/// Returns the rule by which slices are dropped, in words; it is stated before the first one.
pub(crate) fn drop_rule(options: &RunOptions) -> String {
    format!(
        "a slice is dropped, and its round with it, when the hypervisor took more than {:.0}% of the two cores or \
         programs outside the run more than {:.0}% of one",
        options.max_steal * 100.0,
        options.max_others * 100.0
    )
}

/// Prints one slice.
pub(crate) fn progress(case: &Case, slice: &Slice, rounds: usize) {
    let dropped = slice.dropped.as_ref().map(|why| format!("  dropped: {why}")).unwrap_or_default();
    eprintln!(
        "{} {:>2}/{rounds}  {:<12} {:>7.1} µs/request  {:>7} requests  core {:>3.0}%{dropped}",
        case.name,
        slice.round + 1,
        slice.peer,
        slice.cpu_us,
        slice.load.requests,
        slice.core_share * 100.0
    );
}

/// Writes the results of a run and prints its tables.
pub(crate) fn write(options: &RunOptions, micro: Option<&Path>, measured: &[Measured<'_>]) -> Result<()> {
    let report = Report {
        date: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        commit: commit(),
        settings: Settings { rounds: options.rounds, slice_seconds: options.slice, drop_rule: drop_rule(options) },
        environment: environment()?,
        versions: versions(micro),
        cases: measured.iter().map(case_report).collect(),
    };
    let markdown = markdown(&report);
    io::stdout().write_all(markdown.as_bytes())?;
    let folder = options.results();
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let name = options.name.clone().unwrap_or_else(|| report.date.replace(':', ""));
    for (extension, text) in [("json", serde_json::to_string_pretty(&report)? + "\n"), ("md", markdown)] {
        let path = folder.join(format!("{name}.{extension}"));
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        eprintln!("{}", path.display());
    }
    Ok(())
}

fn case_report<'a>(measured: &'a Measured<'_>) -> CaseReport<'a> {
    let case = measured.case;
    let summary: Vec<Summary> = measured.rows.iter().map(|row| summary(measured, row.name)).collect();
    CaseReport {
        case: case.name,
        about: case.about,
        connections: case.connections,
        references: case.references,
        verdict: verdict(case, &summary),
        summary,
        slices: &measured.slices,
    }
}

fn summary(measured: &Measured<'_>, peer: &'static str) -> Summary {
    let own: Vec<&Slice> = measured.slices.iter().filter(|slice| slice.peer == peer).collect();
    let over = |figure: fn(&Slice) -> f64| {
        spread(own.iter().filter(|slice| slice.dropped.is_none()).map(|slice| figure(slice)))
    };
    let references = measured.case.references.iter();
    let ratios = references.map(|name| (*name, ratios(&rounds(measured, peer), &rounds(measured, name)))).collect();
    #[expect(clippy::cast_precision_loss, reason = "counts of a slice stay far below 2^52")]
    Summary {
        peer,
        cpu_us: over(|slice| slice.cpu_us),
        ratios,
        core_share: over(|slice| slice.core_share),
        user_share: over(|slice| slice.user_share),
        upstream_us: over(|slice| slice.upstream_us),
        others: over(|slice| slice.others),
        requests_per_second: over(|slice| slice.load.requests as f64 / slice.load.seconds),
        resident_mib: over(|slice| slice.resident_kib as f64 / 1024.0),
        slices: own.len(),
        dropped: own.iter().filter(|slice| slice.dropped.is_some()).count(),
    }
}

/// A peer's CPU time per request, round by round; none where the slice was dropped.
fn rounds(measured: &Measured<'_>, peer: &str) -> Vec<Option<f64>> {
    let own = measured.slices.iter().filter(|slice| slice.peer == peer);
    own.map(|slice| slice.dropped.is_none().then_some(slice.cpu_us)).collect()
}

fn verdict(case: &Case, summary: &[Summary]) -> String {
    let (reference, goal, near) = case.goal;
    let ours = summary.iter().find(|row| row.peer == "micro");
    let Some(ratio) = ours.and_then(|row| row.ratios.get(reference).copied().flatten()) else {
        return format!("micro ≤ {goal} × {reference}: not measured");
    };
    let result = match ratio.median {
        median if median <= goal => "met",
        median if median <= near => "missed, but near",
        _ => "missed",
    };
    let short = if ratio.count < QUOTABLE_ROUNDS { " (too few rounds to quote)" } else { "" };
    format!("micro ≤ {goal} × {reference}: {:.2}, {result}{short}", ratio.median)
}

fn markdown(report: &Report<'_>) -> String {
    let mut text = format!("# Benchmark of {} ({})\n\n", report.date, report.commit);
    let Settings { rounds, slice_seconds, drop_rule } = &report.settings;
    let Environment { cpu, cores, kernel } = &report.environment;
    let versions: Vec<&str> = report.versions.values().map(String::as_str).collect();
    line(
        &mut text,
        &format!("{rounds} interleaved rounds of {slice_seconds} s slices on {cpu} ({cores} cores), Linux {kernel}."),
    );
    line(&mut text, &format!("{}.", versions.join("; ")));
    line(&mut text, &format!("Rule, stated before the run: {drop_rule}."));
    line(
        &mut text,
        "Medians with [min–max]; a ratio is the median of the ratios of single rounds. CPU time is the whole process's.",
    );
    if cfg!(debug_assertions) {
        line(&mut text, "A debug build: it proves that every row works, and its figures mean nothing.");
    }
    for case in &report.cases {
        markdown_case(&mut text, case);
    }
    text
}

fn markdown_case(text: &mut String, case: &CaseReport<'_>) {
    line(text, &format!("\n## {}\n\n{}; {} connections.\n", case.case, case.about, case.connections));
    let ratios = case.references.iter().map(|name| format!("× {name}"));
    let head = ["peer", "CPU µs/request"].map(str::to_owned).into_iter().chain(ratios);
    let tail = ["core", "user", "upstream µs", "MiB", "slices", "dropped"].map(str::to_owned);
    let head: Vec<String> = head.chain(tail).collect();
    table_row(text, &head);
    line(text, &format!("|{}", "---|".repeat(head.len())));
    for row in &case.summary {
        table_row(text, &row.cells(case.references));
    }
    line(text, &format!("\nGoal: {}.", case.verdict));
}

impl Summary {
    fn cells(&self, references: &[&str]) -> Vec<String> {
        let mut cells = vec![self.peer.to_owned(), range(self.cpu_us, 1)];
        cells.extend(references.iter().map(|name| range(self.ratios.get(name).copied().flatten(), 2)));
        cells.extend([
            percent(self.core_share),
            percent(self.user_share),
            self.upstream_us.map_or_else(missing, |spread| format!("{:.1}", spread.median)),
            self.resident_mib.map_or_else(missing, |spread| format!("{:.0}", spread.median)),
            self.slices.to_string(),
            self.dropped.to_string(),
        ]);
        cells
    }
}

fn table_row(text: &mut String, cells: &[String]) {
    line(text, &format!("| {} |", cells.join(" | ")));
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes every write");
}

fn range(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(missing, |Spread { median, min, max, .. }| {
        format!("{median:.digits$} [{min:.digits$}–{max:.digits$}]")
    })
}

fn percent(spread: Option<Spread>) -> String {
    spread.map_or_else(missing, |spread| format!("{:.0}%", spread.median * 100.0))
}

fn missing() -> String {
    "–".to_owned()
}

fn environment() -> Result<Environment> {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").context("read /proc/cpuinfo")?;
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.trim_start().strip_prefix(':'));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("read the kernel's release")?;
    Ok(Environment {
        cpu: model.unwrap_or("an unnamed CPU").trim().to_owned(),
        cores: std::thread::available_parallelism()?.get(),
        // The number alone: what a distribution or a host adds to it says nothing here.
        kernel: kernel.split(['-', '+', '\n']).next().unwrap_or_default().to_owned(),
    })
}

/// The commit that was checked out, and whether anything was changed since.
fn commit() -> String {
    let described = Command::new("git").args(["describe", "--always", "--dirty"]).current_dir(workspace()).output();
    match described {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(_) | Err(_) => "no commit".to_owned(),
    }
}

fn versions(micro: Option<&Path>) -> BTreeMap<&'static str, String> {
    let mut versions = BTreeMap::from([
        ("haproxy", first_line("haproxy", &["-v"])),
        ("nginx", first_line("nginx", &["-v"])),
        ("wrk", first_line("wrk", &["-v"])),
        ("micro-v2", "micro v2.9.3 with go-micro v2.9.1".to_owned()),
    ]);
    if let Some(micro) = micro {
        versions.insert("micro", first_line(&micro.to_string_lossy(), &["version"]));
    }
    versions
}

/// First line that a program says, wherever it says it and however it ends: `wrk -v` ends with 1.
fn first_line(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).current_dir(workspace()).output() else {
        return format!("{program}: not found");
    };
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).lines().next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::CASES;
    use crate::load::Load;

    fn slice(peer: &'static str, round: usize, cpu_us: f64, dropped: bool) -> Slice {
        Slice {
            round,
            peer,
            dropped: dropped.then(|| "steal 9.0%".to_owned()),
            cpu_us,
            user_share: 0.3,
            core_share: 0.9,
            upstream_us: 5.0,
            others: 0.0,
            steal: 0.0,
            arrived: 1,
            resident_kib: 2048,
            load: Load { requests: 1, seconds: 2.0, ..Load::default() },
        }
    }

    #[test]
    fn a_case_becomes_a_table_with_its_verdict() {
        let case = &CASES[0];
        let rows = case.rows.iter().filter(|row| ["haproxy", "micro"].contains(&row.name)).collect();
        let slices = vec![
            slice("haproxy", 0, 20.0, false),
            slice("micro", 0, 22.0, false),
            slice("micro", 1, 99.0, false),
            slice("haproxy", 1, 20.0, true),
        ];
        let measured = Measured { case, rows, slices };
        let mut text = String::new();
        markdown_case(&mut text, &case_report(&measured));
        let expected = "
## h1-get-128

GET of 128 bytes over kept-alive HTTP/1.1 to a static upstream; 32 connections.

| peer | CPU µs/request | × haproxy | core | user | upstream µs | MiB | slices | dropped |
|---|---|---|---|---|---|---|---|---|
| haproxy | 20.0 [20.0–20.0] | 1.00 [1.00–1.00] | 90% | 30% | 5.0 | 2 | 2 | 1 |
| micro | 60.5 [22.0–99.0] | 1.10 [1.10–1.10] | 90% | 30% | 5.0 | 2 | 2 | 0 |

Goal: micro ≤ 1.15 × haproxy: 1.10, met (too few rounds to quote).
";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_verdict_knows_near_from_far() {
        let check = |ratio: f64, expected: &str| {
            let case = &CASES[0];
            let rows = case.rows.iter().filter(|row| ["haproxy", "micro"].contains(&row.name)).collect();
            let pair = |round| [slice("haproxy", round, 10.0, false), slice("micro", round, 10.0 * ratio, false)];
            let slices = (0..QUOTABLE_ROUNDS).flat_map(pair).collect();
            let measured = Measured { case, rows, slices };
            assert_eq!(case_report(&measured).verdict, expected);
        };
        check(1.0, "micro ≤ 1.15 × haproxy: 1.00, met");
        check(1.2, "micro ≤ 1.15 × haproxy: 1.20, missed, but near");
        check(1.5, "micro ≤ 1.15 × haproxy: 1.50, missed");
    }
}
