//! MUCP, both ways round, in every content type.

use std::time::Duration;

use mesh_rpc::RpcError;
use mesh_rpc::client::Target;
use mesh_rpc::mucp::{ContentType, MucpClient};
use proto::greeter::{Request, Response};
use tokio::task::JoinSet;

use crate::Outcome;
use crate::peer::{FailRequest, Number};
use crate::program::{NAME, PATIENCE, client, serve, service, target};

const ALL: [ContentType; 6] = [
    ContentType::Proto,
    ContentType::Json,
    ContentType::JsonRpc,
    ContentType::ProtoRpc,
    ContentType::GrpcProto,
    ContentType::GrpcJson,
];

pub(crate) async fn our_client_calls_a_go_service() -> Outcome {
    let service = service("mucp").await?;
    for content in ALL {
        let client = MucpClient::new(service.address.as_str());
        for name in ["John", "", "ž<&>"] {
            let said: Result<Response, RpcError> =
                client.call(&target("Say.Hello"), content, &Request { name: name.to_owned() }).await;
            assert_eq!(said.expect("is answered").msg, format!("Hello {name}"), "{content:?}");
        }
        let request =
            FailRequest { id: "my.id".to_owned(), code: 404, detail: "not here".to_owned(), ..Default::default() };
        // In protobuf a Go service never delivers an error (D-01): then the time runs out.
        let is_lost = content == ContentType::Proto;
        let within = if is_lost { Duration::from_millis(300) } else { PATIENCE };
        let target = Target { timeout: within, ..target("Test.Fail") };
        let error = client.call::<_, Response>(&target, content, &request).await.expect_err("fails");
        if is_lost {
            assert_eq!(error, RpcError::timeout("go.micro.client", "call timeout: context deadline exceeded"));
        } else {
            assert_eq!(error, RpcError::not_found("my.id", "not here"), "{content:?}");
        }
    }
    // A service without `protocol` among its metadata is spoken to in envelopes, and Go takes both.
    let legacy = MucpClient::new(service.address.as_str()).with_legacy_protocol();
    for content in [ContentType::Proto, ContentType::Json] {
        let said: Response =
            legacy.call(&target("Say.Hello"), content, &Request { name: "L".to_owned() }).await.expect("is answered");
        assert_eq!(said.msg, "Hello L");
    }
    Ok(())
}

pub(crate) async fn our_client_streams_with_a_go_service() -> Outcome {
    let service = service("mucp").await?;
    let client = MucpClient::new(service.address.as_str());
    for content in [ContentType::Json, ContentType::Proto, ContentType::JsonRpc, ContentType::ProtoRpc] {
        // Messages that wait for each other are never overwritten (D-43).
        let mut chat = client.stream(&target("Test.Chat"), content).await.expect("opens");
        for name in ["one", "two", "three"] {
            chat.send(&Request { name: name.to_owned() }).await.expect("is sent");
            let said: Response = chat.receive().await.expect("is received").expect("is there");
            assert_eq!(said.msg, format!("you said {name}"), "{content:?}");
        }
        chat.close_send().await.expect("is sent");
        // Messages sent at once may be; the end comes all the same, but in protobuf, where it is lost (D-01).
        let within = Duration::from_millis(500);
        let stream = client.stream(&target("Test.Count"), content).await.expect("opens");
        let mut stream = if content == ContentType::Proto { stream.with_receive_timeout(within) } else { stream };
        // The json-rpc of Go takes 64 bits as numbers only.
        match content {
            ContentType::JsonRpc => stream.send_bytes(br#"{"count":5}"#).await,
            _ => stream.send(&Number { count: 5 }).await,
        }
        .expect("is sent");
        let mut received = 0;
        let end = loop {
            match stream.receive_bytes().await {
                Ok(Some(_)) => received += 1,
                end => break end,
            }
        };
        if content == ContentType::Proto {
            assert_eq!((received, end), (5, Err(RpcError::deadline_exceeded())));
        } else {
            assert!(received <= 5 && end == Ok(None), "{content:?}: {received}, {end:?}");
        }
    }
    Ok(())
}

pub(crate) async fn a_go_client_calls_our_service() -> Outcome {
    let mut tasks = JoinSet::new();
    let address = serve(&mut tasks).await;
    let fail = r#"{"id":"my.id","code":404,"detail":"not here"}"#;
    for content in [
        "application/protobuf",
        "application/json",
        "application/json-rpc",
        "application/proto-rpc",
        "application/grpc+json",
        "application/grpc",
    ] {
        let call = |arguments: &'static [&'static str]| client("mucp", address, content, arguments);
        let said = call(&["call", NAME, "Say.Hello", r#"{"name":"John"}"#]).await?;
        assert_eq!(said, r#"{"msg":"Hello John"}"#, "{content}");
        if content.starts_with("application/grpc") {
            continue; // its client cannot read errors over HTTP/1.1, from Go's services neither
        }
        let failed = client("mucp", address, content, &["call", NAME, "Test.Fail", fail]).await?;
        let expected = r#"{"id":"my.id","code":404,"detail":"not here","status":"Not Found"}"#;
        assert!(failed.contains(expected), "{content}: {failed}");
        let failed = call(&["call", NAME, "Nope.Hello", "{}"]).await?;
        assert!(failed.contains("rpc: can't find service Nope"), "{content}: {failed}");
    }
    Ok(())
}

pub(crate) async fn a_go_client_streams_with_our_service() -> Outcome {
    let mut tasks = JoinSet::new();
    let address = serve(&mut tasks).await;
    for content in ["application/protobuf", "application/json", "application/json-rpc", "application/proto-rpc"] {
        // The json-rpc of Go takes 64 bits as numbers only: the one it gets is 0, which is not written.
        let (count, expected) = if content == "application/json-rpc" { ("1", "0") } else { ("5", "0\n1\n2\n3\n4") };
        assert_eq!(client("mucp", address, content, &["count", NAME, count]).await?, expected, "{content}");
        let failed = client("mucp", address, content, &["count", NAME, "1", "Test.CountFail"]).await?;
        assert!(failed.starts_with('0') && failed.contains("enough"), "{content}: {failed}");
    }
    Ok(())
}
