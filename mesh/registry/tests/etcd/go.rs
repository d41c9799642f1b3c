//! The real thing: a service of unmodified go-micro v2.9.1 on the same etcd.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mesh_registry::etcd::{Etcd, Options};
use mesh_registry::{Change, Event, RegisterOptions, Registry};

use crate::Outcome;
use crate::server::Server;
use crate::support::{TTL, registry, told, until, watch};

const NAME: &str = "go.micro.srv.greeter";

pub(crate) async fn a_go_service_is_seen_and_our_records_equal_its_own() -> Outcome {
    let server = Server::start()?;
    let registry = registry(&server);
    let mut watch = watch(&registry).await;
    assert_eq!(told(&mut watch).await, "resync []");
    let peer = Peer::start(&server)?;
    let seen = loop {
        match watch.next().await {
            Some(Event { change: Change::Upsert(service), .. }) if service.name == NAME => break service,
            Some(_) => {}
            None => panic!("the watch ended"),
        }
    };
    assert_eq!(registry.get(NAME).await.expect("is there"), std::slice::from_ref(&seen));
    assert_eq!(seen.nodes[0].metadata["registry"], "etcd");

    // The same service, written by us elsewhere.
    let key = format!("{NAME}/{}", seen.nodes[0].id);
    let elsewhere = Etcd::new(&Options { prefix: "/ours".to_owned(), ..Options::at([server.address()]) });
    let elsewhere = elsewhere.expect("is an address");
    elsewhere.register(seen.clone(), RegisterOptions { ttl: TTL }).await.expect("registers");
    assert_eq!(server.value(&format!("/ours/{key}")), server.value(&format!("/micro/registry/{key}")));

    // Renewing what is Go's changes nothing, and its lease is taken over.
    let before = server.get(&format!("/micro/registry/{key}"));
    let ttl = Some(Duration::from_secs(60));
    registry.register(seen, RegisterOptions { ttl }).await.expect("registers");
    assert_eq!(server.get(&format!("/micro/registry/{key}")), before);

    peer.terminate();
    until(&mut watch, &format!("remove {NAME} latest")).await;
    registry.get(NAME).await.expect_err("is gone");
    Ok(())
}

struct Peer(Child);

impl Peer {
    fn start(server: &Server) -> Result<Self, String> {
        let folder = std::env::var_os("GO_BIN").map(PathBuf::from);
        let home = || std::env::home_dir().unwrap_or_default().join(".cache/micro-peers/bin");
        let program = folder.unwrap_or_else(home).join("peer");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
        let address = port.expect("there is a port").to_string();
        let child = Command::new(&program)
            .args(["--registry", "etcd", "--registry_address", &server.address()])
            .args(["--server_name", NAME, "--server_address", &address])
            .env("PEER_SUBSCRIBE", "no")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        child.map(Self).map_err(|error| format!("{} cannot be started ({error})", program.display()))
    }

    fn terminate(&self) {
        assert!(Command::new("kill").arg(self.0.id().to_string()).status().expect("there is kill").success());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already; there is nobody left to tell.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
