//! What follows the document besides the gateway itself: the log, the admin API, the embedded registry.
//!
//! In two steps, as the gateway does it: what can fail is opened before anything is touched ([`Followers::prepare`]), and
//! handed over once the document is in force ([`Followers::follow`]).

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use config_schema::document::{Registry, RegistryKind};
use config_schema::value::ListenAddress;
use config_schema::{Code, Diagnostic, DocumentPath, Loaded, Report, Severity};
use gateway_admin::{Access, Admin, StartError, Subject, Token};
use gateway_snapshot::{Compiled, Handler, Snapshot};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::embedded::Embedded;
use super::sockets;
use crate::logging::Logging;
use crate::remote::secret_text;

/// See the module.
#[derive(Debug)]
pub(super) struct Followers {
    logging: Logging,
    registry: Embedded,
    variables: BTreeMap<String, String>,
    admin: OnceLock<Admin>,
    access: watch::Sender<Access>,
    document: watch::Sender<Option<Arc<Loaded>>>,
    places: Mutex<Places>,
}

/// Where the two listen, and what is opened for the document that comes next.
#[derive(Debug, Default)]
struct Places {
    admin: Place,
    registry: Place,
    next: Option<Next>,
}

/// An address as wanted, and as bound: nothing where it was taken and nobody had asked for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    wanted: Option<ListenAddress>,
    bound: Vec<SocketAddr>,
}

/// A place with its open sockets; nothing where it stays as it is.
type Move = Option<(Place, Vec<TcpListener>)>;

#[derive(Debug)]
struct Next {
    admin: Move,
    registry: Move,
    token: Option<Token>,
}

/// What to do about an address that is taken.
enum Taken {
    /// Somebody asked for it: the document is refused.
    Refuse { help: &'static str },
    /// Nobody did: it is done without, with this line in the log.
    GoOn { line: &'static str },
}

impl Followers {
    pub(super) fn new(logging: Logging, registry: Embedded, variables: BTreeMap<String, String>) -> Self {
        Self {
            logging,
            registry,
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
        self.admin.set(admin).map_err(|_| std::io::Error::other("it runs already").into())
    }

    /// Ends the admin API.
    pub(super) fn stop_admin(&self) {
        if let Some(admin) = self.admin.get() {
            admin.stop();
        }
    }

    /// Returns the document in force, now and whenever it changes.
    pub(super) fn document(&self) -> watch::Receiver<Option<Arc<Loaded>>> {
        self.document.subscribe()
    }

    /// Returns who may ask the admin API.
    pub(super) fn access(&self) -> watch::Receiver<Access> {
        self.access.subscribe()
    }

    /// Returns where the admin API listens.
    pub(super) fn admin_addresses(&self) -> Vec<SocketAddr> {
        self.places.lock().admin.bound.clone()
    }

    /// Returns where the embedded registry listens.
    pub(super) fn registry_addresses(&self) -> Vec<SocketAddr> {
        self.places.lock().registry.bound.clone()
    }

    /// Opens what a document needs and is not open yet. What was opened for a document that did not come into force is
    /// closed.
    ///
    /// # Errors
    /// Returns a report of what cannot be had.
    pub(super) fn prepare(&self, compiled: &Compiled) -> Result<(), Report> {
        let loaded = &*compiled.loaded;
        let (admin, registry) = {
            let mut places = self.places.lock();
            places.next = None;
            (places.admin.clone(), places.registry.clone())
        };
        let mut findings = Vec::new();
        let token = self.token(loaded, &mut findings);
        let admin = open_admin(&admin, loaded, &mut findings);
        let registry = open_registry(&registry, compiled, &mut findings);
        if !findings.is_empty() {
            return Err(loaded.report(findings));
        }
        self.places.lock().next = Some(Next { admin, registry, token });
        Ok(())
    }

    /// Follows the document that is in force now.
    pub(super) fn follow(&self, loaded: &Arc<Loaded>) {
        let mut places = self.places.lock();
        if let Some(Next { admin, registry, token }) = places.next.take() {
            if let Some((place, sockets)) = admin {
                self.move_admin(&place, sockets);
                places.admin = place;
            }
            if let Some((place, sockets)) = registry {
                self.registry.listen(sockets);
                places.registry = place;
            }
            self.access.send_replace(Access { addresses: places.admin.bound.clone(), token });
        }
        drop(places);
        self.logging.set(loaded.document.telemetry.log);
        self.document.send_replace(Some(Arc::clone(loaded)));
    }

    fn move_admin(&self, place: &Place, sockets: Vec<TcpListener>) {
        if self.admin.get().is_none_or(|admin| !admin.listen(sockets)) {
            tracing::error!(addresses = ?place.bound, "the admin API could not move: it was told too often at once");
        }
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

fn open_admin(now: &Place, loaded: &Loaded, findings: &mut Vec<Diagnostic>) -> Move {
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

fn open_registry(now: &Place, compiled: &Compiled, findings: &mut Vec<Diagnostic>) -> Move {
    let loaded = &*compiled.loaded;
    let memory = loaded.document.registry.iter().find(|registry| registry.kind == RegistryKind::Memory);
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

/// Opens the sockets of an address, unless they are open. One that could not be had before is tried again.
fn open(
    now: &Place,
    wanted: Option<ListenAddress>,
    taken: &Taken,
    loaded: &Loaded,
    keys: &[&str],
    findings: &mut Vec<Diagnostic>,
) -> Move {
    if now.wanted == wanted && (wanted.is_none() || !now.bound.is_empty()) {
        return None;
    }
    let Some(address) = wanted else { return Some((Place::default(), Vec::new())) };
    match sockets::bind(address) {
        Ok(sockets) => Some((Place { wanted, bound: sockets::addresses(&sockets) }, sockets)),
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
                Some((Place { wanted, bound: Vec::new() }, Vec::new()))
            }
        },
    }
}

/// Returns whether a route calls services that only a registry knows.
fn needs_registry(snapshot: &Snapshot) -> bool {
    let of_document = |name: &str| snapshot.clusters.iter().any(|source| &*source.cluster.id.name == name);
    snapshot.listeners.values().flat_map(|listener| &listener.routes).any(|route| match route.handler {
        Handler::Respond(_) | Handler::Redirect(_) => false,
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
