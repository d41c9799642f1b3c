//! Where a NATS server is.

use async_nats::ServerAddr;

use crate::broker::Origin;
use crate::connect::ConnectError;

/// Where go-micro looks for it.
const DEFAULT: &str = "nats://127.0.0.1:4222";

/// Reads addresses as go-micro does: `nats://` is put before those without a scheme, empty ones are none.
pub(super) fn parse(addresses: &[String]) -> Result<Vec<ServerAddr>, ConnectError> {
    let given = addresses.iter().map(|address| address.trim()).filter(|address| !address.is_empty());
    let mut parsed = given.map(one).collect::<Result<Vec<_>, _>>()?;
    if parsed.is_empty() {
        parsed.push(DEFAULT.parse().expect("is an address"));
    }
    Ok(parsed)
}

fn one(address: &str) -> Result<ServerAddr, ConnectError> {
    let url = if address.contains("://") { address.to_owned() } else { format!("nats://{address}") };
    url.parse().map_err(|error: std::io::Error| ConnectError::Address {
        kind: Origin::NATS,
        // What stands before the host may be a password.
        address: address.rsplit_once('@').map_or(address, |(_, host)| host).to_owned(),
        reason: error.to_string(),
    })
}

/// Returns the addresses for people, without what signs in.
pub(super) fn show(addresses: &[ServerAddr]) -> String {
    let places = addresses.iter().map(|address| format!("{}:{}", address.host(), address.port()));
    places.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(addresses: &[&str], expected: &str) {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(show(&parse(&addresses).expect("are addresses")), expected);
    }

    #[test]
    fn addresses_are_read_as_in_go() {
        check(&[], "127.0.0.1:4222");
        check(&["", " "], "127.0.0.1:4222");
        check(&["nats", "10.0.0.1:1"], "nats:4222, 10.0.0.1:1");
        check(&["nats://user:secret@nats:1", "tls://a"], "nats:1, a:4222");
    }

    #[test]
    fn what_is_no_address_is_told_without_its_password() {
        let error = parse(&["http://user:secret@nats:1".to_owned()]).expect_err("is none").to_string();
        assert!(error.contains("nats:1") && !error.contains("secret"), "{error}");
    }
}
