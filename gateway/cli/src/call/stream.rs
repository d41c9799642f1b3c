//! `micro stream`.

use mesh::{Request, Stream};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

use super::unary::timeout;
use super::{body, json, metadata};
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::say;
use crate::session::{self, Failure, Session};

/// `micro stream SERVICE ENDPOINT [JSON…]`. Each message of the service is printed with a line break; the end of the
/// stream is no error.
pub(crate) fn stream(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| converse(&session, invocation.words()).await.map(|()| String::new()))
}

/// Opens a stream, sends what there is to send, and prints what comes.
pub(super) async fn converse(session: &Session<'_>, words: &[String]) -> Result<(), Failure> {
    let [service, endpoint, rest @ ..] = words else {
        return Err(Failure("require service and endpoint".to_owned()));
    };
    let values = &session.invocation.values;
    let count = values.integer("count").map(|count| u64::try_from(count).unwrap_or(0));
    let request = Request {
        metadata: metadata(values.all("metadata"))?,
        address: values.given("address").filter(|address| !address.is_empty()),
        timeout: timeout(session)?,
        ..Request::new(service, endpoint)
    };
    // Lines of standard input are messages, one each, sent as they come.
    let lines = values.is_on("stdin").then(|| BufReader::new(tokio::io::stdin()).lines());
    let text = if lines.is_some() { String::new() } else { body::of_words(rest, false)? };
    let first = if lines.is_some() { None } else { Some(body::object(&text)?) };

    let calling = |error| Failure(format!("error calling {service}.{endpoint}: {error}"));
    let mut stream = session.client.stream(&request).await.map_err(calling)?;
    if let Some(first) = first {
        // Why a message was not sent is told by what is received.
        stream.send(first.as_bytes()).await.ok();
    }
    let raw = values.text("output") == Some("raw");
    let mut conversation = Conversation { stream, lines };
    let mut received = 0;
    while count.is_none_or(|count| received < count) {
        let message = conversation.next().await;
        let message =
            message.map_err(|reason| Failure(format!("error receiving from {service}.{endpoint}: {reason}")))?;
        let Some(message) = message else { break };
        received += 1;
        let text = String::from_utf8_lossy(&message).into_owned();
        let shown = if raw { text } else { json::indented(&message).unwrap_or(text) };
        say(&format!("{shown}\n"));
    }
    Ok(())
}

struct Conversation {
    stream: Stream,
    lines: Option<Lines<BufReader<Stdin>>>,
}

impl Conversation {
    /// Waits for the next message, and sends the lines of standard input meanwhile. After the last line this side ends.
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, String> {
        loop {
            let Some(lines) = &mut self.lines else {
                return self.stream.receive().await.map_err(|error| error.to_string());
            };
            // Both are cancel safe.
            let line = tokio::select! {
                message = self.stream.receive() => return message.map_err(|error| error.to_string()),
                line = lines.next_line() => line.map_err(|error| format!("reading standard input: {error}"))?,
            };
            match line {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => {
                    let message = body::object(&line).map_err(|failure| failure.0)?;
                    self.stream.send(message.as_bytes()).await.ok();
                }
                None => {
                    // Whoever is gone is told of by what is received.
                    self.stream.close_send().await.ok();
                    self.lines = None;
                }
            }
        }
    }
}
