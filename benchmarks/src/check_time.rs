//! How long `micro check` takes for large documents, as information: the goal is a second for 4 MiB in a release build.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use crate::options::RunOptions;

const MIB: usize = 1024 * 1024;

/// A kind of document: what stands before and after the part that is repeated until the document is large enough.
struct Shape {
    name: &'static str,
    head: &'static str,
    part: fn(usize) -> String,
    tail: &'static str,
    /// What `micro check` must end with.
    exit: i32,
}

const SHAPES: &[Shape] = &[
    Shape {
        name: "routes",
        head: "version: micro/v1\nlisteners:\n  web: { address: \"127.0.0.1:0\", routes: main }\nroutes:\n  main:\n",
        part: |n| {
            format!(
                "    - match: {{ host: h{}.example.com, path: /part/{n}/** }}\n      handler: proxy\n      service: app\n",
                n % 100
            )
        },
        tail: "services:\n  app: { endpoints: [\"127.0.0.1:3000\"] }\n",
        exit: 0,
    },
    Shape {
        name: "services",
        head: "version: micro/v1\nservices:\n",
        part: |n| {
            format!(
                "  app-{n}:\n    protocol: http\n    endpoints: [\"127.0.0.1:3000\", {{ address: \"127.0.0.1:3001\", weight: 2 }}]\n"
            )
        },
        tail: "",
        exit: 0,
    },
    Shape {
        name: "comments",
        head: "version: micro/v1\n",
        part: |n| format!("# line {n} of a document that somebody generated and explained\n"),
        tail: "",
        exit: 0,
    },
    Shape {
        name: "findings",
        head: "version: micro/v1\nservices:\n",
        part: |n| format!("  app-{n}:\n    endpoint: [\"127.0.0.1:3000\"]\n    balance: {n}\n"),
        tail: "",
        exit: 78,
    },
];

/// Checks one document of each shape and prints a table.
pub(crate) fn run(options: &RunOptions, mebibytes: usize) -> Result<()> {
    ensure!(mebibytes > 0, "--mebibytes must be at least 1");
    let micro = options.micro_binary()?;
    let folder = tempfile::tempdir()?;
    let mut table = "| document | MiB | exit | seconds | seconds per 4 MiB |\n|---|---|---|---|---|\n".to_owned();
    let mut wrong = Vec::new();
    for shape in SHAPES {
        let text = document(shape, mebibytes * MIB);
        let path = folder.path().join(format!("{}.yaml", shape.name));
        fs::write(&path, &text)?;
        let start = Instant::now();
        let mut check = Command::new(&micro);
        let status = check.arg("check").arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let seconds = start.elapsed().as_secs_f64();
        let exit = status.context("start micro check")?.code();
        #[expect(clippy::cast_precision_loss, reason = "documents of a few MiB")]
        let size = text.len() as f64 / MIB as f64;
        let code = exit.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        writeln!(table, "| {} | {size:.1} | {code} | {seconds:.2} | {:.2} |", shape.name, seconds * 4.0 / size)?;
        if exit != Some(shape.exit) {
            wrong.push(format!("{}: exit {code} instead of {}", shape.name, shape.exit));
        }
    }
    io::stdout().write_all(table.as_bytes())?;
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

fn document(shape: &Shape, bytes: usize) -> String {
    let mut text = shape.head.to_owned();
    let mut n = 0;
    while text.len() + shape.tail.len() < bytes {
        text += &(shape.part)(n);
        n += 1;
    }
    text + shape.tail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_as_large_as_asked_for_and_no_more_than_a_part_larger() {
        for shape in SHAPES {
            let bytes = document(shape, 10_000).len();
            assert!((10_000..10_200).contains(&bytes), "{}: {bytes}", shape.name);
        }
    }
}
