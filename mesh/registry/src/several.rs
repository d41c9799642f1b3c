//! Several registries as one: in order, merged, the first one that knows a node counts.

mod merged;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::stream::{self, BoxStream, SelectAll, StreamExt};

use self::merged::Merged;
use crate::model::Service;
use crate::registry::{
    Change, DeregisterError, Event, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions,
    Registry, Watch, WatchError,
};
use crate::{back_off, limits};

/// How long to wait before a registry whose watch ended or did not begin is watched again; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Several registries as one.
///
/// What is registered is registered with each of them, and found in all of them: of a node that several know the first
/// one counts. As long as one answers there is an answer. Addresses are told as they can be dialled from here
/// ([`dialable`](crate::dialable())).
///
/// Its watch tells the merged table; each event carries the origin of the registry whose change it was. A registry
/// that cannot be reached makes it stale and takes nothing away.
#[derive(Debug, Clone)]
pub struct Several {
    members: Arc<[Arc<dyn Registry>]>,
}

impl Several {
    /// Returns these as one.
    ///
    /// # Panics
    /// When there is none.
    pub fn new(members: impl IntoIterator<Item = Arc<dyn Registry>>) -> Several {
        let members: Arc<[_]> = members.into_iter().collect();
        assert!(!members.is_empty(), "there is a registry");
        Several { members }
    }

    /// Returns these as one; one alone as it is.
    ///
    /// # Panics
    /// When there is none.
    pub fn of(members: impl IntoIterator<Item = Arc<dyn Registry>>) -> Arc<dyn Registry> {
        let several = Several::new(members);
        match &*several.members {
            [only] => Arc::clone(only),
            _ => Arc::new(several),
        }
    }

    /// Returns them, in order.
    pub fn members(&self) -> &[Arc<dyn Registry>] {
        &self.members
    }

    /// Asks all at once and waits for all.
    async fn ask<R, F: Future<Output = R>>(&self, ask: impl Fn(Arc<dyn Registry>) -> F) -> Vec<R> {
        join_all(self.members.iter().map(|member| ask(Arc::clone(member)))).await
    }

    fn merge(&self, answers: Vec<Vec<Service>>) -> Vec<Service> {
        let mut merged = Merged::new(self.members.iter().map(|member| member.source()));
        for (at, services) in answers.into_iter().enumerate() {
            merged.take(at, &Change::Resync(services));
        }
        merged.services()
    }
}

#[async_trait]
impl Registry for Several {
    /// That of the first.
    fn origin(&self) -> Origin {
        self.members[0].origin()
    }

    fn is_writable(&self) -> bool {
        self.members.iter().any(|member| member.is_writable())
    }

    /// Registers with each, so that all who ask one of them find it.
    async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
        limits::check(&service)?;
        let registered = self.ask(|member| {
            let service = service.clone();
            async move { member.register(service, options).await }
        });
        one_is_enough(registered.await, "it was not registered, but elsewhere")
    }

    /// One that does not know the node any more makes it be registered again with all.
    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
        let mut answers = self.ask(|member| async move { member.heartbeat(service, node).await }).await;
        let is_unknown = |answer: &Result<(), _>| matches!(answer, Err(HeartbeatError::UnknownNode { .. }));
        match answers.iter().position(is_unknown) {
            Some(at) => answers.swap_remove(at),
            None => one_is_enough(answers, "a lease was not renewed, but elsewhere"),
        }
    }

    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
        limits::check_identity(service)?;
        let answers = self.ask(|member| async move { member.deregister(service).await }).await;
        one_is_enough(answers, "it was not taken away, but elsewhere")
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        let answers = self.ask(|member| async move { member.get(name).await }).await;
        let mut unavailable = None;
        let mut found = Vec::new();
        let mut is_unknown = false;
        for answer in answers {
            found.push(match answer {
                Ok(versions) => versions,
                Err(GetError::UnknownService { .. }) => {
                    is_unknown = true;
                    Vec::new()
                }
                Err(GetError::Unavailable(error)) => {
                    unavailable = unavailable.or(Some(error));
                    Vec::new()
                }
            });
        }
        let versions = self.merge(found);
        match unavailable {
            Some(error) if versions.is_empty() && !is_unknown => Err(error.into()),
            _ if versions.is_empty() => Err(GetError::UnknownService { name: name.to_owned() }),
            _ => Ok(versions),
        }
    }

    async fn list(&self) -> Result<Vec<Service>, ListError> {
        let answers = self.ask(|member| async move { member.list().await }).await;
        let mut failure = None;
        let mut is_answered = false;
        let mut found = Vec::new();
        for answer in answers {
            found.push(answer.map_or_else(
                |error| {
                    failure = failure.take().or(Some(error));
                    Vec::new()
                },
                |services| {
                    is_answered = true;
                    services
                },
            ));
        }
        match failure {
            Some(error) if !is_answered => Err(error),
            _ => Ok(self.merge(found)),
        }
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        let feeds = self.members.iter().enumerate().map(|(at, member)| feed(at, member));
        let start = Follower {
            feeds: feeds.collect(),
            merged: Merged::new(self.members.iter().map(|member| member.source())),
            next: VecDeque::new(),
        };
        Ok(Watch::new(stream::unfold(start, |mut follower| async move {
            let event = follower.next().await?;
            Some((event, follower))
        })))
    }

    fn suspect(&self, service: &str) {
        for member in self.members.iter() {
            member.suspect(service);
        }
    }
}

/// One watcher.
struct Follower {
    feeds: SelectAll<BoxStream<'static, (usize, Event)>>,
    merged: Merged,
    next: VecDeque<Event>,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.next.pop_front() {
                return Some(event);
            }
            let (at, Event { origin, change }) = self.feeds.next().await?;
            let changes = self.merged.take(at, &change);
            self.next.extend(changes.into_iter().map(|change| Event { origin: origin.clone(), change }));
        }
    }
}

/// The events of one registry for as long as somebody watches, whatever its own watches do.
fn feed(at: usize, member: &Arc<dyn Registry>) -> BoxStream<'static, (usize, Event)> {
    let start = Feed { member: Arc::clone(member), watch: None, failures: 0, is_stale: false };
    let events = stream::unfold(start, move |mut feed| async move {
        let event = feed.next().await;
        Some(((at, event), feed))
    });
    events.boxed()
}

/// The watch of one registry, begun again when it ends.
struct Feed {
    member: Arc<dyn Registry>,
    watch: Option<Watch>,
    failures: u32,
    /// Whether it was said last that it cannot be reached.
    is_stale: bool,
}

impl Feed {
    async fn next(&mut self) -> Event {
        loop {
            if let Some(watch) = &mut self.watch {
                if let Some(event) = watch.next().await {
                    self.failures = 0;
                    self.is_stale = event.change == Change::Stale;
                    return event;
                }
                self.watch = None;
                self.failures = self.failures.saturating_add(1);
            }
            // One that ended may begin again; others wait for what this one says.
            if self.failures > 1 && !std::mem::replace(&mut self.is_stale, true) {
                return self.stale();
            }
            if self.failures > 0 {
                tokio::time::sleep(back_off::pause(self.failures, PAUSE, PAUSE_MAX)).await;
            }
            match self.member.watch().await {
                Ok(watch) => self.watch = Some(watch),
                Err(error) => {
                    tracing::debug!(%error, "a registry cannot be watched, it is tried again");
                    self.failures = self.failures.saturating_add(1);
                    if !std::mem::replace(&mut self.is_stale, true) {
                        return self.stale();
                    }
                }
            }
        }
    }

    fn stale(&self) -> Event {
        Event { origin: self.member.origin(), change: Change::Stale }
    }
}

/// One success is a success; what the others said is in the log.
fn one_is_enough<E: std::error::Error>(answers: Vec<Result<(), E>>, otherwise: &'static str) -> Result<(), E> {
    let is_done = answers.iter().any(Result::is_ok);
    let mut first = None;
    for error in answers.into_iter().filter_map(Result::err) {
        if is_done {
            tracing::debug!(%error, "{otherwise}");
        }
        first = first.or(Some(error));
    }
    match first {
        Some(error) if !is_done => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;
    use crate::memory::Memory;
    use crate::registry::Unavailable;

    /// A registry with these watches; when they are used up it cannot be reached.
    #[derive(Debug)]
    struct Watched(Memory, Mutex<VecDeque<Vec<Change>>>);

    #[async_trait]
    impl Registry for Watched {
        fn origin(&self) -> Origin {
            self.0.origin()
        }

        async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
            self.0.register(service, options).await
        }

        async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
            self.0.heartbeat(service, node).await
        }

        async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
            self.0.deregister(service).await
        }

        async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
            self.0.get(name).await
        }

        async fn list(&self) -> Result<Vec<Service>, ListError> {
            self.0.list().await
        }

        async fn watch(&self) -> Result<Watch, WatchError> {
            let origin = self.origin();
            match self.1.lock().pop_front() {
                Some(changes) => Ok(Watch::new(stream::iter(changes).map(move |change| {
                    let origin = origin.clone();
                    Event { origin, change }
                }))),
                None => Err(Unavailable { origin, reason: "gone".to_owned(), source: None }.into()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_cannot_be_watched_any_more_is_told_as_stale_once() {
        async fn check(watches: &[&[Change]], expected: &[Change]) {
            let watches = watches.iter().map(|changes| changes.to_vec()).collect();
            let member: Arc<dyn Registry> = Arc::new(Watched(Memory::new(), Mutex::new(watches)));
            let mut events = feed(0, &member);
            let mut told = Vec::new();
            let minutes = Duration::from_secs(300);
            while let Ok(Some((_, event))) = tokio::time::timeout(minutes, events.next()).await {
                told.push(event.change);
            }
            assert_eq!(told, expected);
        }
        let all = || Change::Resync(Vec::new());
        check(&[], &[Change::Stale]).await;
        check(&[&[all()]], &[all(), Change::Stale]).await;
        check(&[&[all()], &[all()]], &[all(), all(), Change::Stale]).await;
        check(&[&[all(), Change::Stale]], &[all(), Change::Stale]).await;
    }
}
