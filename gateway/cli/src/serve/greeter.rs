//! The service of `micro demo`: a real one, reached over its socket and found in the registry, like any other.

use std::io;
use std::time::Duration;

use async_trait::async_trait;
use gateway::Gateway;
use mesh::{Identity, Node};
use mesh_registry::Endpoint;
use mesh_rpc::{Call, Handler, Server, Status};
use proto::greeter::{Request, Response};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

/// The names of the manual: that of the service, and that of the API in front of it (spec/manual 9.7 to 9.10).
const NAMES: [&str; 2] = ["go.micro.srv.greeter", "go.micro.api.greeter"];
/// How long the gateway may take to hear of it from the registry, and how often it is asked: it takes microseconds.
const KNOWN_TIMEOUT: Duration = Duration::from_secs(5);
const KNOWN_PAUSE: Duration = Duration::from_millis(1);

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

/// Starts the service on a free port of loopback, registered under both names.
pub(super) async fn start(registries: &mesh::Registries) -> io::Result<Node> {
    let endpoints = vec![Endpoint { name: "Say.Hello".to_owned(), ..Endpoint::default() }];
    let identities = NAMES.map(|name| Identity { endpoints: endpoints.clone(), ..Identity::new(name) });
    Node::start("127.0.0.1:0", Server::new().with("Say", Say), identities.into(), registries).await
}

/// Waits until the gateway knows both names, so that who is told that it is ready can call them at once.
///
/// # Errors
/// Fails when that takes longer than [`KNOWN_TIMEOUT`].
pub(super) async fn is_known_to(gateway: &Gateway) -> Result<(), Elapsed> {
    let known = || NAMES.iter().all(|name| gateway.published().services.find(name).is_some());
    let waiting = async {
        while !known() {
            sleep(KNOWN_PAUSE).await;
        }
    };
    timeout(KNOWN_TIMEOUT, waiting).await
}
