//! Nodes by DNS.

use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::RData;
use tokio::time::timeout;

use super::Candidate;

/// How long a look-up may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The domain below which services have their SRV records, as in go-micro.
const DOMAIN: &str = "local";

/// Why DNS names no node.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookUpError {
    /// The resolver of the system is not set up.
    #[error("the resolver cannot be set up: {0}")]
    SetUp(hickory_resolver::net::NetError),
    /// There is no such name, or nobody who knows.
    #[error("lookup {name}: no such host")]
    Unknown { name: String },
    /// It took too long.
    #[error("lookup {name}: i/o timeout")]
    Timeout { name: String },
}

/// Looks up `host:port`, or the SRV records `_service._tcp.local`.
pub(super) async fn look_up(service: &str) -> Result<Vec<Candidate>, LookUpError> {
    let (name, found) = match service.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), timeout(TIMEOUT, addresses(host, port)).await),
        None => {
            let name = format!("_{service}._tcp.{DOMAIN}");
            let found = timeout(TIMEOUT, services(&name)).await;
            (name, found)
        }
    };
    found.unwrap_or(Err(LookUpError::Timeout { name }))
}

async fn addresses(host: &str, port: &str) -> Result<Vec<Candidate>, LookUpError> {
    let unknown = || LookUpError::Unknown { name: host.to_owned() };
    // Go takes what is no number for 0.
    let port = port.parse::<u16>().unwrap_or(0);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port)).await.map_err(|_| unknown())?;
    Ok(found.map(|address| Candidate::at(address.to_string())).collect())
}

async fn services(name: &str) -> Result<Vec<Candidate>, LookUpError> {
    let resolver = TokioResolver::builder_tokio()
        .and_then(hickory_resolver::ResolverBuilder::build)
        .map_err(LookUpError::SetUp)?;
    let unknown = |_| LookUpError::Unknown { name: name.to_owned() };
    let found = resolver.srv_lookup(name).await.map_err(unknown)?;
    let records = found.answers().iter().filter_map(|record| match &record.data {
        RData::SRV(record) => Some(record),
        _ => None,
    });
    let candidate = |target: String, port: u16| Candidate::at(format!("{}:{port}", target.trim_end_matches('.')));
    Ok(records.map(|record| candidate(record.target.to_utf8(), record.port)).collect())
}

#[cfg(test)]
mod tests {
    use super::look_up;

    #[tokio::test]
    async fn a_host_with_a_port_is_looked_up() {
        let found = look_up("127.0.0.1:9090").await.expect("is an address");
        assert_eq!(found.iter().map(|candidate| candidate.address.as_str()).collect::<Vec<_>>(), ["127.0.0.1:9090"]);
        let found = look_up("[::1]:9090").await.expect("is an address");
        assert_eq!(found[0].address, "[::1]:9090");
    }

    #[tokio::test]
    async fn a_host_that_is_none_is_told() {
        let error = look_up("no such host.invalid:1").await.expect_err("there is none");
        assert_eq!(error.to_string(), "lookup no such host.invalid: no such host");
    }
}
