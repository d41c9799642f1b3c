//! The document's `services:` as clusters.

use std::net::SocketAddr;
use std::sync::Arc;

use config_schema::document::{self, Document, ServiceProtocol};
use config_schema::value::EndpointHost;
use gateway_upstream::{Balance, Cluster, ClusterId, Endpoint, PoolSettings, Protocol, Source};

use crate::snapshot::{ClusterSource, HostEndpoint};

pub(super) fn compile(document: &Document) -> Vec<ClusterSource> {
    document.services.iter().map(|(name, service)| cluster(name.as_str(), service)).collect()
}

fn cluster(name: &str, service: &document::Service) -> ClusterSource {
    let protocol = match service.protocol {
        // Nobody said: HTTP/1.1, but a gRPC request goes on as HTTP/2 and a call is made as gRPC (design 6).
        ServiceProtocol::Http => None,
        ServiceProtocol::Grpc => Some(Protocol::Grpc),
        ServiceProtocol::Mucp => Some(Protocol::Mucp),
    };
    let (mut endpoints, mut hosts) = (Vec::new(), Vec::new());
    for endpoint in &service.endpoints {
        match &endpoint.address.host {
            EndpointHost::Ip(ip) => endpoints.push(Endpoint {
                address: SocketAddr::new(*ip, endpoint.address.port),
                authority: endpoint.address.to_string().into(),
                protocol,
                weight: endpoint.weight,
                labels: Arc::default(),
            }),
            EndpointHost::Name(host) => {
                hosts.push(HostEndpoint { host: host.clone(), port: endpoint.address.port, weight: endpoint.weight });
            }
        }
    }
    let id = ClusterId { source: Source::Static, name: name.into() };
    ClusterSource {
        cluster: Cluster { id, endpoints, balance: balance(service.balance), pool: pool(service) },
        hosts,
        protocol,
    }
}

fn balance(balance: document::Balance) -> Balance {
    match balance {
        document::Balance::P2cEwma => Balance::P2cEwma,
        document::Balance::RoundRobin => Balance::RoundRobin,
    }
}

fn pool(service: &document::Service) -> PoolSettings {
    PoolSettings {
        connections_max: service.pool.connections as usize,
        idle_max: service.pool.idle as usize,
        idle_timeout: service.pool.idle_timeout.into(),
        connect_timeout: service.connect_timeout.into(),
    }
}
