//! `micro call`, `micro query`, `micro network call`.

use std::time::Duration;

use mesh::{CallError, Request, Via};

use super::{body, json, metadata};
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::session::{self, Failure, Session, duration};

/// `micro call SERVICE ENDPOINT [JSON…]`.
pub(crate) fn call(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| answer(&session, invocation.words()).await)
}

/// `micro network call …`: as `micro call`, through the network.
pub(crate) fn network_call(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| {
        let proxy = Some("go.micro.network".to_owned());
        let session = session.with_via(Via { proxy, ..Via::default() });
        answer(&session, invocation.words()).await
    })
}

/// Calls, and returns the answer as it is printed.
pub(super) async fn answer(session: &Session<'_>, words: &[String]) -> Result<String, Failure> {
    let [service, endpoint, rest @ ..] = words else {
        let usage = r#"require service and endpoint e.g micro call greeeter Say.Hello '{"name": "john"}'"#;
        return Err(Failure(usage.to_owned()));
    };
    let values = &session.invocation.values;
    let text = body::of_words(rest, values.is_on("stdin"))?;
    let message = body::object(&text)?;
    let request = Request {
        metadata: metadata(values.all("metadata"))?,
        address: values.given("address").filter(|address| !address.is_empty()),
        timeout: timeout(session)?,
        ..Request::new(service, endpoint)
    };
    let failed = |error: CallError| Failure(format!("error calling {service}.{endpoint}: {error}"));
    let answer = session.client.call(&request, message.as_bytes()).await.map_err(failed)?;
    if values.text("output") == Some("raw") {
        return Ok(String::from_utf8_lossy(&answer).into_owned());
    }
    json::indented(&answer).map_err(|reason| {
        // What a client of gRPC says of an answer that it cannot read.
        failed(CallError::internal(format!("grpc: failed to unmarshal the received message {reason}")))
    })
}

/// Returns what `--timeout` says.
pub(super) fn timeout(session: &Session<'_>) -> Result<Option<Duration>, Failure> {
    let Some(text) = session.invocation.values.given("timeout") else { return Ok(None) };
    let wrong = || Failure(format!("{text:?} is not a duration such as 300ms or 10s"));
    duration(text).ok_or_else(wrong).map(Some)
}
