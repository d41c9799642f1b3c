//! `micro logs`.

use std::collections::VecDeque;
use std::path::PathBuf;

use mesh::{Protocol, Request};
use mesh_registry::{GetError, Node};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{Output, say};
use crate::session::{self, Failure, Session};

/// How many lines are shown unless told otherwise.
const LINES: usize = 15;

/// `micro logs SERVICE`: what a service that `micro run` started has written, else what the nodes of a registered service
/// have kept.
pub(crate) fn logs(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| show(&session, invocation.words()).await.map(|()| String::new()))
}

/// How logs are shown.
#[derive(Debug, Clone, Copy)]
struct How {
    lines: usize,
    follow: bool,
    output: Output,
}

async fn show(session: &Session<'_>, words: &[String]) -> Result<(), Failure> {
    let name = words.first().map_or("", String::as_str);
    if name.is_empty() {
        return Err(Failure("Required usage: micro log example".to_owned()));
    }
    let values = &session.invocation.values;
    let lines = values.integer("lines").and_then(|lines| usize::try_from(lines).ok()).filter(|lines| *lines > 0);
    let output = session.invocation.output;
    let how = How { lines: lines.unwrap_or(LINES), follow: values.is_on("follow"), output };
    let path = file(session.invocation, name);
    if let Ok(file) = tokio::fs::File::open(&path).await {
        return show_file(file, how).await.map_err(|error| Failure(format!("reading {}: {error}", path.display())));
    }
    match session.registry.get(name).await {
        Ok(services) => {
            for node in services.iter().flat_map(|service| &service.nodes) {
                show_node(session, name, node, how).await?;
            }
            Ok(())
        }
        Err(GetError::UnknownService { .. }) => Err(Failure(format!("Log file {} does not exists", path.display()))),
        Err(error) => Err(Failure(crate::output::chain(&error))),
    }
}

/// Where the runtime of this host writes what a service prints.
fn file(invocation: &Invocation, name: &str) -> PathBuf {
    let temporary = invocation.variables.get("TMPDIR").filter(|folder| !folder.is_empty());
    let temporary = temporary.map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    temporary.join("micro").join("logs").join(format!("{}.log", name.replace('/', "-")))
}

async fn show_file(file: impl AsyncRead + Unpin, how: How) -> std::io::Result<()> {
    let mut lines = BufReader::new(file).lines();
    let mut last = Last::of(how.lines);
    while let Some(line) = lines.next_line().await? {
        last.push(shown(how.output, &line, &json!(null)));
    }
    last.say();
    Ok(())
}

async fn show_node(session: &Session<'_>, service: &str, node: &Node, how: How) -> Result<(), Failure> {
    let failed = |reason: String| Failure(format!("{}: {reason}", node.id));
    let request =
        Request { address: Some(&node.address), protocol: Protocol::of(node), ..Request::new(service, "Debug.Log") };
    let mut stream = session.client.stream(&request).await.map_err(|error| failed(error.to_string()))?;
    let message = json!({ "service": service, "count": how.lines, "stream": how.follow }).to_string();
    stream.send(message.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    let mut last = Last::of(how.lines);
    while let Some(record) = stream.receive().await.map_err(|error| failed(error.to_string()))? {
        let record: Value = serde_json::from_slice(&record).map_err(|error| failed(error.to_string()))?;
        let line = shown(how.output, record["message"].as_str().unwrap_or_default(), &record["metadata"]);
        // Go's services send more than they are asked for; what is followed comes one by one.
        if how.follow { say(&line) } else { last.push(line) }
    }
    last.say();
    Ok(())
}

/// A record as Micro v2 prints it.
fn shown(output: Output, message: &str, metadata: &Value) -> String {
    match output {
        Output::Text => format!("{}\n", message.trim_end_matches('\n')),
        Output::Json => format!("{}\n", json!({ "Metadata": metadata, "Message": message })),
    }
}

/// The last lines of many.
struct Last {
    lines: VecDeque<String>,
    most: usize,
}

impl Last {
    fn of(most: usize) -> Self {
        Self { lines: VecDeque::new(), most }
    }

    fn push(&mut self, line: String) {
        if self.lines.len() == self.most {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    fn say(self) {
        for line in self.lines {
            say(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Last;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut last = Last::of(2);
        for line in ["a", "b", "c"] {
            last.push(line.to_owned());
        }
        assert_eq!(last.lines, ["b", "c"]);
    }
}
