//! A gateway in this process, over real sockets: what only its parts together can get wrong.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use gateway::{ApplyError, Control, Gateway};
use gateway_exchange::Cause;
use gateway_snapshot::Compiled;
use gateway_upstream::{Cluster, Discover, DiscoverError, Discovered, Endpoint, Source};

/// How long a test waits before something is stuck.
const LIMIT: Duration = Duration::from_secs(10);

/// A gateway whose control plane runs beside the test.
struct Running {
    runtime: tokio::runtime::Runtime,
    gateway: Gateway,
    control: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(document: &str) -> Self {
        let (gateway, control) = Gateway::new().unwrap();
        let control = std::thread::spawn(move || runtime().block_on(Control::run(control)));
        let running = Self { runtime: runtime(), gateway, control: Some(control) };
        running.apply(document).unwrap();
        running
    }

    fn apply(&self, document: &str) -> Result<u64, ApplyError> {
        self.runtime.block_on(self.gateway.apply(compiled(document))).map(|applied| applied.generation)
    }

    fn address(&self, listener: &str) -> SocketAddr {
        let listeners = self.runtime.block_on(self.gateway.listeners());
        listeners.iter().find(|status| status.name == listener).unwrap().addresses[0]
    }

    fn counted(&self, cause: Cause) -> u64 {
        let slot = Cause::ALL.iter().position(|known| *known == cause).unwrap();
        self.gateway.metrics().iter().map(|metrics| metrics.causes[slot].get()).sum()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.runtime.block_on(self.gateway.drain(Duration::ZERO));
        let ended = self.control.take().map(std::thread::JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()), "the control plane has panicked");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn compiled(document: &str) -> Compiled {
    let loaded = config_schema::load(&config_schema::Layers::text("gateway.yaml", document));
    let loaded = loaded.unwrap_or_else(|report| panic!("{}", report.render(false)));
    gateway_snapshot::compile(Arc::new(loaded)).unwrap_or_else(|report| panic!("{}", report.render(false)))
}

/// Sends a request on a connection of its own and returns all that comes until the other side closes.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn document(workers: usize, listeners: &str) -> String {
    format!(
        r#"
version: micro/v1
workers: {workers}
telemetry: {{ access_log: {{ format: off }} }}
listeners:
  web: {{ address: "127.0.0.1:0", routes: public }}
  {listeners}
routes: {{ public: [{{ match: {{ path: /** }}, handler: {{ respond: {{ body: ok }} }} }}] }}
"#
    )
}

#[test]
fn any_time_a_client_asks_for_is_answered() {
    let running = Running::start(&document(1, ""));
    for timeout in ["Timeout: 18446744073709551615", "Timeout: 9223372036854775807", "grpc-timeout: 99999999H"] {
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{timeout}\r\nConnection: close\r\n\r\n");
        assert!(ask(running.address("web"), &request).starts_with("HTTP/1.1 200 "), "{timeout}");
    }
}

/// The system spreads connections over all sockets of a port. One that was opened for a worker of a configuration that
/// then was refused must not take any.
#[test]
fn a_refused_change_leaves_no_socket_that_nobody_accepts_on() {
    let running = Running::start(&document(1, ""));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = format!(r#"other: {{ address: "{}", routes: public }}"#, taken.local_addr().unwrap());
    let refused = running.apply(&document(4, &other));
    assert!(matches!(refused, Err(ApplyError::Bind { .. })), "{refused:?}");
    let address = running.address("web");
    for _ in 0..32 {
        let answer = ask(address, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

#[test]
fn an_answer_to_head_is_whole() {
    let running = Running::start(&document(1, ""));
    let answer = ask(running.address("web"), "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert!(answer.contains("content-length: 2\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(running.counted(Cause::ClientGone), 0);
}

/// Limits are those of the moment of acceptance, everything else is of the newest configuration (design 11.3).
#[test]
fn a_connection_keeps_its_limits_and_an_exchange_takes_what_is_newest() {
    let of = |body: &str, limit: &str| {
        format!(
            r#"
version: micro/v1
workers: 1
telemetry: {{ access_log: {{ format: off }} }}
listeners: {{ web: {{ address: "127.0.0.1:0", routes: public, limits: {{ body: {limit} }} }} }}
routes: {{ public: [{{ match: {{ path: /** }}, handler: {{ respond: {{ body: {body} }} }} }}] }}
"#
        )
    };
    let running = Running::start(&of("before", "1KiB"));
    let address = running.address("web");
    let request = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n12345678";
    let mut kept = TcpStream::connect(address).unwrap();
    kept.set_read_timeout(Some(LIMIT)).unwrap();
    let mut exchange = || {
        kept.write_all(request.as_bytes()).unwrap();
        let mut bytes = [0; 4096];
        let count = kept.read(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    };
    assert!(exchange().ends_with("before"));
    running.apply(&of("after", "4B")).unwrap();
    assert!(exchange().ends_with("after"));
    let closing = request.replace("Host", "Connection: close\r\nHost");
    assert!(ask(address, &closing).starts_with("HTTP/1.1 413 "));
}

/// A generation is a configuration that differs, by its digest (design 11.2).
#[test]
fn what_says_the_same_makes_no_generation() {
    let running = Running::start(&document(1, ""));
    let digest = running.gateway.status().digest;
    let commented = document(1, "").replace("version", "# the same\nversion");
    assert_eq!(running.apply(&commented).unwrap(), 1);
    assert_eq!(running.gateway.status().digest, digest);
    assert_eq!(running.apply(&document(2, "")).unwrap(), 2);
    assert_ne!(running.gateway.status().digest, digest);
    assert!(running.gateway.published().generations.trial.is_none());
}

/// A connection that was upgraded is one still.
#[test]
fn tunnels_take_room() {
    let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = upstream.local_addr().unwrap();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = upstream.accept().unwrap();
        let mut bytes = [0; 4096];
        assert!(stream.read(&mut bytes).unwrap() > 0);
        stream
            .write_all(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            .unwrap();
        while matches!(stream.read(&mut bytes), Ok(1..)) {}
    });
    let running = Running::start(&format!(
        r#"
version: micro/v1
workers: 1
telemetry: {{ access_log: {{ format: off }} }}
listeners: {{ web: {{ address: "127.0.0.1:0", routes: public, limits: {{ connections: 1, header_timeout: 60s }} }} }}
routes: {{ public: [{{ match: {{ path: /** }}, handler: {{ proxy: {{ upgrade: [websocket] }} }}, service: app }}] }}
services: {{ app: {{ endpoints: ["{endpoint}"] }} }}
"#
    ));
    let mut tunnel = TcpStream::connect(running.address("web")).unwrap();
    tunnel.set_read_timeout(Some(LIMIT)).unwrap();
    tunnel.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").unwrap();
    let mut bytes = [0; 4096];
    let count = tunnel.read(&mut bytes).unwrap();
    assert!(bytes[..count].starts_with(b"HTTP/1.1 101 "));
    let mut second = TcpStream::connect(running.address("web")).unwrap();
    second.set_read_timeout(Some(LIMIT)).unwrap();
    let closed = match second.read(&mut bytes) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    assert!(closed, "there is no room for it");
    drop(tunnel);
    echo.join().unwrap();
}

/// A registry that knows one service, and passes on what it hears.
struct OneService {
    knows: Option<Cluster>,
    heard: mpsc::SyncSender<String>,
}

impl Discover for OneService {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Result<Discovered, DiscoverError>> + Send + '_>> {
        match self.knows.take() {
            Some(cluster) => Box::pin(async { Ok(Discovered::Resync(vec![cluster])) }),
            None => Box::pin(std::future::pending()),
        }
    }

    fn suspect(&mut self, cluster: &str) {
        self.heard.send(cluster.to_owned()).unwrap();
    }
}

/// Records of multicast DNS do not end by themselves: a connection that is refused is the first sign (spec/wire 2.1).
#[test]
fn a_registry_hears_of_a_service_that_refuses_connections() {
    let running = Running::start(
        r#"
version: micro/v1
workers: 1
listeners: { web: { address: "127.0.0.1:0", routes: public } }
routes: { public: [{ match: { path: /** }, handler: proxy, service: gone }] }
"#,
    );
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint =
        Endpoint { address: nobody, authority: "h".into(), protocol: None, weight: 1, labels: Arc::default() };
    let (heard, hearing) = mpsc::sync_channel(8);
    let feed = OneService { knows: Some(Cluster::new(Source::Registry, "gone", vec![endpoint])), heard };
    let mut following = tokio::task::JoinSet::new();
    following.spawn_on(running.gateway.follow(Box::new(feed)), running.runtime.handle());
    let answer = running.runtime.block_on(async {
        let published = || running.gateway.published().services.find("gone").is_some();
        tokio::time::timeout(LIMIT, async {
            while !published() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        let address = running.gateway.listeners().await[0].addresses[0];
        let answer =
            tokio::task::spawn_blocking(move || ask(address, "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
        let answer = answer.await.unwrap();
        let heard = tokio::task::spawn_blocking(move || hearing.recv_timeout(LIMIT)).await.unwrap();
        assert_eq!(heard.as_deref(), Ok("gone"));
        answer
    });
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
}
