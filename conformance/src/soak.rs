//! Reloads under load: documents follow each other faster than anybody would write them, half of them wrong, while clients
//! watch every answer.
//!
//! Once as a short test, and in full as the program `reload-under-load`, which adds `wrk` and prints what it found.

mod clients;
mod documents;
mod figures;
mod wrk;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::case::NodeKind;
use crate::client::http1::get;
use crate::node::Node;
use crate::process::{Gateway, Launch};
use crate::wait::until;
use documents::{Documents, How};

pub use figures::Figures;

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many documents are written, valid and invalid by turns.
    pub documents: usize,
    /// How long one stands before the next.
    pub every: Duration,
    /// How many WebSockets are open all the time.
    pub websockets: usize,
    /// How many connections `wrk` loads the gateway with; none without it.
    pub wrk_connections: Option<usize>,
}

/// What the clients have seen, together.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Sightings>>);

#[derive(Debug, Default)]
struct Sightings {
    /// Digests in `/status`, with the numbers of workers told beside each.
    digests: BTreeMap<String, Vec<u64>>,
    /// Answers of the main listener and of the second one.
    answers: BTreeMap<String, u64>,
    side_answers: BTreeMap<String, u64>,
    requests: u64,
    failures: Vec<String>,
    swaps: u64,
    echo_rounds: u64,
    echoes: u64,
}

impl Seen {
    fn note(&self) -> MutexGuard<'_, Sightings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, what: &str, error: impl std::fmt::Display) {
        self.note().failures.push(format!("{what}: {error:#}"));
    }
}

/// Carries out a plan.
///
/// # Errors
/// When it cannot be carried out. What was found wrong is in the figures.
pub async fn run(program: &Path, plan: Plan) -> Result<Figures> {
    let (first, second) = (Node::of(NodeKind::Http).await?, Node::of(NodeKind::Http).await?);
    let echo = Node::of(NodeKind::Websocket).await?;
    let documents = Documents { apps: [first.address(), second.address()], echo: echo.address() };
    let folder = TempDir::new()?;
    let path = folder.path().join("gateway.yaml");
    std::fs::write(&path, documents.text(0))?;
    let launch = Launch {
        args: vec!["gateway".to_owned(), "--config".to_owned(), path.to_string_lossy().into_owned()],
        ..Launch::default()
    };
    let gateway = Gateway::launch(program, &launch, folder).await?;
    let main = *gateway.listeners().get("main").context("no listener main")?;

    let (seen, stop) = (Seen::default(), CancellationToken::new());
    let mut tasks = JoinSet::new();
    let (swaps, told) = tokio::sync::mpsc::channel(plan.documents + 1);
    let mut sockets = clients::Sockets::open(main, plan.websockets).await?;
    tasks.spawn(clients::watch_status(gateway.admin()?, seen.clone(), swaps, stop.clone()));
    tasks.spawn(clients::check_answers(main, seen.clone(), stop.clone()));
    let (ws_seen, ws_told) = (seen.clone(), told);
    tasks.spawn(async move { sockets.echo_after_each(ws_told, ws_seen).await });

    let total = plan.every * u32::try_from(plan.documents)?;
    let load = match plan.wrk_connections {
        Some(connections) => Some(wrk::start(main, connections, total)?),
        None => None,
    };
    write_all(&documents, &path, plan).await?;
    let last = Documents::last_valid(plan.documents);
    let serves_last = until("the last valid document to serve", async || {
        (get(main, "/answer").await.ok()?.text() == Documents::answer(last)).then_some(())
    });
    let serves_last = serves_last.await.is_ok();
    let load = match load {
        Some(load) => Some(wrk::finish(load).await?),
        None => None,
    };
    let status = gateway.ask("/status").await?;
    stop.cancel();
    while let Some(ended) = tasks.join_next().await {
        ended?;
    }
    let sightings = std::mem::take(&mut *seen.note());
    figures::gather(plan, &documents, sightings, &status, load, serves_last)
}

/// Writes the documents at their times, whatever the gateway makes of them.
async fn write_all(documents: &Documents, path: &Path, plan: Plan) -> Result<()> {
    let start = Instant::now();
    for number in 1..=plan.documents {
        let text = documents.text(number);
        match Documents::how(number) {
            How::InPlace => std::fs::write(path, text)?,
            How::Renamed => {
                let beside = path.with_extension("next");
                std::fs::write(&beside, text)?;
                std::fs::rename(&beside, path)?;
            }
        }
        sleep_until(start + plan.every * u32::try_from(number)?).await;
    }
    Ok(())
}
