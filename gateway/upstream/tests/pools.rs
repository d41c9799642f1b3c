//! Pools over real sockets: what is reused, what is tried again, what is refused.

#![expect(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gateway_exchange::{Body, Cause, Response};
use gateway_upstream::{
    Cluster, ClusterState, Endpoint, EndpointState, PoolSettings, Protocol, SendError, ServicesTable, Source, Upstreams,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How long a test may take before something is stuck.
const LIMIT: Duration = Duration::from_secs(20);

fn run<F: Future<Output = ()>>(test: F) {
    let options = tokio::runtime::LocalOptions::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build_local(options).unwrap();
    runtime.block_on(async { tokio::time::timeout(LIMIT, test).await.expect("the test is stuck") });
}

/// Serves connections with `serve`, counts them, and says where.
async fn server<F>(serve: impl Fn(TcpStream, usize) -> F + 'static) -> (std::net::SocketAddr, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, accepted) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&accepted);
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(serve(stream, count.fetch_add(1, Ordering::Relaxed)));
        }
    });
    (address, accepted)
}

/// Answers `requests` requests without bodies, then closes.
async fn answer(mut stream: TcpStream, requests: usize) {
    let mut head = Vec::new();
    for _ in 0..requests {
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte).await {
                Ok(1) => head.push(byte[0]),
                _ => return,
            }
        }
        head.clear();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    }
}

struct Called {
    upstreams: Upstreams,
    state: Rc<ClusterState>,
}

fn call(addresses: &[std::net::SocketAddr], pool: PoolSettings) -> Called {
    let endpoint =
        |&address| Endpoint { address, authority: "h".into(), protocol: None, weight: 1, labels: Arc::default() };
    let mut cluster = Cluster::new(Source::Static, "app", addresses.iter().map(endpoint).collect());
    cluster.pool = pool;
    let mut table = ServicesTable::default();
    table.upsert(cluster);
    let services = table.snapshot();
    let upstreams = Upstreams::default();
    upstreams.update(&services);
    let state = upstreams.cluster(services.find("app").unwrap()).unwrap();
    Called { upstreams, state }
}

impl Called {
    fn endpoint(&self) -> Rc<EndpointState> {
        self.state.pick(Instant::now(), &[]).unwrap()
    }

    async fn send(&self, protocol: Protocol) -> Result<Response, SendError> {
        let mut request = http::Request::new(Body::empty());
        *request.uri_mut() = match protocol {
            Protocol::Grpc => http::Uri::from_static("http://h/a"),
            _ => http::Uri::from_static("/a"),
        };
        request.headers_mut().insert("host", http::HeaderValue::from_static("h"));
        self.endpoint().send(protocol, Box::new(request), Instant::now()).await
    }

    async fn ok(&self, protocol: Protocol) {
        let response = self.send(protocol).await.unwrap();
        assert_eq!(response.body.collect().await.unwrap(), "ok");
    }

    fn report(&self) -> gateway_upstream::EndpointReport {
        self.upstreams.report(Instant::now())[0].endpoints[0].clone()
    }
}

#[test]
fn a_connection_is_used_again_once_its_response_was_read() {
    run(async {
        let (address, accepted) = server(|stream, _| answer(stream, usize::MAX)).await;
        let called = call(&[address], PoolSettings::default());
        for _ in 0..5 {
            called.ok(Protocol::Http).await;
        }
        assert_eq!(accepted.load(Ordering::Relaxed), 1);
        assert_eq!((called.report().idle_connections, called.report().calls), (1, 5));
        drop(called.send(Protocol::Http).await.unwrap()); // its body unread: the connection goes with it
        called.ok(Protocol::Http).await;
        assert_eq!(accepted.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_connection_that_was_closed_meanwhile_costs_no_request() {
    run(async {
        let (address, accepted) = server(|stream, _| answer(stream, 1)).await;
        let called = call(&[address], PoolSettings::default());
        for _ in 0..20 {
            called.ok(Protocol::Http).await;
        }
        assert_eq!(accepted.load(Ordering::Relaxed), 20);
        assert_eq!(called.report().failures, 0);
    });
}

#[test]
fn idle_connections_are_bounded_in_number_and_in_time() {
    run(async {
        let (address, _) = server(|stream, _| answer(stream, usize::MAX)).await;
        let settings = PoolSettings { idle_max: 2, idle_timeout: Duration::from_secs(5), ..PoolSettings::default() };
        let called = call(&[address], settings);
        let open: Vec<_> = futures(4, || called.send(Protocol::Http)).await;
        for response in open {
            response.unwrap().body.collect().await.unwrap();
        }
        assert_eq!(called.report().idle_connections, 2);
        let now = Instant::now();
        called.upstreams.sweep(now);
        called.upstreams.sweep(now + Duration::from_secs(4));
        assert_eq!(called.report().idle_connections, 2);
        called.upstreams.sweep(now + Duration::from_secs(6));
        assert_eq!(called.report().idle_connections, 0);
    });
}

#[test]
fn more_connections_than_allowed_are_refused_unsent() {
    run(async {
        let (address, _) = server(|stream, _| answer(stream, usize::MAX)).await;
        let called = call(&[address], PoolSettings { connections_max: 1, ..PoolSettings::default() });
        let held = called.send(Protocol::Http).await.unwrap();
        let error = called.send(Protocol::Http).await.unwrap_err();
        assert_eq!((error.cause(), error.unsent.is_some()), (Cause::Overloaded, true));
        drop(held);
        while called.send(Protocol::Http).await.is_err() {
            tokio::task::yield_now().await; // the closed connection ends in a task of its own
        }
    });
}

#[test]
fn an_endpoint_that_refuses_connections_is_left_out() {
    run(async {
        let (alive, _) = server(|stream, _| answer(stream, usize::MAX)).await;
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let called = call(&[dead, alive], PoolSettings::default());
        let mut failures = 0;
        for _ in 0..50 {
            match called.send(Protocol::Http).await {
                Ok(response) => drop(response.body.collect().await.unwrap()),
                Err(error) => {
                    assert_eq!((error.cause(), error.unsent.is_some()), (Cause::ConnectRefused, true));
                    failures += 1;
                }
            }
        }
        assert!(failures <= 1, "{failures} calls went to the endpoint that is gone");
    });
}

#[test]
fn an_endpoint_that_resets_or_never_answers_is_not_the_cheapest() {
    run(async {
        let (resets, _) = server(|stream, _| async move { drop(stream) }).await;
        let (hangs, _) = server(|stream, _| async move {
            std::future::pending::<()>().await;
            drop(stream);
        })
        .await;
        let (alive, answered) = server(|stream, _| answer(stream, 1)).await;
        let called = call(&[resets, hangs, alive], PoolSettings::default());
        for _ in 0..60 {
            let sent = tokio::time::timeout(Duration::from_millis(50), called.send(Protocol::Http)).await;
            if let Ok(Ok(response)) = sent {
                drop(response.body.collect().await.unwrap());
            }
        }
        let answered = answered.load(Ordering::Relaxed);
        assert!(answered > 25, "only {answered} of 60 calls went to the endpoint that answers");
    });
}

#[test]
fn many_calls_share_one_http2_connection() {
    run(async {
        let (address, accepted) = server(|stream, _| async move {
            let service =
                hyper::service::service_fn(|_| async { Ok::<_, hyper::Error>(http::Response::new(Body::full("ok"))) });
            let io = hyper_util::rt::TokioIo::new(stream);
            drop(hyper::server::conn::http2::Builder::new(Local).serve_connection(io, service).await);
        })
        .await;
        let called = call(&[address], PoolSettings::default());
        for response in futures(50, || called.send(Protocol::Grpc)).await {
            assert_eq!(response.unwrap().body.collect().await.unwrap(), "ok");
        }
        assert_eq!((accepted.load(Ordering::Relaxed), called.report().h2_connections), (1, 1));
        assert_eq!(called.report().in_flight, 0);
    });
}

/// Runs `count` futures at once and returns what they gave.
async fn futures<F: Future>(count: usize, make: impl Fn() -> F) -> Vec<F::Output> {
    let results = RefCell::new(Vec::new());
    let mut pending: Vec<_> = (0..count).map(|_| Box::pin(make())).collect();
    std::future::poll_fn(|cx| {
        pending.retain_mut(|future| match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => {
                results.borrow_mut().push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    results.into_inner()
}

#[derive(Clone)]
struct Local;

impl<F> hyper::rt::Executor<F> for Local
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}
