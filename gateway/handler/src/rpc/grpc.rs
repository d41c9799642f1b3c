//! A call in gRPC, as go-micro services expect it (spec/wire 3, spec/gateway 11.1).

use bytes::Bytes;
use gateway_exchange::{Body, BodyError, Cause, ProxyError, Response};
use http::header::{CONTENT_TYPE, HeaderValue, TE};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Uri, Version};
use mesh_rpc::codec::X_CONTENT_TYPE;
use mesh_rpc::frame::Decoder;
use mesh_rpc::timeout::{GRPC_TIMEOUT, TIMEOUT, encode_grpc, encode_nanos};
use mesh_rpc::{RpcError, Status, frame};

use super::call::{Question, Reply, once};

/// Takes the metadata of the question.
pub(super) fn request(
    question: &mut Question<'_>,
    path: &str,
    authority: &str,
) -> Result<Box<http::Request<Body>>, ProxyError> {
    if !question.codec.supported {
        let detail = format!("Unsupported Content-Type: {}", question.codec.content_type);
        return Err(ProxyError::new(Cause::Unsupported, detail));
    }
    let path = PathAndQuery::try_from(path)
        .map_err(|_| ProxyError::new(Cause::BadPayload, format!("{path} cannot be called")))?;
    add_fields(question);
    let mut request = Box::new(http::Request::new(Body::messages(frame::encode(&question.payload), None)));
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri(path, authority);
    *request.headers_mut() = std::mem::take(&mut question.metadata);
    Ok(request)
}

fn add_fields(question: &mut Question<'_>) {
    let headers = &mut question.metadata;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(question.codec.codec.content_type()));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if let Ok(value) = HeaderValue::from_str(question.codec.content_type) {
        headers.insert(X_CONTENT_TYPE, value);
    }
    if let Some(left) = question.left {
        for (name, value) in [(TIMEOUT, encode_nanos(left)), (GRPC_TIMEOUT, encode_grpc(left))] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, once(value));
            }
        }
    }
}

fn uri(path: PathAndQuery, authority: &str) -> Uri {
    let mut parts = Uri::from(path.clone()).into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = authority.parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| path.into())
}

/// Reads the answer to its end: one message and the status, or the status alone.
pub(super) async fn reply(response: Response) -> Result<Reply, ProxyError> {
    let not_grpc = |detail: String| ProxyError::new(Cause::UpstreamProtocol, detail);
    let kind = response.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("application/grpc")) {
        return Err(not_grpc(format!("the service does not speak gRPC: it answered {}", response.status)));
    }
    let in_headers = Status::from_trailers(&response.headers);
    let (message, in_trailers) = match read(response.body).await {
        Ok(read) => read,
        Err(ReadError::Frame(error)) => return Ok(Err(RpcError::from_grpc(&error.to_status()))),
        Err(ReadError::Body(error)) => {
            return Err(ProxyError::new(Cause::UpstreamReset, "the service ended the call").with_source(error));
        }
    };
    let status = in_trailers.or(in_headers).ok_or_else(|| not_grpc("the service sent no status".to_owned()))?;
    if status.code != mesh_rpc::Code::Ok {
        return Ok(Err(RpcError::from_grpc(&status)));
    }
    match message {
        Message::One(message) => Ok(Ok(message)),
        Message::None => Ok(Err(RpcError::internal(crate::error_response::GATEWAY_ID, "error during request: EOF"))),
        // The endpoint streams: it cannot be called as one question with one answer.
        Message::Many => Err(ProxyError::new(Cause::Unsupported, "the method answers with a stream")),
    }
}

enum Message {
    None,
    One(Bytes),
    Many,
}

enum ReadError {
    Frame(frame::FrameError),
    Body(BodyError),
}

async fn read(mut body: Body) -> Result<(Message, Option<Status>), ReadError> {
    let mut decoder = Decoder::default();
    let (mut message, mut status) = (Message::None, None);
    while let Some(next) = next_frame(&mut body).await {
        match next.map_err(ReadError::Body)?.into_data() {
            Ok(data) => decoder.push(data),
            Err(frame) => status = frame.into_trailers().ok().and_then(|trailers| Status::from_trailers(&trailers)),
        }
        while let Some(next) = decoder.next().map_err(ReadError::Frame)? {
            message = match message {
                Message::None => Message::One(next),
                Message::One(_) | Message::Many => Message::Many,
            };
        }
    }
    decoder.finish().map_err(ReadError::Frame)?;
    Ok((message, status))
}

async fn next_frame(body: &mut Body) -> Option<Result<http_body::Frame<Bytes>, BodyError>> {
    use http_body::Body as _;
    let mut body = std::pin::Pin::new(body);
    std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await
}
