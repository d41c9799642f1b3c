//! Answers over HTTP that are made here.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Empty, Full};
use mesh_rpc::RpcError;
use mesh_rpc::server::HttpBody;

/// Returns a body without bytes.
pub(crate) fn empty() -> HttpBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// Returns a body that is there already.
pub(crate) fn full(bytes: impl Into<Bytes>) -> HttpBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Returns the error object of go-micro, with its status.
pub(crate) fn error(error: &RpcError) -> Response<HttpBody> {
    let mut answer = Response::new(full(error.to_json()));
    *answer.status_mut() = error.http_status();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
