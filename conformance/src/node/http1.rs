//! The HTTP/1.1 recorder.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{Call, Calls, Pending, fields};
use crate::case::Reply;

type Body = BoxBody<Bytes, Infallible>;

/// Serves one connection. Trailers of a request are written down, and sent back as trailers.
pub(super) async fn serve(stream: TcpStream, reply: Arc<Reply>, calls: Calls) -> Result<()> {
    let service = service_fn(move |request| answer(request, Arc::clone(&reply), calls.clone()));
    Ok(http1::Builder::new().preserve_header_case(true).serve_connection(TokioIo::new(stream), service).await?)
}

async fn answer(request: Request<Incoming>, reply: Arc<Reply>, calls: Calls) -> Result<Response<Body>> {
    let (parts, incoming) = request.into_parts();
    let collected = incoming.collect().await?;
    let trailers = collected.trailers().cloned();
    let call = Call {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: fields(&parts.headers),
        body: collected.to_bytes().to_vec(),
        trailers: trailers.as_ref().map(fields).unwrap_or_default(),
        abandoned: false,
    };
    let echo = serde_json::json!({ "method": call.method, "target": call.target, "bytes": call.body.len() });
    let pending = Pending::begin(&calls, call);
    tokio::time::sleep(reply.delay()).await;
    let response = response(&reply, &echo, trailers)?;
    pending.answered();
    Ok(response)
}

fn response(reply: &Reply, echo: &serde_json::Value, trailers: Option<HeaderMap>) -> Result<Response<Body>> {
    let text = Bytes::from(reply.body.clone().unwrap_or_else(|| echo.to_string()));
    let names =
        trailers.as_ref().map(|trailers| trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>().join(", "));
    let body = match trailers {
        None => Full::new(text).boxed(),
        // Of a length that is not known before: only a chunked body can have trailers.
        Some(trailers) => StreamBody::new(stream::iter([Ok(Frame::data(text)), Ok(Frame::trailers(trailers))])).boxed(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(reply.status.unwrap_or(200))?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(names) = names {
        headers.insert(http::header::TRAILER, HeaderValue::try_from(names)?);
    }
    for (name, value) in &reply.headers {
        headers.insert(HeaderName::try_from(name.as_str())?, HeaderValue::from_str(value)?);
    }
    Ok(response)
}
