//! The first message of a call: which handler it is for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::reply::Reply;
use crate::metadata::Metadata;
use crate::method;
use crate::mucp::content::ContentType;
use crate::mucp::envelope::{self, Envelope};
use crate::mucp::frame::encode_response;
use crate::mucp::message::{Headers, Message};
use crate::server::call::{Call, Head, Source};
use crate::server::work::Work;
use crate::server::{Handler, Server};
use crate::status::Status;
use crate::timeout::parse_nanos;

/// A request that could be read.
pub(super) struct Request {
    headers: Headers,
    /// `Handler.Method`, or whatever stands in its place.
    endpoint: String,
    /// The message of the call.
    pub(super) message: Bytes,
    pub(super) reply: Reply,
}

impl Request {
    /// Reads a message. The opening message of a stream is discarded, as in Go.
    ///
    /// # Errors
    /// The answer, when the content type is not spoken or the body is not what it says.
    pub(super) fn read(message: Message, is_stream: bool) -> Result<Request, Bytes> {
        let mut reply = Reply::of(&message, is_stream);
        let content_type = message.headers.get("Content-Type");
        if ContentType::of(content_type).is_none() {
            return Err(unsupported(content_type));
        }
        let envelope = match envelope::decode_request(reply.content, &message.body) {
            Ok(envelope) => envelope,
            Err(_) if is_stream => Envelope::default(),
            Err(error) => return Err(reply.error(&error.to_string())),
        };
        if !envelope.id.is_empty() {
            reply.id = envelope.id;
        }
        let endpoint = endpoint(&message.headers, envelope.method);
        Ok(Request { headers: message.headers, endpoint, message: envelope.message, reply })
    }

    /// Returns how the messages are written.
    pub(super) fn content(&self) -> ContentType {
        self.reply.content
    }

    /// Begins the call.
    ///
    /// # Errors
    /// The text of the error, in Go's words, when there is no such handler.
    pub(super) fn begin(
        &self,
        server: &Server,
        (local, remote): (SocketAddr, SocketAddr),
        source: mpsc::Receiver<Result<Bytes, Status>>,
    ) -> Result<Work, String> {
        let (found, handler, name) = self.find(server)?;
        let service = self.headers.get_or_twin("Micro-Service");
        let head = Head {
            path: method::path(service, &self.endpoint),
            service: service.to_owned(),
            handler: handler.to_owned(),
            method: name.to_owned(),
        };
        let mut metadata = Metadata::new();
        for (name, value) in self.headers.iter() {
            metadata.set(name, value);
        }
        metadata.set("Local", local.to_string());
        metadata.set("Remote", remote.to_string());
        let deadline = parse_nanos(self.headers.get("Timeout")).and_then(|within| Instant::now().checked_add(within));
        // One message: a handler waits until the connection has taken what was sent before.
        let (outgoing, messages) = mpsc::channel(1);
        let codec = Ok(self.content().codec());
        let limit = server.limits.message_bytes;
        let call = Call::new(head, codec, metadata, deadline, Source::Mucp(source), outgoing, limit);
        Ok(Work::new(server, Arc::clone(found), call, messages))
    }

    /// Returns the handler, and the two parts of the endpoint.
    fn find<'a>(&'a self, server: &'a Server) -> Result<(&'a Arc<dyn Handler>, &'a str, &'a str), String> {
        server.counters.requests.fetch_add(1, Ordering::Relaxed);
        let parts = self.endpoint.split_once('.').filter(|(_, method)| !method.contains('.'));
        let text = match parts {
            Some((handler, method)) => match server.handlers.get(handler).or(server.fallback.as_ref()) {
                Some(found) => return Ok((found, handler, method)),
                None => format!("rpc: can't find service {handler}"),
            },
            None => format!("rpc: service/endpoint request ill-formed: {}", self.endpoint),
        };
        server.counters.errors.fetch_add(1, Ordering::Relaxed);
        Err(text)
    }
}

/// The endpoint: the header of that name, else the one of the method, else what the envelope says.
///
/// A twin with `X-` counts only where the other of the two is not there at all; Go copies it over then.
fn endpoint(headers: &Headers, in_envelope: String) -> String {
    let told = [headers.get("Micro-Endpoint"), headers.get("Micro-Method")].into_iter().find(|told| !told.is_empty());
    let told = told.unwrap_or_else(|| match (headers.get("X-Micro-Endpoint"), headers.get("X-Micro-Method")) {
        (endpoint, "") => endpoint,
        ("", method) => method,
        _ => "",
    });
    if told.is_empty() { in_envelope } else { told.to_owned() }
}

fn unsupported(content_type: &str) -> Bytes {
    let mut message =
        Message { body: format!("Unsupported Content-Type: {content_type}").into(), ..Message::default() };
    message.headers.set("Content-Type", "text/plain");
    encode_response(&message)
}
