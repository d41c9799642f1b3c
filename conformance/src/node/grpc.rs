//! The gRPC recorder: takes any call and answers what it was asked, as JSON.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::{Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Map, Value};
use tokio::net::TcpStream;

use super::{Call, Calls, Pending, fields};
use crate::case::{GrpcError, Reply};

/// Flag and length before each message.
const FRAME_HEADER: usize = 5;

type Body = BoxBody<Bytes, Infallible>;

/// Serves one connection.
pub(super) async fn serve(stream: TcpStream, reply: Arc<Reply>, calls: Calls) -> Result<()> {
    let service = service_fn(move |request| answer(request, Arc::clone(&reply), calls.clone()));
    Ok(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await?)
}

async fn answer(request: Request<Incoming>, reply: Arc<Reply>, calls: Calls) -> Result<Response<Body>> {
    let (parts, incoming) = request.into_parts();
    let collected = incoming.collect().await?;
    let trailers = collected.trailers().map(fields).unwrap_or_default();
    let call = Call {
        method: parts.method.to_string(),
        target: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: fields(&parts.headers),
        body: message(&collected.to_bytes())?.to_vec(),
        trailers,
        abandoned: false,
    };
    let kind = parts.headers.get(CONTENT_TYPE).cloned().unwrap_or(HeaderValue::from_static("application/grpc"));
    let echo = echo(&call);
    let pending = Pending::begin(&calls, call);
    tokio::time::sleep(reply.delay()).await;
    pending.answered();
    match &reply.error {
        Some(error) => failure(error, kind),
        None => Ok(success(&reply.body.clone().unwrap_or(echo), kind)),
    }
}

/// Returns the one message of a call.
fn message(body: &[u8]) -> Result<&[u8]> {
    let Some((header, message)) = body.split_at_checked(FRAME_HEADER) else { return Ok(&[]) };
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
    ensure!(header[0] == 0 && usize::try_from(length)? == message.len(), "not one uncompressed message: {body:?}");
    Ok(message)
}

/// Returns what was asked, as JSON: service, method, payload (JSON where it is) and metadata.
fn echo(call: &Call) -> String {
    let (service, method) = call.rpc().unwrap_or((&call.target, String::new()));
    let payload = serde_json::from_slice(&call.body)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&call.body).into_owned()));
    let metadata: Map<String, Value> =
        call.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    serde_json::json!({ "service": service, "method": method, "payload": payload, "metadata": metadata }).to_string()
}

fn success(message: &str, kind: HeaderValue) -> Response<Body> {
    let mut frame = BytesMut::with_capacity(FRAME_HEADER + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message.as_bytes());
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(frame.freeze()).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body.boxed());
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// The Trailers-Only form: the status stands in the header.
fn failure(error: &GrpcError, kind: HeaderValue) -> Result<Response<Body>> {
    let mut response = Response::new(Empty::new().boxed());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, kind);
    headers.insert("grpc-status", HeaderValue::from(error.code));
    headers.insert("grpc-message", HeaderValue::try_from(percent_encoded(&error.message))?);
    Ok(response)
}

/// Escapes what may not stand in `grpc-message`.
fn percent_encoded(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_out_of_its_frame() {
        assert_eq!(message(&[0, 0, 0, 0, 2, b'{', b'}']).unwrap(), b"{}");
        assert!(message(&[0, 0, 0, 0, 3, b'{', b'}']).is_err());
        assert_eq!(message(&[]).unwrap(), b"");
    }

    #[test]
    fn messages_of_errors_are_escaped() {
        assert_eq!(percent_encoded("100% é"), "100%25 %C3%A9");
    }
}
