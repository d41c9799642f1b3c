//! The registries of the document, in its order: made when it is prepared, in use once it is in force.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config_schema::document::{Registry as Settings, RegistryKind};
use config_schema::{Code, Diagnostic, DocumentPath, Loaded, Severity};
use mesh_registry::etcd::{self, Etcd};
use mesh_registry::mdns::{self, Mdns};
use mesh_registry::{File, LastGood, Registry, Remote, Source};
use tokio::sync::watch;

use super::embedded::Embedded;
use crate::remote::secret_text;

/// A registry in use.
#[derive(Clone, Debug)]
pub(super) struct InUse {
    /// One that is reached as before is kept, with its connections and watches.
    way: Way,
    pub(super) registry: Arc<dyn Registry>,
    /// Where its nodes are when their addresses do not say so.
    pub(super) source: Source,
}

/// How a registry is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Way {
    Embedded,
    Mdns(mdns::Options),
    Etcd(etcd::Options),
    Service(Vec<String>),
    File(String),
}

/// The registries in use. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Registries {
    embedded: Embedded,
    in_use: watch::Sender<Vec<InUse>>,
    /// Where the last good tables are kept, if anywhere.
    state: Option<Arc<Path>>,
    /// The same, as those know them that register this process.
    joined: watch::Sender<Vec<Arc<dyn Registry>>>,
}

impl PartialEq for InUse {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.registry, &other.registry)
    }
}

#[cfg(test)]
impl InUse {
    /// Returns a registry that no document names.
    pub(super) fn of_test(registry: Arc<dyn Registry>, source: Source) -> Self {
        Self { way: Way::Embedded, registry, source }
    }
}

impl Registries {
    /// Returns none in use.
    pub(super) fn new(embedded: Embedded, state: Option<PathBuf>) -> Self {
        let state = state.map(Arc::from);
        Self { embedded, in_use: watch::Sender::default(), joined: watch::Sender::default(), state }
    }

    /// Keeps the table of a registry that others run, for a start at which it cannot be reached.
    fn kept(&self, way: &Way, registry: Arc<dyn Registry>) -> Arc<dyn Registry> {
        let Some(folder) = &self.state else { return registry };
        let mut hasher = DefaultHasher::new();
        // A password is none of its business: the table is that of a place.
        match way {
            Way::Etcd(options) => (&options.addresses, &options.prefix).hash(&mut hasher),
            Way::Service(addresses) => addresses.hash(&mut hasher),
            Way::Embedded | Way::Mdns(_) | Way::File(_) => return registry,
        }
        let name = format!("{}-{:016x}.json", registry.origin(), hasher.finish());
        Arc::new(LastGood::new(registry, folder.join("registry").join(name)))
    }

    /// Makes the registries of a document, without reaching any. Those in use that stay as they are are kept.
    pub(super) fn prepare(
        &self,
        loaded: &Loaded,
        variables: &BTreeMap<String, String>,
        findings: &mut Vec<Diagnostic>,
    ) -> Vec<InUse> {
        let all = loaded.document.registry.iter().zip(paths(loaded));
        all.filter_map(|(settings, path)| match way(settings, variables).and_then(|way| self.find_or_make(way)) {
            Ok(in_use) => Some(in_use),
            Err(Wrong { key, code, reason }) => {
                findings.push(loaded.finding(Severity::Error, code, &path.key(key), reason));
                None
            }
        })
        .collect()
    }

    /// Uses these from now on. A joined embedded registry offers what they know together.
    pub(super) fn follow(&self, registries: Vec<InUse>, is_joined: bool) {
        let others = registries.iter().filter(|in_use| in_use.way != Way::Embedded);
        let others: Vec<_> = others.map(|in_use| Arc::clone(&in_use.registry)).collect();
        self.embedded.offer(if is_joined { others } else { Vec::new() });
        self.in_use.send_if_modified(|in_use| {
            let is_new = *in_use != registries;
            if is_new {
                let all = registries.iter().map(|in_use| &in_use.registry);
                self.joined.send_replace(all.filter(|registry| registry.is_writable()).cloned().collect());
            }
            *in_use = registries;
            is_new
        });
    }

    /// Returns those in use, now and whenever they change.
    pub(super) fn in_use(&self) -> watch::Receiver<Vec<InUse>> {
        self.in_use.subscribe()
    }

    /// Returns where this process is registered: all that are in use and take registrations, now and whenever they change.
    pub(super) fn joined(&self) -> mesh::Registries {
        self.joined.subscribe()
    }

    /// Returns all in use, in their order.
    pub(super) fn all(&self) -> Vec<Arc<dyn Registry>> {
        self.in_use.borrow().iter().map(|in_use| Arc::clone(&in_use.registry)).collect()
    }

    /// Returns the registry of this process, whether it is in use or not.
    pub(super) fn embedded(&self) -> &Embedded {
        &self.embedded
    }

    fn find_or_make(&self, way: Way) -> Result<InUse, Wrong> {
        if let Some(known) = self.in_use.borrow().iter().find(|known| known.way == way) {
            return Ok(known.clone());
        }
        let (registry, source): (Arc<dyn Registry>, _) = match &way {
            Way::Embedded => (self.embedded.registry(), Source::Own),
            // It has looked at where its records come from already.
            Way::Mdns(options) => (Arc::new(Mdns::start(options.clone())), Source::Shared),
            Way::Etcd(options) => {
                let etcd = Etcd::new(options).map_err(|error| of_etcd(&error))?;
                (Arc::new(etcd), Source::Shared)
            }
            Way::Service(addresses) => {
                let remote = Remote::new(addresses.iter().cloned())
                    .map_err(|error| Wrong::at("addresses", Code::BadAddress, &error))?;
                let source = remote.source();
                (Arc::new(remote), source)
            }
            Way::File(path) => {
                let file =
                    File::open(path).map_err(|error| Wrong::at("addresses", Code::Unavailable, &chain(&error)))?;
                (Arc::new(file), Source::Shared)
            }
        };
        let registry = self.kept(&way, registry);
        Ok(InUse { way, registry, source })
    }
}

/// What is wrong with a registry, at which of its keys.
struct Wrong {
    key: &'static str,
    code: Code,
    reason: String,
}

impl Wrong {
    fn at(key: &'static str, code: Code, reason: &impl ToString) -> Self {
        Self { key, code, reason: reason.to_string() }
    }
}

fn of_etcd(error: &etcd::InvalidOptions) -> Wrong {
    let is_of_tls = matches!(error, etcd::InvalidOptions::File { .. } | etcd::InvalidOptions::Unusable { .. });
    if is_of_tls { Wrong::at("ca", Code::Unavailable, error) } else { Wrong::at("addresses", Code::BadAddress, error) }
}

/// The error with what is beneath it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    if let Some(source) = error.source() {
        let beneath = source.to_string();
        if !text.contains(&beneath) {
            text = format!("{text}: {beneath}");
        }
    }
    text
}

fn way(settings: &Settings, variables: &BTreeMap<String, String>) -> Result<Way, Wrong> {
    match settings.kind {
        RegistryKind::Memory => Ok(Way::Embedded),
        RegistryKind::Mdns => Ok(Way::Mdns(mdns_options(settings))),
        RegistryKind::Etcd => etcd_options(settings, variables).map(Way::Etcd),
        RegistryKind::Service => Ok(Way::Service(settings.addresses.clone())),
        RegistryKind::File => Ok(Way::File(settings.addresses.first().cloned().unwrap_or_default())),
        // The document was refused for it already.
        kind => Err(Wrong::at("kind", Code::NotBuiltYet, &format!("not built yet: {kind:?}"))),
    }
}

fn mdns_options(settings: &Settings) -> mdns::Options {
    let interfaces = match &*settings.interfaces {
        [] => mdns::Interfaces::All,
        names => mdns::Interfaces::Named(names.to_vec()),
    };
    mdns::Options { interfaces, ..mdns::Options::default() }
}

fn etcd_options(settings: &Settings, variables: &BTreeMap<String, String>) -> Result<etcd::Options, Wrong> {
    let mut options = etcd::Options::at(settings.addresses.iter().cloned());
    if let Some(prefix) = &settings.prefix {
        options.prefix.clone_from(prefix);
    }
    if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
        let password =
            secret_text(password, variables).map_err(|reason| Wrong::at("password", Code::Unavailable, &reason))?;
        options.credentials = Some(etcd::Credentials { user: user.clone(), password });
    }
    let identity = settings.cert.as_ref().zip(settings.key.as_ref()).map(|(cert, key)| (cert.into(), key.into()));
    let ca = settings.ca.as_ref().map(Into::into);
    options.tls = (ca.is_some() || identity.is_some()).then_some(etcd::Tls { ca, identity });
    Ok(options)
}

/// Where each registry stands in the document: `registry`, or `registry[0]` and so on.
fn paths(loaded: &Loaded) -> impl Iterator<Item = DocumentPath> {
    let is_list = loaded.document.registry.len() > 1;
    (0..).map(move |at| {
        let path = DocumentPath::root().key("registry");
        if is_list { path.index(at) } else { path }
    })
}

#[cfg(test)]
mod tests {
    use config_schema::{Layers, load};
    use tokio::task::JoinSet;
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn registries() -> (Registries, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let (embedded, _events) = Embedded::start(&mut tasks, CancellationToken::new());
        (Registries::new(embedded, None), tasks)
    }

    fn prepare(registries: &Registries, text: &str) -> (Vec<InUse>, Vec<String>) {
        let loaded = load(&Layers::text("gateway.yaml", format!("version: micro/v1\n{text}"))).unwrap();
        let mut findings = Vec::new();
        let in_use = registries.prepare(&loaded, &BTreeMap::new(), &mut findings);
        (in_use, findings.into_iter().map(|finding| finding.message).collect())
    }

    fn origins(in_use: &[InUse]) -> Vec<String> {
        in_use.iter().map(|in_use| in_use.registry.origin().to_string()).collect()
    }

    #[tokio::test]
    async fn they_are_those_of_the_document_in_its_order() {
        let (registries, _tasks) = registries();
        let check = |text: &str, expected: &[&str]| {
            let (in_use, findings) = prepare(&registries, text);
            assert_eq!((origins(&in_use), findings), (expected.iter().map(ToString::to_string).collect(), vec![]));
        };
        check("", &["memory"]);
        check("registry: etcd", &["etcd"]);
        check("registry: [{ kind: mdns, interfaces: [absent0] }, memory]", &["mdns", "memory"]);
        check("registry: { kind: service, addresses: [\"other:8000\"] }", &["service"]);
        check("registry: [{ kind: etcdv3, addresses: [\"etcd:1\"] }, memory]", &["etcd", "memory"]);
    }

    #[tokio::test]
    async fn one_that_stays_as_it_was_is_kept() {
        let (registries, _tasks) = registries();
        let joined = registries.joined();
        assert!(joined.borrow().is_empty(), "nothing is in use yet");
        let (first, _) = prepare(&registries, "registry: [memory, { kind: etcd, addresses: [a] }]");
        registries.follow(first.clone(), false);
        let mut changes = registries.in_use();
        changes.mark_unchanged();
        registries.follow(prepare(&registries, "registry: [memory, { kind: etcd, addresses: [a] }]").0, false);
        assert!(!changes.has_changed().unwrap(), "it is the same");
        let another = "registry: [{ kind: etcd, addresses: [a] }, { kind: etcd, addresses: [b] }]";
        let (next, _) = prepare(&registries, another);
        assert!(next[0] == first[1] && next[1] != first[1]);
        registries.follow(next, false);
        assert!(changes.has_changed().unwrap());
        let joined: Vec<String> = joined.borrow().iter().map(|registry| registry.origin().to_string()).collect();
        assert_eq!(joined, ["etcd", "etcd"]);
    }

    #[tokio::test]
    async fn what_cannot_be_had_is_said() {
        let (registries, _tasks) = registries();
        let check = |text: &str, expected: &str| {
            let (in_use, findings) = prepare(&registries, text);
            assert_eq!((in_use.len(), findings.as_slice()), (0, [expected.to_owned()].as_slice()), "{text}");
        };
        check(
            "registry: { kind: etcd, addresses: [\"https://etcd:2379\"], ca: none.pem }",
            "none.pem cannot be used: I/O error: No such file or directory (os error 2)",
        );
        check(
            "registry: { kind: service, addresses: [\"a b\"] }",
            "\"a b\" is no address of a registry: expected `host` or `host:port`",
        );
        check(
            "registry: { kind: file, addresses: [/nowhere.yaml] }",
            "/nowhere.yaml cannot be read: No such file or directory (os error 2)",
        );
        check("registry: { kind: etcd, user: root, password: \"env:NOWHERE\" }", "the variable `NOWHERE` is not set");
    }
}
