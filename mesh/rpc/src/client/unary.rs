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
use crate::status::{Code, GrpcError, Status};

/// Why there is no answer.
pub(super) enum Failure {
    /// The service said so, or what it sent is no answer.
    Status(Status),
    /// The connection broke.
    Broken(String),
}

impl Failure {
    /// Returns the error object with the nearest code.
    pub(super) fn into_micro(self) -> RpcError {
        match self {
            Failure::Status(status) => RpcError::from_grpc(&status),
            Failure::Broken(reason) => RpcError::new(CLIENT_ID, 502, format!("the connection broke: {reason}")),
        }
    }

    /// Returns what Go's gRPC library says.
    pub(super) fn into_grpc(self) -> GrpcError {
        GrpcError(match self {
            Failure::Status(status) => status,
            Failure::Broken(_) => Status::new(Code::Unavailable, "transport is closing"),
        })
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure::Status(status)
    }
}

pub(super) async fn exchange(
    mut sender: http2::SendRequest<Outgoing>,
    request: Request<Outgoing>,
) -> Result<Bytes, Failure> {
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    check_grpc(&response).map_err(|reason| Status::new(Code::Internal, reason))?;
    if let Some(status) = Status::from_trailers(response.headers()) {
        return ended(Some(status), None);
    }
    let mut body = response.into_body();
    let mut decoder = Decoder::default();
    let mut answer = None;
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| broken(&error))?.into_data() {
            Ok(data) => decoder.push(data),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                return ended(Status::from_trailers(&trailers), answer);
            }
        }
        while let Some(message) = decoder.next().map_err(|error| error.to_status())? {
            if answer.replace(message).is_some() {
                return Err(internal("the service sent more than one message to a unary call"));
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

fn ended(status: Option<Status>, answer: Option<Bytes>) -> Result<Bytes, Failure> {
    match status {
        None => Err(internal("the answer ended without a status")),
        Some(status) if status.code != Code::Ok => Err(status.into()),
        // What Go says of a stream that ends where a message should be.
        Some(_) => answer.ok_or_else(|| Status::new(Code::Unknown, "EOF").into()),
    }
}

fn internal(text: &str) -> Failure {
    Status::new(Code::Internal, text).into()
}

fn broken(error: &hyper::Error) -> Failure {
    Failure::Broken(error.to_string())
}
