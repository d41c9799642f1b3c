//! The one place where an error becomes a response.
//!
//! The go-micro error object by default, RFC 9457 problem details where the client asks for them, a gRPC status for a
//! gRPC call; always with `Proxy-Status` (RFC 9209), never with what only the log should know.

use gateway_exchange::{Cause, Head, ProxyError, Response};
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Version};
use mesh_rpc::RpcError;

static PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// The id of errors that the gateway itself makes.
pub(crate) const GATEWAY_ID: &str = "go.micro.api";

/// Makes the response of an error. `head` is missing when the request could not even be read.
pub fn error_response(error: &ProxyError, head: Option<&Head>) -> Response {
    let object = RpcError::new(error.id().unwrap_or(GATEWAY_ID), i32::from(error.status().as_u16()), error.detail());
    let mut response = object_response(&object, error.status(), head);
    response.cause = Some(error.cause());
    insert_proxy_status(&mut response.headers, error.cause());
    if !error.allow().is_empty() {
        let methods: Vec<_> = error.allow().iter().map(http::Method::as_str).collect();
        if let Ok(value) = HeaderValue::try_from(methods.join(", ")) {
            response.headers.insert(ALLOW, value);
        }
    }
    response
}

/// Makes the response of an error that the called service answered with.
pub(crate) fn rpc_error_response(error: &RpcError, head: &Head) -> Response {
    let mut response = object_response(error, error.http_status(), Some(head));
    response.cause = Some(Cause::UpstreamError);
    response
}

fn object_response(object: &RpcError, status: StatusCode, head: Option<&Head>) -> Response {
    match head.map_or(Form::Object, form) {
        Form::Object => Response::full(status, JSON, object.to_json()),
        Form::Problem => Response::full(status, PROBLEM, problem(object, status)),
        Form::Grpc => grpc(object),
    }
}

enum Form {
    Object,
    Problem,
    Grpc,
}

fn form(head: &Head) -> Form {
    if head.is_grpc() && head.version() == Version::HTTP_2 {
        return Form::Grpc;
    }
    let asked = head.text(&ACCEPT).is_some_and(|accept| {
        accept
            .split(',')
            .any(|item| item.split(';').next().is_some_and(|kind| kind.trim() == "application/problem+json"))
    });
    if asked { Form::Problem } else { Form::Object }
}

fn problem(object: &RpcError, status: StatusCode) -> String {
    serde_json::json!({
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": object.detail,
        "id": object.id,
    })
    .to_string()
}

/// A gRPC client gets status 200 and the error in what would be the trailers (the Trailers-Only form).
fn grpc(object: &RpcError) -> Response {
    let mut response = Response::empty(StatusCode::OK);
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    object.to_grpc().write_trailers(&mut response.headers);
    response
}

fn insert_proxy_status(headers: &mut HeaderMap, cause: Cause) {
    if let Ok(value) = HeaderValue::try_from(format!("micro; error={}; details=\"{cause}\"", cause.proxy_status())) {
        headers.insert(PROXY_STATUS.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn answer(accept: &str, error: &ProxyError) -> (Response, String) {
        let head = Head::parse("GET http://h/", &[("accept", accept)]).unwrap();
        let response = error_response(error, Some(&head));
        let kind = response.headers[CONTENT_TYPE].to_str().unwrap().to_owned();
        (response, kind)
    }

    #[test]
    fn the_form_follows_the_client() {
        let error = ProxyError::new(Cause::NoService, "service not found");
        let (response, kind) = answer("*/*", &error);
        assert_eq!((response.status.as_u16(), kind.as_str()), (404, "application/json"));
        assert_eq!(response.headers["proxy-status"], "micro; error=destination_not_found; details=\"no_service\"");
        let (_, kind) = answer("text/html, application/problem+json;q=0.9", &error);
        assert_eq!(kind, "application/problem+json");
    }

    #[test]
    fn methods_that_would_match_are_named() {
        let error = ProxyError::new(Cause::MethodNotAllowed, "no").with_allow(vec![Method::GET, Method::POST]);
        assert_eq!(answer("*/*", &error).0.headers[ALLOW], "GET, POST");
    }
}
