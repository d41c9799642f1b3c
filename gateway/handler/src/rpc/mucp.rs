//! A call in mucp, the older protocol of go-micro, over its HTTP transport: one message each way (spec/wire 4).
//!
//! Each exchange has its connection to itself, so that request and response are paired although mucp does not say so.

use std::cell::Cell;

use gateway_exchange::{Body, Cause, ProxyError, Response};
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use mesh_rpc::RpcError;
use mesh_rpc::codec::RequestCodec;
use mesh_rpc::mucp::ContentType;
use mesh_rpc::mucp::envelope::{self, Envelope};
use mesh_rpc::timeout::{TIMEOUT, encode_nanos};

use super::call::{Question, Reply, message_of};
use crate::error_response::GATEWAY_ID;

static ENDPOINT: HeaderName = HeaderName::from_static("micro-endpoint");
static ERROR: HeaderName = HeaderName::from_static("micro-error");
static ID: HeaderName = HeaderName::from_static("micro-id");
static METHOD: HeaderName = HeaderName::from_static("micro-method");
static SERVICE: HeaderName = HeaderName::from_static("micro-service");
static TOPIC: HeaderName = HeaderName::from_static("micro-topic");
static STREAM: HeaderName = HeaderName::from_static("micro-stream");

thread_local! {
    /// The number of the next call of this worker.
    static NEXT: Cell<u64> = const { Cell::new(0) };
}

/// Takes the metadata of the question.
pub(super) fn request(question: &mut Question<'_>, authority: &str) -> Result<Box<http::Request<Body>>, ProxyError> {
    let content = content_of(question.codec);
    let id = NEXT.replace(NEXT.get().wrapping_add(1)).to_string();
    let envelope = Envelope {
        id: id.clone(),
        method: question.method.to_owned(),
        error: String::new(),
        message: question.payload.clone(),
    };
    let body = envelope::encode_request(content, &envelope)
        .map_err(|error| ProxyError::new(Cause::BadPayload, "the message cannot be written").with_source(error))?;
    let mut headers = std::mem::take(&mut question.metadata);
    // A message with a topic is an event, one with a stream belongs to it: no caller may say either (spec/wire 4.2).
    for name in [&TOPIC, &STREAM] {
        headers.remove(name);
    }
    set(&mut headers, &ID, &id)?;
    set(&mut headers, &SERVICE, question.service)?;
    set(&mut headers, &METHOD, question.method)?;
    set(&mut headers, &ENDPOINT, question.method)?;
    set(&mut headers, &HOST, authority)?;
    if let Some(left) = question.left {
        set(&mut headers, &TIMEOUT, &encode_nanos(left))?;
    }
    for name in [CONTENT_TYPE, ACCEPT] {
        headers.insert(name, HeaderValue::from_static(content.name()));
    }
    let mut request = Box::new(http::Request::new(Body::full(body)));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = headers;
    Ok(request)
}

fn content_of(codec: RequestCodec<'_>) -> ContentType {
    ContentType::of(codec.content_type).unwrap_or(ContentType::of_codec(codec.codec))
}

fn set(headers: &mut HeaderMap, name: &HeaderName, value: &str) -> Result<(), ProxyError> {
    let value = HeaderValue::from_str(value)
        .map_err(|_| ProxyError::new(Cause::BadPayload, format!("{value:?} cannot be called")))?;
    headers.insert(name, value);
    Ok(())
}

/// Reads the answer. The service repeats all headers of the request in it, which say nothing here.
pub(super) async fn reply(response: Response, asked: RequestCodec<'_>) -> Result<Reply, ProxyError> {
    if !response.status.is_success() {
        let detail = format!("the service does not speak mucp: it answered {}", response.status);
        return Err(ProxyError::new(Cause::UpstreamProtocol, detail));
    }
    if let Some(error) = response.headers.get(&ERROR).filter(|error| !error.is_empty()) {
        return Ok(Err(RpcError::parse_bytes(error.as_bytes())));
    }
    let kind = response.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
    let body = message_of(response.body).await?;
    if kind.is_some_and(|kind| ContentType::of(&kind).is_none()) {
        let text = String::from_utf8_lossy(&body);
        return Ok(Err(RpcError::internal(GATEWAY_ID, format!("error during request: {text}"))));
    }
    let envelope = match envelope::decode_response(content_of(asked), &body) {
        Ok(envelope) => envelope,
        Err(error) => return Ok(Err(RpcError::internal(GATEWAY_ID, format!("error during request: {error}")))),
    };
    if !envelope.error.is_empty() {
        return Ok(Err(RpcError::parse(&envelope.error)));
    }
    let message = envelope.message;
    let end = message.trim_ascii_end().len(); // Go ends JSON with a line break
    Ok(Ok(if content_of(asked) == ContentType::Json { message.slice(..end) } else { message }))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;

    use super::*;

    fn question(content_type: &'static str, message: &'static str) -> Question<'static> {
        let mut metadata = HeaderMap::new();
        metadata.insert(TOPIC.clone(), HeaderValue::from_static("from.outside"));
        metadata.insert("x-request-id", HeaderValue::from_static("1"));
        Question {
            service: "go.micro.srv.greeter",
            method: "Say.Hello",
            codec: RequestCodec::of(Some(content_type)),
            metadata,
            left: Some(std::time::Duration::from_secs(5)),
            payload: Bytes::from_static(message.as_bytes()),
        }
    }

    #[tokio::test]
    async fn a_call_is_one_message() {
        let request = request(&mut question("application/json", r#"{"name":"John"}"#), "10.0.0.1:9090").unwrap();
        let check = |name: &str, value: &str| assert_eq!(request.headers()[name], value, "{name}");
        check("micro-service", "go.micro.srv.greeter");
        check("micro-endpoint", "Say.Hello");
        check("micro-method", "Say.Hello");
        check("content-type", "application/json");
        check("timeout", "5000000000");
        check("host", "10.0.0.1:9090");
        check("x-request-id", "1");
        assert!(!request.headers().contains_key("micro-topic"), "it would be an event");
        assert_eq!((request.method(), request.uri().path()), (&Method::POST, "/"));
        assert_eq!(request.into_body().collect().await.unwrap(), "{\"name\":\"John\"}\n");
    }

    #[tokio::test]
    async fn envelopes_carry_the_same_id_as_the_headers() {
        let request = request(&mut question("application/json-rpc", "{}"), "h:1").unwrap();
        let id = request.headers()["micro-id"].to_str().unwrap().to_owned();
        let body = request.into_body().collect().await.unwrap();
        assert_eq!(body, format!("{{\"method\":\"Say.Hello\",\"params\":[{{}}],\"id\":\"{id}\"}}\n"));
    }

    async fn answered(
        content_type: &'static str,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> Reply {
        let kind = HeaderValue::from_static(headers.iter().find(|(name, _)| *name == "content-type").unwrap().1);
        let mut response = Response::full(StatusCode::OK, kind, body);
        for (name, value) in headers {
            response.headers.insert(*name, HeaderValue::from_static(value));
        }
        reply(response, RequestCodec::of(Some(content_type))).await.unwrap()
    }

    #[tokio::test]
    async fn answers_are_read() {
        let json = "application/json";
        let check =
            async |kind, headers: &[(&'static str, &'static str)], body, expected: Result<&str, (i32, &str)>| {
                let reply = answered(kind, headers, body).await;
                let reply = reply.as_ref().map(|reply| std::str::from_utf8(reply).unwrap());
                assert_eq!(reply.map_err(|error| (error.code, error.detail.as_str())), expected, "{headers:?} {body}");
            };
        check(json, &[("content-type", json)], "{\"msg\":\"Hello\"}\n", Ok("{\"msg\":\"Hello\"}")).await;
        let failed = r#"{"id":"x","code":404,"detail":"d","status":"Not Found"}"#;
        check(json, &[("content-type", json), ("micro-error", failed)], "", Err((404, "d"))).await;
        let plain = "rpc: can't find service Say";
        check(json, &[("content-type", json), ("micro-error", plain)], "", Err((0, plain))).await;
        let envelope = "application/json-rpc";
        let body = "{\"id\":\"0\",\"result\":{\"msg\":\"Hello\"},\"error\":null}\n";
        check(envelope, &[("content-type", envelope)], body, Ok("{\"msg\":\"Hello\"}")).await;
        let body = "{\"id\":\"0\",\"result\":null,\"error\":\"no\"}\n";
        check(envelope, &[("content-type", envelope)], body, Err((0, "no"))).await;
        let body = "Unsupported Content-Type: x/y";
        check(
            json,
            &[("content-type", "text/plain")],
            body,
            Err((500, "error during request: Unsupported Content-Type: x/y")),
        )
        .await;
    }
}
