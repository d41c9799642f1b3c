//! Answering the questions of others.

use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::Message;

use super::{Core, Output};
use crate::mdns::name;

impl Core {
    /// Answers each question, one packet for each node and list entry that it is about, to the asker alone: that is
    /// where go-micro waits for it.
    pub(super) fn respond(&mut self, message: &Message, source: SocketAddr) {
        if !is_near(source.ip()) {
            return;
        }
        for question in &message.queries {
            let Some(asked) = name::of_wire(&question.name) else { continue };
            let adverts = self.own.values().map(|registration| &registration.advert).chain(self.lists.values());
            let packets = adverts.filter_map(|advert| advert.reply(question, &asked, message.metadata.id));
            self.outputs.extend(packets.map(|packet| Output::Reply { packet, to: source }));
        }
    }
}

/// Returns whether an asker can be on a network of this host.
///
/// The socket of IPv6 cannot be bound to the group, so a packet from far away, whose source may be somebody who never
/// asked, would be answered too. Who asks the group does so from an address of the same scope.
fn is_near(source: IpAddr) -> bool {
    match source {
        IpAddr::V4(_) => true,
        IpAddr::V6(source) => source.is_loopback() || source.is_unicast_link_local() || source.is_unique_local(),
    }
}
