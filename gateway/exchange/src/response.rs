//! The response on its way back: status, fields, body, and why it is what it is.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use crate::{Body, Cause};

/// A response before the HTTP engine sends it.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, trailers included.
    pub body: Body,
    /// Why the gateway made this response instead of passing one on.
    pub cause: Option<Cause>,
    /// The upstream side of an accepted upgrade, handed to the connection that asked for it.
    pub upgrade: Option<hyper::upgrade::OnUpgrade>,
}

impl Response {
    /// Makes a response without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Body::empty(), cause: None, upgrade: None }
    }

    /// Makes a response of a whole body in memory.
    pub fn full(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Self {
        let mut response = Self { body: Body::full(body), ..Self::empty(status) };
        response.headers.insert(CONTENT_TYPE, content_type);
        response
    }
}
