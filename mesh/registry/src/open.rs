//! A registry by the name of its kind: for the command line and for programs, which have no document.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::etcd::{self, Etcd};
use crate::file::{File, ReadError};
use crate::mdns::{self, Mdns};
use crate::memory::Memory;
use crate::registry::Registry;
use crate::remote::{InvalidAddress, Remote};
use crate::several::Several;

/// How long a registry on this host may take to say that it is one.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// A back end, as `--registry` and `MICRO_REGISTRY` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `memory`, `embedded`: in this process.
    Memory,
    /// `mdns`: the network.
    Mdns,
    /// `etcd`, `etcdv3`.
    Etcd,
    /// `service`: that of another process.
    Service,
    /// `file`: a file of services, whose path is the address.
    File,
}

/// Why there is no such kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownKind {
    /// It is known and comes later.
    #[error("not built yet: registry {0}")]
    NotBuilt(String),
    /// Nobody knows it.
    #[error("registry {0} not found")]
    Unknown(String),
}

/// Why a registry was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The addresses mean nothing to etcd.
    #[error(transparent)]
    Etcd(#[from] etcd::InvalidOptions),
    /// The addresses mean nothing to a remote registry.
    #[error(transparent)]
    Remote(#[from] InvalidAddress),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] ReadError),
    /// A file has one path.
    #[error("a registry of kind `file` needs one address, which is the path of the file")]
    OnePath,
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Kind, UnknownKind> {
        Ok(match name {
            "memory" | "embedded" => Kind::Memory,
            "mdns" => Kind::Mdns,
            "etcd" | "etcdv3" => Kind::Etcd,
            "service" => Kind::Service,
            "file" => Kind::File,
            "consul" | "kubernetes" | "nats" | "zookeeper" => {
                return Err(UnknownKind::NotBuilt(name.to_owned()));
            }
            _ => return Err(UnknownKind::Unknown(name.to_owned())),
        })
    }
}

/// Returns a registry of this kind, at these addresses; none: where go-micro looks for it. Nothing is connected yet,
/// but a file is read.
///
/// # Errors
/// When an address is none for this kind.
///
/// # Panics
/// Outside a tokio runtime: back ends have tasks.
pub fn open(kind: Kind, addresses: &[String]) -> Result<Arc<dyn Registry>, OpenError> {
    Ok(match kind {
        Kind::Memory => Arc::new(Memory::new()),
        Kind::Mdns => Arc::new(Mdns::start(mdns::Options::default())),
        Kind::Etcd => Arc::new(Etcd::new(&etcd::Options::at(addresses.iter().cloned()))?),
        Kind::Service => Arc::new(Remote::new(addresses.iter().cloned())?),
        Kind::File => match addresses {
            [path] => Arc::new(File::open(path)?),
            _ => return Err(OpenError::OnePath),
        },
    })
}

/// Returns what a command asks that was given no registry: the network and, if one answers there, the registry at
/// `127.0.0.1:8000`. What is registered is registered with both.
///
/// Waits half a second at most, and not at all where nobody listens.
///
/// # Panics
/// Outside a tokio runtime.
pub async fn nearby() -> Arc<dyn Registry> {
    let network: Arc<dyn Registry> = Arc::new(Mdns::start(mdns::Options::default()));
    match Remote::new(Vec::<String>::new()) {
        Ok(local) if local.answers(PROBE_TIMEOUT).await => Arc::new(Several::new([network, Arc::new(local)])),
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn kinds_have_the_names_of_go_micro() {
        for (name, origin) in
            [("memory", "memory"), ("mdns", "mdns"), ("etcd", "etcd"), ("etcdv3", "etcd"), ("service", "service")]
        {
            let kind: Kind = name.parse().unwrap();
            assert_eq!(open(kind, &[]).unwrap().origin().as_str(), origin);
        }
        assert_eq!("consul".parse::<Kind>().unwrap_err().to_string(), "not built yet: registry consul");
        assert_eq!("gossip".parse::<Kind>().unwrap_err().to_string(), "registry gossip not found");
        let error = open(Kind::Service, &["a b".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "\"a b\" is no address of a registry: expected `host` or `host:port`");
    }
}
