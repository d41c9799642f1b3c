//! Streams of the client against our own server: four shapes, errors, cancellation, bounds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mesh_rpc::client::Target;
use mesh_rpc::{Call, Client, Code, Codec, GrpcError, Handler, RpcError, Server, Status};
use proto::greeter::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
const SERVICE: &str = "go.micro.srv.streams";

#[derive(Debug, Default)]
struct Seen {
    dropped: Notify,
    sent: AtomicUsize,
}

/// Tells that the call it belongs to is over.
struct Tell(Arc<Seen>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

#[derive(Debug)]
struct Shapes(Arc<Seen>);

#[async_trait]
impl Handler for Shapes {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        let _tell = Tell(Arc::clone(&self.0));
        match call.method() {
            // One there, three back.
            "Server" => {
                let request: Request = call.request().await?;
                for number in 0..3 {
                    call.send(&Response { msg: format!("{} {number}", request.name) }).await?;
                }
                Ok(())
            }
            // Any number there, one back.
            "Client" => {
                let mut names = Vec::new();
                while let Some(request) = call.receive::<Request>().await? {
                    names.push(request.name);
                }
                call.send(&Response { msg: names.join(" ") }).await
            }
            // Each is answered when it comes.
            "Both" => {
                while let Some(request) = call.receive::<Request>().await? {
                    if request.name == "fail" {
                        return Err(RpcError::not_found("shapes", "50% ž").to_grpc());
                    }
                    call.send(&Response { msg: request.name }).await?;
                }
                Ok(())
            }
            "Flood" => loop {
                call.send_bytes(vec![b'x'; 64 * 1024].into()).await?;
                self.0.sent.fetch_add(1, Ordering::Relaxed);
            },
            // Takes nothing in.
            "Deaf" => std::future::pending().await,
            _ => Err(call.unknown_method()),
        }
    }
}

async fn serve() -> (Client, Arc<Seen>, JoinSet<()>) {
    let seen = Arc::new(Seen::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has an address").to_string();
    let server = Server::new().with("Shapes", Shapes(Arc::clone(&seen)));
    let mut tasks = JoinSet::new();
    tasks.spawn(server.serve(listener, CancellationToken::new()));
    (Client::connect(&address, PATIENCE).await.expect("connects"), seen, tasks)
}

fn target(endpoint: &str) -> Target<'_> {
    Target { timeout: PATIENCE, ..Target::new(SERVICE, endpoint) }
}

fn named(name: &str) -> Request {
    Request { name: name.to_owned() }
}

#[tokio::test]
async fn a_server_stream_begins_without_the_end_of_the_request() {
    let (client, _seen, _tasks) = serve().await;
    for codec in [Codec::Proto, Codec::Json] {
        let mut stream = client.stream(&target("Shapes.Server"), codec).expect("opens");
        stream.send(&named("a")).await.expect("is sent");
        for number in 0..3 {
            let response: Response = stream.receive().await.expect("is received").expect("is there");
            assert_eq!(response.msg, format!("a {number}"));
        }
        assert_eq!(stream.receive_bytes().await, Ok(None));
        assert_eq!(stream.receive_bytes().await, Ok(None), "the end stays the end");
    }
}

#[tokio::test]
async fn a_client_stream_is_answered_once_it_is_closed() {
    let (client, _seen, _tasks) = serve().await;
    let mut stream = client.stream(&target("Shapes.Client"), Codec::Proto).expect("opens");
    for name in ["a", "b", "c"] {
        stream.send(&named(name)).await.expect("is sent");
    }
    stream.close_send();
    let refused = stream.send(&named("d")).await.expect_err("is closed");
    assert_eq!(refused.to_string(), "rpc error: code = Internal desc = SendMsg called after CloseSend");
    assert_eq!(stream.receive::<Response>().await.expect("is received").expect("is there").msg, "a b c");
    assert_eq!(stream.receive::<Response>().await, Ok(None));
}

#[tokio::test]
async fn both_directions_take_turns_or_run_side_by_side() {
    let (client, _seen, _tasks) = serve().await;
    let mut stream = client.stream(&target("Shapes.Both"), Codec::Json).expect("opens");
    for name in ["a", "b"] {
        stream.send(&named(name)).await.expect("is sent");
        assert_eq!(stream.receive::<Response>().await.expect("is received").expect("is there").msg, name);
    }
    let (mut sender, mut receiver) = stream.split();
    drop(client);
    let sending = async move {
        for number in 0..200 {
            sender.send(&named(&format!("{number:05000}"))).await.expect("is sent");
        }
        sender.close();
    };
    let receiving = async move {
        let mut count = 0;
        while receiver.receive::<Response>().await.expect("is received").is_some() {
            count += 1;
        }
        count
    };
    let ((), count) = timeout(PATIENCE, async { tokio::join!(sending, receiving) }).await.expect("ends");
    assert_eq!(count, 200);
}

#[tokio::test]
async fn errors_are_shown_as_go_shows_them() {
    let (client, _seen, _tasks) = serve().await;
    let mut stream = client.stream(&target("Shapes.Both"), Codec::Proto).expect("opens");
    stream.send(&named("a")).await.expect("is sent");
    stream.send(&named("fail")).await.expect("is sent");
    assert!(stream.receive_bytes().await.expect("is received").is_some());
    let error = stream.receive_bytes().await.expect_err("fails");
    let json = r#"{"id":"shapes","code":404,"detail":"50% ž","status":"Not Found"}"#;
    assert_eq!(error.to_string(), format!("rpc error: code = NotFound desc = {json}"));
    assert_eq!(error.to_micro().to_json(), json);
    assert_eq!(stream.receive_bytes().await, Err(error), "the end stays the end");
    // Without any message before it, as trailers only.
    let mut stream = client.stream(&target("Shapes.Nope"), Codec::Proto).expect("opens");
    let error = stream.receive_bytes().await.expect_err("fails");
    assert_eq!(error.to_string(), "rpc error: code = Unimplemented desc = unknown service Shapes.Nope");
}

#[tokio::test]
async fn a_dropped_stream_ends_the_handler() {
    let (client, seen, _tasks) = serve().await;
    let mut begun = client.stream(&target("Shapes.Both"), Codec::Proto).expect("opens");
    begun.send(&named("a")).await.expect("is sent");
    begun.receive_bytes().await.expect("is received");
    drop(begun);
    timeout(PATIENCE, seen.dropped.notified()).await.expect("the handler ends");
    // Also one that was never answered.
    let mut silent = client
        .stream(&target("Shapes.Deaf"), Codec::Proto)
        .expect("opens")
        .with_receive_timeout(Duration::from_millis(50));
    let error = silent.receive_bytes().await.expect_err("nothing comes");
    assert_eq!(error, GrpcError(Status::new(Code::DeadlineExceeded, "context deadline exceeded")));
    timeout(PATIENCE, seen.dropped.notified()).await.expect("the handler ends");
}

#[tokio::test]
async fn a_service_that_floods_waits_for_the_receiver() {
    let (client, seen, _tasks) = serve().await;
    let mut stream = client.stream(&target("Shapes.Flood"), Codec::Bytes).expect("opens");
    for _ in 0..100 {
        assert_eq!(stream.receive_bytes().await.expect("is received").expect("is there").len(), 64 * 1024);
    }
    // A window of at most 4 MiB may be ahead: far less than what a service could have sent meanwhile.
    let mut sent = seen.sent.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = seen.sent.load(Ordering::Relaxed);
        if now == sent {
            break;
        }
        sent = now;
    }
    assert!(sent <= 100 + 80, "{sent} messages were sent for 100 received");
}

#[tokio::test]
async fn a_sender_waits_for_the_service_and_not_for_ever() {
    let (client, _seen, _tasks) = serve().await;
    let target = Target { timeout: Duration::from_millis(100), ..target("Shapes.Deaf") };
    let mut stream = client.stream(&target, Codec::Bytes).expect("opens");
    let mut sent = 0;
    let error = loop {
        match stream.send_bytes(&vec![0; 64 * 1024]).await {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 200, "what nobody takes is not buffered without end");
    };
    assert_eq!(error.0.code, Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_connection_that_breaks_ends_its_streams() {
    let (client, _seen, mut tasks) = serve().await;
    let mut stream = client.stream(&target("Shapes.Both"), Codec::Proto).expect("opens");
    stream.send(&named("a")).await.expect("is sent");
    stream.receive_bytes().await.expect("is received");
    tasks.shutdown().await;
    let error = timeout(PATIENCE, stream.receive_bytes()).await.expect("ends").expect_err("fails");
    assert_eq!(error.to_string(), "rpc error: code = Unavailable desc = transport is closing");
    let error = timeout(PATIENCE, async {
        loop {
            if let Err(error) = stream.send(&named("b")).await {
                return error;
            }
        }
    });
    assert_eq!(error.await.expect("is refused").to_string(), "rpc error: code = OutOfRange desc = EOF");
}
