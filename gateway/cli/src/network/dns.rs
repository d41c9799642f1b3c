//! `micro network dns`: records of nodes, by the service `go.micro.network.dns` (spec/toolkit 1.8).

use http::HeaderValue;
use mesh::Request;
use serde_json::{Value, json};

use super::{cells, list};
use crate::arguments::Invocation;
use crate::exit::Exit;

const SERVICE: &str = "go.micro.network.dns";
/// How long others may keep a record, in seconds.
const TTL: u32 = 1;

/// `micro network dns advertise`.
pub(crate) fn advertise(invocation: &Invocation) -> Exit {
    let (domain, address) = record(invocation);
    let records = json!({ "records": [record_of(domain, address)] });
    ask(invocation, "Dns.Advertise", &records, |_| format!("Registered {domain}: {address}"))
}

/// `micro network dns remove`.
pub(crate) fn remove(invocation: &Invocation) -> Exit {
    let (domain, address) = record(invocation);
    let records = json!({ "records": [record_of(domain, address)] });
    ask(invocation, "Dns.Remove", &records, |_| format!("Removed {domain}: {address}"))
}

/// `micro network dns resolve`: the values, one a line.
pub(crate) fn resolve(invocation: &Invocation) -> Exit {
    let text = |flag: &str| invocation.values.text(flag).unwrap_or_default();
    ask(invocation, "Dns.Resolve", &json!({ "name": text("domain"), "type": text("type") }), |answer| {
        let values = list(answer.get("records")).flat_map(|record| cells(record, &["value"]));
        values.collect::<Vec<_>>().join("\n")
    })
}

fn record(invocation: &Invocation) -> (&str, &str) {
    let text = |flag: &str| invocation.values.text(flag).unwrap_or_default();
    (text("domain"), text("address"))
}

/// More than one colon is an address of IPv6.
fn record_of(domain: &str, address: &str) -> Value {
    let kind = if address.matches(':').count() > 1 { "AAAA" } else { "A" };
    json!({ "name": domain, "value": address, "type": kind, "ttl": TTL })
}

fn ask(invocation: &Invocation, endpoint: &str, request: &Value, shown: impl Fn(&Value) -> String) -> Exit {
    let mut call = Request::new(SERVICE, endpoint);
    if let Some(token) = invocation.values.text("token") {
        let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {token}")) else {
            return invocation.fail("the token cannot stand in a header");
        };
        bearer.set_sensitive(true);
        call.metadata.insert("authorization", bearer);
    }
    super::ask(invocation, &call, request, shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_record_follows_from_its_address() {
        assert_eq!(record_of("a.b", "1.2.3.4")["type"], "A");
        assert_eq!(record_of("a.b", "2001:db8::1")["type"], "AAAA");
    }
}
