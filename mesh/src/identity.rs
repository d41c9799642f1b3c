//! What a running command says of itself: name, version, id, address and labels.

use std::net::{IpAddr, SocketAddr};

use mesh_registry::mdns::advertised_host;
use mesh_registry::model::{Metadata, VERSION_DEFAULT};
use mesh_registry::{Endpoint, Lease, Node, Origin, Service};

/// What a running command says of itself, as `MICRO_SERVER_*` and `MICRO_REGISTER_*` set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name of the service, such as `go.micro.api`.
    pub name: String,
    /// Its version. Default: `latest`.
    pub version: String,
    /// Tells this process from others of the name; the id of the node is `name-id`. Default: a random UUID.
    pub id: String,
    /// Where others are to dial, `host:port`; a part that is missing is taken from the bound address. Default: all of it.
    pub advertise: Option<String>,
    /// Labels of the node. Those that say how it is spoken to are set over them.
    pub metadata: Metadata,
    /// The kind of the broker that it uses, which its label `broker` names. Default: `http`.
    pub broker: String,
    /// What can be called beside `Debug`, which goes without saying.
    pub endpoints: Vec<Endpoint>,
    /// How registrations are renewed.
    pub lease: Lease,
}

impl Identity {
    /// Returns an identity with a new id and defaults for the rest.
    pub fn new(name: impl Into<String>) -> Identity {
        Identity {
            name: name.into(),
            version: VERSION_DEFAULT.to_owned(),
            id: uuid::Uuid::new_v4().to_string(),
            advertise: None,
            metadata: Metadata::new(),
            broker: "http".to_owned(),
            endpoints: Vec::new(),
            lease: Lease::default(),
        }
    }

    /// Reads labels of the form `k=v,k2=v2`; a key alone has an empty value.
    pub fn labels(text: &str) -> Metadata {
        let pairs = text.split(',').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .collect()
    }

    /// Returns the record of this process in a registry of that name.
    pub(crate) fn service(&self, bound: SocketAddr, registry: &Origin) -> Service {
        let address = advertised(self.advertise.as_deref().unwrap_or_default(), bound, advertised_host);
        let mut node = Node::new(format!("{}-{}", self.name, self.id), address);
        node.metadata.clone_from(&self.metadata);
        let node = node
            .with("broker", &*self.broker)
            .with("registry", registry.as_str())
            .with("server", "grpc")
            .with("transport", "grpc")
            .with("protocol", "grpc");
        let endpoints = self.endpoints.clone();
        Service { version: self.version.clone(), endpoints, ..Service::new(&*self.name) }.with_node(node)
    }
}

/// Returns the address that is registered: the one to advertise, filled up with the bound one. A host that is none, or
/// stands for all, becomes an address of this machine.
fn advertised(advertise: &str, bound: SocketAddr, host_of_machine: impl FnOnce() -> IpAddr) -> String {
    let (host, port) = match advertise.rsplit_once(':') {
        // An IPv6 address without brackets and port.
        Some((before, _)) if before.contains(':') && !before.starts_with('[') => (advertise, ""),
        Some((host, port)) => (host, port),
        None => (advertise, ""),
    };
    let port = if port.is_empty() || port == "0" { bound.port().to_string() } else { port.to_owned() };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = match host {
        "" => bound.ip().to_canonical().to_string(),
        host => host.to_owned(),
    };
    let host = match host.parse::<IpAddr>() {
        Ok(ip) if ip.to_canonical().is_unspecified() => host_of_machine().to_string(),
        _ => host,
    };
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use mesh_registry::Origin;

    use super::{Identity, advertised};

    #[track_caller]
    fn check(advertise: &str, bound: &str, expected: &str) {
        let machine = || "10.1.2.3".parse().unwrap();
        assert_eq!(advertised(advertise, bound.parse().unwrap(), machine), expected);
    }

    #[test]
    fn an_address_that_others_can_dial_is_registered() {
        check("", "127.0.0.1:9090", "127.0.0.1:9090");
        check("", "0.0.0.0:9090", "10.1.2.3:9090");
        check("", "[::]:9090", "10.1.2.3:9090");
        check("", "[::1]:9090", "[::1]:9090");
        check(":8080", "[::]:9090", "10.1.2.3:8080");
        check("app.example:443", "[::]:9090", "app.example:443");
        check("app.example", "[::]:9090", "app.example:9090");
        check("fd00::7", "[::]:9090", "[fd00::7]:9090");
        check("[fd00::7]:1", "[::]:9090", "[fd00::7]:1");
        check("0.0.0.0:0", "127.0.0.1:9090", "10.1.2.3:9090");
    }

    #[test]
    fn a_record_has_the_labels_of_a_grpc_server() {
        let mut identity = Identity { id: "1".to_owned(), ..Identity::new("go.micro.api") };
        identity.metadata = Identity::labels("zone=x=y,empty,protocol=mucp");
        let service = identity.service("127.0.0.1:1".parse().unwrap(), &Origin::ETCD);
        let expected = r#"{"name":"go.micro.api","version":"latest","metadata":null,"endpoints":null,"nodes":[{"id":"go.micro.api-1","address":"127.0.0.1:1","metadata":{"broker":"http","empty":"","protocol":"grpc","registry":"etcd","server":"grpc","transport":"grpc","zone":"x=y"}}]}"#;
        assert_eq!(service.to_json(), expected);
    }
}
