//! The messages of the platform's own services, as the real command line and its services exchanged them.

use std::collections::BTreeMap;
use std::fmt::Debug;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use mesh_rpc::{Codec, RpcError, Status, codec};
use proto::{auth, config, debug, debug_log, runtime, store};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a message and writes it again: it must say the same.
type Check = fn(&[u8]);

/// What is sent to a path, and what comes back, in protobuf.
const PROTO: [(&str, Check, Check); 18] = [
    ("Store/Read", proto::<store::ReadRequest>, proto::<store::ReadResponse>),
    ("Store/Write", proto::<store::WriteRequest>, proto::<store::WriteResponse>),
    ("Store/List", proto::<store::ListRequest>, proto::<store::ListResponse>),
    ("Store/Tables", proto::<store::TablesRequest>, proto::<store::TablesResponse>),
    ("Store/Delete", proto::<store::DeleteRequest>, proto::<store::DeleteResponse>),
    ("Store/Databases", proto::<store::DatabasesRequest>, proto::<store::DatabasesResponse>),
    ("Config/Read", proto::<config::ReadRequest>, proto::<config::ReadResponse>),
    ("Config/Update", proto::<config::UpdateRequest>, proto::<config::UpdateResponse>),
    ("Config/Delete", proto::<config::DeleteRequest>, proto::<config::DeleteResponse>),
    ("Config/Watch", proto::<config::WatchRequest>, proto::<config::WatchResponse>),
    ("Rules/List", proto::<auth::ListRequest>, proto::<auth::ListResponse>),
    ("Rules/Create", proto::<auth::CreateRequest>, proto::<auth::CreateResponse>),
    ("Accounts/List", proto::<auth::ListAccountsRequest>, proto::<auth::ListAccountsResponse>),
    ("Runtime/Read", proto::<runtime::ReadRequest>, proto::<runtime::ReadResponse>),
    ("Runtime/Logs", proto::<runtime::LogsRequest>, proto::<runtime::LogRecord>),
    ("Debug/Stats", proto::<debug::StatsRequest>, proto::<debug::StatsResponse>),
    ("Debug/Health", proto::<debug::HealthRequest>, proto::<debug::HealthResponse>),
    ("Debug/Trace", proto::<debug::TraceRequest>, proto::<debug::TraceResponse>),
];

/// The same in JSON.
const JSON: [(&str, Check, Check); 7] = [
    ("Auth/Generate", json::<auth::GenerateRequest>, json::<auth::GenerateResponse>),
    ("Auth/Token", json::<auth::TokenRequest>, json::<auth::TokenResponse>),
    ("Auth/Inspect", json::<auth::InspectRequest>, json::<auth::InspectResponse>),
    ("Runtime/Create", json::<runtime::CreateRequest>, json::<runtime::CreateResponse>),
    ("Log/Read", json::<debug_log::ReadRequest>, json::<debug_log::ReadResponse>),
    ("Debug/Cache", json::<debug::CacheRequest>, json::<debug::CacheResponse>),
    ("Debug/Log", json::<debug::LogRequest>, json::<debug::Record>),
];

fn proto<M: prost::Message + Default + PartialEq + Debug>(bytes: &[u8]) {
    let message = M::decode(bytes).expect("is protobuf");
    let again = message.encode_to_vec();
    assert_eq!(M::decode(again.as_slice()).as_ref(), Ok(&message));
    // Go writes maps in any order, and their empty values too; but nothing else is left out, and nothing added.
    let empty_values = format!("{message:?}").matches(r#"": """#).count();
    assert_eq!(again.len() + 2 * empty_values, bytes.len(), "{message:?}");
}

fn json<M: prost::Message + Default + PartialEq + Serialize + DeserializeOwned>(bytes: &[u8]) {
    let message: M = codec::decode(Codec::Json, bytes).expect("is JSON");
    let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("is JSON");
    assert_eq!(value(&codec::encode(Codec::Json, &message)), value(bytes));
}

#[test]
fn messages_are_read_and_written_again() {
    let mut seen = BTreeMap::new();
    for line in include_str!("data/platform.jsonl").lines() {
        let vector: Value = serde_json::from_str(line).expect("a vector is JSON");
        let header = |name: &str| {
            let headers = vector["request"]["headers"].as_array().expect("is a list");
            let pair = headers.iter().find(|pair| pair[0] == name).expect("is there");
            pair[1].as_str().expect("is text").to_owned()
        };
        let (path, kind) = (header(":path"), header("content-type"));
        let table: &[(&str, Check, Check)] = if kind.ends_with("json") { &JSON } else { &PROTO };
        let (_, sent, received) = table
            .iter()
            .find(|(end, ..)| path.rsplit('.').next() == Some(*end))
            .unwrap_or_else(|| panic!("{path} is not known"));
        for (side, check) in [("request", sent), ("response", received)] {
            for message in vector[side]["messages"].as_array().expect("is a list") {
                check(&STANDARD.decode(message["message"].as_str().expect("is text")).expect("is base64"));
                *seen.entry(side).or_insert(0) += 1;
            }
        }
        if let Some(status) = status(&vector["response"]["trailers"]) {
            let error = RpcError::from_grpc(&status);
            assert_eq!(error.to_grpc(), status, "{}", vector["id"]);
        }
    }
    assert!(seen["request"] >= 30 && seen["response"] >= 20, "{seen:?}");
}

/// The status of an answer that is an error.
fn status(trailers: &Value) -> Option<Status> {
    let pairs: Vec<(String, String)> = serde_json::from_value(trailers.clone()).expect("are pairs");
    let mut headers = HeaderMap::new();
    for (name, value) in pairs.iter().filter(|(name, _)| !name.starts_with(':')) {
        let name = HeaderName::try_from(name).expect("is a name");
        headers.append(name, HeaderValue::try_from(value).expect("is a value"));
    }
    Status::from_trailers(&headers).filter(|status| *status != Status::ok())
}
