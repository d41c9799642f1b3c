//! The last good table on disk: what is known of a registry that cannot be reached when the process starts.

mod disk;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::back_off;
use crate::dialable::Source;
use crate::known::Known;
use crate::model::Service;
use crate::registry::{
    Change, DeregisterError, Event, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions,
    Registry, Watch, WatchError,
};

/// How long a registry may take to be watched before the table on disk is used.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(3);

/// How long to wait before it is tried again; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How long changes are gathered before they are written.
const SAVE_PAUSE: Duration = Duration::from_secs(5);

/// A registry whose table is kept on disk by those who watch it, and used, marked stale, when the registry cannot be
/// reached at the start of a watch. All else is that of the registry itself.
#[derive(Debug)]
pub struct LastGood {
    registry: Arc<dyn Registry>,
    path: PathBuf,
}

impl LastGood {
    /// Keeps the table of a registry in this file. Its folder is made when there is something to write.
    pub fn new(registry: Arc<dyn Registry>, path: impl Into<PathBuf>) -> LastGood {
        LastGood { registry, path: path.into() }
    }
}

#[async_trait]
impl Registry for LastGood {
    fn origin(&self) -> Origin {
        self.registry.origin()
    }

    fn source(&self) -> Source {
        self.registry.source()
    }

    fn is_writable(&self) -> bool {
        self.registry.is_writable()
    }

    async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
        self.registry.register(service, options).await
    }

    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
        self.registry.heartbeat(service, node).await
    }

    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
        self.registry.deregister(service).await
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        self.registry.get(name).await
    }

    async fn list(&self) -> Result<Vec<Service>, ListError> {
        self.registry.list().await
    }

    /// Begins even where the registry cannot be reached, if there is a table on disk.
    async fn watch(&self) -> Result<Watch, WatchError> {
        let mut follower = Follower {
            registry: Arc::clone(&self.registry),
            path: self.path.clone(),
            watch: None,
            known: Known::default(),
            next: VecDeque::new(),
            save_at: None,
            failures: 0,
        };
        match timeout(BEGIN_TIMEOUT, self.registry.watch()).await {
            Ok(Ok(watch)) => follower.watch = Some(watch),
            failed => {
                if !follower.take_from_disk().await {
                    // Nothing is known: that is for the registry itself to say.
                    follower.watch = Some(match failed {
                        Ok(answer) => answer?,
                        Err(_) => self.registry.watch().await?,
                    });
                }
            }
        }
        Ok(Watch::new(stream::unfold(follower, |mut follower| async move {
            let event = follower.next().await?;
            Some((event, follower))
        })))
    }

    fn suspect(&self, service: &str) {
        self.registry.suspect(service);
    }
}

/// One watcher.
struct Follower {
    registry: Arc<dyn Registry>,
    path: PathBuf,
    /// None until the registry is reached.
    watch: Option<Watch>,
    known: Known,
    next: VecDeque<Event>,
    /// When what is known is to be written.
    save_at: Option<Instant>,
    failures: u32,
}

impl Follower {
    async fn take_from_disk(&mut self) -> bool {
        let path = self.path.clone();
        let services = match spawn_blocking(move || disk::load(&path)).await {
            Ok(Ok(services)) => services,
            Ok(Err(error)) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    tracing::warn!(path = %self.path.display(), %error, "the last table of a registry cannot be read");
                }
                return false;
            }
            Err(_) => return false,
        };
        let registry = self.registry.origin();
        let (path, count) = (self.path.display(), services.len());
        tracing::warn!(%registry, %path, services = count, "a registry cannot be reached; its last table is used");
        let (resync, stale) = (Change::Resync(services), Change::Stale);
        self.next.extend([resync, stale].map(|change| Event { origin: registry.clone(), change }));
        true
    }

    /// Cancel safe, but that a table that is being written is then written once more.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.next.pop_front() {
                return Some(event);
            }
            let Some(watch) = &mut self.watch else {
                self.failures = self.failures.saturating_add(1);
                sleep(back_off::pause(self.failures, PAUSE, PAUSE_MAX)).await;
                self.watch = self.registry.watch().await.ok();
                continue;
            };
            tokio::select! {
                event = watch.next() => {
                    let event = event?;
                    if event.change != Change::Stale {
                        self.known.take(&event.change);
                        self.save_at.get_or_insert_with(|| Instant::now() + SAVE_PAUSE);
                    }
                    return Some(event);
                }
                () = due(self.save_at) => self.save().await,
            }
        }
    }

    async fn save(&mut self) {
        let (path, services) = (self.path.clone(), self.known.services().cloned().collect::<Vec<_>>());
        let saved = spawn_blocking(move || disk::save(&path, &services)).await;
        self.save_at = None;
        match saved {
            Ok(Ok(())) => {}
            // Once a minute at most where a disk is full: changes are gathered for that long.
            Ok(Err(error)) => {
                tracing::warn!(path = %self.path.display(), %error, "the table of a registry cannot be written");
                self.save_at = Some(Instant::now() + Duration::from_mins(1));
            }
            Err(error) => tracing::error!(%error, "the table of a registry was not written"),
        }
    }
}

async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::memory::Memory;
    use crate::model::Node;
    use crate::registry::Unavailable;

    /// A registry that may be away.
    #[derive(Debug)]
    struct Away {
        memory: Memory,
        is_away: AtomicBool,
    }

    #[async_trait]
    impl Registry for Away {
        fn origin(&self) -> Origin {
            Origin::ETCD
        }

        async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
            self.memory.register(service, options).await
        }

        async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
            self.memory.heartbeat(service, node).await
        }

        async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
            self.memory.deregister(service).await
        }

        async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
            self.memory.get(name).await
        }

        async fn list(&self) -> Result<Vec<Service>, ListError> {
            self.memory.list().await
        }

        async fn watch(&self) -> Result<Watch, WatchError> {
            if self.is_away.load(Ordering::Relaxed) {
                return Err(Unavailable { origin: self.origin(), reason: "it is away".into(), source: None }.into());
            }
            self.memory.watch().await
        }
    }

    fn service(id: &str) -> Service {
        Service::new("s").with_node(Node::new(id, "x:1"))
    }

    #[tokio::test]
    async fn a_registry_that_is_away_at_the_start_is_known_from_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("micro/etcd.json");
        let away = Arc::new(Away { memory: Memory::new(), is_away: AtomicBool::new(true) });
        let last_good = LastGood::new(away.clone(), &path);
        last_good.watch().await.expect_err("nothing is known yet");
        away.is_away.store(false, Ordering::Relaxed);
        away.register(service("a"), RegisterOptions::default()).await.unwrap();
        let mut watch = last_good.watch().await.unwrap();
        assert_eq!(watch.next().await.unwrap().change, Change::Resync(vec![service("a")]));
        let written = async {
            while disk::load(&path).is_err() {
                // Nothing else happens: this drives the watch until it has written.
                drop(timeout(Duration::from_millis(100), watch.next()).await);
            }
        };
        timeout(Duration::from_secs(60), written).await.expect("is written");

        away.is_away.store(true, Ordering::Relaxed);
        let mut watch = last_good.watch().await.unwrap();
        assert_eq!(watch.next().await.unwrap().change, Change::Resync(vec![service("a")]));
        assert_eq!(watch.next().await.unwrap().change, Change::Stale);
        away.is_away.store(false, Ordering::Relaxed);
        away.deregister(&service("a")).await.unwrap();
        assert_eq!(watch.next().await.unwrap().change, Change::Resync(vec![]));
    }

    #[test]
    fn a_table_is_read_back_and_garbage_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.json");
        disk::save(&path, &[service("a"), Service::new("t").with_node(Node::new("b", "y:1"))]).unwrap();
        assert_eq!(disk::load(&path).unwrap().len(), 2);
        disk::save(&path, &[]).unwrap();
        assert_eq!(disk::load(&path).unwrap(), []);
        std::fs::write(&path, "[{\"name\":\"s\"").unwrap();
        disk::load(&path).expect_err("is broken");
        std::fs::write(
            &path,
            "[{\"name\":\"no nodes\"},{\"name\":\"s\",\"nodes\":[{\"id\":\"1\",\"address\":\"x:1\"}]}]",
        )
        .unwrap();
        assert_eq!(disk::load(&path).unwrap().len(), 1, "what no registry should hold is left out");
    }
}
