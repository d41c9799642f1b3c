//! Names in packets.
//!
//! Of a service `S` and its node `I`: `S.micro.` and `I.S.micro.`; the dots inside of them part labels too. Names are
//! compared as text and with their case, as go-micro does; DNS alone would not tell `A` from `a`.

use hickory_proto::rr::Name;

use crate::limits::{InvalidRecord, shorten};

/// What every name ends in.
pub(super) const DOMAIN: &str = "micro";
/// What is asked for a list of the services.
pub(super) const LIST: &str = "_services.micro";
/// What is asked for a list of everything, by programs that browse.
pub(super) const BROWSE: &str = "_services._dns-sd._udp.micro";
/// The name that a service may not have, since the list has it.
const RESERVED: &str = "_services";

/// The most bytes between two dots (RFC 1035 section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;
/// The most bytes of a name in a packet, each label with its length (RFC 1035 section 2.3.4).
const NAME_BYTES_MAX: usize = 255;

/// Returns the name of a service in packets, without the last dot.
pub(super) fn of_service(service: &str) -> String {
    format!("{service}.{DOMAIN}")
}

/// Returns the name of a node in packets.
pub(super) fn of_node(service: &str, node: &str) -> String {
    format!("{node}.{service}.{DOMAIN}")
}

/// Returns the name that a service has in the list of services.
pub(super) fn in_list(service: &str) -> String {
    format!("{service}.{LIST}")
}

/// Returns the service that has that name in the list.
pub(super) fn listed(name: &str) -> Option<&str> {
    name.strip_suffix(LIST)?.strip_suffix('.').filter(|service| !service.is_empty())
}

/// Returns the id of the node that has that name, if it is one of the service.
pub(super) fn node_of<'a>(name: &'a str, service: &str) -> Option<&'a str> {
    let id = name.strip_suffix(DOMAIN)?.strip_suffix('.')?.strip_suffix(service)?.strip_suffix('.')?;
    (!id.is_empty()).then_some(id)
}

/// Returns whether a part between slashes is `.` or `..`: such a name means another one where it becomes a path.
pub(super) fn climbs(text: &str) -> bool {
    text.split('/').any(|part| part == "." || part == "..")
}

/// Checks that a service and its node can be named in packets. go-micro does not, and such a service is not seen.
pub(super) fn check(service: &str, node: &str) -> Result<(), InvalidRecord> {
    if service == RESERVED {
        return Err(unfit("the service name", service, "mdns lists services under it"));
    }
    for (field, text) in [("the service name", service), ("the node id", node)] {
        if climbs(text) {
            return Err(unfit(field, text, "a part of it is `.` or `..`"));
        }
        for label in text.split('.') {
            if label.is_empty() {
                return Err(unfit(field, text, "mdns needs something before, between and after its dots"));
            }
        }
    }
    let name = of_node(service, node);
    if let Some(label) = name.split('.').find(|label| label.len() > LABEL_BYTES_MAX) {
        let field = "what stands between two dots of the service name or node id";
        return Err(InvalidRecord::TooLong { field, bytes: label.len(), max: LABEL_BYTES_MAX });
    }
    // Each label has a length before it, and the name an empty one at its end.
    match name.len().max(in_list(service).len()) + 2 {
        bytes if bytes > NAME_BYTES_MAX => {
            let field = "the service name and the node id, joined for mdns,";
            Err(InvalidRecord::TooLong { field, bytes, max: NAME_BYTES_MAX })
        }
        _ => Ok(()),
    }
}

/// Returns a name as it goes into a packet; `None` where it cannot.
pub(super) fn to_wire(text: &str) -> Option<Name> {
    Name::from_labels(text.split('.').map(str::as_bytes)).ok()
}

/// Returns whether a name of a packet is go-micro's: other programs speak on the same port.
pub(super) fn is_ours(name: &Name) -> bool {
    name.iter().next_back() == Some(DOMAIN.as_bytes())
}

/// Returns whether a packet that cannot be read was meant to hold a name of go-micro.
pub(super) fn is_meant(packet: &[u8]) -> bool {
    packet.windows(DOMAIN.len() + 1).any(|window| matches!(window, [5, label @ ..] if label == DOMAIN.as_bytes()))
}

/// Returns a name of a packet as text; `None` where that would be ambiguous or is not UTF-8.
pub(super) fn of_wire(name: &Name) -> Option<String> {
    let mut text = String::with_capacity(name.len());
    for label in name {
        let label = str::from_utf8(label).ok().filter(|label| !label.contains('.'))?;
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(label);
    }
    Some(text)
}

fn unfit(field: &'static str, text: &str, reason: &'static str) -> InvalidRecord {
    InvalidRecord::Unfit { field, text: shorten(text), reason }
}

#[cfg(test)]
mod tests {
    use super::{check, listed, node_of, of_wire, to_wire};

    #[track_caller]
    fn check_refused(service: &str, node: &str, expected: &str) {
        assert_eq!(check(service, node).expect_err("is refused").to_string(), expected);
    }

    #[test]
    fn ordinary_names_pass() {
        let uuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
        for service in
            ["go.micro.srv.greeter", "greeter", "go.micro/greeter", "go.micro.srv.abcdefghijklmnopqrstuvwxyz"]
        {
            assert_eq!(check(service, &format!("{service}-{uuid}")), Ok(()), "{service}");
        }
    }

    #[test]
    fn names_that_dns_cannot_hold_are_refused() {
        let long = "go.micro.srv.abcdefghijklmnopqrstuvwxyza";
        check_refused(
            long,
            &format!("{long}-6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
            "what stands between two dots of the service name or node id has 64 bytes, at most 63 are accepted",
        );
        let many = vec!["abcdefg"; 30].join(".");
        check_refused(
            &many,
            "1",
            "the service name and the node id, joined for mdns, has 257 bytes, at most 255 are accepted",
        );
        let dots = "cannot be used: mdns needs something before, between and after its dots";
        check_refused("a..b", "1", &format!(r#"the service name "a..b" {dots}"#));
        check_refused("a", "1.", &format!(r#"the node id "1." {dots}"#));
    }

    #[test]
    fn names_that_mean_another_are_refused() {
        check_refused("a/../b", "1", r#"the service name "a/../b" cannot be used: a part of it is `.` or `..`"#);
        check_refused("a", "../1", r#"the node id "../1" cannot be used: a part of it is `.` or `..`"#);
        check_refused("_services", "1", r#"the service name "_services" cannot be used: mdns lists services under it"#);
    }

    #[test]
    fn names_survive_a_packet() {
        for text in ["i.go.micro.srv.s.micro", "ž.micro", "a b.micro"] {
            let name = to_wire(text).expect("fits");
            assert_eq!(of_wire(&name).as_deref(), Some(text));
        }
        assert!(to_wire("a..b").is_none());
        let dotted = hickory_proto::rr::Name::from_labels([&b"a.b"[..], b"micro"]).expect("fits");
        assert_eq!(of_wire(&dotted), None, "a dot within a label");
    }

    #[test]
    fn parts_of_names_are_found() {
        assert_eq!(listed("go.micro.srv.s._services.micro"), Some("go.micro.srv.s"));
        assert_eq!(listed("_services.micro"), None);
        assert_eq!(node_of("go.s-1.go.s.micro", "go.s"), Some("go.s-1"));
        assert_eq!(node_of("go.s.micro", "go.s"), None);
        assert_eq!(node_of("i.go.S.micro", "go.s"), None, "the case differs");
        assert_eq!(node_of("i.xgo.s.micro", "go.s"), None, "ends within a label");
    }
}
