//! What a packet tells: nodes that are there, nodes that are gone, services in the list.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};

use super::complaint::Slip;
use super::name;
use super::payload::Payload;
use crate::limits;
use crate::model::{Metadata, Node, Service, VERSION_DEFAULT};

/// What a packet tells.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Nodes that are there, each as a service with this one node.
    pub(super) present: Vec<Service>,
    /// Nodes that said goodbye: service and node id.
    pub(super) gone: Vec<(String, String)>,
    /// The services of the list.
    pub(super) listed: Vec<String>,
    /// What was skipped, and why.
    pub(super) slips: Vec<Slip>,
}

/// What a packet says of one name.
#[derive(Debug, Default)]
struct Entry {
    port: u16,
    address_v4: Option<IpAddr>,
    address_v6: Option<IpAddr>,
    strings: Option<Vec<Box<[u8]>>>,
    ttl: u32,
}

impl Heard {
    /// Reads the records of a packet in their order: an address belongs to the node whose SRV record named its host
    /// before.
    pub(super) fn read(message: Message) -> Heard {
        let mut heard = Heard::default();
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        let mut hosts: BTreeMap<String, String> = BTreeMap::new();
        for record in message.answers.into_iter().chain(message.additionals) {
            heard.take(record, &mut entries, &mut hosts);
        }
        for (instance, entry) in entries {
            // Those of the list have no text.
            let Some(strings) = entry.strings.as_ref().filter(|strings| !strings.is_empty()) else { continue };
            match entry.node(&instance, strings) {
                Ok(service) if entry.ttl > 0 => heard.present.push(service),
                Ok(service) => {
                    let id = service.nodes.into_iter().next().map(|node| node.id).unwrap_or_default();
                    heard.gone.push((service.name, id));
                }
                Err(slip) => heard.slips.push(slip),
            }
        }
        heard
    }

    fn take(&mut self, record: Record, entries: &mut BTreeMap<String, Entry>, hosts: &mut BTreeMap<String, String>) {
        let is_ours = name::is_ours(&record.name);
        let Some(owner) = name::of_wire(&record.name) else {
            if !is_ours {
                return;
            }
            self.slips.push(Slip::Name("it is not UTF-8, or has a dot within a label".to_owned()));
            return;
        };
        let ttl = record.ttl;
        match record.data {
            RData::PTR(target) if owner == name::LIST && ttl > 0 => match name::of_wire(&target.0) {
                Some(target) => self.list(&target),
                None => self.slips.push(Slip::Name("a service in the list is not UTF-8".to_owned())),
            },
            RData::SRV(srv) if is_ours => {
                if let Some(target) = name::of_wire(&srv.target) {
                    hosts.insert(target, owner.clone());
                }
                let entry = entries.entry(owner).or_default();
                (entry.port, entry.ttl) = (srv.port, ttl);
            }
            RData::TXT(txt) if is_ours => {
                let entry = entries.entry(owner).or_default();
                (entry.strings, entry.ttl) = (Some(txt.txt_data.into_vec()), ttl);
            }
            RData::A(address) => {
                if let Some(entry) = of_host(&owner, entries, hosts) {
                    (entry.address_v4, entry.ttl) = (Some(address.0.into()), ttl);
                }
            }
            RData::AAAA(address) => {
                if let Some(entry) = of_host(&owner, entries, hosts) {
                    (entry.address_v6, entry.ttl) = (Some(address.0.into()), ttl);
                }
            }
            _ => {}
        }
    }

    fn list(&mut self, target: &str) {
        let Some(service) = name::listed(target) else { return };
        match name::check(service, "node") {
            Ok(()) => self.listed.push(service.to_owned()),
            Err(invalid) => self.slips.push(Slip::Record(invalid)),
        }
    }
}

/// Returns the entry that an address belongs to: that of the SRV record before, or of the same name.
fn of_host<'a>(
    owner: &str,
    entries: &'a mut BTreeMap<String, Entry>,
    hosts: &BTreeMap<String, String>,
) -> Option<&'a mut Entry> {
    entries.get_mut(hosts.get(owner).map_or(owner, String::as_str))
}

impl Entry {
    /// Returns the service with the one node that this is.
    fn node(&self, instance: &str, strings: &[Box<[u8]>]) -> Result<Service, Slip> {
        let payload = Payload::of_strings(strings.iter().map(|string| &**string)).map_err(Slip::Payload)?;
        let Payload { service: name, version, endpoints, metadata } = payload;
        let Some(id) = name::node_of(instance, &name) else {
            return Err(Slip::Name(format!("it is not that of a node of {:?}", limits::shorten(&name))));
        };
        // IPv4 where there is a choice, as go-micro has it.
        let (Some(ip), true) = (self.address_v4.or(self.address_v6), self.port > 0) else {
            return Err(Slip::Name("it comes without an address and a port".to_owned()));
        };
        let address = SocketAddr::new(ip, self.port).to_string();
        let version = if version.is_empty() { VERSION_DEFAULT.to_owned() } else { version };
        let node = Node { id: id.to_owned(), address, metadata };
        let service = Service { name, version, metadata: Metadata::new(), endpoints, nodes: vec![node] };
        limits::check(&service).map_err(Slip::Record)?;
        name::check(&service.name, id).map_err(Slip::Record)?;
        Ok(service)
    }
}
