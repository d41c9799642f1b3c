//! One line in the log for each host and kind of slip, however often it comes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::packet::PacketError;
use super::payload::PayloadError;
use crate::limits::InvalidRecord;

/// After how long the same is said again.
const SILENCE: Duration = Duration::from_hours(1);
/// How many hosts and kinds are remembered; what comes while it is full is not said.
const REMEMBERED_MAX: usize = 256;

/// Something in a packet that was skipped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Slip {
    /// The packet itself.
    #[error("the packet")]
    Packet(#[source] PacketError),
    /// The text of a node.
    #[error("the text of a node")]
    Payload(#[source] PayloadError),
    /// What the text says.
    #[error("the record of a node")]
    Record(#[source] InvalidRecord),
    /// The name of a record.
    #[error("the name of a record: {0}")]
    Name(String),
    /// A node more than is kept.
    #[error("a node or a service: {max} are known")]
    Full {
        /// The limit.
        max: usize,
    },
}

/// Who slipped, and how. To be logged.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) source: IpAddr,
    pub(super) slip: Slip,
}

/// What was said already.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    said: BTreeMap<(IpAddr, u8), Instant>,
}

impl Complaints {
    /// Returns whether this is to be said.
    pub(super) fn are_new(&mut self, source: IpAddr, slip: &Slip, now: Instant) -> bool {
        let key = (source, kind(slip));
        if self.said.get(&key).is_some_and(|said| now.saturating_duration_since(*said) < SILENCE) {
            return false;
        }
        if self.said.len() >= REMEMBERED_MAX {
            self.said.retain(|_, said| now.saturating_duration_since(*said) < SILENCE);
        }
        if self.said.len() >= REMEMBERED_MAX {
            return false;
        }
        self.said.insert(key, now);
        true
    }
}

fn kind(slip: &Slip) -> u8 {
    match slip {
        Slip::Packet(_) => 0,
        Slip::Payload(_) => 1,
        Slip::Record(_) => 2,
        Slip::Name(_) => 3,
        Slip::Full { .. } => 4,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use tokio::time::Instant;

    use super::{Complaints, REMEMBERED_MAX, SILENCE, Slip};

    #[test]
    fn the_same_is_said_once_an_hour() {
        let (mut complaints, now) = (Complaints::default(), Instant::now());
        let hosts: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::new(10, 0, 0, 1).into()];
        let full = Slip::Full { max: 1 };
        assert!(complaints.are_new(hosts[0], &full, now));
        assert!(!complaints.are_new(hosts[0], &full, now + SILENCE / 2), "the same");
        assert!(complaints.are_new(hosts[0], &Slip::Name(String::new()), now), "another kind");
        assert!(complaints.are_new(hosts[1], &full, now), "another host");
        assert!(complaints.are_new(hosts[0], &full, now + SILENCE), "an hour later");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut complaints, now) = (Complaints::default(), Instant::now());
        let full = Slip::Full { max: 1 };
        let said = (0..2000_u32).filter(|host| complaints.are_new(Ipv4Addr::from(*host).into(), &full, now)).count();
        assert_eq!(said, REMEMBERED_MAX);
        assert!(complaints.are_new(Ipv4Addr::BROADCAST.into(), &full, now + SILENCE), "room again");
    }
}
