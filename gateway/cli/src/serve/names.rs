//! Host names in registered addresses: resolved here, again at their time to live, last good kept.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use gateway_upstream::{HostAddresses, HostResolver, ResolveHostError};
use tokio::task::JoinSet;

/// How many names are looked up at most: what is registered comes from outside.
const NAMES_MAX: usize = 1024;

/// The names that registered nodes are reached by.
#[derive(Debug, Default)]
pub(super) struct Names {
    resolver: Option<HostResolver>,
    known: HashMap<String, Vec<IpAddr>>,
    /// Names that a look-up is under way or due for.
    asked: HashSet<String>,
    asking: JoinSet<(String, Result<HostAddresses, ResolveHostError>)>,
}

impl Names {
    /// Returns the addresses of a name as far as they are known, and sees to it that they will be.
    pub(super) fn addresses(&mut self, host: &str) -> Vec<IpAddr> {
        if !self.asked.contains(host) && self.asked.len() < NAMES_MAX {
            self.ask(host.to_owned(), Duration::ZERO);
        }
        self.known.get(host).cloned().unwrap_or_default()
    }

    /// Waits for a name whose addresses are new; names that are not used any more are forgotten on the way. Waits for
    /// ever where there are none. Cancel safe.
    pub(super) async fn learned(&mut self, used: impl Fn(&str) -> bool) -> String {
        loop {
            let Some(answer) = self.asking.join_next().await else { std::future::pending().await };
            let (host, answer) = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    tracing::error!(%error, "a look-up ended in a panic");
                    continue;
                }
            };
            self.asked.remove(&host);
            if !used(&host) {
                self.known.remove(&host);
                continue;
            }
            match answer {
                Ok(answer) => {
                    self.ask(host.clone(), answer.ask_again_in);
                    let before = self.known.insert(host.clone(), answer.addresses);
                    if before.as_ref() != self.known.get(&host) {
                        return host;
                    }
                }
                Err(error) => {
                    tracing::warn!(%host, error = &error as &dyn std::error::Error, "a registered host name cannot be resolved; its last addresses stay");
                    self.ask(host, error.ask_again_in());
                }
            }
        }
    }

    fn ask(&mut self, host: String, pause: Duration) {
        if self.resolver.is_none() {
            let resolver = HostResolver::from_system();
            self.resolver = resolver
                .inspect_err(|error| {
                    tracing::warn!(error = error as &dyn std::error::Error, "host names cannot be resolved");
                })
                .ok();
        }
        let Some(resolver) = self.resolver.clone() else { return };
        self.asked.insert(host.clone());
        self.asking.spawn(async move {
            tokio::time::sleep(pause).await;
            let answer = resolver.resolve(&host).await;
            (host, answer)
        });
    }
}
