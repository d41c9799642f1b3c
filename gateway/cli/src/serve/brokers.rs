//! The broker of the document: made when it is prepared, in use once it is in force. What routes publish goes to it.
//!
//! A broker that is replaced lives until what is under way on it has ended, so that a change loses nothing.

mod publications;
mod served;

use std::sync::Arc;

use config_schema::document::{Broker as Settings, BrokerKind};
use config_schema::{Code, Diagnostic, DocumentPath, Loaded, Severity};
use mesh_broker::{Broker, Kind, Memory, Options, connect};
use mesh_registry::{Registry, Several};
use tokio::sync::watch;

pub(super) use publications::{publish, publish_registrations};
pub(super) use served::Served;

/// How the broker is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    kind: Kind,
    addresses: Vec<String>,
}

/// The broker of a document, not in use yet.
#[derive(Debug)]
pub(super) struct Prepared(Way);

/// The broker in use. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Brokers {
    embedded: Memory,
    in_use: watch::Sender<Option<InUse>>,
}

#[derive(Clone, Debug)]
struct InUse {
    way: Way,
    /// Where its members are found. Others mean another broker.
    registries: Vec<Arc<dyn Registry>>,
    broker: Arc<dyn Broker>,
}

impl Brokers {
    /// Returns none in use. `embedded` is the one of this process.
    pub(super) fn new(embedded: Memory) -> Self {
        Self { embedded, in_use: watch::Sender::default() }
    }

    /// Looks at the broker of a document, without reaching it.
    pub(super) fn prepare(loaded: &Loaded, findings: &mut Vec<Diagnostic>) -> Prepared {
        let settings = loaded.document.broker.clone().unwrap_or_default();
        let kind = kind(&settings);
        let way = Way { kind, addresses: settings.addresses };
        if let Err(error) = mesh_broker::check(way.kind, &way.addresses) {
            let path = DocumentPath::root().key("broker").key("addresses");
            findings.push(loaded.finding(Severity::Error, Code::BadAddress, &path, error.to_string()));
        }
        Prepared(way)
    }

    /// Uses this broker from now on, with members in these registries together. One that is reached as before is kept.
    pub(super) fn follow(&self, Prepared(way): Prepared, registries: Vec<Arc<dyn Registry>>) {
        let are_same = |known: &[Arc<dyn Registry>]| {
            known.len() == registries.len() && known.iter().zip(&registries).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        let is_same = |known: &InUse| known.way == way && are_same(&known.registries);
        if self.in_use.borrow().as_ref().is_some_and(is_same) {
            return;
        }
        let broker = match way.kind {
            Kind::Memory => Ok(Arc::new(self.embedded.clone()) as Arc<dyn Broker>),
            kind => {
                let registry = Several::of(registries.clone());
                connect(&Options { kind, addresses: way.addresses.clone(), registry })
            }
        };
        match broker {
            Ok(broker) => {
                tracing::debug!(kind = %broker.origin(), "the broker is in use");
                self.in_use.send_replace(Some(InUse { way, registries, broker }));
            }
            // It was prepared; nothing that can fail is left.
            Err(error) => tracing::error!(%error, "the broker stays as it was"),
        }
    }

    /// Returns the broker in use.
    pub(super) fn current(&self) -> Option<Arc<dyn Broker>> {
        self.in_use.borrow().as_ref().map(|in_use| Arc::clone(&in_use.broker))
    }
}

fn kind(settings: &Settings) -> Kind {
    match settings.kind {
        BrokerKind::Memory => Kind::Memory,
        BrokerKind::Nats => Kind::Nats,
        BrokerKind::Service => Kind::Service,
        // The document was refused for those that are not built.
        BrokerKind::Http | BrokerKind::Kafka | BrokerKind::Rabbitmq => Kind::Http,
    }
}

#[cfg(test)]
mod tests;
