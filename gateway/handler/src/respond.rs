//! Handler `respond`: a fixed answer from the document.

use bytes::Bytes;
use gateway_exchange::{Body, Response};
use http::{HeaderName, HeaderValue, StatusCode};

/// A fixed answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Respond {
    /// The status.
    pub status: StatusCode,
    /// The header fields, content type included.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

impl Respond {
    /// Makes the answer.
    pub fn handle(&self) -> Response {
        let mut response = Response { body: Body::full(self.body.clone()), ..Response::empty(self.status) };
        for (name, value) in &self.headers {
            response.headers.append(name.clone(), value.clone());
        }
        response
    }
}
