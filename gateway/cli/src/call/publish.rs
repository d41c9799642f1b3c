//! `micro publish`.

use std::sync::Arc;
use std::time::Duration;

use mesh::Protocol;
use mesh_broker::{CONTENT_TYPE, Kind, Message, PublishError, TOPIC};
use mesh_rpc::metadata::title_case;
use tokio::time::timeout;

use super::{body, json};
use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::session::{self, Failure, Session};

/// How long a publication may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// `micro publish TOPIC JSON`.
pub(crate) fn publish(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session| send(&session, invocation.words()).await)
}

/// Publishes, and returns `ok`.
pub(super) async fn send(session: &Session<'_>, words: &[String]) -> Result<String, Failure> {
    let stdin = session.invocation.values.is_on("stdin");
    let (topic, rest) = match words {
        [topic, rest @ ..] if stdin || !rest.is_empty() => (topic, rest),
        _ => {
            let usage = r#"require topic and message e.g micro publish event '{"hello": "world"}'"#;
            return Err(Failure(usage.to_owned()));
        }
    };
    // Words behind the message are not looked at, as in Micro v2.
    let text = body::of_words(rest.get(..1).unwrap_or_default(), stdin)?;
    let payload = json::first_object(&text).map_err(Failure)?;
    let mut message = Message::new(payload.to_owned());
    for (key, value) in session.invocation.values.all("metadata").iter().filter_map(|pair| pair.split_once('=')) {
        message = message.with(title_case(key), value);
    }
    message = message.with(CONTENT_TYPE, "application/json").with(TOPIC, topic.clone());
    if session.invocation.setting("client").and_then(Protocol::named) == Some(Protocol::Mucp) {
        message = message.with("Micro-Id", uuid::Uuid::new_v4().to_string());
    }
    let broker = broker(session)?;
    let published = timeout(TIMEOUT, broker.publish(topic, message)).await;
    match published {
        Ok(Ok(())) => {}
        Ok(Err(error @ PublishError::NoMembers)) => return Err(Failure::of(&error)),
        Ok(Err(error)) => return Err(Failure(crate::output::chain(&error))),
        Err(_) => return Err(Failure("context deadline exceeded".to_owned())),
    }
    broker.close().await;
    Ok("ok".to_owned())
}

/// Makes the broker that flags and variables name; go-micro's own without any.
pub(crate) fn broker(session: &Session<'_>) -> Result<Arc<dyn mesh_broker::Broker>, Failure> {
    let setting = |flag: &str| session.invocation.setting(flag);
    let kind: Kind = setting("broker").unwrap_or("http").parse().map_err(|error| Failure::of(&error))?;
    let addresses = setting("broker_address").unwrap_or_default().split(',').map(str::trim);
    let addresses = addresses.filter(|address| !address.is_empty()).map(str::to_owned).collect();
    let options = mesh_broker::Options { kind, addresses, registry: Arc::clone(&session.registry) };
    mesh_broker::connect(&options).map_err(|error| Failure::of(&error))
}
