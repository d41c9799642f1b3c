//! A registry that is offered to others, and may become another one while it is.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::Either;
use futures_util::stream;
use tokio::sync::watch;

use crate::dialable::Source;
use crate::model::Service;
use crate::registry::{
    DeregisterError, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions, Registry, Watch,
    WatchError,
};

/// A registry in whose place another one may come. Clones share it.
///
/// A watch goes on at the other one, which tells everything anew; what only the one before knew is told as gone then.
#[derive(Debug, Clone)]
pub struct Offered {
    current: watch::Sender<Arc<dyn Registry>>,
}

impl Offered {
    /// Returns the place of this registry.
    pub fn new(registry: Arc<dyn Registry>) -> Offered {
        Offered { current: watch::Sender::new(registry) }
    }

    /// Offers another one from now on.
    pub fn offer(&self, registry: Arc<dyn Registry>) {
        self.current.send_replace(registry);
    }

    fn current(&self) -> Arc<dyn Registry> {
        Arc::clone(&self.current.borrow())
    }
}

#[async_trait]
impl Registry for Offered {
    fn origin(&self) -> Origin {
        self.current().origin()
    }

    fn source(&self) -> Source {
        self.current().source()
    }

    fn is_writable(&self) -> bool {
        self.current().is_writable()
    }

    async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
        self.current().register(service, options).await
    }

    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
        self.current().heartbeat(service, node).await
    }

    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
        self.current().deregister(service).await
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        self.current().get(name).await
    }

    async fn list(&self) -> Result<Vec<Service>, ListError> {
        self.current().list().await
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        let mut changes = self.current.subscribe();
        let current = Arc::clone(&changes.borrow_and_update());
        let start = (current.watch().await?, changes);
        Ok(Watch::new(stream::unfold(start, |(mut watch, mut changes)| async move {
            loop {
                let next = tokio::select! {
                    event = watch.next() => Either::Left(event),
                    changed = changes.changed() => Either::Right(changed),
                };
                match next {
                    Either::Left(event) => return Some((event?, (watch, changes))),
                    Either::Right(changed) => {
                        changed.ok()?;
                        let current = Arc::clone(&changes.borrow_and_update());
                        // Where the other one cannot be watched the watch ends, and whoever looks begins again.
                        watch = current.watch().await.ok()?;
                    }
                }
            }
        })))
    }

    fn suspect(&self, service: &str) {
        self.current().suspect(service);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use crate::model::Node;
    use crate::registry::Change;

    #[tokio::test]
    async fn a_watch_goes_on_at_the_other_one() {
        let (one, other) = (Memory::new(), Memory::new());
        let service = Service::new("s").with_node(Node::new("a", "x:1"));
        other.register(service.clone(), RegisterOptions::default()).await.unwrap();
        let offered = Offered::new(Arc::new(one));
        let mut watch = offered.watch().await.unwrap();
        assert_eq!(watch.next().await.unwrap().change, Change::Resync(vec![]));
        offered.offer(Arc::new(other));
        assert_eq!(watch.next().await.unwrap().change, Change::Resync(vec![service]));
        assert_eq!(offered.get("s").await.unwrap().len(), 1);
    }
}
