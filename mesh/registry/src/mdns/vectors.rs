//! Packets that go-micro sent are read and written as it did, and it would be answered as it answered.
//!
//! They are also the seeds of the fuzz body.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::{RData, Record};
use proptest::prelude::*;
use serde_json::Value;
use tokio::time::Instant;

use super::advert::Host;
use super::core::{Core, Output, Subject};
use super::packet::{Names, decode, encode};
use super::payload::Payload;
use super::table::Limits;
use super::{heard::Heard, name};
use crate::model::{Node, Service};

const ASKER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000);

fn vectors(kind: &str) -> Vec<Value> {
    let lines = include_str!("../../tests/data/mdns.jsonl").lines();
    let all = lines.map(|line| serde_json::from_str::<Value>(line).expect("a vector is JSON"));
    let found: Vec<Value> = all.filter(|vector| vector["kind"] == kind).collect();
    assert!(!found.is_empty(), "no vector of kind {kind}");
    found
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().expect("is a string")).expect("is base64")
}

/// All packets: how names are written in them, the bytes, and what is in them.
fn packets() -> Vec<(Names, Vec<u8>, Value)> {
    let mut packets = Vec::new();
    for vector in vectors("mdns-packet") {
        packets.push((Names::Full, bytes(&vector["packet"]), vector["decoded"].clone()));
    }
    for vector in vectors("mdns-exchange") {
        let replies = vector["replies"].as_array().expect("is a list");
        for (reply, decoded) in replies.iter().zip(vector["decoded"].as_array().expect("is a list")) {
            packets.push((Names::Short, bytes(reply), decoded.clone()));
        }
    }
    packets
}

fn payload(record: &Record) -> Option<Payload> {
    let RData::TXT(txt) = &record.data else { return None };
    let strings = txt.txt_data.iter().map(|string| &**string);
    (!txt.txt_data.is_empty()).then(|| Payload::of_strings(strings).expect("is read"))
}

#[test]
fn packets_are_read_and_written_byte_for_byte() {
    for (names, packet, decoded) in packets() {
        let message = decode(&packet).expect("is read");
        assert_eq!(encode(&message, names).as_deref(), Some(&*packet), "{decoded}");
        let sections = [("answers", &message.answers), ("authority", &message.authorities)];
        for (section, records) in sections {
            let expected = decoded[section].as_array().expect("is a list");
            assert_eq!(records.len(), expected.len());
            for (record, expected) in records.iter().zip(expected) {
                let owner = name::of_wire(&record.name).expect("is text");
                assert_eq!(Some(format!("{owner}.").as_str()), expected["name"].as_str());
                assert_eq!(Some(u64::from(record.ttl)), expected["ttl"].as_u64());
                assert_eq!(Some(record.record_type().to_string().as_str()), expected["type"].as_str());
            }
        }
    }
}

#[test]
fn texts_are_read_and_written_as_go_does() {
    let mut count = 0;
    for (_, packet, decoded) in packets() {
        let message = decode(&packet).expect("is read");
        let expected: Vec<&str> = ["answers", "authority"]
            .iter()
            .flat_map(|section| decoded[section].as_array().expect("is a list"))
            .filter_map(|record| record["json"].as_str())
            .collect();
        let read: Vec<Payload> = message.all_sections().filter_map(payload).collect();
        let written: Vec<String> =
            read.iter().map(|payload| mesh_rpc::json::to_string(payload).expect("serialises")).collect();
        assert_eq!(written, expected);
        for payload in read {
            let strings = payload.to_strings();
            let again = Payload::of_strings(strings.iter().map(String::as_bytes)).expect("is read");
            assert_eq!(again, payload);
            count += 1;
        }
    }
    assert!(count > 5, "{count} texts");
}

/// A core that publishes what the recorded services did: all that answered a question, at the same host.
fn recorded_services() -> Core {
    let mut nodes: Vec<Service> = Vec::new();
    let mut host = None;
    for (_, packet, _) in packets() {
        let message = decode(&packet).expect("is read");
        if message.metadata.message_type != MessageType::Response {
            continue;
        }
        host = host.or(message.answers.iter().find_map(|record| match &record.data {
            RData::SRV(srv) => name::of_wire(&srv.target),
            _ => None,
        }));
        nodes.extend(Heard::read(message).present);
    }
    let host = Host::new(&host.expect("one was named"), Ipv4Addr::LOCALHOST.into());
    let mut core = Core::new(host, Limits { nodes: 100, services: 100 }, 1);
    for service in nodes {
        core.register(&service, None, Instant::now()).expect("is published");
    }
    while core.poll().is_some() {}
    core
}

/// The packet with its texts as they inflate: other bytes may inflate to the same.
fn inflated(packet: &[u8]) -> (Message, Vec<Payload>) {
    let mut message = decode(packet).expect("is read");
    let texts = message.all_sections().filter_map(payload).collect();
    for record in &mut message.answers {
        if let RData::TXT(txt) = &mut record.data {
            txt.txt_data = Box::default();
        }
    }
    (message, texts)
}

#[test]
fn questions_are_answered_as_go_does() {
    let mut answered = 0;
    for vector in vectors("mdns-exchange") {
        let mut core = recorded_services();
        core.receive(&bytes(&vector["query"]), ASKER, Instant::now());
        let mut replies = Vec::new();
        while let Some(output) = core.poll() {
            match output {
                Output::Reply { packet, to } => {
                    assert_eq!(to, ASKER);
                    replies.push(inflated(&packet));
                }
                other => panic!("{other:?}"),
            }
        }
        let expected: Vec<Vec<u8>> = vector["replies"].as_array().expect("is a list").iter().map(bytes).collect();
        answered += expected.len();
        for expected in &expected {
            assert!(replies.contains(&inflated(expected)), "{}: {replies:?}", vector["id"]);
        }
        assert_eq!(replies.is_empty(), expected.is_empty(), "{}", vector["id"]);
    }
    assert!(answered > 5, "{answered} replies");
}

/// Feeds a packet to a core that publishes and follows; whatever it says, what comes out is bounded and well formed.
fn fuzz_packet(bytes: &[u8]) {
    let now = Instant::now();
    let mut core = Core::new(Host::new("h", Ipv4Addr::LOCALHOST.into()), Limits { nodes: 4, services: 4 }, 1);
    let own = Service::new("go.micro.srv.greeter").with_node(Node::new("own-1", "127.0.0.1:1"));
    core.register(&own, None, now).expect("is published");
    core.look_up(Subject::List, now);
    while core.poll().is_some() {}
    core.receive(bytes, ASKER, now);
    core.receive(bytes, ASKER, now);
    core.tick(now + Duration::from_secs(2));
    let (mut outputs, mut services) = (0, Vec::new());
    while let Some(output) = core.poll() {
        outputs += 1;
        if let Output::Found { services: Some(found), .. } = &output {
            services.clone_from(found);
        }
        if let Output::Reply { packet, .. } | Output::Ask { packet, .. } | Output::Announce { packet } = output {
            decode(&packet).expect("what is sent can be read");
        }
    }
    assert!(outputs < 200, "{outputs} outputs");
    assert!(services.len() <= 5, "services are bounded");
    assert!(services.iter().map(|service| service.nodes.len()).sum::<usize>() <= 5, "nodes are bounded");
    assert!(services.iter().all(|service| crate::limits::check(service).is_ok()));
    assert!(services.iter().any(|service| service.nodes.iter().any(|node| node.id == "own-1")), "ours stays");
}

#[test]
fn recorded_packets_cut_and_changed_anywhere_do_no_harm() {
    for (_, packet, _) in packets() {
        fuzz_packet(&packet);
        for at in (0..packet.len()).step_by(11) {
            fuzz_packet(packet.get(..at).expect("is inside"));
            for change in [0x01, 0xc0, 0xff] {
                let mut changed = packet.clone();
                changed[at] ^= change;
                fuzz_packet(&changed);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzz_packet(&bytes);
    }

    #[test]
    fn any_text_does_no_harm(strings in prop::collection::vec("[0-9a-f]{0,64}", 0..4)) {
        let deflated = format!("789c{}", strings.concat());
        for text in [deflated, strings.concat()] {
            if let Ok(payload) = Payload::of_strings([text.as_bytes()]) {
                prop_assert!(Payload::of_strings(payload.to_strings().iter().map(String::as_bytes)).is_ok());
            }
        }
    }
}
