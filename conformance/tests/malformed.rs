//! Requests that are malformed, too large or slow get the right status and end; other connections never notice
//! (design 10 and 12).

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use conformance::client::http1::{Connection, Request};
use conformance::process::Gateway;
use tokio::time::{Instant, sleep};

const PROGRAM: &str = env!("CARGO_BIN_EXE_micro-under-test");
/// One worker, so that the bystander shares it with whoever misbehaves.
const DOCUMENT: &str = r#"
version: micro/v1
workers: 1
listeners: { web: { address: "127.0.0.1:0", routes: public, limits: { head: 128KiB, header_timeout: 1s } } }
routes: { public: [{ match: { path: /** }, handler: { respond: { body: ok } } }] }
"#;

/// A gateway, and a connection that goes on whatever others do.
struct Scene {
    gateway: Gateway,
    bystander: Connection,
}

impl Scene {
    async fn open() -> Result<Self> {
        let gateway = Gateway::with_document(Path::new(PROGRAM), DOCUMENT).await?;
        let bystander = Connection::open(gateway.address()?).await?;
        let mut scene = Self { gateway, bystander };
        scene.bystander_is_served().await?;
        Ok(scene)
    }

    /// Sends bytes on a connection of their own, and expects a status; then the connection must end unless it was served.
    async fn check(&mut self, bytes: &str, status: u16) -> Result<()> {
        let shown: String = bytes.chars().take(80).collect();
        let mut connection = Connection::open(self.gateway.address()?).await?;
        // What is too large may be refused before all of it is taken.
        let written = connection.write(bytes.as_bytes()).await;
        let answer = connection.answer(false).await.with_context(|| format!("{shown:?} {written:?}"))?;
        assert_eq!(answer.status, status, "{shown:?}: {answer}");
        if status != 200 {
            connection.ended(Duration::from_secs(5)).await.with_context(|| format!("{shown:?}"))?;
        }
        self.bystander_is_served().await.with_context(|| format!("after {shown:?}"))
    }

    async fn bystander_is_served(&mut self) -> Result<()> {
        let answer = self.bystander.send(&Request::new("GET /bystander", "h", &[], "")).await?;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
        Ok(())
    }
}

#[tokio::test]
async fn hosts_are_required_and_single() -> Result<()> {
    let mut scene = Scene::open().await?;
    scene.check("GET / HTTP/1.1\r\nHost: h\r\n\r\n", 200).await?;
    scene.check("GET / HTTP/1.1\r\n\r\n", 400).await?;
    scene.check("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400).await?;
    scene.check("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400).await?;
    scene.check("GET / HTTP/1.0\r\n\r\n", 200).await?;
    scene.check("GET / HTTP/1.0\r\nHost: h\r\n\r\n", 200).await?;
    scene.check("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400).await
}

#[tokio::test]
async fn ambiguous_framing_is_refused() -> Result<()> {
    let mut scene = Scene::open().await?;
    for coding in ["gzip", "foo, chunked", "chunked, foo", "chunked, chunked", "identity", "xchunked"] {
        scene
            .check(&format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"), 400)
            .await?;
    }
    for length in ["abc", "-1", "1, 2", "+1", "18446744073709551616"] {
        scene.check(&format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\nx"), 400).await?;
    }
    scene.check("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400).await?;
    scene.check("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200).await
}

#[tokio::test]
async fn what_is_not_http_is_refused() -> Result<()> {
    let mut scene = Scene::open().await?;
    scene.check("GET / HTTP/1.7\r\nHost: h\r\n\r\n", 400).await?;
    scene.check("GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400).await?;
    scene.check("GET foo HTTP/1.1\r\nHost: h\r\n\r\n", 400).await?;
    scene.check("GET / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n", 400).await?;
    scene.check("GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n", 400).await?;
    scene.check("GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400).await?;
    scene.check("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400).await?;
    scene.check("\u{16}\u{3}\u{1}\0 a client hello\r\n\r\n", 400).await
}

#[tokio::test]
async fn what_is_too_large_is_refused() -> Result<()> {
    let mut scene = Scene::open().await?;
    scene.check(&format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(70_000)), 414).await?;
    scene.check(&format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "a".repeat(140_000)), 431).await?;
    let mut many = String::from("GET / HTTP/1.1\r\nHost: h\r\n");
    for number in 0..101 {
        write!(many, "X-{number}: x\r\n")?;
    }
    many.push_str("\r\n");
    scene.check(&many, 431).await
}

#[tokio::test]
async fn a_slow_head_is_cut_off() -> Result<()> {
    let mut scene = Scene::open().await?;
    let mut slow = Connection::open(scene.gateway.address()?).await?;
    let start = Instant::now();
    let mut bytes = b"GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ".to_vec();
    bytes.resize(200, b'x');
    for byte in bytes {
        if slow.write(&[byte]).await.is_err() || slow.ended(Duration::from_millis(20)).await.is_ok() {
            break;
        }
        sleep(Duration::from_millis(50)).await;
        scene.bystander_is_served().await?;
    }
    let took = start.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(4), "closed after {took:?}");
    scene.bystander_is_served().await
}

#[tokio::test]
async fn silence_after_connecting_is_cut_off() -> Result<()> {
    let mut scene = Scene::open().await?;
    let mut silent = Connection::open(scene.gateway.address()?).await?;
    silent.ended(Duration::from_secs(5)).await?;
    scene.bystander_is_served().await
}
