//! What is registered through a registry that is offered to others, told to whoever listens (spec/wire 2.5).
//!
//! go-micro's registry service publishes an event for each registration and each end of one. A registry that is
//! [`Noted`] writes that event; its owner publishes it on [`TOPIC`].

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use prost::Message;
use proto::registry as wire;
use tokio::sync::mpsc;

use crate::dialable::Source;
use crate::model::Service;
use crate::protocol::to_wire;
use crate::registry::{
    DeregisterError, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions, Registry, Watch,
    WatchError,
};

/// The topic of these events.
pub const TOPIC: &str = "go.micro.registry.events";

/// A registry that tells what is registered and taken away through it, as encoded `go.micro.registry.Event`.
///
/// An event is a hint, not a promise: while as many wait as the channel takes, further ones are left out.
#[derive(Debug)]
pub struct Noted {
    registry: Arc<dyn Registry>,
    server: String,
    events: mpsc::Sender<Vec<u8>>,
}

impl Noted {
    /// Returns the registry with its changes told to `events`, in the name of a server.
    pub fn new(registry: Arc<dyn Registry>, server: impl Into<String>, events: mpsc::Sender<Vec<u8>>) -> Noted {
        Noted { registry, server: server.into(), events }
    }

    fn tell(&self, what: wire::EventType, mut service: Service) {
        // Other namespaces than the default one are a prefix of the name here, and none outside.
        if let Some((_, bare)) = service.name.rsplit_once('/') {
            service.name = bare.to_owned();
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let event = wire::Event {
            id: self.server.clone(),
            r#type: what.into(),
            timestamp: i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
            service: Some(to_wire(&service)),
        };
        if self.events.try_send(event.encode_to_vec()).is_err() {
            tracing::debug!(service = service.name, "an event of the registry was left out");
        }
    }
}

#[async_trait]
impl Registry for Noted {
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
        self.registry.register(service.clone(), options).await?;
        self.tell(wire::EventType::Create, service);
        Ok(())
    }

    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
        self.registry.heartbeat(service, node).await
    }

    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
        self.registry.deregister(service).await?;
        self.tell(wire::EventType::Delete, service.clone());
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        self.registry.get(name).await
    }

    async fn list(&self) -> Result<Vec<Service>, ListError> {
        self.registry.list().await
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        self.registry.watch().await
    }

    fn suspect(&self, service: &str) {
        self.registry.suspect(service);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use crate::model::Node;

    #[tokio::test]
    async fn what_is_registered_and_taken_away_is_told() {
        let (events, mut told) = mpsc::channel(1);
        let noted = Noted::new(Arc::new(Memory::new()), "go.micro.registry-1", events);
        let service = Service::new("com.example/a").with_node(Node::new("a-1", "10.0.0.1:1"));
        noted.register(service.clone(), RegisterOptions::default()).await.unwrap();
        let mut next = || wire::Event::decode(told.try_recv().unwrap().as_slice()).unwrap();
        let event = next();
        assert_eq!((event.id.as_str(), event.r#type()), ("go.micro.registry-1", wire::EventType::Create));
        assert!(event.timestamp > 1_700_000_000_000_000_000, "{} is no time in nanoseconds", event.timestamp);
        let told_of = event.service.unwrap();
        assert_eq!((told_of.name.as_str(), told_of.nodes[0].address.as_str()), ("a", "10.0.0.1:1"));
        noted.deregister(&service).await.unwrap();
        assert_eq!(next().r#type(), wire::EventType::Delete);
    }

    #[tokio::test]
    async fn what_did_not_happen_is_not_told_and_nobody_waits_for_who_listens() {
        let (events, mut told) = mpsc::channel(1);
        let noted = Noted::new(Arc::new(Memory::new()), "s", events);
        let service = |id: &str| Service::new("a").with_node(Node::new(id, "10.0.0.1:1"));
        noted.deregister(&service("a-1")).await.unwrap_err();
        assert!(told.try_recv().is_err());
        for id in ["a-1", "a-2"] {
            noted.register(service(id), RegisterOptions::default()).await.unwrap();
        }
        assert!(told.try_recv().is_ok());
        assert!(told.try_recv().is_err(), "there was no room for the second");
    }
}
