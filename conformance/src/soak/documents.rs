//! The documents that follow each other.

use std::net::SocketAddr;

/// How a document takes the place of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Written over it, as editors do that keep the file.
    InPlace,
    /// Written beside it and renamed, as careful programs do.
    Renamed,
}

/// What the documents lead to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Documents {
    /// The nodes of the cluster that changes, by turns.
    pub(super) apps: [SocketAddr; 2],
    /// The node of the cluster that stays.
    pub(super) echo: SocketAddr,
}

/// Numbers of workers in their order; each stands for several documents.
const WORKERS: [u64; 4] = [2, 1, 3, 2];
/// How many valid documents keep one number of workers.
const WORKERS_KEPT: usize = 4;

impl Documents {
    /// Number 0 is what the gateway is started with; of the others every odd one is valid.
    pub(super) fn is_valid(number: usize) -> bool {
        number == 0 || number % 2 == 1
    }

    /// Returns the number of the last valid one of so many.
    pub(super) fn last_valid(documents: usize) -> usize {
        (0..=documents).rev().find(|number| Self::is_valid(*number)).unwrap_or_default()
    }

    /// Returns what routes answer under a document, valid or not.
    pub(super) fn answer(number: usize) -> String {
        format!("document {number}")
    }

    /// Returns how many workers it asks for.
    pub(super) fn workers(number: usize) -> u64 {
        WORKERS[(number / 2 / WORKERS_KEPT) % WORKERS.len()]
    }

    /// Returns how it is written.
    pub(super) fn how(number: usize) -> How {
        if number % 4 < 2 { How::Renamed } else { How::InPlace }
    }

    /// Returns its text. A valid one changes the answer of two routes, a cluster, and a listener, some of them the number of
    /// workers; a wrong one would, too, if it were taken.
    pub(super) fn text(&self, number: usize) -> String {
        let (answer, workers, echo) = (Self::answer(number), Self::workers(number), self.echo);
        let step = number / 2;
        let app = self.apps[step % 2];
        // Loopback has as many addresses as are needed: the listener moves without guessing a free port.
        let side = format!("127.0.0.{}:0", 2 + step % 2);
        let text = format!(
            r#"version: micro/v1
workers: {workers}
telemetry: {{ access_log: {{ format: off }}, log: {{ level: warn }} }}
registry: {{ kind: memory, listen: "127.0.0.1:0" }}
admin: {{ address: "127.0.0.1:0" }}
listeners:
  main: {{ address: "127.0.0.1:0", routes: public }}
  side: {{ address: "{side}", routes: side }}
routes:
  public:
    - {{ match: {{ path: /echo }}, handler: {{ proxy: {{ upgrade: [websocket] }} }}, service: echo }}
    - {{ match: {{ path: /answer }}, handler: {{ respond: {{ body: "{answer}" }} }} }}
    - {{ match: {{ path: /app/** }}, handler: proxy, service: app }}
  side:
    - {{ match: {{ path: /** }}, handler: {{ respond: {{ body: "{answer}" }} }} }}
services:
  echo: {{ protocol: http, endpoints: ["{echo}"] }}
  app: {{ protocol: http, endpoints: ["{app}"] }}
"#
        );
        if Self::is_valid(number) { text } else { wrong(&text, step) }
    }
}

/// Spoils a document, in one of several ways.
fn wrong(text: &str, step: usize) -> String {
    match step % 6 {
        0 => text.replace("routes: side }", "routes: nowhere }"),
        1 => text.replace("workers:", "wokers:"),
        2 => format!("{text}    - {{ never closed"),
        3 => text.replace("format: off", "format: loud"),
        4 => format!("{text}version: micro/v1\n"),
        _ => text.replace("path: /app/**", "path: app"),
    }
}

#[cfg(test)]
mod tests {
    use config_schema::{Layers, load};

    use super::*;

    #[test]
    fn every_other_document_is_wrong() {
        let documents = Documents {
            apps: [([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into()],
            echo: ([127, 0, 0, 1], 3).into(),
        };
        let mut digests = std::collections::BTreeSet::new();
        for number in 0..40 {
            match load(&Layers::text("gateway.yaml", documents.text(number))) {
                Ok(loaded) => {
                    assert!(Documents::is_valid(number), "{number} loads");
                    assert!(digests.insert(loaded.digest), "{number} is like another");
                }
                Err(report) => assert!(!Documents::is_valid(number), "{number}: {}", report.render(false)),
            }
        }
    }
}
