//! What follows the document besides the gateway itself: the log, the admin API, the registries, the broker.
//!
//! In two steps, as the gateway does it: what can fail is opened before anything is touched ([`Followers::prepare`]), and
//! handed over once the document is in force ([`Followers::follow`]).

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use config_schema::document::{Broker, BrokerKind, Registry, RegistryKind};
use config_schema::value::ListenAddress;
use config_schema::{Code, Diagnostic, DocumentPath, Loaded, Report, Severity};
use gateway_admin::{Access, Admin, StartError, Subject, Token};
use gateway_snapshot::{Compiled, Handler, Snapshot};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::brokers::{Brokers, Prepared, Served};
use super::registries::{InUse, Registries};
use super::sockets::{self, Bound};
use crate::logging::Logging;
use crate::remote::secret_text;

/// See the module.
#[derive(Debug)]
pub(super) struct Followers {
    logging: Logging,
    registries: Registries,
    brokers: Brokers,
    served: Served,
    variables: BTreeMap<String, String>,
    admin: OnceLock<Admin>,
    access: watch::Sender<Access>,
    document: watch::Sender<Option<Arc<Loaded>>>,
    places: Mutex<Places>,
}

/// Where they listen, and what is opened for the document that comes next.
#[derive(Debug, Default)]
struct Places {
    admin: Arc<Place>,
    registry: Arc<Place>,
    broker: Arc<Place>,
    next: Option<Next>,
}

/// An address as wanted, and its sockets: none where it was taken and nobody had asked for it. They are shared with who
/// serves them, so that a move finds its own port free.
#[derive(Debug, Default)]
struct Place {
    wanted: Option<ListenAddress>,
    sockets: Vec<TcpListener>,
}

/// Another place, with sockets that do not listen yet where the ones before are in the way.
#[derive(Debug)]
struct Move {
    wanted: Option<ListenAddress>,
    sockets: Vec<Bound>,
}

/// What the next document needs; a place that stays as it is does not move.
#[derive(Debug)]
struct Next {
    admin: Option<Move>,
    registry: Option<Move>,
    token: Option<Token>,
    registries: Vec<InUse>,
    broker: Option<Move>,
    prepared: Prepared,
}

/// What to do about an address that is taken.
enum Taken {
    /// Somebody asked for it: the document is refused.
    Refuse { help: &'static str },
    /// Nobody did: it is done without, with this line in the log.
    GoOn { line: &'static str },
}

impl Followers {
    pub(super) fn new(
        logging: Logging,
        registries: Registries,
        served: Served,
        variables: BTreeMap<String, String>,
    ) -> Self {
        Self {
            logging,
            registries,
            brokers: Brokers::new(served.memory()),
            served,
            variables,
            admin: OnceLock::new(),
            access: watch::Sender::default(),
            document: watch::Sender::default(),
            places: Mutex::default(),
        }
    }

    /// Starts the admin API, which is given its sockets by the first document in force.
    pub(super) fn start_admin(&self, subject: Subject) -> Result<(), StartError> {
        let admin = Admin::start(subject)?;
        self.admin.set(admin).map_err(|_| io::Error::other("it runs already").into())
    }

    /// Ends the admin API, and lets go of all sockets.
    pub(super) fn stop(&self) {
        *self.places.lock() = Places::default();
        if let Some(admin) = self.admin.get() {
            admin.stop();
        }
    }

    /// Returns the document in force, now and whenever it changes.
    pub(super) fn document(&self) -> watch::Receiver<Option<Arc<Loaded>>> {
        self.document.subscribe()
    }

    /// Returns how long exchanges may go on once the end is asked for, as the document in force has it.
    pub(super) fn drain_timeout(&self) -> Duration {
        self.document.borrow().as_ref().map(|loaded| loaded.document.drain_timeout.into()).unwrap_or_default()
    }

    /// Returns whether web pages of any origin are let in, as only built-in documents do.
    pub(super) fn reflects_origins(&self) -> bool {
        self.document.borrow().as_ref().is_some_and(|loaded| {
            loaded.document.policies.values().filter_map(|set| set.cors.as_ref()).any(|cors| cors.reflect)
        })
    }

    /// Returns who may ask the admin API.
    pub(super) fn access(&self) -> watch::Receiver<Access> {
        self.access.subscribe()
    }

    /// Returns where the admin API listens.
    pub(super) fn admin_addresses(&self) -> Vec<SocketAddr> {
        sockets::addresses(&self.places.lock().admin.sockets)
    }

    /// Returns where the embedded registry listens.
    pub(super) fn registry_addresses(&self) -> Vec<SocketAddr> {
        sockets::addresses(&self.places.lock().registry.sockets)
    }

    /// Returns where the embedded broker listens.
    pub(super) fn broker_addresses(&self) -> Vec<SocketAddr> {
        sockets::addresses(&self.places.lock().broker.sockets)
    }

    /// Returns the broker in use, whichever that is at the moment.
    pub(super) fn brokers(&self) -> Brokers {
        self.brokers.clone()
    }

    /// Opens what a document needs and is not open yet. What was opened for a document that did not come into force is
    /// closed.
    ///
    /// # Errors
    /// Returns a report of what cannot be had.
    pub(super) fn prepare(&self, compiled: &Compiled) -> Result<(), Report> {
        let loaded = &*compiled.loaded;
        let (admin, registry, broker) = {
            let mut places = self.places.lock();
            places.next = None;
            (Arc::clone(&places.admin), Arc::clone(&places.registry), Arc::clone(&places.broker))
        };
        let mut findings = Vec::new();
        let token = self.token(loaded, &mut findings);
        let admin = open_admin(&admin, loaded, &mut findings);
        let registry = open_registry(&registry, compiled, &mut findings);
        let registries = self.registries.prepare(loaded, &self.variables, &mut findings);
        let broker = open_broker(&broker, loaded, &mut findings);
        let prepared = Brokers::prepare(loaded, &mut findings);
        if !findings.is_empty() {
            return Err(loaded.report(findings));
        }
        self.places.lock().next = Some(Next { admin, registry, token, registries, broker, prepared });
        Ok(())
    }

    /// Follows the document that is in force now.
    pub(super) fn follow(&self, loaded: &Arc<Loaded>) {
        let served = self.registries.embedded();
        if let Some(memory) = embedded(loaded) {
            served.lease(memory.ttl.into());
        }
        let mut places = self.places.lock();
        if let Some(Next { admin, registry, token, registries, broker, prepared }) = places.next.take() {
            let to_admin = |sockets| self.admin.get().is_some_and(|admin| admin.listen(sockets));
            follow_to(&mut places.admin, admin, "the admin API", to_admin);
            follow_to(&mut places.registry, registry, "the embedded registry", |sockets| served.listen(sockets));
            self.registries.follow(registries, embedded(loaded).is_some_and(|memory| memory.joined));
            follow_to(&mut places.broker, broker, "the embedded broker", |sockets| self.served.listen(sockets));
            self.brokers.follow(prepared, self.registries.all());
            self.access.send_replace(Access { addresses: sockets::addresses(&places.admin.sockets), token });
        }
        drop(places);
        self.logging.set(loaded.document.telemetry.log);
        self.document.send_replace(Some(Arc::clone(loaded)));
    }

    fn token(&self, loaded: &Loaded, findings: &mut Vec<Diagnostic>) -> Option<Token> {
        let secret = loaded.document.admin.token.as_ref()?;
        match secret_text(secret, &self.variables) {
            Ok(text) => Some(Token::new(text)),
            Err(reason) => {
                findings.push(error(loaded, Code::Unavailable, &["admin", "token"], reason));
                None
            }
        }
    }
}

/// Has somebody listen at another place. What cannot be had in spite of all stays where it is.
fn follow_to(
    place: &mut Arc<Place>,
    to: Option<Move>,
    name: &'static str,
    listen: impl FnOnce(Vec<TcpListener>) -> bool,
) {
    let Some(Move { wanted, sockets }) = to else { return };
    let shared = sockets::listen(sockets, &place.sockets).and_then(|sockets| {
        let copies = sockets.iter().map(TcpListener::try_clone).collect::<io::Result<_>>()?;
        Ok((sockets, copies))
    });
    match shared {
        Ok((sockets, copies)) => {
            if listen(copies) {
                tracing::debug!(addresses = ?sockets::addresses(&sockets), "{name} has its addresses");
                *place = Arc::new(Place { wanted, sockets });
            } else {
                tracing::error!("{name} could not move: it was told too often at once");
            }
        }
        Err(error) => tracing::error!(%error, "{name} could not move"),
    }
}

fn open_admin(now: &Place, loaded: &Loaded, findings: &mut Vec<Diagnostic>) -> Option<Move> {
    let wanted = loaded.document.admin.address.get();
    let asked_for = loaded.is_explicit(&path(&["admin", "address"]))
        || (loaded.is_explicit(&path(&["admin"])) && wanted != config_schema::document::Admin::default().address.get());
    let taken = if asked_for {
        Taken::Refuse { help: "choose another address for the admin API, or `off`: `admin.address`, `--admin`" }
    } else {
        Taken::GoOn {
            line: "the admin API has no address: another process has it; give this one an address with --admin",
        }
    };
    open(now, wanted, &taken, loaded, &["admin", "address"], findings)
}

fn open_registry(now: &Place, compiled: &Compiled, findings: &mut Vec<Diagnostic>) -> Option<Move> {
    let loaded = &*compiled.loaded;
    let memory = embedded(loaded);
    let wanted = memory.map(|registry| registry.listen.unwrap_or(Registry::DEFAULT_LISTEN));
    let asked_for = memory.is_some_and(|registry| registry.listen.is_some());
    let taken = if asked_for || needs_registry(&compiled.snapshot) {
        Taken::Refuse {
            help: "choose another address for the embedded registry: `registry.listen`, `--registry_listen`",
        }
    } else {
        Taken::GoOn {
            line: "the embedded registry has no address: another process has it; no route of the document needs it",
        }
    };
    open(now, wanted, &taken, loaded, &["registry", "listen"], findings)
}

/// The embedded broker listens where it is the broker of the document.
fn open_broker(now: &Place, loaded: &Loaded, findings: &mut Vec<Diagnostic>) -> Option<Move> {
    let memory = loaded.document.broker.as_ref().filter(|broker| broker.kind == BrokerKind::Memory);
    let wanted = memory.map(|broker| broker.listen.unwrap_or(Broker::DEFAULT_LISTEN));
    let taken = if memory.is_some_and(|broker| broker.listen.is_some()) {
        Taken::Refuse { help: "choose another address for the embedded broker: `broker.listen`, `--broker_listen`" }
    } else {
        Taken::GoOn { line: "the embedded broker has no address: another process has it; only this one reaches it" }
    };
    open(now, wanted, &taken, loaded, &["broker", "listen"], findings)
}

/// Returns what the document says of the registry of this process.
fn embedded(loaded: &Loaded) -> Option<&Registry> {
    loaded.document.registry.iter().find(|registry| registry.kind == RegistryKind::Memory)
}

/// Opens the sockets of an address, unless they are open. One that could not be had before is tried again.
fn open(
    now: &Place,
    wanted: Option<ListenAddress>,
    taken: &Taken,
    loaded: &Loaded,
    keys: &[&str],
    findings: &mut Vec<Diagnostic>,
) -> Option<Move> {
    if now.wanted == wanted && (wanted.is_none() || !now.sockets.is_empty()) {
        return None;
    }
    let Some(address) = wanted else { return Some(Move { wanted, sockets: Vec::new() }) };
    match sockets::bind(address, &now.sockets) {
        Ok(sockets) => Some(Move { wanted, sockets }),
        Err(reason) => match taken {
            Taken::Refuse { help } => {
                findings.push(
                    error(loaded, Code::BindFailed, keys, format!("cannot listen on {address}: {reason}")).help(*help),
                );
                None
            }
            Taken::GoOn { line } => {
                if now.wanted != wanted {
                    tracing::warn!(%address, %reason, "{line}");
                }
                Some(Move { wanted, sockets: Vec::new() })
            }
        },
    }
}

/// Returns whether a route calls services that only a registry knows.
fn needs_registry(snapshot: &Snapshot) -> bool {
    let of_document = |name: &str| snapshot.clusters.iter().any(|source| &*source.cluster.id.name == name);
    snapshot.listeners.values().flat_map(|listener| &listener.routes).any(|route| match route.handler {
        Handler::Respond(_) | Handler::Redirect(_) | Handler::Event(_) => false,
        Handler::RpcEndpoint(_) => true,
        Handler::Meta(_) | Handler::Rpc(_) | Handler::Proxy(_) => {
            route.service.as_deref().is_none_or(|service| !of_document(service))
        }
    })
}

fn error(loaded: &Loaded, code: Code, keys: &[&str], message: impl Into<String>) -> Diagnostic {
    loaded.finding(Severity::Error, code, &path(keys), message)
}

fn path(keys: &[&str]) -> DocumentPath {
    keys.iter().fold(DocumentPath::root(), |path, key| path.key(*key))
}

#[cfg(test)]
mod tests;
