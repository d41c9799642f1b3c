//! What a node of this process answers and announces.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::rdata::{A, AAAA, PTR, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::name;
use super::packet::{self, Names};
use super::payload::Payload;
use crate::dialable::{Source, dialable};
use crate::limits::{InvalidRecord, shorten};
use crate::model::{Node, Service};

/// How long others may keep a record, in seconds; go-micro does not look at it unless it is 0.
const TTL: u32 = 120;
/// The TTL of a goodbye.
const TTL_GONE: u32 = 0;
/// The port in the list of services: it is there for the form.
const LIST_PORT: u16 = 9999;
/// Priority and weight of the SRV record in answers; probes have none.
const PRIORITY: u16 = 10;
const WEIGHT: u16 = 1;

/// The records of one node, or of a service in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advert {
    /// What is asked for to find all of its kind.
    service: Wire,
    /// Its own name.
    instance: Wire,
    /// What the SRV record points at: the name of this host.
    host: Wire,
    address: IpAddr,
    port: u16,
    strings: Vec<String>,
}

/// A name as text, to compare, and as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wire {
    text: String,
    name: Name,
}

/// This host, as adverts need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// Its name.
    name: Wire,
    /// Its address, for nodes that listen on all of them.
    pub(super) address: IpAddr,
}

impl Host {
    /// Returns the host of that name, which is `localhost` where that fits into no packet.
    pub(super) fn new(host: &str, address: IpAddr) -> Host {
        let text = host.trim_end_matches('.');
        let text = if text.is_ascii() && name::to_wire(text).is_some() { text } else { "localhost" };
        let name = Wire { text: text.to_owned(), name: name::to_wire(text).unwrap_or_default() };
        Host { name, address }
    }
}

impl Advert {
    /// Makes the records of a node.
    ///
    /// # Errors
    /// When the names do not fit, the address is not one of IP, or all of it does not fit into a packet.
    pub(super) fn of_node(service: &Service, node: &Node, host: &Host) -> Result<Advert, InvalidRecord> {
        name::check(&service.name, &node.id)?;
        let address = address(node, host)?;
        let payload = Payload {
            service: service.name.clone(),
            version: service.version.clone(),
            endpoints: service.endpoints.clone(),
            metadata: node.metadata.clone(),
        };
        let advert = Advert {
            service: wire(name::of_service(&service.name))?,
            instance: wire(name::of_node(&service.name, &node.id))?,
            host: host.name.clone(),
            address: address.ip(),
            port: address.port(),
            strings: payload.to_strings(),
        };
        // An announcement writes every name in full, so nothing is longer.
        if packet::encode(&advert.announcement(), Names::Full).is_none() {
            let bytes = advert.strings.iter().map(String::len).sum();
            let field = "what the node says of itself, deflated for mdns,";
            return Err(InvalidRecord::TooLong { field, bytes, max: packet::PACKET_BYTES_MAX.into() });
        }
        Ok(advert)
    }

    /// Makes the records that put a service into the list of services.
    ///
    /// # Errors
    /// When the name does not fit.
    pub(super) fn of_list(service: &str, host: &Host) -> Result<Advert, InvalidRecord> {
        Ok(Advert {
            service: wire(name::LIST.to_owned())?,
            instance: wire(name::in_list(service))?,
            host: host.name.clone(),
            address: Ipv4Addr::UNSPECIFIED.into(),
            port: LIST_PORT,
            strings: Vec::new(),
        })
    }

    /// Returns the packet that answers a question, if this advert has an answer.
    /// `asked` is the name in the question as text, which is the same for all adverts.
    pub(super) fn reply(&self, question: &Query, asked: &str, id: u16) -> Option<Vec<u8>> {
        let answers = self.answers(asked, question.query_type);
        if answers.is_empty() {
            return None;
        }
        let mut message = packet::answer(if packet::wants_unicast(question) { id } else { 0 });
        message.metadata.authoritative = true;
        message.queries = vec![question.clone()]; // go-micro takes no answer without
        message.answers = answers;
        packet::encode(&message, Names::Short)
    }

    /// Returns the packet that asks whether somebody else has this name. Nobody of go-micro answers it; it is sent for
    /// the form.
    pub(super) fn probe(&self, id: u16) -> Option<Vec<u8>> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.queries = vec![Query::query(self.instance.name.clone(), RecordType::PTR)];
        message.authorities = vec![self.srv(0, 0, TTL), self.txt(TTL)];
        packet::encode(&message, Names::Full)
    }

    /// Returns the packet that tells everybody.
    pub(super) fn announce(&self) -> Option<Vec<u8>> {
        packet::encode(&self.announcement(), Names::Full)
    }

    /// Returns the packet that takes it back.
    pub(super) fn goodbye(&self) -> Option<Vec<u8>> {
        packet::encode(&self.unasked(TTL_GONE), Names::Full)
    }

    fn announcement(&self) -> Message {
        self.unasked(TTL)
    }

    fn unasked(&self, ttl: u32) -> Message {
        let mut message = packet::answer(0);
        message.answers = vec![self.srv(PRIORITY, WEIGHT, ttl), self.host_address(ttl), self.txt(ttl)];
        message
    }

    /// The order is part of the protocol: go-micro finds the node of an address by the target of the SRV before it.
    fn answers(&self, asked: &str, kind: RecordType) -> Vec<Record> {
        let srv = || self.srv(PRIORITY, WEIGHT, TTL);
        let address_kind = if self.address.is_ipv4() { RecordType::A } else { RecordType::AAAA };
        if asked == self.service.text {
            return match kind {
                RecordType::PTR | RecordType::ANY => {
                    vec![pointer(&self.service.name, &self.instance.name), srv(), self.host_address(TTL), self.txt(TTL)]
                }
                _ => Vec::new(),
            };
        }
        if asked == self.instance.text {
            return match kind {
                RecordType::ANY => vec![srv(), self.host_address(TTL), self.txt(TTL)],
                RecordType::SRV => vec![srv(), self.host_address(TTL)],
                RecordType::TXT => vec![self.txt(TTL)],
                kind if kind == address_kind => vec![self.host_address(TTL)],
                _ => Vec::new(),
            };
        }
        if asked == name::BROWSE && matches!(kind, RecordType::PTR | RecordType::ANY) {
            return name::to_wire(asked).map(|browse| pointer(&browse, &self.service.name)).into_iter().collect();
        }
        if asked == self.host.text && kind == address_kind {
            return vec![self.host_address(TTL)];
        }
        Vec::new()
    }

    fn srv(&self, priority: u16, weight: u16, ttl: u32) -> Record {
        let data = SRV::new(priority, weight, self.port, self.host.name.clone());
        Record::from_rdata(self.instance.name.clone(), ttl, RData::SRV(data))
    }

    fn host_address(&self, ttl: u32) -> Record {
        let data = match self.address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        Record::from_rdata(self.host.name.clone(), ttl, data)
    }

    fn txt(&self, ttl: u32) -> Record {
        Record::from_rdata(self.instance.name.clone(), ttl, RData::TXT(TXT::new(self.strings.clone())))
    }
}

fn pointer(name: &Name, target: &Name) -> Record {
    Record::from_rdata(name.clone(), TTL, RData::PTR(PTR(target.clone())))
}

fn wire(text: String) -> Result<Wire, InvalidRecord> {
    match name::to_wire(&text) {
        Some(name) => Ok(Wire { text, name }),
        None => {
            let reason = "it does not fit into a DNS name";
            Err(InvalidRecord::Unfit { field: "the name for mdns", text: shorten(&text), reason })
        }
    }
}

/// Returns what goes into the address records. An address that IPv4 can express is one of IPv4.
fn address(node: &Node, host: &Host) -> Result<SocketAddr, InvalidRecord> {
    let dialled = dialable(&node.address, Source::Host(host.address)).and_then(|address| address.parse().ok());
    let Some(address) = dialled else {
        let reason = "mdns needs an IP address and a port";
        return Err(InvalidRecord::Unfit { field: "the node address", text: shorten(&node.address), reason });
    };
    Ok(SocketAddr::new(SocketAddr::ip(&address).to_canonical(), address.port()))
}
