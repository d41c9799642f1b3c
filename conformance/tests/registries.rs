//! Registries that end, change or are large, beside a gateway that serves (issue 5, "Must hold").
//!
//! Each test runs in a network namespace of its own. Where that or a Go peer cannot be had they are skipped, unless
//! `MICRO_REQUIRE_PEERS=1`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use conformance::client::http1::{Request, get, send};
use conformance::interop::{Ready, Setup, Start, World};
use conformance::steady::Steady;
use conformance::wait::{until, until_within};
use conformance::{namespace, peer};
use serde_json::{Value, json};
use tokio::time::sleep;
const TESTS: [&str; 4] = [
    "etcd_restarts_under_load",
    "a_reload_from_mdns_to_etcd_under_load",
    "a_reload_from_http_to_nats_under_load",
    "ten_thousand_nodes_in_etcd",
];
const PER_SECOND: u64 = 500;
/// The subscriber of the http broker takes one after another.
const EVENTS_PER_SECOND: u64 = 100;
/// How soon a node must be known after it was put.
const SOON: Duration = Duration::from_secs(2);
/// How long a registry stays away, and how long the load goes on after a change.
const WHILE: Duration = Duration::from_secs(2);
/// How long ten thousand nodes may take.
const LONG: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let result = match namespace::task() {
        Some(task) => inside(&task).map(|()| true),
        None => outside(words.iter().find(|word| !word.starts_with('-')).map_or("", String::as_str)),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn outside(filter: &str) -> Result<bool> {
    if let Some(why) = namespace::missing().or(peer::build(&["peer", "micro"])?) {
        eprintln!("skipped {}: {why}: {}", TESTS.len(), TESTS.join(", "));
        return Ok(!peer::is_required());
    }
    let mut is_well = true;
    for name in TESTS.iter().filter(|name| name.contains(filter)) {
        let output = namespace::run(name)?;
        let text = String::from_utf8_lossy(&output.stderr);
        let outcome = if output.status.success() { "ok" } else { "FAILED" };
        is_well &= output.status.success();
        eprintln!("test registries::{name} ... {outcome}\n{text}");
    }
    Ok(is_well)
}

fn inside(task: &str) -> Result<()> {
    namespace::prepare()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match task {
            "etcd_restarts_under_load" => etcd_restarts_under_load().await,
            "a_reload_from_mdns_to_etcd_under_load" => a_reload_from_mdns_to_etcd_under_load().await,
            "a_reload_from_http_to_nats_under_load" => a_reload_from_http_to_nats_under_load().await,
            _ => ten_thousand_nodes_in_etcd().await,
        }
    })
}

/// Requests are answered while etcd is gone, and what is put once it is back is known soon.
async fn etcd_restarts_under_load() -> Result<()> {
    let mut world = world(&[etcd(), greeter("first", 33101, "etcd"), greeter("second", 33102, "memory"), api()])?;
    until("the greeter", async || greet().await.ok()).await?;
    let load = Steady::start(GATEWAY.parse()?, &hello(), PER_SECOND);
    world.end("etcd", "-KILL")?;
    until("it to be stale", async || metric("micro_registry_stale").await.ok().filter(|stale| *stale == 1)).await?;
    sleep(WHILE).await;
    world.spawn(&etcd())?;
    until("it to be fresh", async || metric("micro_registry_stale").await.ok().filter(|stale| *stale == 0)).await?;
    put(&[record("go.micro.srv.greeter", 2, "127.0.0.1:33102")]).await?;
    until_within(SOON, "the node that was put", async || knows("127.0.0.1:33102").await.ok()).await?;
    sleep(WHILE).await;
    let answered = load.end().await?;
    eprintln!("{answered} requests, none failed");
    Ok(())
}

/// The one registry is left for the other, and no request notices.
async fn a_reload_from_mdns_to_etcd_under_load() -> Result<()> {
    let document = |registry: &str| {
        format!(
            "version: micro/v1\nregistry: {registry}\nlisteners: {{ api: {{ address: \"{GATEWAY}\", routes: api }} }}\n\
             routes: {{ api: [{{ match: {{ path: /** }}, handler: rpc, namespace: go.micro.srv }}] }}\n"
        )
    };
    let path = namespace::folder()?.join("gateway.yaml");
    fs::write(&path, document("mdns"))?;
    let run = format!("micro gateway --config {} --admin {ADMIN}", path.display());
    let gateway = start("gateway", &run, &[], Some(ADMIN));
    let services = [greeter("first", 33101, "mdns"), greeter("second", 33102, "etcd")];
    let _world = world(&[&[etcd()], &services[..], &[gateway]].concat())?;
    until("the greeter by multicast", async || greet().await.ok()).await?;
    let load = Steady::start(GATEWAY.parse()?, &hello(), PER_SECOND);
    sleep(WHILE).await;
    fs::write(&path, document("{ kind: etcd, addresses: [\"127.0.0.1:2379\"] }"))?;
    let moved = async || {
        let addresses = endpoints().await.ok()?;
        (addresses == ["127.0.0.1:33102"]).then_some(())
    };
    until("the table of etcd", moved).await?;
    sleep(WHILE).await;
    let answered = load.end().await?;
    eprintln!("{answered} requests, none failed");
    Ok(())
}

/// Events published on the way from the one broker to the other each arrive, once.
async fn a_reload_from_http_to_nats_under_load() -> Result<()> {
    let document = |broker: &str| {
        format!(
            "version: micro/v1\nregistry: {{ kind: etcd, addresses: [\"{ETCD}\"] }}\nbroker: {broker}\n\
             listeners: {{ api: {{ address: \"{GATEWAY}\", routes: api }} }}\n\
             routes: {{ api: [{{ match: {{ path: /** }}, handler: event, namespace: go.micro.api }}] }}\n"
        )
    };
    let path = namespace::folder()?.join("gateway.yaml");
    fs::write(&path, document("http"))?;
    let run = format!("micro gateway --config {} --admin {ADMIN}", path.display());
    let subscriber = |name: &str, broker: &str| {
        let run = format!("peer --registry etcd --broker {broker} --server_name go.micro.srv.{name}");
        start(name, &run, &[("PEER_TOPIC", "go.micro.api.user")], None)
    };
    let (nats, gateway) =
        (start("nats", "nats-server -a 127.0.0.1", &[], Some(NATS)), start("gateway", &run, &[], Some(ADMIN)));
    let world = world(&[etcd(), nats, subscriber("first", "http"), subscriber("second", "nats"), gateway])?;
    let event = Request::new("POST /user/login", GATEWAY, &[("Content-Type", "application/json")], "{}");
    let heard = |name: &str| -> usize {
        let log = world.log(name).unwrap_or_default();
        log.lines().filter(|line| line.starts_with("event go.micro.api.user ")).count()
    };
    let arrives =
        async || (send(GATEWAY.parse().ok()?, &event).await.ok()?.status == 200 && heard("first") > 0).then_some(());
    until("an event over http", arrives).await?;
    sleep(WHILE).await;
    let before = heard("first");

    let load = Steady::start(GATEWAY.parse()?, &event, EVENTS_PER_SECOND);
    sleep(WHILE).await;
    fs::write(&path, document(&format!("{{ kind: nats, addresses: [\"{NATS}\"] }}")))?;
    until("an event over NATS", async || (heard("second") > 0).then_some(())).await?;
    sleep(WHILE).await;
    let answered = usize::try_from(load.end().await?)?;
    let all = async || (heard("first") - before + heard("second") == answered).then_some(());
    let arrived = until("every event at one of the two", all).await;
    let (over_http, over_nats) = (heard("first") - before, heard("second"));
    arrived.with_context(|| format!("{answered} published, {over_http} over http, {over_nats} over NATS"))?;
    eprintln!("{answered} events published, none failed: {over_http} over http, {over_nats} over NATS");
    Ok(())
}

/// The table is complete, and what one node changes costs one cluster.
async fn ten_thousand_nodes_in_etcd() -> Result<()> {
    let _world = world(&[etcd(), api()])?;
    for service in 0..1000 {
        let name = format!("go.micro.srv.s{service:04}");
        let records: Vec<Value> = (0..10).map(|node| record(&name, node, &address(service, node))).collect();
        put(&records).await?;
    }
    let complete = async || (count().await.ok()? == (1000, 10_000)).then_some(());
    until_within(LONG, "ten thousand nodes", complete).await?;
    let before = metric("micro_clusters_rebuilt_total").await?;
    put(&[record("go.micro.srv.s0500", 5, "127.0.0.1:9")]).await?;
    until_within(SOON, "the node that changed", async || knows("127.0.0.1:9").await.ok()).await?;
    let after = metric("micro_clusters_rebuilt_total").await?;
    ensure!(after == before + 1, "one node cost {} clusters", after - before);
    eprintln!("10,000 nodes: {} of memory, one change rebuilt one cluster of {}", memory()?, count().await?.0);
    Ok(())
}

const GATEWAY: &str = "127.0.0.1:8080";
const ADMIN: &str = "127.0.0.1:8079";
const ETCD: &str = "127.0.0.1:2379";
const NATS: &str = "127.0.0.1:4222";

fn world(start: &[Start]) -> Result<World> {
    let bin = namespace::programs(Path::new(env!("CARGO_BIN_EXE_micro-under-test")), &peer::folder()?)?;
    World::start(&Setup { start: start.to_vec(), ..Setup::default() }, &namespace::folder()?, &bin)
}

fn start(name: &str, run: &str, env: &[(&str, &str)], tcp: Option<&str>) -> Start {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let ready = Ready { tcp: tcp.map(str::to_owned), ..Ready::default() };
    Start { name: name.to_owned(), run: run.to_owned(), env, ready }
}

fn etcd() -> Start {
    start("etcd", "etcd --data-dir etcd.data --log-level error", &[], Some(ETCD))
}

fn greeter(name: &str, port: u16, registry: &str) -> Start {
    let address = format!("127.0.0.1:{port}");
    let run = format!("peer --registry {registry} --server_name go.micro.srv.greeter --server_address {address}");
    start(name, &run, &[("PEER_SUBSCRIBE", "no")], Some(&address))
}

fn api() -> Start {
    let run = format!("micro --registry etcd api --address {GATEWAY} --admin {ADMIN} --handler rpc --type srv");
    start("gateway", &run, &[], Some(ADMIN))
}

fn hello() -> Request {
    let kind = [("Content-Type", "application/json")];
    Request::new("POST /greeter/say/hello", GATEWAY, &kind, r#"{"name":"John"}"#)
}

async fn greet() -> Result<()> {
    let answer = send(GATEWAY.parse()?, &hello()).await?;
    ensure!(answer.status == 200 && answer.text() == r#"{"msg":"Hello John"}"#, "{answer}");
    Ok(())
}

async fn metric(name: &str) -> Result<u64> {
    let text = get(ADMIN.parse()?, "/metrics").await?.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).context("no such metric")?;
    Ok(line.trim().parse()?)
}

/// Returns the clusters of the services that a test puts there; the gateway itself is registered beside them.
async fn clusters() -> Result<Vec<Value>> {
    let value: Value = serde_json::from_slice(&get(ADMIN.parse()?, "/clusters").await?.body)?;
    let clusters = value["clusters"].as_array().context("no clusters")?;
    let is_of_test = |cluster: &&Value| cluster["name"].as_str().is_some_and(|name| name.starts_with("go.micro.srv."));
    Ok(clusters.iter().filter(is_of_test).cloned().collect())
}

/// Returns the addresses of the nodes of the table.
async fn endpoints() -> Result<Vec<String>> {
    let clusters = clusters().await?;
    let nodes = clusters.iter().filter_map(|cluster| cluster["endpoints"].as_array()).flatten();
    Ok(nodes.filter_map(|node| node["address"].as_str().map(str::to_owned)).collect())
}

async fn knows(address: &str) -> Result<()> {
    ensure!(endpoints().await?.iter().any(|known| known == address), "{address} is not known");
    Ok(())
}

async fn count() -> Result<(usize, usize)> {
    Ok((clusters().await?.len(), endpoints().await?.len()))
}

fn address(service: usize, node: usize) -> String {
    SocketAddr::from((
        [10, 1, u8::try_from(service % 250).unwrap_or(0), u8::try_from(node).unwrap_or(0)],
        9000 + u16::try_from(service / 250).unwrap_or(0),
    ))
    .to_string()
}

/// A record as go-micro writes it, with its key.
fn record(name: &str, node: usize, address: &str) -> Value {
    let id = format!("{name}-{node}");
    let node = json!({ "id": id, "address": address, "metadata": { "protocol": "grpc", "registry": "etcd" } });
    let record = json!({ "name": name, "version": "latest", "metadata": null, "endpoints": [], "nodes": [node] });
    let key = format!("/micro/registry/{name}/{id}");
    json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(record.to_string()) })
}

/// Puts records, over the JSON form of etcd.
async fn put(records: &[Value]) -> Result<()> {
    let puts: Vec<Value> = records.iter().map(|record| json!({ "requestPut": record })).collect();
    let request = Request::new("POST /v3/kv/txn", ETCD, &[], json!({ "success": puts }).to_string());
    let answer = send(ETCD.parse()?, &request).await?;
    ensure!(answer.status == 200, "{answer}");
    Ok(())
}

/// Returns how much memory the gateway holds, as the system says.
fn memory() -> Result<String> {
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        let is_gateway = fs::read(path.join("cmdline")).is_ok_and(|line| {
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            line.contains(&format!("api --address {GATEWAY}")) && line.contains("micro")
        });
        if is_gateway && path.join("ns/net").read_link()? == Path::new("/proc/self/ns/net").read_link()? {
            let status = fs::read_to_string(path.join("status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
            return Ok(line.trim().to_owned());
        }
    }
    anyhow::bail!("the gateway does not run")
}
