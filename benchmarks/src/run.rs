//! A load run: rounds over all peers, in an order that rotates, and what each slice measured.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::case::{CASES, Case, Row};
use crate::check;
use crate::cpu::{self, CoreTime, ProcessTime};
use crate::launch::{Launch, World};
use crate::load::{self, Load};
use crate::options::RunOptions;
use crate::report;

/// Length of the unrecorded slice that each peer gets first: connections, caches and just-in-time growth.
const WARM_UP_SECONDS: u64 = 1;

/// One peer's slice of one round.
#[derive(Debug, Serialize)]
pub(crate) struct Slice {
    pub(crate) round: usize,
    pub(crate) peer: &'static str,
    /// Why it does not count, where it does not.
    pub(crate) dropped: Option<String>,
    /// CPU time of the measured process per answered request.
    pub(crate) cpu_us: f64,
    /// Share of it that was user space.
    pub(crate) user_share: f64,
    /// CPU time of the measured process over wall time: how much of its core it had.
    pub(crate) core_share: f64,
    /// CPU time of the upstream per request; a broken upstream shows here.
    pub(crate) upstream_us: f64,
    /// CPU time of everything outside the run, in cores.
    pub(crate) others: f64,
    /// Share of the two cores that the hypervisor took.
    pub(crate) steal: f64,
    /// Requests that arrived at the upstream.
    pub(crate) arrived: u64,
    pub(crate) resident_kib: u64,
    pub(crate) load: Load,
}

/// All slices of a case.
#[derive(Debug)]
pub(crate) struct Measured<'a> {
    pub(crate) case: &'a Case,
    pub(crate) rows: Vec<&'a Row>,
    pub(crate) slices: Vec<Slice>,
}

/// Runs the chosen cases and writes their results.
pub(crate) fn run(options: &RunOptions) -> Result<()> {
    ensure!(options.rounds > 0, "--rounds must be at least 1");
    ensure!(options.proxy_core != options.load_core, "proxies and load need a core each");
    let cases = chosen(options)?;
    eprintln!("{}", report::drop_rule(options));
    let world = World::start(options, &cases)?;
    let mut measured = Vec::new();
    for (case, rows) in cases {
        measured.push(measure(options, &world, case, rows).with_context(|| format!("case {}", case.name))?);
    }
    report::write(options, world.micro(), &measured)
}

/// Returns the cases and rows that were asked for; an unknown name is an error, as a typo must not measure nothing.
fn chosen(options: &RunOptions) -> Result<Vec<(&'static Case, Vec<&'static Row>)>> {
    for name in &options.cases {
        ensure!(CASES.iter().any(|case| case.name == name), "no case {name}; there are: {}", names(CASES, |c| c.name));
    }
    let cases =
        CASES.iter().filter(|case| options.cases.is_empty() || options.cases.iter().any(|name| name == case.name));
    let mut chosen = Vec::new();
    for case in cases {
        let wanted = |row: &&Row| options.peers.is_empty() || options.peers.iter().any(|name| name == row.name);
        let rows: Vec<&Row> = case.rows.iter().filter(wanted).collect();
        if rows.is_empty() {
            bail!("no such peer in case {}; there are: {}", case.name, names(case.rows, |row| row.name));
        }
        chosen.push((case, rows));
    }
    Ok(chosen)
}

fn names<T>(of: &[T], name: impl Fn(&T) -> &str) -> String {
    of.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn measure<'a>(options: &RunOptions, world: &World, case: &'a Case, rows: Vec<&'a Row>) -> Result<Measured<'a>> {
    let scripts = scripts(world, case, &rows)?;
    for row in &rows {
        let to = world.peer(row.launch).address;
        load::run(to, row.request.path, &scripts[row.name], case.connections, WARM_UP_SECONDS, options.load_core)?;
    }
    let mut slices = Vec::new();
    for round in 0..options.rounds {
        for turn in 0..rows.len() {
            let row = rows[(round + turn) % rows.len()];
            let slice = slice(options, world, case, row, round, &scripts[row.name])
                .with_context(|| format!("round {}, peer {}", round + 1, row.name))?;
            report::progress(case, &slice, options.rounds);
            slices.push(slice);
        }
    }
    Ok(Measured { case, rows, slices })
}

fn scripts(world: &World, case: &Case, rows: &[&Row]) -> Result<HashMap<&'static str, PathBuf>> {
    let mut scripts = HashMap::new();
    for row in rows {
        let path = world.folder().join(format!("{}-{}.lua", case.name, row.name));
        load::write_script(&path, row.request)?;
        scripts.insert(row.name, path);
    }
    Ok(scripts)
}

/// What stands still before and after a slice, so that its difference is the slice.
#[derive(Debug)]
struct Reading {
    at: Instant,
    peer: ProcessTime,
    upstream: ProcessTime,
    wrk: Duration,
    cores: [CoreTime; 2],
}

fn slice(options: &RunOptions, world: &World, case: &Case, row: &Row, round: usize, script: &Path) -> Result<Slice> {
    let peer = world.peer(row.launch);
    let count = || check::count(row.counter, peer.address, world.upstream().address);
    let right = check::answer(peer.address, row.request).context("before the slice")?;
    let counted = count().context("count before the slice")?;
    let own_count = || peer.admin.map(check::own_count).transpose();
    let own_counted = own_count().context("metrics before the slice")?;
    let before = read(options, world, row)?;
    let load = load::run(peer.address, row.request.path, script, case.connections, options.slice, options.load_core)?;
    let after = read(options, world, row)?;
    let own = own_count().context("metrics after the slice")?.zip(own_counted).map(|(after, before)| after - before);
    let arrived = count().context("count after the slice")? - counted;
    check::slice(&load, arrived, own, right.wire_bytes, case.connections)?;
    check::answer(peer.address, row.request).context("after the slice")?;

    let mut slice = compare(&before, &after, row, round, load, arrived);
    slice.resident_kib = cpu::resident_kib(peer.process.pid())?;
    slice.dropped = dropped(&slice, options);
    Ok(slice)
}

fn read(options: &RunOptions, world: &World, row: &Row) -> Result<Reading> {
    Ok(Reading {
        at: Instant::now(),
        peer: ProcessTime::of(world.peer(row.launch).process.pid())?,
        upstream: ProcessTime::of(world.behind(row.counter).process.pid())?,
        wrk: cpu::ended_children()?,
        cores: [CoreTime::of(options.proxy_core)?, CoreTime::of(options.load_core)?],
    })
}

fn compare(before: &Reading, after: &Reading, row: &Row, round: usize, load: Load, arrived: u64) -> Slice {
    let wall = (after.at - before.at).as_secs_f64();
    let peer = after.peer.since(before.peer);
    let upstream = after.upstream.since(before.upstream).run;
    // Without a proxy the upstream is the peer, and must not be taken off twice.
    let behind = if row.launch == Launch::Direct { Duration::ZERO } else { upstream };
    let cores = [0, 1].map(|core| after.cores[core].since(before.cores[core]));
    let busy: Duration = cores.iter().map(|core| core.busy).sum();
    let steal: Duration = cores.iter().map(|core| core.steal).sum();
    let ours = peer.run + behind + after.wrk.saturating_sub(before.wrk);
    #[expect(clippy::cast_precision_loss, reason = "no slice holds 2^52 requests")]
    let per_request = |time: Duration| time.as_secs_f64() * 1e6 / load.requests as f64;
    Slice {
        round,
        peer: row.name,
        dropped: None,
        cpu_us: per_request(peer.run),
        user_share: peer.user.as_secs_f64() / (peer.user + peer.system).as_secs_f64().max(f64::EPSILON),
        core_share: peer.run.as_secs_f64() / wall,
        upstream_us: per_request(upstream),
        others: busy.saturating_sub(ours).as_secs_f64() / wall,
        steal: steal.as_secs_f64() / wall / 2.0,
        arrived,
        resident_kib: 0,
        load,
    }
}

fn dropped(slice: &Slice, options: &RunOptions) -> Option<String> {
    if slice.steal > options.max_steal {
        return Some(format!("steal {:.1}%", slice.steal * 100.0));
    }
    (slice.others > options.max_others).then(|| format!("others {:.0}% of a core", slice.others * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at: Instant, ms: u64) -> Reading {
        let time = |times: u64| Duration::from_millis(ms * times);
        let process = |times| ProcessTime { run: time(times), user: time(1), system: time(times - 1) };
        let core = |times| CoreTime { busy: time(times), steal: time(1) };
        Reading { at, peer: process(4), upstream: process(2), wrk: time(3), cores: [core(5), core(6)] }
    }

    fn example() -> Slice {
        let start = Instant::now();
        let load = Load { requests: 1000, ..Load::default() };
        let after = reading(start + Duration::from_secs(1), 100);
        compare(&reading(start, 0), &after, &CASES[0].rows[1], 0, load, 1000)
    }

    #[test]
    fn a_slice_is_the_difference_of_two_readings() {
        let slice = example();
        let close = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value} {expected}");
        close(slice.cpu_us, 400.0);
        close(slice.user_share, 0.25);
        close(slice.core_share, 0.4);
        close(slice.upstream_us, 200.0);
        close(slice.others, 0.2); // 0.5 + 0.6 busy, less 0.4 peer, 0.2 upstream, 0.3 load
        close(slice.steal, 0.1);
    }

    #[test]
    fn the_drop_rule_names_its_reason() {
        let check = |change: fn(&mut Slice), expected: Option<&str>| {
            let mut slice = Slice { others: 0.0, steal: 0.0, ..example() };
            change(&mut slice);
            let options = <crate::options::Options as clap::Parser>::parse_from(["benchmarks"]);
            assert_eq!(dropped(&slice, &options.run).as_deref(), expected);
        };
        check(|_| {}, None);
        check(|slice| slice.others = 0.5, Some("others 50% of a core"));
        check(|slice| slice.steal = 0.051, Some("steal 5.1%"));
    }
}
