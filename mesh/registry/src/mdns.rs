//! Multicast DNS as go-micro speaks it: services on one network find each other without a registry.
//!
//! It has the packets of DNS but not the behaviour of RFC 6762: names end in `.micro`, what a node says is JSON in its
//! TXT record, answers go to the asker alone and repeat the question, and records never end by themselves. So what is
//! known is asked for every ten seconds, and a node that is silent three times is taken out; one that refuses a
//! connection is asked for at once ([`Registry::suspect`]).
//!
//! A pure core decides (`core`), a task moves packets between it and the sockets (`driver`). Everything that is
//! heard is bounded and checked; what is skipped is one line in the log for each host and kind of mistake.
//!
//! ```no_run
//! use mesh_registry::mdns::{Mdns, Options};
//! use mesh_registry::Registry;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let registry = Mdns::start(Options::default());
//! for service in registry.list().await? {
//!     println!("{} {}: {} nodes", service.name, service.version, service.nodes.len());
//! }
//! # Ok(())
//! # }
//! ```

mod advert;
mod complaint;
mod core;
mod driver;
mod heard;
mod interfaces;
mod name;
mod packet;
mod payload;
mod round;
mod sockets;
mod table;
#[cfg(test)]
mod vectors;

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::JoinSet;

use self::advert::Host;
use self::core::{Core, Subject};
use self::driver::{Command, Driver, Watching};
pub use self::interfaces::{Interfaces, advertised_host};
use self::sockets::Sockets;
use self::table::Limits;
use crate::limits;
use crate::model::Service;
use crate::registry::{
    Change, DeregisterError, Event, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions,
    Registry, Unavailable, Watch, WatchError,
};

/// The name of this back end.
const MDNS: Origin = Origin::MDNS;
/// How much is kept of what others say.
const LIMITS: Limits = Limits { nodes: 65_536, services: 16_384 };
/// How many datagrams may wait for the task; then they wait in the sockets, and the system drops more.
const HEARD_MAX: usize = 256;
/// How many commands may wait for the task; then callers wait.
const COMMANDS_MAX: usize = 64;
/// How many events may wait for a watcher. One that falls further behind gets a resync instead of them.
const EVENTS_MAX: usize = 1024;

/// How this host takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The interfaces to use. Default: all.
    pub interfaces: Interfaces,
    /// Whether IPv6 is used where there is any. Default: yes.
    pub ipv6: bool,
    /// The address that others are told for nodes of this process that listen on all addresses, as in a container
    /// whose own address nobody reaches. Default: a private address of this host, else another one.
    pub advertise: Option<IpAddr>,
}

impl Default for Options {
    fn default() -> Options {
        Options { interfaces: Interfaces::All, ipv6: true, advertise: None }
    }
}

/// The registry of the network. Clones share it; the last one that is dropped ends all watches, and what it published
/// is not answered for any more. [`Registry::deregister`] says goodbye before.
#[derive(Debug, Clone)]
pub struct Mdns {
    commands: mpsc::Sender<Command>,
    /// Aborted with the last clone.
    _driver: Arc<JoinSet<()>>,
}

impl Mdns {
    /// Opens the sockets and takes part. Nothing is asked before the first look-up.
    ///
    /// What cannot be opened or joined is one line in the log, and is tried again every ten seconds.
    ///
    /// # Panics
    /// Outside a tokio runtime: the task that drives the sockets is spawned here.
    pub fn start(options: Options) -> Mdns {
        let (heard, datagrams) = mpsc::channel(HEARD_MAX);
        let (commands, given) = mpsc::channel(COMMANDS_MAX);
        let sockets = Sockets::open(options, heard);
        let host = Host::new(&interfaces::host_name(), sockets.advertised());
        let core = Core::new(host, LIMITS, fastrand::u64(..));
        let driver = Driver::new(core, sockets, datagrams, given, broadcast::Sender::new(EVENTS_MAX));
        let mut task = JoinSet::new();
        task.spawn(driver.run());
        Mdns { commands, _driver: Arc::new(task) }
    }

    async fn call<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Unavailable> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| unavailable("its task has ended"))?;
        answered.await.map_err(|_| unavailable("its task has ended"))
    }
}

#[async_trait]
impl Registry for Mdns {
    fn origin(&self) -> Origin {
        MDNS
    }

    /// A TTL is kept here: on the network a record has none that counts, so a node whose lease ends says goodbye. The
    /// labels of the service itself are not published, as go-micro has no place for them.
    async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
        limits::check(&service)?;
        self.call(|answer| Command::Register { service, options, answer }).await?
    }

    async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
        let (service, node) = (service.to_owned(), node.to_owned());
        let command = |answer| Command::Renew { service: service.clone(), node: node.clone(), answer };
        if self.call(command).await? { Ok(()) } else { Err(HeartbeatError::UnknownNode { service, node }) }
    }

    /// Only nodes of this process can be taken away.
    async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
        limits::check_identity(service)?;
        if self.call(|answer| Command::Deregister { service: service.clone(), answer }).await? {
            return Ok(());
        }
        let node = service.nodes.first().map(|node| node.id.clone()).unwrap_or_default();
        Err(DeregisterError::UnknownNode { service: service.name.clone(), node })
    }

    /// Takes 0.1 s for a service that was not asked for before, 0.6 s if nobody answers; from then on it is known.
    async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
        let subject = Subject::Service(name.to_owned());
        let versions = self.call(|answer| Command::Find { subject, answer }).await??;
        if versions.is_empty() { Err(GetError::UnknownService { name: name.to_owned() }) } else { Ok(versions) }
    }

    /// Takes up to two seconds the first time; from then on everything is known.
    async fn list(&self) -> Result<Vec<Service>, ListError> {
        Ok(self.call(|answer| Command::Find { subject: Subject::List, answer }).await??)
    }

    async fn watch(&self) -> Result<Watch, WatchError> {
        let start = Follower { commands: self.commands.downgrade(), events: None, is_stale: false };
        Ok(Watch::new(stream::unfold(start, |mut follower| async move {
            let event = follower.next().await?;
            Some((event, follower))
        })))
    }

    /// Asks for the service at once, and twice again within two seconds. A node that answers none of the three is taken
    /// out. Does not wait; where the task is busy the next round sees to it.
    fn suspect(&self, service: &str) {
        if self.commands.try_send(Command::Suspect { service: service.to_owned() }).is_err() {
            tracing::debug!(service, "mdns is busy, a service is not asked for before its time");
        }
    }
}

/// One watcher: what it has not seen yet.
struct Follower {
    /// Weak, so that a watch does not keep the registry.
    commands: mpsc::WeakSender<Command>,
    /// None before the first event and after events were lost: then everything is sent.
    events: Option<broadcast::Receiver<Event>>,
    /// Whether that is to be said after the first event.
    is_stale: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.is_stale) {
            return Some(Event { origin: MDNS, change: Change::Stale });
        }
        if let Some(events) = &mut self.events {
            match events.recv().await {
                Ok(event) => return Some(event),
                Err(broadcast::error::RecvError::Closed) => return None,
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "a watcher of mdns was too slow, it gets everything anew");
                }
            }
        }
        let (answer, answered) = oneshot::channel();
        // Kept until the answer comes, so that the task does not end in between.
        let commands = self.commands.upgrade()?;
        commands.send(Command::Watch { answer }).await.ok()?;
        let Watching { services, is_fresh, events } = answered.await.ok()?;
        self.events = Some(events);
        self.is_stale = !is_fresh;
        Some(Event { origin: MDNS, change: Change::Resync(services) })
    }
}

fn unavailable(reason: &str) -> Unavailable {
    Unavailable { origin: MDNS, reason: reason.to_owned(), source: None }
}
