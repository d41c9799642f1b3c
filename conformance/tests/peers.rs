//! What only the real go-micro service can say of itself: how often a method ran, and whether its caller went away.
//!
//! Without Go these are skipped, and say so: that is why they print what came of them also when all is well.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use conformance::case::Setup;
use conformance::client::Answer;
use conformance::client::http1::{Connection, Request, send};
use conformance::peer::Peer;
use conformance::process::Gateway;
use conformance::wait::until;
use serde_json::Value;
use tokio::time::Instant;

const PROGRAM: &str = env!("CARGO_BIN_EXE_micro-under-test");
const TESTS: [&str; 2] = ["a_failed_call_of_the_go_service_is_not_repeated", "a_client_that_leaves_cancels_its_call"];

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--list") {
        return ExitCode::SUCCESS; // there are no test functions here for a runner to list
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run())).unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::FAILURE
    })
}

async fn run() -> Result<ExitCode> {
    // A service of their own for each, as it counts from its start.
    let peers = (Peer::start().await?, Peer::start().await?);
    let (Peer::Running(first), Peer::Running(second)) = &peers else {
        if let Peer::Missing(why) = &peers.0 {
            eprintln!("skipped {}: {why}: {}", TESTS.len(), TESTS.join(", "));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let results = [
        a_failed_call_of_the_go_service_is_not_repeated(Scene::open(first.address()).await?).await,
        a_client_that_leaves_cancels_its_call(Scene::open(second.address()).await?).await,
    ];
    for (name, result) in TESTS.iter().zip(&results) {
        match result {
            Ok(()) => eprintln!("test {name} ... ok"),
            Err(error) => eprintln!("test {name} ... FAILED: {error:#}"),
        }
    }
    Ok(if results.iter().all(Result::is_ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A gateway that knows the Go service as `go.micro.api.example`.
struct Scene(Gateway);

impl Scene {
    async fn open(peer: std::net::SocketAddr) -> Result<Self> {
        let gateway = Gateway::start(Path::new(PROGRAM), &Setup::default()).await?;
        let service = "go.micro.api.example".to_owned();
        gateway.register(&service, "1", peer, Value::Null).await?;
        gateway.knows(&[(service, vec![peer])]).await?;
        Ok(Self(gateway))
    }

    fn request(method: &str, json: &'static str) -> Request {
        Request::new(&format!("POST /example/test/{method}"), "h", &[("Content-Type", "application/json")], json)
    }

    async fn call(&self, method: &str, json: &'static str) -> Result<Answer> {
        send(self.0.address()?, &Self::request(method, json)).await
    }

    /// Returns what the service has counted of a method.
    async fn count(&self, method: &str) -> Result<Value> {
        let request = Request::new(&format!("GET /example/calls/of?name=Test.{method}"), "h", &[], "");
        Ok(send(self.0.address()?, &request).await?.json())
    }
}

/// micro v2 repeated what failed with a plain error (K109).
async fn a_failed_call_of_the_go_service_is_not_repeated(scene: Scene) -> Result<()> {
    let answer = scene.call("fail", r#"{"kind":"plain","detail":"boom"}"#).await?;
    ensure!(answer.status == 500, "{answer}");
    let count = scene.count("Fail").await?;
    ensure!(count["calls"] == 1 && count["failed"] == 1, "{count}");
    Ok(())
}

/// micro v2 let the call run on (K120).
async fn a_client_that_leaves_cancels_its_call(scene: Scene) -> Result<()> {
    let mut connection = Connection::open(scene.0.address()?).await?;
    let request = Scene::request("sleep", r#"{"count":60000}"#);
    connection.write(request.head.as_bytes()).await?;
    connection.write(&request.body).await?;
    until("the call to arrive", async || (scene.count("Sleep").await.ok()?["calls"] == 1).then_some(())).await?;
    drop(connection);
    let start = Instant::now();
    until("the call to be cancelled", async || (scene.count("Sleep").await.ok()?["cancelled"] == 1).then_some(()))
        .await?;
    ensure!(start.elapsed() < Duration::from_secs(3), "it was not cancelled before its deadline of 5 s");
    Ok(())
}
