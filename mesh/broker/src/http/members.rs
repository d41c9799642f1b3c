//! Who subscribes: followed in the registry, and asked for where nobody is known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesh_registry::{Change, GetError, Node, Registry, Service, Source, dialable};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::{BROADCAST, SERVICE};
use crate::broker::{Origin, PublishError, Unavailable};

/// How long the registry may take to say who is there.
const ASK_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an answer of the registry is good. Who comes or goes meanwhile is told of by the watch.
const ANSWER_FOR: Duration = Duration::from_millis(500);

/// How long to wait before a watch that failed is tried again.
const WATCH_PAUSE: Duration = Duration::from_secs(1);

/// A member that can be posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) id: String,
    pub(super) address: String,
}

/// Those among whom a message is shared, or who all get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// The queue; `None`: each gets the message.
    pub(super) queue: Option<String>,
    pub(super) members: Vec<Member>,
}

#[derive(Debug)]
pub(super) struct Members {
    registry: Arc<dyn Registry>,
    known: Arc<Mutex<Known>>,
    /// Aborted with the broker.
    _following: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// By version, as the watch tells.
    services: BTreeMap<String, Service>,
    /// What the registry answered last, and when.
    answer: Option<(Instant, Vec<Service>)>,
    /// Whether a watch that fails was complained about.
    complained: bool,
}

impl Members {
    pub(super) fn follow(registry: Arc<dyn Registry>) -> Members {
        let known = Arc::new(Mutex::new(Known::default()));
        let mut following = JoinSet::new();
        following.spawn(follow(Arc::clone(&registry), Arc::clone(&known)));
        Members { registry, known, _following: following }
    }

    /// Returns who gets a message of the topic; none where nobody does.
    ///
    /// The first time the registry is asked, as the watch may know only a part yet; then only where the watch knows
    /// nobody, as mdns can ask for what it has not heard.
    pub(super) async fn of(&self, topic: &str) -> Result<Vec<Group>, PublishError> {
        if let Some(groups) = self.known.lock().groups(topic, self.registry.source()) {
            return groups;
        }
        let services = match timeout(ASK_TIMEOUT, self.registry.get(SERVICE)).await {
            Ok(Ok(services)) => services,
            Ok(Err(GetError::UnknownService { .. })) => Vec::new(),
            Ok(Err(GetError::Unavailable(error))) => {
                let reason = "the registry does not say who subscribes";
                return Err(Unavailable::new(Origin::HTTP, reason).caused_by(error).into());
            }
            Err(_) => {
                let reason = format!("the registry did not say within {ASK_TIMEOUT:?} who subscribes");
                return Err(Unavailable::new(Origin::HTTP, reason).into());
            }
        };
        let mut known = self.known.lock();
        known.answer = Some((Instant::now(), services));
        known.groups(topic, self.registry.source()).unwrap_or_else(|| Ok(Vec::new()))
    }
}

impl Known {
    /// Returns who gets a message of the topic, or `None` where the registry is to be asked.
    fn groups(&self, topic: &str, source: Source) -> Option<Result<Vec<Group>, PublishError>> {
        let (asked, answered) = self.answer.as_ref()?;
        let is_fresh = asked.elapsed() < ANSWER_FOR;
        let answered = if is_fresh { answered.as_slice() } else { &[] };
        let mut groups: Vec<Group> = Vec::new();
        for service in self.services.values().chain(answered) {
            let queue = (service.version != BROADCAST).then(|| service.version.clone());
            let members = service.nodes.iter().filter_map(|node| member(node, topic, source));
            match groups.iter_mut().find(|group| group.queue == queue) {
                None => groups.push(Group { queue, members: members.collect() }),
                Some(group) => {
                    let new: Vec<Member> =
                        members.filter(|new| group.members.iter().all(|old| old.id != new.id)).collect();
                    group.members.extend(new);
                }
            }
        }
        let is_nobody_at_all = groups.is_empty();
        groups.retain(|group| !group.members.is_empty());
        match (groups.is_empty(), is_fresh) {
            (true, false) => None,
            (true, true) if is_nobody_at_all => Some(Err(PublishError::NoMembers)),
            _ => Some(Ok(groups)),
        }
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Resync(services) => {
                let ours = services.into_iter().filter(|service| service.name == SERVICE);
                self.services = ours.map(|service| (service.version.clone(), service)).collect();
                self.complained = false;
            }
            Change::Upsert(service) if service.name == SERVICE => {
                self.services.insert(service.version.clone(), service);
            }
            Change::Remove { name, version } if name == SERVICE => {
                self.services.remove(&version);
            }
            Change::Upsert(_) | Change::Remove { .. } | Change::Stale => {}
        }
    }
}

/// A node of the topic that can be reached without TLS.
fn member(node: &Node, topic: &str, source: Source) -> Option<Member> {
    let label = |key: &str| node.metadata.get(key).map(String::as_str);
    if label("broker") != Some("http") || label("topic") != Some(topic) {
        return None;
    }
    if label("secure") == Some("true") {
        tracing::debug!(node = node.id, "a subscriber wants TLS, which is not built yet: it is left out");
        return None;
    }
    let address = dialable(&node.address, source)?.into_owned();
    Some(Member { id: node.id.clone(), address })
}

async fn follow(registry: Arc<dyn Registry>, known: Arc<Mutex<Known>>) {
    loop {
        match registry.watch().await {
            Ok(mut watch) => {
                while let Some(event) = watch.next().await {
                    known.lock().take(event.change);
                }
                return; // the registry is gone
            }
            Err(error) => {
                if !std::mem::replace(&mut known.lock().complained, true) {
                    tracing::warn!(%error, "subscribers are not followed, it is tried again");
                }
                sleep(WATCH_PAUSE).await;
            }
        }
    }
}
