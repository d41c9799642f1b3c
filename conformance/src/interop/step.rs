//! One step, and what of it is not as it must be.

use std::collections::BTreeSet;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::world::World;
use super::{Log, Step};
use crate::wait::{PATIENCE, keep_trying};

/// Does what a step says, as often as it takes.
pub(super) fn take(world: &mut World, step: &Step) -> Result<()> {
    if let Some(start) = &step.start {
        return world.spawn(start);
    }
    if let Some(name) = &step.end {
        return world.end(name, "-TERM");
    }
    if let Some(name) = &step.kill {
        return world.end(name, "-KILL");
    }
    if let Some(log) = &step.log {
        keep_trying(PATIENCE, || heard(world, log))?;
        return world.read(&log.of);
    }
    let limit = Duration::from_secs_f64(step.within);
    keep_trying(limit, || command(world, step))
}

fn heard(world: &mut World, log: &Log) -> Result<()> {
    let mut news = world.news(&log.of)?;
    for piece in &log.has {
        let Some(at) = news.iter().position(|line| line.contains(piece.as_str())) else {
            bail!("{} has not written {piece:?} but\n{}", log.of, news.join("\n"));
        };
        news.swap_remove(at);
    }
    Ok(())
}

fn command(world: &World, step: &Step) -> Result<()> {
    let line = step.run.as_deref().context("a step without a command")?;
    let output = world.run(line, &step.env, &step.stdin)?;
    let as_wanted = || -> Result<()> {
        judge(step, &output)?;
        let Some(other) = &step.same_as else { return Ok(()) };
        let reference = world.run(other, &step.env, &step.stdin)?;
        let (ours, theirs) = (told(step, &output)?, told(step, &reference)?);
        ensure!(ours == theirs, "not the same as {other}\n--- ours\n{}--- theirs\n{}", lines(&ours), lines(&theirs));
        Ok(())
    };
    as_wanted().with_context(|| {
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        format!(
            "$ {line}\n{} (exit {:?})\n--- standard output\n{out}\n--- standard error\n{err}",
            output.status,
            output.status.code()
        )
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn judge(step: &Step, output: &Output) -> Result<()> {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    ensure!(output.status.code() == Some(step.exit), "the exit status is not {}", step.exit);
    if let Some(wanted) = &step.stdout {
        ensure!(out.trim() == wanted.trim(), "standard output is not\n{wanted}");
    }
    for piece in &step.stdout_has {
        ensure!(out.contains(piece.as_str()), "standard output lacks {piece:?}");
    }
    for piece in &step.stdout_not {
        ensure!(!out.contains(piece.as_str()), "standard output has {piece:?}");
    }
    let both = format!("{out}\n{err}");
    for piece in &step.says {
        ensure!(both.contains(piece.as_str()), "it does not say {piece:?}");
    }
    if let Some(wanted) = &step.json {
        let found: Value = serde_json::from_str(&out).context("standard output is no JSON")?;
        ensure!(&found == wanted, "standard output is not {wanted}");
    }
    Ok(())
}

/// Returns the status and the lines of both streams as a set: Go prints services and nodes in any order, and repeats names.
fn told(step: &Step, output: &Output) -> Result<(Option<i32>, BTreeSet<String>)> {
    let mut text = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    for pattern in &step.apart_from {
        text = regex::Regex::new(pattern)?.replace_all(&text, "…").into_owned();
    }
    // `k=v,k=v` comes in any order, too.
    let word = |word: &str| {
        let mut parts: Vec<&str> = word.split(',').collect();
        if parts.iter().all(|part| part.contains('=')) {
            parts.sort_unstable();
        }
        parts.join(",")
    };
    let words = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    Ok((output.status.code(), text.lines().map(words).filter(|line| !line.is_empty()).collect()))
}

fn lines((status, lines): &(Option<i32>, BTreeSet<String>)) -> String {
    let lines: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    format!("exit {status:?}\n{lines}")
}
