//! A network of our making, in a time of our making: it loses, repeats and delays packets from a seed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::Instant;

use crate::mdns::advert::Host;
use crate::mdns::core::{Core, Output, Subject};
use crate::mdns::table::Limits;
use crate::model::Service;
use crate::registry::Change;

const ROOM: Limits = Limits { nodes: 10_000, services: 1_000 };

/// The hosts, and the packets between them. Host `n` is 10.0.0.n.
pub(super) struct Network {
    pub(super) hosts: BTreeMap<u8, Member>,
    /// Packets on their way: when they arrive, to whom, from where. The number keeps them apart.
    pub(super) packets: BTreeMap<(Instant, u64), (u8, SocketAddr, Vec<u8>)>,
    count: u64,
    random: fastrand::Rng,
    pub(super) now: Instant,
    pub(super) faults: Faults,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Faults {
    /// How many packets of a hundred.
    pub(super) lost: u8,
    pub(super) repeated: u8,
    pub(super) delay_max: Duration,
}

pub(super) struct Member {
    pub(super) core: Core,
    /// What a watcher believes.
    pub(super) view: BTreeMap<(String, String), Service>,
    pub(super) is_stale: bool,
    found: Vec<Option<Vec<Service>>>,
    pub(super) complaints: usize,
    pub(super) questions: usize,
    /// Whether anything reaches the host, or leaves it.
    pub(super) is_up: bool,
}

impl Network {
    pub(super) fn new(seed: u64, hosts: u8, faults: Faults) -> Network {
        let members = (1..=hosts).map(|number| {
            let host = Host::new(&format!("host{number}"), Ipv4Addr::new(10, 0, 0, number).into());
            let core = Core::new(host, ROOM, seed ^ u64::from(number));
            let (view, found) = (BTreeMap::new(), Vec::new());
            let member = Member { core, view, is_stale: false, found, complaints: 0, questions: 0, is_up: true };
            (number, member)
        });
        let (packets, random) = (BTreeMap::new(), fastrand::Rng::with_seed(seed));
        Network { hosts: members.collect(), packets, count: 0, random, now: Instant::now(), faults }
    }

    pub(super) fn core(&mut self, host: u8) -> &mut Core {
        &mut self.member(host).core
    }

    pub(super) fn member(&mut self, host: u8) -> &mut Member {
        self.hosts.get_mut(&host).expect("is a host")
    }

    pub(super) fn register(&mut self, host: u8, service: &Service) {
        let now = self.now;
        self.core(host).register(service, None, now).expect("is published");
    }

    pub(super) fn watch(&mut self, host: u8) {
        let now = self.now;
        self.core(host).look_up(Subject::List, now);
    }

    /// Looks a service up and returns what is found, with the time that it took.
    pub(super) fn find(&mut self, host: u8, subject: Subject) -> (Option<Vec<Service>>, Duration) {
        let start = self.now;
        self.member(host).found.clear();
        self.core(host).look_up(subject, start);
        for _ in 0..3000 {
            self.flush();
            if let Some(found) = self.member(host).found.pop() {
                return (found, self.now - start);
            }
            self.pass(Duration::from_millis(1));
        }
        panic!("a look-up ends");
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.flush();
            let packet = self.packets.first_key_value().map(|((at, _), _)| *at);
            let timer = self.hosts.values().filter_map(|member| member.core.next()).min();
            let Some(next) = packet.into_iter().chain(timer).min().filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            if packet == Some(next)
                && let Some((_, (to, from, bytes))) = self.packets.pop_first()
            {
                let now = self.now;
                let member = self.member(to);
                if member.is_up {
                    member.core.receive(&bytes, from, now);
                }
            }
            for member in self.hosts.values_mut() {
                member.core.tick(self.now);
            }
        }
        self.now = end;
    }

    pub(super) fn flush(&mut self) {
        let numbers: Vec<u8> = self.hosts.keys().copied().collect();
        for number in numbers {
            while let Some(output) = self.core(number).poll() {
                self.carry_out(number, output);
            }
        }
    }

    fn carry_out(&mut self, number: u8, output: Output) {
        let (asking, mdns) = (address(number, 40_000), address(number, 5353));
        let now = self.now;
        match output {
            Output::Ask { packet, about } => {
                let member = self.member(number);
                member.questions += 1;
                if member.is_up {
                    member.core.sent();
                    self.send_to_all(asking, &packet);
                } else {
                    member.core.unsent(&about, now);
                }
            }
            Output::Announce { packet } => self.send_to_all(mdns, &packet),
            Output::Reply { packet, to } => self.send(mdns, to, &packet),
            Output::Change(change) => self.member(number).believe(change),
            Output::Found { services, .. } => self.member(number).found.push(services),
            Output::Complaint(_) => self.member(number).complaints += 1,
        }
    }

    fn send_to_all(&mut self, from: SocketAddr, packet: &[u8]) {
        let numbers: Vec<u8> = self.hosts.keys().copied().collect();
        for number in numbers {
            self.send(from, address(number, 5353), packet);
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, packet: &[u8]) {
        let (SocketAddr::V4(sender), SocketAddr::V4(receiver)) = (from, to) else { panic!("all are IPv4") };
        if !self.member(sender.ip().octets()[3]).is_up {
            return;
        }
        let copies = match (self.random.u8(..100), self.random.u8(..100)) {
            (lost, _) if lost < self.faults.lost => 0,
            (_, repeated) if repeated < self.faults.repeated => 2,
            _ => 1,
        };
        for _ in 0..copies {
            let at = self.now + self.faults.delay_max.mul_f64(self.random.f64());
            self.count += 1;
            self.packets.insert((at, self.count), (receiver.ip().octets()[3], from, packet.to_vec()));
        }
    }
}

impl Member {
    fn believe(&mut self, change: Change) {
        match change {
            Change::Resync(services) => {
                self.is_stale = false;
                let key = |service: &Service| (service.name.clone(), service.version.clone());
                self.view = services.into_iter().map(|service| (key(&service), service)).collect();
            }
            Change::Upsert(service) => {
                self.view.insert((service.name.clone(), service.version.clone()), service);
            }
            Change::Remove { name, version } => drop(self.view.remove(&(name, version))),
            Change::Stale => self.is_stale = true,
        }
    }

    /// The addresses that a watcher knows of a service, sorted.
    pub(super) fn addresses(&self, service: &str) -> Vec<&str> {
        let of_service = self.view.values().filter(|one| one.name == service);
        let mut addresses: Vec<&str> =
            of_service.flat_map(|one| &one.nodes).map(|node| node.address.as_str()).collect();
        addresses.sort_unstable();
        addresses
    }
}

pub(super) fn address(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, host), port))
}
