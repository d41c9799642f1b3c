//! A call of a service that speaks plain HTTP: its endpoint is a path, and messages are bodies (design 6).

use gateway_exchange::{Body, Cause, ProxyError, Response};
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Version};
use mesh_rpc::RpcError;
use mesh_rpc::metadata::is_about_the_answer;
use mesh_rpc::timeout::{TIMEOUT, encode_nanos};

use super::call::{Question, Reply, message_of};

/// Takes the metadata of the question.
pub(super) fn request(question: &mut Question<'_>, authority: &str) -> Result<Box<http::Request<Body>>, ProxyError> {
    let refused = || ProxyError::new(Cause::BadPayload, format!("{:?} cannot be called", question.method));
    let path = format!("/{}", question.method.trim_start_matches('/'));
    let path = PathAndQuery::try_from(path).map_err(|_| refused())?;
    let kind = HeaderValue::from_str(question.codec.content_type).map_err(|_| refused())?;
    let host = HeaderValue::from_str(authority).map_err(|_| refused())?;
    let metadata = std::mem::take(&mut question.metadata);
    let is_kept = |(name, _): &(&HeaderName, &HeaderValue)| !is_about_the_answer(name.as_str());
    let mut headers: HeaderMap =
        metadata.iter().filter(is_kept).map(|(name, value)| (name.clone(), value.clone())).collect();
    headers.insert(ACCEPT, kind.clone());
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(HOST, host);
    if let Some(left) = question.left.map(encode_nanos).and_then(|left| HeaderValue::try_from(left).ok()) {
        headers.insert(TIMEOUT, left);
    }
    let mut request = Box::new(http::Request::new(Body::full(question.payload.clone())));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_11;
    *request.uri_mut() = path.into();
    *request.headers_mut() = headers;
    Ok(request)
}

/// Reads the answer: the body of a success is the message. Any other is an error, with the body as its detail unless
/// that is an error object itself.
pub(super) async fn reply(response: Response, service: &str) -> Result<Reply, ProxyError> {
    let status = response.status;
    let body = message_of(response.body).await?;
    if status.is_success() {
        return Ok(Ok(body));
    }
    let error = RpcError::parse_bytes(&body);
    if error.code != 0 {
        return Ok(Err(error));
    }
    Ok(Err(RpcError::new(service.to_owned(), i32::from(status.as_u16()), error.detail)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::StatusCode;
    use mesh_rpc::codec::RequestCodec;

    use super::*;

    #[tokio::test]
    async fn an_endpoint_is_a_path() {
        let check = async |method: &str, path: &str| {
            let mut question = Question {
                service: "s",
                method,
                codec: RequestCodec::of(Some("application/json")),
                metadata: HeaderMap::from_iter([
                    (http::header::ACCEPT_ENCODING, HeaderValue::from_static("gzip")),
                    (HeaderName::from_static("x-request-id"), HeaderValue::from_static("1")),
                ]),
                left: None,
                payload: Bytes::from_static(b"{}"),
            };
            let request = request(&mut question, "10.0.0.1:80").unwrap();
            assert_eq!((request.method(), request.uri().path()), (&Method::POST, path));
            assert_eq!(request.headers()["host"], "10.0.0.1:80");
            assert_eq!(request.headers()["x-request-id"], "1");
            assert!(!request.headers().contains_key("accept-encoding"), "the message would be packed");
            assert_eq!(request.into_body().collect().await.unwrap(), "{}");
        };
        check("/hello/world", "/hello/world").await;
        check("Say.Hello", "/Say.Hello").await;
    }

    #[tokio::test]
    async fn a_failure_is_an_error_object() {
        let check = async |status: u16, body: &'static str, expected: Result<&str, (&str, i32, &str)>| {
            let status = StatusCode::from_u16(status).unwrap();
            let response = Response::full(status, HeaderValue::from_static("text/plain"), body);
            let reply = reply(response, "s").await.unwrap();
            let reply = reply.as_ref().map(|reply| std::str::from_utf8(reply).unwrap());
            assert_eq!(reply.map_err(|error| (&*error.id, error.code, error.detail.as_str())), expected);
        };
        check(200, "x", Ok("x")).await;
        check(201, "", Ok("")).await;
        check(503, "down", Err(("s", 503, "down"))).await;
        check(500, r#"{"id":"a","code":404,"detail":"d","status":"Not Found"}"#, Err(("a", 404, "d"))).await;
    }
}
