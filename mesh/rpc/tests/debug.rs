//! The handler `Debug`: what a process tells of itself.

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderValue};
use mesh_rpc::client::Target;
use mesh_rpc::debug::{Journal, Record, Span, SpanType};
use mesh_rpc::mucp::{ContentType, MucpClient};
use mesh_rpc::server::Limits;
use mesh_rpc::{Call, Client, Codec, Handler, RpcError, Server, Status};
use proto::debug::{CacheRequest, CacheResponse, LogRequest, StatsRequest, StatsResponse, TraceRequest, TraceResponse};
use proto::greeter::{Request, Response};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const SERVICE: &str = "go.micro.srv.greeter";

#[derive(Debug)]
struct Say;

#[async_trait]
impl Handler for Say {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        let request: Request = call.request().await?;
        if request.name == "fail" {
            return Err(RpcError::not_found("say", "no").to_grpc());
        }
        let msg = ["Micro-Trace-Id", "Micro-Span-Id"].map(|key| call.metadata().get(key).unwrap_or("none")).join(" ");
        call.send(&Response { msg }).await
    }
}

async fn serve(journal: &Journal, tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address").to_string();
    let server = Server::new().with("Say", Say).with_journal(journal.clone()).with_mucp();
    tasks.spawn(server.serve(listener, CancellationToken::new()));
    address
}

fn target(endpoint: &str) -> Target<'_> {
    Target { timeout: PATIENCE, ..Target::new(SERVICE, endpoint) }
}

async fn hello(client: &Client, name: &str, metadata: HeaderMap) -> Result<String, RpcError> {
    let target = Target { metadata, ..target("Say.Hello") };
    let request = Request { name: name.to_owned() };
    client.call::<_, Response>(target, Codec::Proto, &request).await.map(|said| said.msg)
}

async fn spans(client: &Client, id: &str) -> Vec<Span> {
    let request = TraceRequest { id: id.to_owned() };
    let answer: TraceResponse = client.call(target("Debug.Trace"), Codec::Json, &request).await.expect("is answered");
    answer.spans
}

#[tokio::test]
async fn each_call_but_those_of_debug_is_a_span() {
    let (journal, mut tasks) = (Journal::new(), JoinSet::new());
    let client = Client::connect(&serve(&journal, &mut tasks).await, PATIENCE).await.expect("connects");
    let first = hello(&client, "a", HeaderMap::new()).await.expect("is answered");
    let mut metadata = HeaderMap::new();
    metadata.insert("micro-trace-id", HeaderValue::from_static("the-trace"));
    metadata.insert("micro-span-id", HeaderValue::from_static("the-parent"));
    let second = hello(&client, "b", metadata).await.expect("is answered");
    hello(&client, "fail", HeaderMap::new()).await.expect_err("fails");
    let all = spans(&client, "").await;
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all.iter().all(|span| span.name == format!("{SERVICE}.Say.Hello") && span.r#type() == SpanType::Inbound));
    // The handler was told which span it is part of.
    assert_eq!(first, format!("{} {}", all[0].trace, all[0].id));
    assert_eq!(second, format!("the-trace {}", all[1].id));
    assert_eq!((all[0].parent.as_str(), all[1].parent.as_str()), ("", "the-parent"));
    assert_eq!(all[2].metadata["error"], r#"{"id":"say","code":404,"detail":"no","status":"Not Found"}"#);
    assert_eq!(spans(&client, "the-trace").await, all[1..2]);
}

#[tokio::test]
async fn a_call_over_mucp_is_a_span_of_a_trace_of_its_own() {
    let (journal, mut tasks) = (Journal::new(), JoinSet::new());
    let client = MucpClient::new(serve(&journal, &mut tasks).await);
    let request = Request { name: "a".to_owned() };
    let said: Response = client.call(&target("Say.Hello"), ContentType::Proto, &request).await.expect("is answered");
    let answer: TraceResponse =
        client.call(&target("Debug.Trace"), ContentType::JsonRpc, &TraceRequest::default()).await.expect("is answered");
    let [span] = &answer.spans[..] else { panic!("there is one: {answer:?}") };
    assert_eq!(said.msg, format!("{} {}", span.trace, span.id));
    assert!(span.trace.len() == 36 && span.duration > 0);
}

#[tokio::test]
async fn records_are_told_as_far_as_they_are_asked_for() {
    let (journal, mut tasks) = (Journal::new(), JoinSet::new());
    let client = Client::connect(&serve(&journal, &mut tasks).await, PATIENCE).await.expect("connects");
    (0..500).for_each(|number| journal.log(record(number)));
    for (request, expected) in [
        (LogRequest::default(), 400..500),
        (LogRequest { count: 7, ..LogRequest::default() }, 493..500),
        (LogRequest { count: -1, ..LogRequest::default() }, 400..500),
        (LogRequest { since: 495, ..LogRequest::default() }, 495..500),
    ] {
        let mut stream = client.stream(&target("Debug.Log"), Codec::Proto).expect("opens");
        stream.send(&request).await.expect("is sent");
        let mut told = Vec::new();
        while let Some(record) = stream.receive::<Record>().await.expect("is received") {
            told.push(record);
        }
        assert_eq!(told, expected.map(record).collect::<Vec<_>>(), "{request:?}");
    }
}

#[tokio::test]
async fn a_stream_goes_on_with_what_is_logged() {
    let (journal, mut tasks) = (Journal::new(), JoinSet::new());
    let client = Client::connect(&serve(&journal, &mut tasks).await, PATIENCE).await.expect("connects");
    (0..20).for_each(|number| journal.log(record(number)));
    let mut stream = client.stream(&target("Debug.Log"), Codec::Json).expect("opens");
    stream.send(&LogRequest { stream: true, ..LogRequest::default() }).await.expect("is sent");
    let mut next = async || timeout(PATIENCE, stream.receive::<Record>()).await.expect("comes").expect("is received");
    for number in 10..20 {
        assert_eq!(next().await, Some(record(number)));
    }
    journal.log(record(20));
    assert_eq!(next().await, Some(record(20)));
}

#[tokio::test]
async fn a_stream_of_records_does_not_hold_up_the_end_of_the_server() {
    let (journal, shutdown, mut tasks) = (Journal::new(), CancellationToken::new(), JoinSet::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address").to_string();
    let limits = Limits { drain_timeout: 10 * PATIENCE, ..Limits::default() };
    let server = Server::new().with_journal(journal.clone()).with_limits(limits);
    tasks.spawn(server.serve(listener, shutdown.clone()));
    let client = Client::connect(&address, PATIENCE).await.expect("connects");
    journal.log(record(0));
    let mut stream = client.stream(&target("Debug.Log"), Codec::Proto).expect("opens");
    stream.send(&LogRequest { stream: true, ..LogRequest::default() }).await.expect("is sent");
    assert_eq!(stream.receive().await.expect("is received"), Some(record(0)));
    shutdown.cancel();
    assert_eq!(timeout(PATIENCE, stream.receive::<Record>()).await.expect("ends"), Ok(None));
    drop((stream, client));
    timeout(PATIENCE, tasks.join_next()).await.expect("the server ends");
}

#[tokio::test]
async fn figures_of_the_process_and_no_cache() {
    let (journal, mut tasks) = (Journal::new(), JoinSet::new());
    let client = Client::connect(&serve(&journal, &mut tasks).await, PATIENCE).await.expect("connects");
    let stats: StatsResponse =
        client.call(target("Debug.Stats"), Codec::Proto, &StatsRequest::default()).await.expect("is answered");
    assert!(!cfg!(target_os = "linux") || (stats.memory > 100_000 && stats.threads > 0), "{stats:?}");
    let cache: CacheResponse =
        client.call(target("Debug.Cache"), Codec::Proto, &CacheRequest {}).await.expect("is answered");
    assert_eq!(cache, CacheResponse::default());
}

fn record(number: i64) -> Record {
    Record { timestamp: number, message: format!("record {number}"), ..Record::default() }
}
