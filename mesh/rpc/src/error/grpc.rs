//! The error object and the gRPC status: how one travels in the other.

use std::borrow::Cow;

use prost::Message;
use proto::errors::{ERROR_TYPE_URL, Error};
use proto::google::{protobuf, rpc};

use super::{CLIENT_ID, RpcError};
use crate::status::{Code, Status};

impl RpcError {
    /// Reads the error object out of a gRPC status that is not OK. In this order:
    ///
    /// 1. the first detail, if it is an `errors.Error`;
    /// 2. the message, if it is the JSON of an error object with a code above 0;
    /// 3. otherwise the message is the detail of an error of the client, whose code follows from the status.
    ///
    /// Go's client says 500 in the last case whatever the status was, and garbles `%`. Here the text stays, a
    /// deadline is 408, an unknown handler or method 404, a message that is too large 413, and what foreign gRPC
    /// services send gets the nearest code; a plain error of a Go handler (status 2) stays 500.
    pub fn from_grpc(status: &Status) -> RpcError {
        if let Some(error) = first_detail(&status.details) {
            return error;
        }
        let parsed = Self::parse(&status.message);
        if parsed.code > 0 {
            return parsed;
        }
        if status.code == Code::Ok {
            // Only a peer that breaks the rules gets here: the words are Go's.
            return Self::internal(CLIENT_ID, "no error details for status with code OK");
        }
        Self::new(CLIENT_ID, micro_code(status.code, &status.message), status.message.clone())
    }

    /// Reads the error object as Go's client does: a status that came without one is code 500, whatever its number.
    ///
    /// For the command line, whose output and retries are Go's. The text is not garbled as it is there.
    pub fn from_grpc_as_go(status: &Status) -> RpcError {
        if let Some(error) = first_detail(&status.details) {
            return error;
        }
        let parsed = Self::parse(&status.message);
        if parsed.code > 0 { parsed } else { Self::internal(CLIENT_ID, status.message.clone()) }
    }

    /// Returns the protobuf form.
    pub fn to_proto(&self) -> Error {
        Error {
            id: self.id.clone().into_owned(),
            code: self.code,
            detail: self.detail.clone(),
            status: self.status.clone().into_owned(),
        }
    }

    /// Takes the protobuf form.
    pub fn from_proto(error: Error) -> RpcError {
        let Error { id, code, detail, status } = error;
        RpcError { id: Cow::Owned(id), code, detail, status: Cow::Owned(status) }
    }

    /// Returns the status with which a go-micro server sends this error: the code of [`Code::from_micro`], the
    /// JSON as message and the protobuf form as first detail, so that Go clients see it whichever they read.
    pub fn to_grpc(&self) -> Status {
        // Status OK cannot carry an error; Go sends it as UNKNOWN without details.
        let code = match Code::from_micro(self.code) {
            Code::Ok => Code::Unknown,
            code => code,
        };
        let message = self.to_json();
        let detail = protobuf::Any { type_url: ERROR_TYPE_URL.to_owned(), value: self.to_proto().encode_to_vec() };
        let details = rpc::Status { code: code.number(), message: message.clone(), details: vec![detail] };
        Status { code, message, details: details.encode_to_vec().into() }
    }
}

impl From<&RpcError> for Status {
    fn from(error: &RpcError) -> Status {
        error.to_grpc()
    }
}

fn first_detail(details: &[u8]) -> Option<RpcError> {
    if details.is_empty() {
        return None;
    }
    let status = rpc::Status::decode(details).ok()?;
    let detail = status.details.into_iter().next()?;
    // The name of the type is what follows the last slash (RFC of `google.protobuf.Any`); Go looks no further.
    let is_error = detail.type_url.rsplit('/').next() == Some("errors.Error");
    is_error.then(|| Error::decode(detail.value.as_slice()).ok()).flatten().map(RpcError::from_proto)
}

/// Returns the code for a status that came without an error object.
fn micro_code(code: Code, message: &str) -> i32 {
    match code {
        Code::InvalidArgument => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound | Code::Unimplemented => 404,
        Code::DeadlineExceeded => 408,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::FailedPrecondition => 412,
        Code::ResourceExhausted if message.contains("larger than max") => 413,
        Code::ResourceExhausted => 429,
        Code::Unavailable => 503,
        // OUT_OF_RANGE is what a Go handler's `io.EOF` becomes: nothing the caller did wrong.
        Code::Ok | Code::Cancelled | Code::Unknown | Code::OutOfRange | Code::Internal | Code::DataLoss => 500,
    }
}

#[cfg(test)]
mod tests {
    use super::{RpcError, protobuf, rpc};
    use crate::status::{Code, Status};
    use prost::Message;

    #[track_caller]
    fn check(status: &Status, id: &str, code: i32, detail: &str) {
        assert_eq!(RpcError::from_grpc(status), RpcError::new(id.to_owned(), code, detail));
    }

    #[test]
    fn details_come_first_then_json_then_text() {
        let error = RpcError::conflict("svc", "there");
        check(&Status { message: "{\"code\":1}".into(), ..error.to_grpc() }, "svc", 409, "there");
        check(&Status { details: bytes::Bytes::new(), ..error.to_grpc() }, "svc", 409, "there");
        check(&Status::new(Code::Unknown, "boom 50%"), "go.micro.client", 500, "boom 50%");
    }

    #[test]
    fn foreign_and_broken_details_are_passed_over() {
        let foreign = protobuf::Any { type_url: "type.googleapis.com/google.rpc.Help".into(), value: vec![1, 2, 3] };
        let details = rpc::Status { code: 5, message: "m".into(), details: vec![foreign] };
        for details in [details.encode_to_vec(), b"\xff\xff".to_vec(), rpc::Status::default().encode_to_vec()] {
            let status = Status { details: details.into(), ..Status::new(Code::NotFound, "no such row") };
            check(&status, "go.micro.client", 404, "no such row");
        }
    }

    #[test]
    fn plain_statuses_get_the_nearest_code() {
        for (code, expected) in [
            (Code::DeadlineExceeded, 408),
            (Code::Unimplemented, 404),
            (Code::Internal, 500),
            (Code::OutOfRange, 500),
            (Code::ResourceExhausted, 429),
            (Code::Unavailable, 503),
        ] {
            check(&Status::new(code, "text"), "go.micro.client", expected, "text");
        }
        let large = "grpc: received message larger than max (5000000 vs. 4194304)";
        check(&Status::new(Code::ResourceExhausted, large), "go.micro.client", 413, large);
    }

    #[test]
    fn plain_statuses_are_500_to_go() {
        for code in [Code::NotFound, Code::Unimplemented, Code::DeadlineExceeded, Code::Unknown] {
            let error = RpcError::from_grpc_as_go(&Status::new(code, "50% off"));
            assert_eq!(error, RpcError::internal("go.micro.client", "50% off"));
        }
        let error = RpcError::conflict("svc", "there");
        assert_eq!(RpcError::from_grpc_as_go(&error.to_grpc()), error);
    }

    #[test]
    fn an_error_object_with_code_0_in_the_message_is_plain_text() {
        let text = r#"{"id":"i","detail":"d"}"#;
        check(&Status::new(Code::Unknown, text), "go.micro.client", 500, text);
    }

    #[test]
    fn code_200_never_travels_as_ok() {
        let status = RpcError::new("i", 200, "d").to_grpc();
        assert_eq!(status.code, Code::Unknown);
        check(&Status::new(Code::Ok, ""), "go.micro.client", 500, "no error details for status with code OK");
    }
}
