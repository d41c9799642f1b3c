//! Cores that exchange packets over a network of our making.

mod network;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::rdata::{SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use self::network::{Faults, Network, address};
use super::{Core, Output, Subject};
use crate::mdns::advert::{Advert, Host};
use crate::mdns::packet::{Names, answer, decode, encode};
use crate::mdns::table::Limits;
use crate::model::{Endpoint, Node, Service};

const GREETER: &str = "go.micro.srv.greeter";

fn greeter(node: &str, address: &str) -> Service {
    Service::new(GREETER).with_node(Node::new(node, address).with("protocol", "grpc"))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The announcement of a greeter by somebody else.
fn announcement(service: &Service, host: Ipv4Addr) -> Vec<u8> {
    let advert = Advert::of_node(service, &service.nodes[0], &Host::new("other", host.into()));
    advert.expect("is published").announce().expect("fits")
}

#[test]
fn a_service_is_found_by_name_and_in_the_list() {
    let mut network = Network::new(1, 2, Faults::default());
    let service = greeter("greeter-1", "10.0.0.1:9090").with_endpoint("Say.Hello");
    network.register(1, &service);
    let (found, time) = network.find(2, Subject::Service(GREETER.to_owned()));
    assert_eq!(found, Some(vec![service.clone()]));
    assert!(time <= Duration::from_millis(110), "{time:?}, as go-micro");
    assert_eq!(network.find(2, Subject::List).0, Some(vec![service.clone()]));
    let (again, time) = network.find(2, Subject::List);
    assert_eq!((again, time), (Some(vec![service]), Duration::ZERO), "it is known by now");
}

#[test]
fn an_unknown_service_is_given_up() {
    let mut network = Network::new(1, 2, Faults::default());
    let (found, time) = network.find(2, Subject::Service("nobody".to_owned()));
    assert_eq!(found, Some(Vec::new()));
    assert!((Duration::from_millis(500)..Duration::from_millis(700)).contains(&time), "{time:?}");
    assert_eq!(network.member(2).questions, 3);
    network.pass(seconds(60));
    assert_eq!(network.member(2).questions, 3, "and forgotten");
    let hopeless = network.find(2, Subject::Service("a..b".to_owned()));
    assert_eq!(hopeless, (Some(Vec::new()), Duration::ZERO));
}

#[test]
fn an_announcement_and_a_goodbye_reach_a_watcher_at_once() {
    let mut network = Network::new(1, 2, Faults::default());
    network.watch(2);
    network.pass(seconds(1));
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.pass(Duration::from_millis(800));
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.1:9090"]);
    network.core(1).deregister(&greeter("greeter-1", ""));
    network.pass(Duration::from_millis(1));
    assert_eq!(network.member(2).addresses(GREETER), [""; 0]);
}

#[test]
fn probes_and_announcements_come_in_their_time() {
    let mut network = Network::new(3, 1, Faults::default());
    let start = network.now;
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    let mut times = Vec::new();
    while let Some(next) = network.core(1).next().filter(|next| *next <= start + seconds(60)) {
        network.core(1).tick(next);
        while let Some(output) = network.core(1).poll() {
            if matches!(output, Output::Announce { .. }) {
                times.push(next);
            }
        }
    }
    assert_eq!(times.len(), 6, "three probes, three announcements");
    assert!(times.windows(2).take(3).all(|pair| pair[1] - pair[0] < Duration::from_millis(250)));
    let announced: Vec<Duration> = times[3..].iter().map(|time| *time - times[3]).collect();
    assert_eq!(announced, [Duration::ZERO, seconds(1), seconds(3)]);
}

#[test]
fn a_node_that_vanished_is_dropped_after_three_silent_rounds() {
    let mut network = Network::new(1, 3, Faults::default());
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.register(3, &greeter("greeter-3", "10.0.0.3:9090"));
    network.watch(2);
    network.pass(seconds(100));
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.1:9090", "10.0.0.3:9090"], "none ends by itself");
    network.member(1).is_up = false;
    network.pass(seconds(20));
    assert_eq!(network.member(2).addresses(GREETER).len(), 2, "two rounds are not enough");
    network.pass(seconds(13));
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.3:9090"]);
    network.member(1).is_up = true;
    network.pass(seconds(11));
    assert_eq!(network.member(2).addresses(GREETER).len(), 2, "it is back within a round");
}

#[test]
fn a_suspected_node_is_dropped_within_seconds_and_a_live_one_stays() {
    let mut network = Network::new(1, 3, Faults::default());
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.register(3, &greeter("greeter-3", "10.0.0.3:9090"));
    network.watch(2);
    network.pass(seconds(12));
    let before = network.member(2).questions;
    let now = network.now;
    network.core(2).suspect(GREETER, now);
    network.pass(seconds(4));
    assert_eq!(network.member(2).addresses(GREETER).len(), 2, "all answered");
    assert!(network.member(2).questions - before <= 2, "and are asked once");
    network.member(1).is_up = false;
    for _ in 0..100 {
        let now = network.now;
        network.core(2).suspect(GREETER, now);
        network.pass(Duration::from_millis(35));
    }
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.3:9090"]);
    assert!(network.member(2).questions - before <= 12, "many refusals are one suspicion");
}

#[test]
fn own_services_are_known_and_nobody_else_takes_them_away() {
    let mut network = Network::new(1, 2, Faults::default());
    network.register(1, &greeter("greeter-1", "[::]:9090"));
    network.watch(1);
    network.watch(2);
    network.pass(seconds(1));
    assert_eq!(network.member(1).addresses(GREETER), ["127.0.0.1:9090"], "our own are on loopback");
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.1:9090"], "for others we are where we are");
    network.register(2, &greeter("greeter-1", "10.0.0.2:1"));
    network.pass(seconds(5));
    network.core(2).deregister(&greeter("greeter-1", ""));
    network.pass(seconds(100));
    assert_eq!(network.member(1).addresses(GREETER), ["127.0.0.1:9090"]);
}

#[test]
fn a_node_at_a_wildcard_is_dialled_where_it_was_heard_first() {
    let mut network = Network::new(1, 2, Faults::default());
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.watch(2);
    network.pass(seconds(1));
    // A Go service that registers a wildcard sends it as it is, from each of its interfaces.
    let packet = announcement(&greeter("wild-1", "[::]:7"), Ipv4Addr::UNSPECIFIED);
    for host in [7, 8] {
        let now = network.now;
        network.core(2).receive(&packet, address(host, 5353), now);
    }
    network.flush();
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.1:9090", "10.0.0.7:7"]);
}

#[test]
fn leases_end_unless_they_are_renewed() {
    let mut network = Network::new(1, 2, Faults::default());
    network.watch(2);
    let now = network.now;
    network.core(1).register(&greeter("greeter-1", "10.0.0.1:9090"), Some(seconds(60)), now).expect("is published");
    network.pass(seconds(50));
    let now = network.now;
    assert!(network.core(1).renew(GREETER, "greeter-1", now));
    network.pass(seconds(50));
    assert_eq!(network.member(2).addresses(GREETER).len(), 1, "was renewed");
    network.pass(seconds(11));
    assert_eq!(network.member(2).addresses(GREETER).len(), 0, "said goodbye");
    let now = network.now;
    assert!(!network.core(1).renew(GREETER, "greeter-1", now));
    assert!(!network.core(1).deregister(&greeter("greeter-1", "")));
}

#[test]
fn a_lease_has_one_timer() {
    let mut network = Network::new(1, 1, Faults::default());
    let service = greeter("greeter-1", "10.0.0.1:9090");
    let leases =
        |core: &mut Core| core.timers.iter().filter(|(_, timer)| matches!(timer, super::Timer::Lease(..))).count();
    for _ in 0..3 {
        let now = network.now;
        network.core(1).register(&service, Some(seconds(60)), now).expect("is published");
        network.pass(seconds(1));
        let now = network.now;
        assert!(network.core(1).renew(GREETER, "greeter-1", now));
        network.pass(seconds(1));
    }
    assert_eq!(leases(network.core(1)), 1);
    network.core(1).deregister(&service);
    assert_eq!(leases(network.core(1)), 0);
    for ttl in [Duration::MAX, seconds(i64::MAX.unsigned_abs() - 10_000_000)] {
        let now = network.now;
        network.core(1).register(&service, Some(ttl), now).expect("is published");
        assert_eq!(leases(network.core(1)), 0, "it never ends");
        network.pass(seconds(5000));
        let now = network.now;
        assert!(network.core(1).renew(GREETER, "greeter-1", now));
    }
}

#[test]
fn a_changed_node_is_announced_anew_and_an_equal_one_is_not() {
    let mut network = Network::new(1, 2, Faults::default());
    network.watch(2);
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.pass(seconds(5));
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.flush();
    assert!(network.packets.is_empty(), "nothing is said twice");
    network.register(1, &Service { version: "2".to_owned(), ..greeter("greeter-1", "10.0.0.1:9091") });
    network.pass(Duration::from_millis(1));
    let versions: Vec<&str> = network.member(2).view.keys().map(|(_, version)| version.as_str()).collect();
    assert_eq!(versions, ["2"], "it moved from one version to the other");
}

#[test]
fn a_host_without_a_network_keeps_what_it_knew() {
    let mut network = Network::new(1, 2, Faults::default());
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.watch(2);
    network.pass(seconds(1));
    network.member(2).is_up = false;
    network.pass(seconds(300));
    assert!(network.member(2).is_stale);
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.1:9090"], "silence says nothing now");
    assert_eq!(network.find(2, Subject::Service("other".to_owned())).0, None, "nobody could be asked");
    network.member(2).is_up = true;
    network.pass(seconds(2));
    assert!(!network.member(2).is_stale);
    network.member(1).is_up = false;
    network.pass(seconds(33));
    assert_eq!(network.member(2).addresses(GREETER).len(), 0, "now it does");
}

#[test]
fn what_is_kept_is_bounded() {
    let mut network = Network::new(1, 2, Faults::default());
    let host = Host::new("host2", Ipv4Addr::LOCALHOST.into());
    network.member(2).core = Core::new(host, Limits { nodes: 10, services: 5 }, 1);
    for number in 0..40 {
        let service = Service::new(format!("service{}", number % 10));
        network.register(1, &service.with_node(Node::new(format!("node{number}"), "10.0.0.1:1")));
    }
    network.watch(2);
    network.pass(seconds(30));
    let services = network.core(2).table.services();
    assert_eq!(services.iter().map(|service| service.nodes.len()).sum::<usize>(), 10);
    assert!(services.len() <= 5);
    assert_eq!(network.member(2).complaints, 1, "one line in the log");
}

#[test]
fn garbage_is_one_complaint_of_each_kind() {
    let mut network = Network::new(1, 1, Faults::default());
    network.watch(1);
    let mut text = decode(&announcement(&greeter("x", "1.1.1.1:1"), Ipv4Addr::LOCALHOST)).expect("is read");
    if let Some(RData::TXT(txt)) = text.answers.last_mut().map(|record| &mut record.data) {
        txt.txt_data = Box::new([b"789cff00".to_vec().into_boxed_slice()]);
    }
    let text = encode(&text, Names::Full).expect("fits");
    let cut = text.get(..text.len() - 9).expect("is longer").to_vec();
    for packet in [b"garbage".to_vec(), cut, text].iter().cycle().take(100) {
        let now = network.now;
        network.core(1).receive(packet, address(9, 5353), now);
    }
    network.flush();
    assert_eq!(network.member(1).complaints, 2, "what may be somebody else's is not ours to complain of");
}

#[test]
fn what_others_say_on_this_port_is_nobodys_mistake() {
    let mut network = Network::new(1, 1, Faults::default());
    network.watch(1);
    let instance = Name::from_labels([&b"Bob's 2.1 printer"[..], b"_ipp", b"_tcp", b"local"]).expect("fits");
    let mut message = answer(0);
    message.answers = vec![
        Record::from_rdata(instance.clone(), 120, RData::SRV(SRV::new(0, 0, 631, instance.clone()))),
        Record::from_rdata(instance, 120, RData::TXT(TXT::new(vec!["rp=printers/bob".to_owned()]))),
    ];
    let now = network.now;
    network.core(1).receive(&encode(&message, Names::Full).expect("fits"), address(9, 5353), now);
    network.flush();
    assert_eq!(network.member(1).complaints, 0);
}

#[test]
fn a_host_that_moves_announces_what_moves_with_it() {
    let mut network = Network::new(1, 2, Faults::default());
    network.watch(2);
    network.register(1, &greeter("greeter-1", "[::]:9090"));
    network.register(1, &greeter("greeter-2", "10.0.0.1:9091"));
    network.pass(seconds(5));
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.1:9090", "10.0.0.1:9091"]);
    let now = network.now;
    network.core(1).move_to(Ipv4Addr::new(10, 0, 1, 1).into(), now);
    network.pass(Duration::from_millis(1));
    assert_eq!(network.member(2).addresses(GREETER), ["10.0.0.1:9091", "10.0.1.1:9090"]);
}

#[test]
fn the_name_of_a_host_is_answered() {
    let mut network = Network::new(1, 1, Faults::default());
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.pass(seconds(5));
    for (kind, is_answered) in [(RecordType::A, true), (RecordType::AAAA, false), (RecordType::PTR, false)] {
        let mut question = Message::query();
        question.queries = vec![Query::query(Name::from_labels([&b"host1"[..]]).expect("fits"), kind)];
        let now = network.now;
        network.core(1).receive(&encode(&question, Names::Short).expect("fits"), address(1, 40_000), now);
        assert_eq!(matches!(network.core(1).poll(), Some(Output::Reply { .. })), is_answered, "{kind}");
        network.flush();
    }
}

#[test]
fn only_askers_nearby_are_answered_over_ipv6() {
    let mut network = Network::new(1, 1, Faults::default());
    network.register(1, &greeter("greeter-1", "10.0.0.1:9090"));
    network.pass(seconds(5));
    let question = network.core(1).question(&format!("{GREETER}.micro")).expect("fits");
    let askers = [("[fe80::1]:4", true), ("[::1]:4", true), ("[fd00::1]:4", true), ("[2001:db8::1]:4", false)];
    for (asker, is_answered) in askers {
        let now = network.now;
        network.core(1).receive(&question, asker.parse().expect("is an address"), now);
        let output = network.core(1).poll();
        assert_eq!(matches!(output, Some(Output::Reply { .. })), is_answered, "{asker}");
    }
}

#[test]
fn many_services_are_asked_for_a_few_at_a_time() {
    let mut network = Network::new(1, 2, Faults::default());
    for number in 0..500 {
        network.register(1, &Service::new(format!("service{number}")).with_node(Node::new("1", "10.0.0.1:1")));
    }
    network.pass(seconds(5));
    let (found, time) = network.find(2, Subject::List);
    assert_eq!(found.map(|services| services.len()), Some(500));
    assert!(time < seconds(1), "{time:?}");
    network.pass(seconds(100));
    let questions = network.member(2).questions;
    assert!((5000..6500).contains(&questions), "{questions}: each once in ten seconds");
}

/// Under loss, repetition and disorder a watcher ends up with what is there, whatever happened before.
fn check_converges(seed: u64) {
    let faults = Faults { lost: 20, repeated: 20, delay_max: Duration::from_millis(300) };
    let mut network = Network::new(seed, 4, faults);
    network.watch(3);
    let mut expected: BTreeMap<(u8, u8), Service> = BTreeMap::new();
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..60 {
        let (host, node) = (random.u8(1..=4), random.u8(..3));
        if random.u8(..4) == 0 {
            if let Some(service) = expected.remove(&(host, node)) {
                network.core(host).deregister(&service);
            }
        } else {
            let address = format!("10.0.0.{host}:{}", random.u16(1..5));
            let mut service = greeter(&format!("node-{host}-{node}"), &address);
            service.version = random.u8(..2).to_string();
            service.endpoints = vec![Endpoint { name: format!("E{}", random.u8(..2)), ..Endpoint::default() }];
            network.register(host, &service);
            expected.insert((host, node), service);
        }
        network.pass(Duration::from_millis(random.u64(..3000)));
    }
    // After the trouble: what was lost is asked for again, what is gone is silent three times.
    network.faults = Faults::default();
    network.pass(seconds(60));
    let mut known: Vec<String> = Vec::new();
    for service in network.member(3).view.values() {
        known.extend(service.nodes.iter().map(|node| format!("{} {} {}", node.id, service.version, node.address)));
    }
    known.sort();
    let wanted: Vec<String> = expected
        .values()
        .map(|service| format!("{} {} {}", service.nodes[0].id, service.version, service.nodes[0].address))
        .collect();
    assert_eq!(known, wanted, "seed {seed}");
    let told: Vec<Service> = network.member(3).view.values().cloned().collect();
    assert_eq!(told, network.core(3).table.services(), "seed {seed}: what was told is what is known");
}

#[test]
fn watchers_end_up_with_what_is_there() {
    for seed in 0..40 {
        check_converges(seed);
    }
}
