//! gRPC: streams, which the recordings have no client of ours for.

use mesh_rpc::{Client, Codec};
use proto::greeter::{Request, Response};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Outcome;
use crate::peer::Number;
use crate::program::{NAME, PATIENCE, client, serve, service, target};

pub(crate) async fn our_client_streams_with_a_go_service() -> Outcome {
    let service = service("grpc").await?;
    let client = Client::connect(&service.address, PATIENCE).await.expect("connects");
    for codec in [Codec::Proto, Codec::Json] {
        let mut stream = client.stream(&target("Test.Count"), codec).expect("opens");
        stream.send(&Number { count: 3 }).await.expect("is sent");
        for count in 0..3 {
            assert_eq!(stream.receive().await.expect("is received"), Some(Number { count }));
        }
        assert_eq!(stream.receive_bytes().await, Ok(None));

        let mut stream = client.stream(&target("Test.CountFail"), codec).expect("opens");
        stream.send(&Number { count: 1 }).await.expect("is sent");
        assert!(stream.receive_bytes().await.expect("is received").is_some());
        let error = stream.receive_bytes().await.expect_err("fails");
        let json = r#"{"id":"test.count","code":418,"detail":"enough","status":"I'm a teapot"}"#;
        assert_eq!(error.to_string(), format!("rpc error: code = Unknown desc = {json}"));
        assert_eq!(error.to_micro().to_json(), json);

        let mut chat = client.stream(&target("Test.Chat"), codec).expect("opens");
        for name in ["one", "two"] {
            chat.send(&Request { name: name.to_owned() }).await.expect("is sent");
            let said: Response = chat.receive().await.expect("is received").expect("is there");
            assert_eq!(said.msg, format!("you said {name}"));
        }
        chat.close_send();
        assert_eq!(chat.receive_bytes().await, Ok(None));
    }
    let mut stream = client.stream(&target("Test.Nope"), Codec::Proto).expect("opens");
    let error = stream.receive_bytes().await.expect_err("fails");
    assert_eq!(error.to_string(), "rpc error: code = Unimplemented desc = unknown service Test.Nope");
    Ok(())
}

pub(crate) async fn a_go_client_streams_with_our_service() -> Outcome {
    let mut tasks = JoinSet::new();
    let address = serve(&mut tasks).await;
    for content in ["", "application/json"] {
        assert_eq!(client("grpc", address, content, &["count", NAME, "3"]).await?, "0\n1\n2", "{content}");
    }
    let failed = client("grpc", address, "", &["count", NAME, "1", "Test.CountFail"]).await?;
    let json = r#"{"id":"test.count","code":418,"detail":"enough","status":"I'm a teapot"}"#;
    assert!(failed.starts_with('0') && failed.contains(json), "{failed}");
    Ok(())
}

pub(crate) async fn a_go_service_learns_that_a_call_was_cancelled() -> Outcome {
    let mut service = service("grpc").await?;
    let client = Client::connect(&service.address, PATIENCE).await.expect("connects");
    let mut stream = client.stream(&target("Test.Sleep"), Codec::Proto).expect("opens");
    stream.send(&Number { count: 600_000 }).await.expect("is sent");
    // The handler has begun once a later call of the connection is answered; then the stream is dropped.
    let request = Request { name: "x".to_owned() };
    let hello = client.call::<_, Response>(target("Say.Hello"), Codec::Proto, &request);
    assert_eq!(hello.await.expect("is answered").msg, "Hello x");
    drop(stream);
    let told = async {
        while let Some(line) = service.output.next_line().await.expect("is read") {
            if line.contains("sleep cancelled: context canceled") {
                return;
            }
        }
        panic!("the service has ended");
    };
    timeout(PATIENCE, told).await.expect("the handler is told");
    Ok(())
}
