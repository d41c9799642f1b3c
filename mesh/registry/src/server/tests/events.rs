//! Watches over HTTP, and how they end.

use super::*;
use crate::model::{Node, Service};
use crate::registry::RegisterOptions;

/// A watch as a client reads it.
struct Events {
    stream: TcpStream,
    read: String,
}

impl Events {
    async fn begin(server: &Server, path: &str) -> Events {
        let mut stream = server.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("is sent");
        let mut events = Events { stream, read: String::new() };
        let head = events.until("\r\n\r\n").await.to_lowercase();
        assert!(head.starts_with("http/1.1 200") && head.contains("content-type: text/event-stream"), "{head}");
        events
    }

    async fn try_begin(server: &Server) -> Option<TcpStream> {
        let mut stream = server.connect().await;
        stream.write_all(b"GET /v1/registry?watch HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("is sent");
        let mut status = vec![0; 12];
        timeout(PATIENCE, stream.read_exact(&mut status)).await.expect("is answered").expect("is read");
        status.ends_with(b"200").then_some(stream)
    }

    /// Returns the next event, shortened to the action, the version and the ids.
    async fn next(&mut self) -> String {
        loop {
            let event = self.until("\n\n").await;
            if let Some((_, data)) = event.split_once("data: ") {
                let value: serde_json::Value = serde_json::from_str(data.trim()).expect("is JSON");
                let service: Service = serde_json::from_value(value["service"].clone()).expect("is a record");
                let ids: Vec<_> = service.nodes.iter().map(|node| node.id.as_str()).collect();
                return format!("{} {} {} {}", value["action"], service.name, service.version, ids.join(","));
            }
        }
    }

    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some((before, after)) = self.read.split_once(end) {
                let before = before.to_owned();
                self.read = after.to_owned();
                return before;
            }
            let mut buffer = vec![0; 4096];
            let read = timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("comes").expect("is read");
            assert!(read > 0, "the watch ended: {}", self.read);
            self.read.push_str(std::str::from_utf8(&buffer[..read]).expect("is text"));
        }
    }
}

async fn register(server: &Server, name: &str, id: &str) {
    let service = Service::new(name).with_node(Node::new(id, "127.0.0.1:1"));
    server.registry.register(service, RegisterOptions::default()).await.expect("registers");
}

#[tokio::test]
async fn what_is_there_comes_first_then_what_changes() {
    let server = Server::start().await;
    register(&server, "s", "a").await;
    register(&server, "t", "b").await;
    let mut all = Events::begin(&server, "/v1/registry?watch").await;
    let mut one = Events::begin(&server, "/v1/registry/s?watch").await;
    assert_eq!(all.next().await, r#""create" s latest a"#);
    assert_eq!(all.next().await, r#""create" t latest b"#);
    assert_eq!(one.next().await, r#""create" s latest a"#);
    register(&server, "u", "c").await;
    register(&server, "s", "d").await;
    assert_eq!(all.next().await, r#""create" u latest c"#);
    assert_eq!(all.next().await, r#""update" s latest a,d"#);
    assert_eq!(one.next().await, r#""update" s latest a,d"#);
    server.registry.deregister(&Service::new("s").with_node(Node::new("a", ""))).await.expect("is there");
    assert_eq!(one.next().await, r#""delete" s latest a"#);
}

#[tokio::test]
async fn a_shutdown_ends_a_watch() {
    let mut server = Server::start().await;
    let mut events = Events::begin(&server, "/v1/registry?watch").await;
    server.shutdown.cancel();
    let mut rest = Vec::new();
    timeout(PATIENCE, events.stream.read_to_end(&mut rest)).await.expect("ends").expect("is closed");
    timeout(PATIENCE, server.task.join_next()).await.expect("ends").expect("one task").expect("without a panic");
}

#[tokio::test]
async fn there_are_not_more_watches_than_may_be() {
    let server = Server::start().await;
    let mut open = Vec::new();
    for _ in 0..super::super::WATCHES_MAX {
        open.push(Events::begin(&server, "/v1/registry?watch").await);
    }
    let (status, body) = server.ask("GET /v1/registry?watch", "", "").await;
    assert!(status == 503 && body.contains("there are 256 watches already"), "{status} {body}");
    drop(open.pop());
    // Who has left is noticed with the next words to it.
    let again = async {
        let mut id = 0;
        while Events::try_begin(&server).await.is_none() {
            id += 1;
            register(&server, "s", &id.to_string()).await;
        }
    };
    timeout(PATIENCE, again).await.expect("one that leaves makes room");
}
