//! One message there, one back.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2;

use super::body::Outgoing;
use crate::error::{CLIENT_ID, RpcError};
use crate::frame::Decoder;
use crate::status::{Code, Status};

pub(super) async fn exchange(
    mut sender: http2::SendRequest<Outgoing>,
    request: Request<Outgoing>,
) -> Result<Bytes, RpcError> {
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    check_grpc(&response).map_err(|detail| RpcError::internal(CLIENT_ID, detail))?;
    if let Some(status) = Status::from_trailers(response.headers()) {
        return ended(Some(&status), None);
    }
    let mut body = response.into_body();
    let mut decoder = Decoder::default();
    let mut answer = None;
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| broken(&error))?.into_data() {
            Ok(data) => decoder.push(data),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                return ended(Status::from_trailers(&trailers).as_ref(), answer);
            }
        }
        while let Some(message) = decoder.next().map_err(|error| RpcError::from_grpc(&error.to_status()))? {
            if answer.replace(message).is_some() {
                return Err(RpcError::internal(CLIENT_ID, "the service sent more than one message to a unary call"));
            }
        }
    }
    ended(None, answer)
}

/// Refuses an answer that is no gRPC at all, with the reason.
pub(super) fn check_grpc(response: &Response<Incoming>) -> Result<(), String> {
    let content_type = response.headers().get(CONTENT_TYPE);
    let is_grpc = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if response.status().is_success() && is_grpc {
        return Ok(());
    }
    Err(format!("the answer is not gRPC but HTTP {}, {content_type:?}", response.status()))
}

fn ended(status: Option<&Status>, answer: Option<Bytes>) -> Result<Bytes, RpcError> {
    match status {
        None => Err(RpcError::internal(CLIENT_ID, "the answer ended without a status")),
        Some(status) if status.code != Code::Ok => Err(RpcError::from_grpc(status)),
        Some(_) => answer.ok_or_else(|| RpcError::internal(CLIENT_ID, "EOF")),
    }
}

fn broken(error: &hyper::Error) -> RpcError {
    RpcError::new(CLIENT_ID, 502, format!("the connection broke: {error}"))
}
