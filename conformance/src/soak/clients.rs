//! Who watches while documents change.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

use super::Seen;
use crate::client::http1::{Connection, Request, get};

/// Pauses, so that the watchers leave the machine to those who are watched.
const STATUS_PAUSE: Duration = Duration::from_millis(10);
const ANSWER_PAUSE: Duration = Duration::from_millis(2);
/// How long an echo may take.
const ECHO: Duration = Duration::from_secs(10);

/// Reads `/status` again and again; tells of each new digest, and asks the second listener where it is at the moment.
pub(super) async fn watch_status(admin: SocketAddr, seen: Seen, swaps: Sender<String>, stop: CancellationToken) {
    let mut digest = String::new();
    while !stop.is_cancelled() {
        match get(admin, "/status").await {
            Ok(answer) => {
                let status = answer.json();
                let now = status["digest"].as_str().unwrap_or_default().to_owned();
                note_status(&status, &now, &seen);
                ask_side(&status, &seen).await;
                if now != digest {
                    seen.note().swaps += 1;
                    digest.clone_from(&now);
                    if swaps.send(now).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => seen.failure("/status", error),
        }
        sleep(STATUS_PAUSE).await;
    }
}

fn note_status(status: &Value, digest: &str, seen: &Seen) {
    let mut sightings = seen.note();
    let workers = sightings.digests.entry(digest.to_owned()).or_default();
    if let Some(serving) = status["workers"]["serving"].as_u64()
        && !workers.contains(&serving)
    {
        workers.push(serving);
    }
}

/// The second listener moves: that nobody answers where it was is no failure, a wrong answer is.
async fn ask_side(status: &Value, seen: &Seen) {
    let listeners = status["listeners"].as_array();
    let side = listeners.into_iter().flatten().find(|listener| listener["name"] == "side");
    let address = side.and_then(|side| side["addresses"][0].as_str()).and_then(|address| address.parse().ok());
    if let Some(address) = address
        && let Ok(answer) = get(address, "/").await
    {
        *seen.note().side_answers.entry(answer.text()).or_default() += 1;
    }
}

/// Asks on one connection for what changes, and expects that no request fails and nothing goes back.
pub(super) async fn check_answers(main: SocketAddr, seen: Seen, stop: CancellationToken) {
    let mut connection = None;
    let mut newest = 0;
    while !stop.is_cancelled() {
        if let Err(error) = ask_both(main, &mut connection, &mut newest, &seen).await {
            seen.failure("a request", error);
            connection = None;
        }
        sleep(ANSWER_PAUSE).await;
    }
}

async fn ask_both(
    main: SocketAddr,
    connection: &mut Option<Connection>,
    newest: &mut usize,
    seen: &Seen,
) -> Result<()> {
    for target in ["/answer", "/app/x"] {
        let open = match connection {
            Some(open) => open,
            None => connection.insert(Connection::open(main).await?),
        };
        let answer = open.send(&Request::new(&format!("GET {target}"), "h", &[], "")).await?;
        seen.note().requests += 1;
        ensure!(answer.status == 200, "GET {target}: {answer}");
        // A worker that is no longer needed says so with its last answer.
        if answer.closed {
            *connection = None;
        }
        if target == "/answer" {
            let text = answer.text();
            let number =
                text.strip_prefix("document ").and_then(|number| number.parse().ok()).context("not an answer")?;
            *seen.note().answers.entry(text).or_default() += 1;
            ensure!(number >= *newest, "document {number} serves after {newest}");
            *newest = number;
        }
    }
    Ok(())
}

/// WebSockets through a route that never changes.
pub(super) struct Sockets(Vec<WebSocketStream<TcpStream>>);

impl Sockets {
    pub(super) async fn open(main: SocketAddr, count: usize) -> Result<Self> {
        let mut sockets = Vec::new();
        for _ in 0..count {
            let stream = TcpStream::connect(main).await?;
            let (socket, _) = tokio_tungstenite::client_async(format!("ws://{main}/echo"), stream).await?;
            sockets.push(socket);
        }
        Ok(Self(sockets))
    }

    /// After each swap every socket says something and must hear it again.
    pub(super) async fn echo_after_each(&mut self, mut swaps: Receiver<String>, seen: Seen) {
        while let Some(digest) = swaps.recv().await {
            for (number, socket) in self.0.iter_mut().enumerate() {
                match timeout(ECHO, echo(socket, &format!("{digest} {number}"))).await {
                    Ok(Ok(())) => seen.note().echoes += 1,
                    Ok(Err(error)) => seen.failure("a WebSocket", error),
                    Err(_) => seen.failure("a WebSocket", "no echo in time"),
                }
            }
            seen.note().echo_rounds += 1;
        }
    }
}

async fn echo(socket: &mut WebSocketStream<TcpStream>, text: &str) -> Result<()> {
    socket.send(Message::text(text)).await?;
    let heard = socket.next().await.context("it was closed")??;
    ensure!(heard.to_text()? == text, "heard {heard:?}");
    Ok(())
}
