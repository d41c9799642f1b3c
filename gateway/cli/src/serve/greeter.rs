//! The service of `micro demo`: a real one, reached over its socket and found in the registry, like any other.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use gateway::Gateway;
use mesh_registry::{Node, RegisterOptions, Registry, Service};
use mesh_rpc::{Call, Handler, Server, Status};
use proto::greeter::{Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The names of the manual: that of the service, and that of the API in front of it (spec/manual 9.7 to 9.10).
const NAMES: [&str; 2] = ["go.micro.srv.greeter", "go.micro.api.greeter"];
/// How long a registration lives, and how often it is renewed (design 7).
const TTL: Duration = Duration::from_secs(60);
const RENEWAL: Duration = Duration::from_secs(30);
/// How long the gateway may take to hear of it from the registry, and how often it is asked: it takes microseconds.
const KNOWN_TIMEOUT: Duration = Duration::from_secs(5);
const KNOWN_PAUSE: Duration = Duration::from_millis(1);

/// The greeter as it runs. Dropping it ends it at once, and leaves its registrations to expire.
#[derive(Debug)]
pub(super) struct Greeter {
    registry: Arc<dyn Registry>,
    services: Vec<Service>,
    renewing: JoinSet<()>,
    serving: JoinSet<()>,
    end: CancellationToken,
}

#[derive(Debug)]
struct Say;

#[async_trait]
impl Handler for Say {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        match call.method() {
            "Hello" => {
                let request: Request = call.request().await?;
                call.send(&Response { msg: format!("Hello {}", request.name) }).await
            }
            _ => Err(call.unknown_method()),
        }
    }
}

impl Greeter {
    /// Starts the service on a free port of loopback, and registers it under both names.
    pub(super) async fn start(registry: Arc<dyn Registry>) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let node = Node::new("greeter-1", listener.local_addr()?.to_string()).with("protocol", "grpc");
        let services: Vec<Service> =
            NAMES.iter().map(|name| Service::new(*name).with_node(node.clone()).with_endpoint("Say.Hello")).collect();
        for service in &services {
            registry.register(service.clone(), RegisterOptions { ttl: Some(TTL) }).await?;
        }
        let (mut serving, mut renewing, end) = (JoinSet::new(), JoinSet::new(), CancellationToken::new());
        serving.spawn(Server::new().with("Say", Say).serve(listener, end.clone()));
        renewing.spawn(renew(Arc::clone(&registry), services.clone()));
        Ok(Self { registry, services, renewing, serving, end })
    }

    /// Waits until the gateway knows both names, so that who is told that it is ready can call them at once.
    ///
    /// # Errors
    /// Fails when that takes longer than [`KNOWN_TIMEOUT`].
    pub(super) async fn is_known_to(&self, gateway: &Gateway) -> Result<(), Elapsed> {
        let known = || NAMES.iter().all(|name| gateway.published().services.find(name).is_some());
        let waiting = async {
            while !known() {
                sleep(KNOWN_PAUSE).await;
            }
        };
        timeout(KNOWN_TIMEOUT, waiting).await
    }

    /// Leaves the registry, then ends what it is called for.
    pub(super) async fn stop(mut self) {
        self.renewing.shutdown().await;
        for service in &self.services {
            if let Err(error) = self.registry.deregister(service).await {
                tracing::debug!(%error, "the greeter was not registered any more");
            }
        }
        self.end.cancel();
        while self.serving.join_next().await.is_some() {}
    }
}

/// Renews the registrations for as long as it is polled; makes them anew where the registry has lost them.
async fn renew(registry: Arc<dyn Registry>, services: Vec<Service>) {
    let mut times = interval(RENEWAL);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    times.tick().await; // the first is at once, and it is registered already
    loop {
        times.tick().await;
        for service in &services {
            if let Err(error) = renew_one(registry.as_ref(), service).await {
                tracing::warn!(
                    error = &*error as &dyn std::error::Error,
                    service = service.name,
                    "the greeter could not renew its registration"
                );
            }
        }
    }
}

async fn renew_one(registry: &dyn Registry, service: &Service) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for node in &service.nodes {
        if registry.heartbeat(&service.name, &node.id).await.is_err() {
            registry.register(service.clone(), RegisterOptions { ttl: Some(TTL) }).await?;
        }
    }
    Ok(())
}
