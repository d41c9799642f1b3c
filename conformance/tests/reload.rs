//! What a reload leaves alone (design 4, 11.5; issue "Must hold"): connections to nodes, the balancer's turn, counters,
//! WebSockets, and everything when the new document is wrong.

use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use conformance::case::NodeKind;
use conformance::client::http1::{Connection, Request, get};
use conformance::control::endpoints;
use conformance::node::Node;
use conformance::process::{Gateway, Launch};
use conformance::soak::{self, Plan};
use conformance::wait::until;
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_micro-under-test");

/// A document with one cluster of these nodes; `answer` is what a route beside it says.
fn document(nodes: &[SocketAddr], answer: &str) -> String {
    let nodes: Vec<String> = nodes.iter().map(|node| format!("\"{node}\"")).collect();
    format!(
        r#"
version: micro/v1
workers: 1
listeners: {{ web: {{ address: "127.0.0.1:0", routes: public }} }}
services: {{ app: {{ protocol: http, endpoints: [{}], balance: round_robin }} }}
routes:
  public:
    - {{ match: {{ path: /answer }}, handler: {{ respond: {{ body: "{answer}" }} }} }}
    - {{ match: {{ path: /app/** }}, handler: proxy, service: app }}
    - {{ match: {{ path: /** }}, handler: meta }}
"#,
        nodes.join(", ")
    )
}

async fn calls_of(gateway: &Gateway, node: &Node) -> Result<u64> {
    let address = node.address().to_string();
    let known = endpoints(&gateway.ask("/clusters").await?, "app");
    let endpoint = known.iter().find(|endpoint| endpoint["address"] == address.as_str()).context("no such endpoint")?;
    endpoint["calls"].as_u64().context("no calls")
}

async fn answer(gateway: &Gateway) -> Result<String> {
    Ok(get(gateway.address()?, "/answer").await?.text())
}

#[tokio::test]
async fn pools_turns_and_counters_are_carried_over() -> Result<()> {
    let (first, second) = (Node::of(NodeKind::Http).await?, Node::of(NodeKind::Http).await?);
    let both = [first.address(), second.address()];
    let gateway = Gateway::with_document(Path::new(PROGRAM), &document(&both, "one")).await?;
    let mut client = Connection::open(gateway.address()?).await?;
    let mut ask = async || -> Result<u16> { Ok(client.send(&Request::new("GET /app/x", "h", &[], "")).await?.status) };
    for _ in 0..3 {
        assert_eq!(ask().await?, 200);
    }
    assert_eq!((first.calls().all().len(), second.calls().all().len()), (2, 1), "by turns");

    gateway.reload(&document(&both, "two")).await?;
    assert_eq!(answer(&gateway).await?, "two");
    assert_eq!(ask().await?, 200, "on the connection from before");
    assert_eq!((first.calls().all().len(), second.calls().all().len()), (2, 2), "the turn goes on");
    assert_eq!((first.connections(), second.connections()), (1, 1), "pooled connections are used again");
    assert_eq!((calls_of(&gateway, &first).await?, calls_of(&gateway, &second).await?), (2, 2));

    // One node goes and one comes: the one that stays keeps what it has.
    let third = Node::of(NodeKind::Http).await?;
    gateway.reload(&document(&[second.address(), third.address()], "three")).await?;
    for _ in 0..4 {
        assert_eq!(ask().await?, 200);
    }
    assert_eq!((first.calls().all().len(), third.connections()), (2, 1));
    assert_eq!((second.connections(), calls_of(&gateway, &second).await?), (1, 4));
    Ok(())
}

#[tokio::test]
async fn counters_of_routes_go_on() -> Result<()> {
    let node = Node::of(NodeKind::Http).await?;
    let gateway = Gateway::with_document(Path::new(PROGRAM), &document(&[node.address()], "one")).await?;
    for _ in 0..3 {
        assert_eq!(get(gateway.address()?, "/app/x").await?.status, 200);
    }
    gateway.reload(&document(&[node.address()], "two")).await?;
    assert_eq!(get(gateway.address()?, "/app/x").await?.status, 200);
    let metrics = get(gateway.admin()?, "/metrics").await?.text();
    let counted = metrics
        .lines()
        .find(|line| line.starts_with("micro_requests_total{") && line.contains("/app/") && line.contains("2xx"));
    assert!(counted.is_some_and(|line| line.ends_with(" 4")), "{metrics}");
    Ok(())
}

#[tokio::test]
async fn a_wrong_document_changes_nothing_and_is_reported() -> Result<()> {
    let node = Node::of(NodeKind::Http).await?;
    let good = document(&[node.address()], "good");
    let gateway = Gateway::with_document(Path::new(PROGRAM), &good).await?;
    let before = gateway.ask("/status").await?;
    std::fs::write(gateway.document(), good.replace("round_robin", "round_robbin").replace("good", "bad"))?;
    let refused = async || {
        let status = gateway.ask("/status").await.ok()?;
        (status["reload"]["in_force"] == false).then_some(status)
    };
    let status = until("the watcher to refuse the document", refused).await?;
    assert!(status.to_string().contains("round_robbin"), "{status}");
    assert_eq!((&status["generation"], &status["digest"]), (&before["generation"], &before["digest"]));
    assert_eq!(answer(&gateway).await?, "good");
    assert!(gateway.stderr().text().contains("round_robbin"), "{}", gateway.stderr().text());

    std::fs::write(gateway.document(), document(&[node.address()], "better"))?;
    until("the watcher to take the next", async || (answer(&gateway).await.ok()? == "better").then_some(())).await
}

/// Editors write over a file, careful programs rename, Kubernetes swaps a symbolic link to a folder, people send SIGHUP.
#[tokio::test]
async fn every_way_of_changing_the_document_is_noticed() -> Result<()> {
    let node = Node::of(NodeKind::Http).await?;
    let text = |answer: &str| document(&[node.address()], answer);
    let folder = TempDir::new()?;
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("first"))?;
    std::fs::write(path("first/gateway.yaml"), text("first"))?;
    symlink("first", path("..data"))?;
    symlink("..data/gateway.yaml", path("gateway.yaml"))?;
    let file = path("gateway.yaml");
    let args = ["gateway", "--config", &file.to_string_lossy(), "--admin=127.0.0.1:0", "--registry_listen=127.0.0.1:0"];
    let launch = Launch { args: args.map(str::to_owned).to_vec(), ..Launch::default() };
    let gateway = Gateway::launch(Path::new(PROGRAM), &launch, TempDir::new()?).await?;
    let serves = async |answer_wanted: &str| {
        until(answer_wanted, async || (answer(&gateway).await.ok()? == answer_wanted).then_some(())).await
    };
    serves("first").await?;

    std::fs::create_dir(path("second"))?;
    std::fs::write(path("second/gateway.yaml"), text("second"))?;
    symlink("second", path("..new"))?;
    std::fs::rename(path("..new"), path("..data"))?;
    serves("second").await?;

    std::fs::write(path("second/gateway.yaml"), text("in place"))?;
    gateway.signal("HUP")?;
    serves("in place").await?;

    std::fs::write(path("beside"), text("renamed"))?;
    std::fs::rename(path("beside"), &file)?;
    serves("renamed").await?;

    std::fs::write(&file, text("written over"))?;
    serves("written over").await
}

/// A node whose lease ends changes the table of clusters; the configuration stays the one that it was (design 7).
#[tokio::test]
async fn a_lease_that_ends_makes_no_generation() -> Result<()> {
    let node = Node::of(NodeKind::Grpc).await?;
    let gateway = Gateway::with_document(Path::new(PROGRAM), &document(&[node.address()], "one")).await?;
    let generation = gateway.generation().await?;
    let service = "go.micro.api.brief".to_owned();
    gateway.register_for(&service, "1", node.address(), Value::Null, "1s").await?;
    gateway.knows(&[(service.clone(), vec![node.address()])]).await?;
    assert_eq!(get(gateway.address()?, "/brief/call").await?.status, 200);
    gateway.knows(&[(service, Vec::new())]).await?;
    assert_eq!(get(gateway.address()?, "/brief/call").await?.status, 404);
    assert_eq!(gateway.generation().await?, generation);
    Ok(())
}

/// Forty documents in eight seconds, every other one wrong, and nobody notices. The program `reload-under-load` does the
/// same for longer, and under `wrk`.
#[tokio::test]
async fn clients_do_not_notice_reloads() -> Result<()> {
    let plan = Plan { documents: 40, every: Duration::from_millis(200), websockets: 50, wrk_connections: None };
    let figures = soak::run(Path::new(PROGRAM), plan).await?;
    let shortcomings = figures.shortcomings();
    assert!(shortcomings.is_empty(), "{shortcomings:#?}\n{figures}");
    Ok(())
}
