//! A defect in one exchange ends its connection, is counted, and leaves every other connection alone.
//!
//! Nothing in the product panics on demand, and nothing there is made to. What a test may bring along is where log events
//! go: this one's subscriber panics at an event that the gateway emits in the middle of an exchange. Therefore it runs the
//! gateway in its own process, and alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use config_schema::Layers;
use conformance::client::http1::{Connection, Request};
use gateway::Gateway;
use tokio::task::JoinSet;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// One worker, so that all connections share it. Any method but `GET` is an error, which is logged within the exchange.
const DOCUMENT: &str = r#"
version: micro/v1
workers: 1
listeners: { web: { address: "127.0.0.1:0", routes: public } }
routes: { public: [{ match: { path: /**, method: GET }, handler: { respond: { body: ok } } }] }
"#;

/// Panics at the event that reports a refused method.
struct Trap;

impl<S: Subscriber> Layer<S> for Trap {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut found = Found(false);
        event.record(&mut found);
        assert!(!found.0, "the trap of this test");
    }
}

struct Found(bool);

impl Visit for Found {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 |= field.name() == "cause" && format!("{value:?}").contains("method_not_allowed");
    }
}

#[tokio::test]
async fn a_panic_ends_one_connection_only() -> Result<()> {
    tracing_subscriber::registry().with(Trap).init();
    let (gateway, control) = Gateway::new()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(control.run());
    let loaded = config_schema::load(&Layers::text("gateway.yaml", DOCUMENT))
        .map_err(|report| anyhow::anyhow!(report.render(false)))?;
    let compiled =
        gateway_snapshot::compile(Arc::new(loaded)).map_err(|report| anyhow::anyhow!(report.render(false)))?;
    gateway.apply(compiled).await?;
    let listeners = gateway.listeners().await;
    let address: SocketAddr =
        *listeners.first().and_then(|listener| listener.addresses.first()).context("no listener")?;

    let (mut bystander, mut victim) = (Connection::open(address).await?, Connection::open(address).await?);
    let served = async |connection: &mut Connection| connection.send(&Request::new("GET /", "h", &[], "")).await;
    assert_eq!(served(&mut bystander).await?.status, 200);
    assert_eq!(served(&mut victim).await?.status, 200);
    victim.write(Request::new("DELETE /", "h", &[], "").head.as_bytes()).await?;
    victim.ended(Duration::from_secs(5)).await?;

    assert_eq!(served(&mut bystander).await?.status, 200, "on the same connection, on the same worker");
    assert_eq!(served(&mut Connection::open(address).await?).await?.status, 200);
    let panics: u64 = gateway.metrics().iter().map(|metrics| metrics.panics.get()).sum();
    assert_eq!(panics, 1, "it is counted");
    gateway.drain(Duration::from_secs(1)).await;
    Ok(())
}
