//! The end of the process (design 8, K35).

use std::path::Path;

use anyhow::Result;
use conformance::case::{NodeKind, NodeSpec, Reply, Setup};
use conformance::client::http1::{Connection, Request, get};
use conformance::node::Node;
use conformance::process::Gateway;
use conformance::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_micro-under-test");
const DOCUMENT: &str = r#"
version: micro/v1
listeners: { web: { address: "127.0.0.1:0", routes: public } }
services: { app: { protocol: http, endpoints: ["${APP}"] } }
routes: { public: [{ match: { path: /** }, handler: proxy, service: app }] }
"#;

/// Starts a gateway in front of a node that takes its time.
async fn slow(delay: f64, args: &[&str]) -> Result<(Node, Gateway)> {
    let node = Node::start(&NodeSpec { kind: NodeKind::Http, reply: Reply { delay, ..Reply::default() } }).await?;
    let env = [("APP".to_owned(), node.address().to_string())].into_iter().collect();
    let args = args.iter().map(ToString::to_string).collect();
    let setup = Setup { document: Some(DOCUMENT.to_owned()), env, args, ..Setup::default() };
    let gateway = Gateway::start(Path::new(PROGRAM), &setup).await?;
    Ok((node, gateway))
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_end() -> Result<()> {
    let (node, mut gateway) = slow(2.0, &[]).await?;
    let address = gateway.address()?;
    let (mut busy, mut idle) = (Connection::open(address).await?, Connection::open(address).await?);
    busy.write(Request::new("GET /slow", "h", &[], "").head.as_bytes()).await?;
    until("the node to be asked", async || (node.calls().all().len() == 1).then_some(())).await?;
    gateway.signal("TERM")?;

    let unready = async || get(gateway.admin().ok()?, "/readyz").await.ok().filter(|answer| answer.status == 503);
    until("the process to say that it is not ready any more", unready).await?;
    until("new connections to be refused", async || Connection::open(address).await.err()).await?;
    idle.ended(conformance::wait::PATIENCE).await?;
    let answer = busy.answer(false).await?;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")), "{answer}");
    assert!(gateway.ended().await?.success());
    Ok(())
}

#[tokio::test]
async fn what_takes_too_long_is_cut() -> Result<()> {
    let (node, mut gateway) = slow(60.0, &["--drain_timeout=1s"]).await?;
    let mut busy = Connection::open(gateway.address()?).await?;
    busy.write(Request::new("GET /slow", "h", &[], "").head.as_bytes()).await?;
    until("the node to be asked", async || (node.calls().all().len() == 1).then_some(())).await?;
    gateway.signal("TERM")?;
    assert!(gateway.ended().await?.success());
    busy.ended(conformance::wait::PATIENCE).await?;
    until("the node to see its caller gone", async || node.calls().all()[0].abandoned.then_some(())).await
}
