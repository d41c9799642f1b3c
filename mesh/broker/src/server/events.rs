//! The messages of a subscription as server-sent events (HTML standard, §9.2).

use std::convert::Infallible;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use hyper::body::Frame;
use mesh_rpc::json;
use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::broker::{Delivery, Subscription};
use crate::message::{Header, MESSAGE_ID};

/// How often a sign of life is sent. Two of them also find out that a listener is gone.
const SIGN_EVERY: Duration = Duration::from_secs(10);

enum State {
    Beginning,
    Going,
}

/// Returns the events, until the subscription or the server ends.
pub(super) fn of(
    subscription: Subscription,
    shutdown: CancellationToken,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    stream::unfold((subscription, shutdown, State::Beginning), |(mut subscription, shutdown, state)| async move {
        let text = match state {
            State::Beginning => Bytes::from_static(b": subscribed\n\n"),
            State::Going => tokio::select! {
                () = shutdown.cancelled() => return None,
                delivery = timeout(SIGN_EVERY, subscription.next()) => match delivery {
                    Err(_) => Bytes::from_static(b": still here\n\n"),
                    Ok(delivery) => event(delivery?).await,
                },
            },
        };
        Some((Ok(Frame::data(text)), (subscription, shutdown, State::Going)))
    })
}

/// Returns a body for JSON and the name of its member: `body` for text, else `body_base64`.
pub fn shown_body(body: &[u8]) -> (&'static str, String) {
    match std::str::from_utf8(body) {
        Ok(text) => ("body", text.to_owned()),
        Err(_) => ("body_base64", STANDARD.encode(body)),
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    topic: &'a str,
    header: &'a Header,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

async fn event(mut delivery: Delivery) -> Bytes {
    let message = &delivery.message;
    let (name, text) = shown_body(&message.body);
    let (body, body_base64) = if name == "body" { (Some(text), None) } else { (None, Some(text)) };
    let shown = Shown { topic: &delivery.topic, header: &message.header, body, body_base64 };
    let json = json::to_string(&shown).expect("strings and a map of strings always serialise");
    // JSON holds no line break. An id with one, or with the end of a text, would be another line or none.
    let id = message.header.get(MESSAGE_ID).filter(|id| !id.contains(['\r', '\n', '\0']));
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    let text = Bytes::from(format!("{id}data: {json}\n\n"));
    if let Err(error) = delivery.acknowledge().await {
        tracing::debug!(%error, "a message that was delivered comes again");
    }
    text
}
