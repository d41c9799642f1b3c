//! Handler `rpc`: JSON over HTTP in, a call of a service out, and back (spec/gateway 7.2). What a node speaks says its
//! registration: gRPC unless told otherwise, mucp, or plain HTTP.

mod call;
mod grpc;
mod metadata;
mod mucp;
mod payload;
mod plain_http;

pub(crate) use call::{Unary, once};
pub(crate) use metadata::{Caller, joined, of_request};

use bytes::Bytes;
use gateway_exchange::{Body, BodyError, Cause, Exchange, ProxyError, Response};
use gateway_upstream::ClusterState;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use mesh_rpc::codec::RequestCodec;
use mesh_rpc::{Codec, RpcError};
use policies::Tries;

use crate::error_response::rpc_error_response;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How RPCs of a route are made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rpc {
    /// The namespace that services are told (`Micro-Namespace`), without the type.
    pub namespace: HeaderValue,
    /// The name under which the gateway calls (`Micro-From-Service`).
    pub from_service: HeaderValue,
}

impl Default for Rpc {
    /// Namespace `go.micro`, called from `go.micro.api`.
    fn default() -> Self {
        Self { namespace: HeaderValue::from_static("go.micro"), from_service: HeaderValue::from_static("go.micro.api") }
    }
}

/// A method of a service, and who serves it.
#[derive(Debug)]
pub struct RpcTarget<'t> {
    /// How it is called.
    pub rpc: &'t Rpc,
    /// The registered name.
    pub service: &'t str,
    /// The method, such as `Say.Hello`.
    pub method: &'t str,
    /// Who serves it.
    pub cluster: &'t ClusterState,
    /// How often it may be sent.
    pub tries: Tries,
}

impl RpcTarget<'_> {
    /// Calls the method with what the request says.
    ///
    /// # Errors
    /// A payload that is none, a body over its limit, and failures on the way. What the service itself answers, an
    /// error too, is a response.
    pub async fn handle(&self, exchange: &mut Exchange) -> Result<Response, ProxyError> {
        let kind = exchange.head.fields().get(&CONTENT_TYPE).cloned();
        let codec = RequestCodec::of(kind.as_ref().and_then(|kind| kind.to_str().ok()));
        let body = read(std::mem::replace(&mut exchange.body, Body::empty())).await?;
        let payload = payload::of_request(&exchange.head, codec.codec, body)?;
        let caller = Caller { namespace: Some(&self.rpc.namespace), from_service: Some(&self.rpc.from_service) };
        let metadata = of_request(&exchange.head, &caller)?;
        let unary = Unary {
            cluster: self.cluster,
            service: self.service,
            method: self.method,
            codec,
            metadata,
            tries: self.tries,
            endpoint: None,
        };
        Ok(match unary.send(payload, exchange).await? {
            Ok(reply) => success(reply, codec.codec, kind),
            Err(error) => rpc_error_response(&unnamed(error), &exchange.head),
        })
    }
}

/// Reads a whole body within its limit.
pub(crate) async fn read(body: Body) -> Result<Bytes, ProxyError> {
    let limit = body.bytes_max();
    body.collect().await.map_err(|error| match error {
        BodyError::TooLarge { .. } => too_large(limit),
        error => ProxyError::new(Cause::ClientGone, "the body did not arrive whole").with_source(error),
    })
}

fn too_large(limit: u64) -> ProxyError {
    ProxyError::new(Cause::BodyTooLarge, format!("request body too large: more than {limit} bytes"))
}

/// An error without a code is the gateway's to name (spec/gateway 6.5).
fn unnamed(error: RpcError) -> RpcError {
    if error.code != 0 {
        return error;
    }
    RpcError::internal(crate::error_response::GATEWAY_ID, format!("error during request: {}", error.detail))
}

fn success(reply: Bytes, codec: Codec, asked: Option<HeaderValue>) -> Response {
    if reply.is_empty() && codec != Codec::Json {
        return Response::empty(StatusCode::NO_CONTENT);
    }
    let reply = if reply.is_empty() { Bytes::from_static(b"null") } else { reply };
    Response::full(StatusCode::OK, reply_type(codec, asked), reply)
}

/// The reply repeats the request's type where that names a codec; else it is JSON (D28).
fn reply_type(codec: Codec, asked: Option<HeaderValue>) -> HeaderValue {
    let Some(asked) = asked else { return JSON };
    let known = asked.to_str().is_ok_and(|text| {
        let kind = text.split(';').next().unwrap_or_default().trim();
        codec != Codec::Json || matches!(kind, "application/json" | "application/grpc+json")
    });
    if known { asked } else { JSON }
}
