//! The error object of go-micro: the one shape in which errors reach clients, as JSON and as protobuf.
//!
//! `id` names the origin, `code` is an HTTP status, `detail` says what happened, `status` is the reason phrase of
//! the code. Code 0 means "not an error of go-micro".

mod grpc;
mod parse;

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use serde::Serialize;

use crate::json;

/// The id under which a client reports what no service said: connections, deadlines, plain texts.
pub const CLIENT_ID: &str = "go.micro.client";
/// The id under which a server reports what no handler said: panics, content types.
pub const SERVER_ID: &str = "go.micro.server";

/// An error of a service, or about calling one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct RpcError {
    /// Who says so: a service name or a part of the framework, such as `go.micro.client`.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub id: Cow<'static, str>,
    /// An HTTP status code, or 0. Services may send any number: see [`RpcError::http_status`].
    #[serde(skip_serializing_if = "is_zero")]
    pub code: i32,
    /// What happened, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The reason phrase of the code, empty for codes that have none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub status: Cow<'static, str>,
}

impl RpcError {
    /// Returns an error whose status text is that of the code.
    pub fn new(id: impl Into<Cow<'static, str>>, code: i32, detail: impl Into<String>) -> RpcError {
        RpcError { id: id.into(), code, detail: detail.into(), status: Cow::Borrowed(status_text(code)) }
    }

    /// 400: the request is wrong.
    pub fn bad_request(id: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> RpcError {
        Self::new(id, 400, detail)
    }

    /// 401: the caller did not say who it is.
    pub fn unauthorized(id: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> RpcError {
        Self::new(id, 401, detail)
    }

    /// 403: the caller may not do this.
    pub fn forbidden(id: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> RpcError {
        Self::new(id, 403, detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(id: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> RpcError {
        Self::new(id, 404, detail)
    }

    /// 405: not with this method.
    pub fn method_not_allowed(id: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> RpcError {
        Self::new(id, 405, detail)
    }

    /// 408: the deadline passed.
    pub fn timeout(id: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> RpcError {
        Self::new(id, 408, detail)
    }

    /// 409: there is one already.
    pub fn conflict(id: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> RpcError {
        Self::new(id, 409, detail)
    }

    /// 500: something else went wrong.
    pub fn internal(id: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> RpcError {
        Self::new(id, 500, detail)
    }

    /// The answer when the deadline of a call passes, the text go-micro's clients have for it.
    pub fn deadline_exceeded() -> RpcError {
        Self::timeout(CLIENT_ID, "context deadline exceeded")
    }

    /// Returns the error as go-micro writes it, byte for byte: members `id`, `code`, `detail`, `status`, those
    /// with a zero value left out, and Go's escapes ([`json`]).
    pub fn to_json(&self) -> String {
        json::to_string(self).expect("strings and a number always serialise")
    }

    /// Returns the HTTP status to answer with: the code, or 500 where the code is none that can end an exchange
    /// (below 200 or above 999; in Go such codes break the connection or look like an interim response).
    pub fn http_status(&self) -> StatusCode {
        u16::try_from(self.code)
            .ok()
            .filter(|code| *code >= 200)
            .and_then(|code| StatusCode::from_u16(code).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl fmt::Display for RpcError {
    /// Writes the JSON form: what the command line and logs of go-micro show.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_json())
    }
}

/// Returns the reason phrase that Go has for a code, or nothing.
///
/// Three phrases are older in Go than in the current RFC 9110.
pub fn status_text(code: i32) -> &'static str {
    match code {
        413 => "Request Entity Too Large",
        414 => "Request URI Too Long",
        416 => "Requested Range Not Satisfiable",
        _ => u16::try_from(code)
            .ok()
            .and_then(|code| StatusCode::from_u16(code).ok())
            .and_then(|code| code.canonical_reason())
            .unwrap_or_default(),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(code: &i32) -> bool {
    *code == 0
}

#[cfg(test)]
mod tests {
    use super::{RpcError, status_text};

    #[track_caller]
    fn check_http(code: i32, expected: u16) {
        assert_eq!(RpcError::new("i", code, "d").http_status(), expected, "{code}");
    }

    #[test]
    fn codes_that_cannot_end_an_exchange_become_500() {
        for code in [200, 204, 404, 499, 500, 599, 999] {
            check_http(code, u16::try_from(code).expect("is small"));
        }
        for code in [i32::MIN, -1, 0, 7, 99, 100, 101, 199, 1000, 65_736, i32::MAX] {
            check_http(code, 500);
        }
    }

    #[test]
    fn detail_is_escaped_as_go_does() {
        let error = RpcError::bad_request("i", "a<b & c");
        assert_eq!(error.to_string(), r#"{"id":"i","code":400,"detail":"a\u003cb \u0026 c","status":"Bad Request"}"#);
    }

    #[test]
    fn status_texts_are_those_of_go() {
        assert_eq!(status_text(413), "Request Entity Too Large");
        assert_eq!(status_text(418), "I'm a teapot");
        assert_eq!(status_text(599), "");
        assert_eq!(status_text(-404), "");
    }
}
