//! A file of services: for those that cannot register themselves, and for tests.
//!
//! The file is YAML or JSON and is read again when it changes. One that cannot be read, or breaks a limit, changes
//! nothing: what was read before stays, marked stale, with one line in the log for each mistake.
//!
//! ```yaml
//! services:
//!   - name: go.micro.srv.greeter
//!     version: "1.0"
//!     protocol: grpc
//!     endpoints: [Say.Hello]
//!     nodes: ["10.0.0.5:9090", { id: two, address: "10.0.0.6:9090", metadata: { zone: b } }]
//! ```

mod document;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use self::document::InvalidFile;
use self::document::{BYTES_MAX, parse};
use crate::known::Known;
use crate::model::Service;
use crate::registry::{
    Change, DeregisterError, Event, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions,
    Registry, Unavailable, Watch, WatchError,
};

const ORIGIN: Origin = Origin::FILE;

/// How often it is looked whether the file changed. A look is two system calls; whatever way it is replaced (in place,
/// by renaming, behind a symbolic link) is seen.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system does not give it.
    #[error("{path} cannot be read")]
    Io {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It says nothing.
    #[error("{path} is no file of services: {source}")]
    Invalid {
        /// The file.
        path: String,
        /// Why.
        source: InvalidFile,
    },
}

/// A file of services. Clones share it; the last one that is dropped ends all watches. Nothing can be registered.
#[derive(Debug, Clone)]
pub struct File {
    read: watch::Receiver<Read>,
    /// Aborted with the last clone.
    _look: Arc<JoinSet<()>>,
}

/// What was read last.
#[derive(Debug, Clone)]
struct Read {
    services: Arc<Vec<Service>>,
    is_stale: bool,
}

impl File {
    /// Reads the file, and goes on to look at it.
    ///
    /// # Errors
    /// When it cannot be read now.
    ///
    /// # Panics
    /// Outside a tokio runtime: the task that looks is spawned here.
    pub fn open(path: impl Into<PathBuf>) -> Result<File, ReadError> {
        let path = path.into();
        let seen = stamp(&path).ok();
        let first = Read { services: Arc::new(read(&path)?), is_stale: false };
        let (sender, read) = watch::channel(first);
        let mut look = JoinSet::new();
        look.spawn(follow(path, seen, sender));
        Ok(File { read, _look: Arc::new(look) })
    }
}

/// Looks at the file until nobody asks any more.
async fn follow(path: PathBuf, mut seen: Option<Stamp>, reads: watch::Sender<Read>) {
    let mut mistake = String::new();
    loop {
        sleep(LOOK_INTERVAL).await;
        let now = stamp(&path).ok();
        if now == seen && now.is_some() {
            continue;
        }
        seen = now;
        // A file on a local disk, and seldom: not worth a thread.
        match read(&path) {
            Ok(services) => {
                mistake.clear();
                tracing::info!(path = %path.display(), services = services.len(), "the file of services is read again");
                reads.send_replace(Read { services: Arc::new(services), is_stale: false });
            }
            Err(error) => {
                let text = error.to_string();
                if text != mistake {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the file of services is not taken; what was read before stays");
                    mistake = text;
                }
                reads.send_modify(|read| read.is_stale = true);
            }
        }
    }
}

/// What differs when a file was written.
type Stamp = (SystemTime, u64);

fn stamp(path: &Path) -> io::Result<Stamp> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.modified()?, metadata.len()))
}

fn read(path: &Path) -> Result<Vec<Service>, ReadError> {
    use std::io::Read as _;
    let name = || path.display().to_string();
    let unread = |source| ReadError::Io { path: name(), source };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unread)?;
    file.take(BYTES_MAX as u64 + 1).read_to_string(&mut text).map_err(unread)?;
    parse(&text).map_err(|source| ReadError::Invalid { path: name(), source })
}

#[async_trait]
impl Registry for File {
    fn origin(&self) -> Origin {
        ORIGIN
    }

    fn is_writable(&self) -> bool {
        false
    }

    async fn register(&self, _: Service, _: RegisterOptions) -> Result<(), RegisterError> {
        Err(read_only().into())
    }

    async fn heartbeat(&self, _: &str, _: &str) -> Result<(), HeartbeatError> {
        Err(read_only().into())
    }

    async fn deregister(&self, _: &Service) -> Result<(), DeregisterError> {
        Err(read_only().into())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        let services = Arc::clone(&self.read.borrow().services);
        let versions: Vec<_> = services.iter().filter(|service| service.name == name).cloned().collect();
        if versions.is_empty() { Err(GetError::UnknownService { name: name.to_owned() }) } else { Ok(versions) }
    }

    async fn list(&self) -> Result<Vec<Service>, ListError> {
        let mut services = self.read.borrow().services.to_vec();
        services.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
        Ok(services)
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        let mut read = self.read.clone();
        read.mark_changed();
        let follower = Follower { read, known: Known::default(), next: Vec::new().into_iter(), is_stale: None };
        Ok(Watch::new(stream::unfold(follower, |mut follower| async move {
            let change = follower.next().await?;
            Some((Event { origin: ORIGIN, change }, follower))
        })))
    }
}

/// One watcher.
struct Follower {
    read: watch::Receiver<Read>,
    known: Known,
    next: std::vec::IntoIter<Change>,
    /// What was told of it; nothing yet.
    is_stale: Option<bool>,
}

impl Follower {
    async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.next.next() {
                return Some(change);
            }
            self.read.changed().await.ok()?;
            let Read { services, is_stale } = self.read.borrow_and_update().clone();
            let mut changes = self.known.replace_all(services.to_vec());
            if self.is_stale.is_none_or(|was_stale| was_stale && !is_stale) {
                changes = vec![Change::Resync(self.known.services().cloned().collect())];
            }
            if is_stale && self.is_stale != Some(true) {
                changes.push(Change::Stale);
            }
            self.is_stale = Some(is_stale);
            self.next = changes.into_iter();
        }
    }
}

fn read_only() -> Unavailable {
    let reason = "the services of a file are changed in the file".to_owned();
    Unavailable { origin: ORIGIN, reason, source: None }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    /// Longer than anything here takes, also on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn what_changes_in_the_file_is_told_and_mistakes_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("services.yaml");
        File::open(&path).expect_err("it is not there");
        std::fs::write(&path, "services: [{ name: a, nodes: [\"x:1\"] }]").unwrap();
        let file = File::open(&path).unwrap();
        let mut watch = file.watch().await.unwrap();
        let mut next = async || timeout(PATIENCE, watch.next()).await.expect("comes").expect("goes on").change;
        let first = file.get("a").await.unwrap();
        assert_eq!(next().await, Change::Resync(first.clone()));
        std::fs::write(&path, "services: [{ name: a, nods: [] }]").unwrap();
        assert_eq!(next().await, Change::Stale);
        assert_eq!(file.list().await.unwrap(), first, "what was read before stays");
        std::fs::write(&path, "services: [{ name: a, nodes: [\"x:1\"] }, { name: b, nodes: [\"y:1\"] }]").unwrap();
        assert_eq!(next().await, Change::Resync(file.list().await.unwrap()));
        std::fs::write(folder.path().join("new"), "services: [{ name: b, nodes: [\"y:1\"] }]\n").unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();
        assert_eq!(next().await, Change::Remove { name: "a".into(), version: "latest".into() });
        let refused = file.register(first[0].clone(), RegisterOptions::default()).await.unwrap_err();
        assert!(refused.to_string().contains("changed in the file"), "{refused}");
    }
}
