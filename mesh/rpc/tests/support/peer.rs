//! The handlers `Say` and `Test` of the recorded peer, as far as the vectors call them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mesh_rpc::{Call, Code, Handler, RpcError, Status};
use prost::Message;
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailRequest {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(string, tag = "2")]
    pub(crate) id: String,
    #[prost(int32, tag = "3")]
    pub(crate) code: i32,
    #[prost(string, tag = "4")]
    pub(crate) detail: String,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Number {
    // An int64 in Go; the same for what is counted here.
    #[prost(uint64, tag = "1")]
    #[serde(with = "proto::json::uint64", skip_serializing_if = "proto::json::is_default")]
    pub(crate) count: u64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Headers {
    #[prost(btree_map = "string, string", tag = "1")]
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Say;

#[async_trait]
impl Handler for Say {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        use proto::greeter::{Request, Response};
        match call.method() {
            "Hello" => {
                let request: Request = call.request().await?;
                call.send(&Response { msg: format!("Hello {}", request.name) }).await
            }
            _ => Err(call.unknown_method()),
        }
    }
}

/// What the recorded peer had under that name, as far as the vectors call it.
#[derive(Debug)]
pub(crate) struct Test;

#[async_trait]
impl Handler for Test {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        match call.method() {
            "Echo" => {
                let message = call.receive_bytes().await?.unwrap_or_default();
                call.send_bytes(message).await
            }
            "Headers" => {
                let headers = call.metadata().iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
                call.request::<Number>().await?;
                call.send(&Headers { headers }).await
            }
            "Count" => count(call).await,
            "CountFail" => {
                count(call).await?;
                Err(RpcError::new("test.count", 418, "enough").to_grpc())
            }
            "Chat" => {
                use proto::greeter::{Request, Response};
                while let Some(request) = call.receive::<Request>().await? {
                    call.send(&Response { msg: format!("you said {}", request.name) }).await?;
                }
                Ok(())
            }
            "Sleep" => std::future::pending().await,
            "Fail" => fail(call.request().await?),
            _ => Err(call.unknown_method()),
        }
    }
}

fn fail(request: FailRequest) -> Result<(), Status> {
    let FailRequest { kind, id, code, detail } = request;
    Err(match kind.as_str() {
        "plain" => Status::new(Code::Unknown, detail),
        "status" => Status::new(Code::Unknown, format!("rpc error: code = NotFound desc = {detail}")),
        "eof" => Status::new(Code::OutOfRange, "EOF"),
        "deadline" => Status::new(Code::DeadlineExceeded, "context deadline exceeded"),
        "panic" => panic!("{detail}"),
        _ => RpcError::new(id, code, detail).to_grpc(),
    })
}

async fn count(call: &mut Call) -> Result<(), Status> {
    let Number { count } = call.request().await?;
    for count in 0..count {
        call.send(&Number { count }).await?;
    }
    Ok(())
}
