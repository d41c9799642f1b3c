//! `/registry` as the registry handler of Micro v1 had it (spec/gateway 7.9): whole records in JSON.
//!
//! | request | answer |
//! |---|---|
//! | `GET /registry` | all services |
//! | `GET /registry?service=NAME` | its versions; 404 `Service not found` |
//! | `POST /registry?ttl=30s` | registers the nodes of the record; without `ttl` they stay until they are taken away |
//! | `DELETE /registry` | takes the nodes of the record away, whether they are there or not |

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use mesh_rpc::RpcError;
use percent_encoding::percent_decode_str;

use super::failure::{Failure, ID};
use super::http::{Answer, json_answer, read, whole};
use super::{Door, time_to_live};
use crate::model::Service;
use crate::registry::{DeregisterError, GetError, RegisterOptions};

/// Answers one request.
pub(super) async fn respond(door: &Door, request: Request<Incoming>) -> Result<Answer, Failure> {
    match *request.method() {
        Method::GET | Method::HEAD => get(door, request.uri()).await,
        Method::POST => {
            let ttl = match request.uri().query() {
                None | Some("") => None,
                query => Some(time_to_live::of_query(query, *door.ttl_default.borrow()).map_err(bad)?),
            };
            let service = record(&read(request.into_body()).await?)?;
            door.registry.register(service, RegisterOptions { ttl }).await?;
            Ok(Response::new(whole(Bytes::new())))
        }
        Method::DELETE => {
            let service = record(&read(request.into_body()).await?)?;
            match door.registry.deregister(&service).await {
                Ok(()) | Err(DeregisterError::UnknownNode { .. }) => Ok(Response::new(whole(Bytes::new()))),
                Err(error) => Err(error.into()),
            }
        }
        _ => Err(Failure::not_allowed(request.method(), "GET, HEAD, POST, DELETE")),
    }
}

async fn get(door: &Door, uri: &Uri) -> Result<Answer, Failure> {
    let mut name = String::new();
    for parameter in uri.query().unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
        let value = parameter.strip_prefix("service=").ok_or_else(|| {
            RpcError::bad_request(ID, format!("unknown parameter {parameter:?}, the only one is `service`"))
        })?;
        name = percent_decode_str(value).decode_utf8_lossy().into_owned();
    }
    if name.is_empty() {
        return Ok(json_answer(StatusCode::OK, &door.registry.list().await?));
    }
    match door.registry.get(&name).await {
        Ok(versions) => Ok(json_answer(StatusCode::OK, &versions)),
        Err(GetError::UnknownService { .. }) => {
            let mut answer = Response::new(whole(Bytes::from_static(b"Service not found\n")));
            *answer.status_mut() = StatusCode::NOT_FOUND;
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            answer.headers_mut().insert(CONTENT_TYPE, text);
            Ok(answer)
        }
        Err(error) => Err(error.into()),
    }
}

fn record(body: &[u8]) -> Result<Service, RpcError> {
    serde_json::from_slice(body)
        .map_err(|error| RpcError::bad_request(ID, format!("the body is not a service: {error}")))
}

fn bad(error: impl std::fmt::Display) -> RpcError {
    RpcError::bad_request(ID, error.to_string())
}
