//! What goes back to a client.
//!
//! Only headers of our own: a Go server repeats all that a client ever sent on the connection, credentials included.

use std::future::poll_fn;

use bytes::Bytes;
use http::uri::Authority;
use tokio::sync::mpsc;

use crate::error::{RpcError, SERVER_ID};
use crate::mucp::END_OF_STREAM;
use crate::mucp::content::{ContentType, is_legacy};
use crate::mucp::envelope::{self, Envelope};
use crate::mucp::frame::{FrameError, Start, encode_answer, encode_response};
use crate::mucp::message::{Headers, Message};
use crate::server::work::{Item, Work};
use crate::status::{Code, Status};

/// How the answers to a request look.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) content: ContentType,
    /// The content type of the request, without parameters.
    content_type: String,
    pub(super) id: String,
    /// For streams: service, method and endpoint are named in each message.
    stream: Option<Headers>,
}

impl Reply {
    /// Returns the reply to a message, whose content type is read as far as it can be.
    pub(super) fn of(message: &Message, is_stream: bool) -> Reply {
        let headers = &message.headers;
        let bare = headers.get("Content-Type").split(';').next().unwrap_or_default().trim();
        let content = ContentType::of(bare).unwrap_or(ContentType::Proto);
        let stream = is_stream.then(|| {
            let mut repeated = Headers::new();
            for name in ["Micro-Service", "Micro-Method", "Micro-Endpoint"] {
                repeated.set_with_twin(name, headers.get_or_twin(name));
            }
            repeated.set("Micro-Stream", headers.get("Micro-Stream"));
            repeated
        });
        Reply {
            content: if is_legacy(headers) { content.legacy() } else { content },
            content_type: if bare.is_empty() { content.name() } else { bare }.to_owned(),
            id: headers.get("Micro-Id").to_owned(),
            stream,
        }
    }

    /// Returns a message of the service.
    fn message(&self, message: Bytes) -> Bytes {
        let envelope = Envelope { id: self.id.clone(), message, ..Envelope::default() };
        match envelope::encode_response(self.content, &envelope) {
            Ok(body) => {
                let mut headers = self.headers();
                if !body.is_empty() {
                    headers.set("Content-Type", self.content_type.as_str());
                }
                if self.content.is_grpc() {
                    headers.set("Grpc-Status", "0");
                }
                encode_response(&Message { headers, body })
            }
            Err(error) => self.error(&error.to_string()),
        }
    }

    /// Returns the message that tells an error. It stands in the headers; those content types whose envelope has a
    /// place for it have it in the body, too, as their readers want one.
    pub(super) fn error(&self, text: &str) -> Bytes {
        let mut headers = self.headers();
        headers.set_with_twin("Micro-Error", text);
        headers.set("Content-Type", self.content_type.as_str());
        if self.content.is_grpc() {
            headers.set("Grpc-Status", "13");
            headers.set("Grpc-Message", text);
        }
        let envelope = Envelope { error: text.to_owned(), ..Envelope::default() };
        let body = envelope::encode_response(self.content, &envelope).unwrap_or_default();
        encode_response(&Message { headers, body })
    }

    fn headers(&self) -> Headers {
        let mut headers = self.stream.clone().unwrap_or_default();
        headers.set_with_twin("Micro-Id", &self.id);
        headers
    }
}

/// Sends what a call yields; returns the key of a stream once it is over.
pub(super) async fn answer(
    mut work: Work,
    reply: Reply,
    outgoing: mpsc::Sender<Bytes>,
    stream: Option<String>,
) -> Option<String> {
    let mut is_answered = false;
    loop {
        let (answer, is_last) = match poll_fn(|context| work.poll_next(context)).await {
            Item::Message(_) if stream.is_none() && is_answered => {
                tracing::debug!("a handler sent a second message to a call that takes one");
                continue;
            }
            Item::Message(message) => (reply.message(message), false),
            Item::End(_) if stream.is_none() && is_answered => break,
            Item::End(status) if status.code != Code::Ok => (reply.error(&text(&status)), true),
            Item::End(_) if stream.is_some() => (reply.error(END_OF_STREAM), true),
            Item::End(_) => (reply.message(Bytes::new()), true),
        };
        is_answered = true;
        if outgoing.send(answer).await.is_err() || is_last {
            break;
        }
    }
    stream
}

/// What a status is in MUCP: the JSON of an error object, or a plain text.
fn text(status: &Status) -> String {
    if status.message.is_empty() {
        return format!("rpc error: code = {} desc = ", status.code.name());
    }
    status.message.clone()
}

/// Refuses what is no request, and what the page of a stranger sends by way of a browser.
///
/// Pages can send no `Micro-*` headers to another origin, so that a request with an `Origin` and none of them is one
/// of theirs. A page whose name was made to point here sends that name as both `Origin` and `Host`, which no program
/// does: where a gateway passes `Origin` on, it names another place.
pub(super) fn check(start: &Start, message: &Message) -> Result<(), Bytes> {
    match start {
        Start::Request { method } if method == "POST" => {}
        _ => return Err(refused("405 Method Not Allowed", 405, "this is a MUCP server: POST is expected")),
    }
    let headers = &message.headers;
    let origin = headers.get("Origin");
    if origin.is_empty() && headers.get("Sec-Fetch-Site").is_empty() {
        return Ok(());
    }
    let place = origin.split_once("://").map_or(origin, |(_, place)| place);
    let is_here = Authority::try_from(headers.get("Host"))
        .is_ok_and(|host| host.as_str().eq_ignore_ascii_case(place.trim_end_matches('/')));
    let is_plain = is_legacy(headers) && headers.get("Micro-Topic").is_empty();
    if is_plain || is_here {
        return Err(refused("403 Forbidden", 403, "requests from web pages are not served here"));
    }
    Ok(())
}

/// Returns the answer to what cannot be read.
pub(super) fn refusal(error: &FrameError) -> Bytes {
    let (status, code) = match error {
        FrameError::BodyTooLarge { .. } => ("413 Request Entity Too Large", 413),
        FrameError::HeadTooLarge { .. } => ("431 Request Header Fields Too Large", 431),
        FrameError::Head(_) | FrameError::Length(_) | FrameError::Chunk => ("400 Bad Request", 400),
    };
    refused(status, code, &error.to_string())
}

fn refused(status: &str, code: i32, detail: &str) -> Bytes {
    let mut message = Message { body: RpcError::new(SERVER_ID, code, detail).to_json().into(), ..Message::default() };
    message.headers.set("Content-Type", "application/json");
    encode_answer(status, &message)
}
