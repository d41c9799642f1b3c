//! HTTP that is passed through: pages, downloads, uploads, event streams, WebSockets.

use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use mesh_rpc::RpcError;
use mesh_rpc::metadata::{connection_names, is_hop_by_hop};
use mesh_rpc::server::HttpBody;
use tokio::io::copy_bidirectional;

use super::Web;
use crate::ask::Path;
use crate::reply;

/// Passes a request to the program, and what it answers back.
pub(super) async fn pass(web: &Web, request: Request<Incoming>) -> Result<Response<HttpBody>, RpcError> {
    let text = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let uri = web.joined(&Path::parse(&web.service, text)?)?;
    let (mut parts, body) = request.into_parts();
    let upgrade = upgrade_of(&parts.headers);
    let from_caller = parts.extensions.remove::<OnUpgrade>();
    let mut forwarded = Request::new(BodyExt::map_err(body, Into::into).boxed_unsync());
    *forwarded.method_mut() = parts.method;
    *forwarded.uri_mut() = uri;
    *forwarded.headers_mut() = end_to_end(parts.headers);
    forwarded.headers_mut().insert(HOST, web.host());
    write_upgrade(forwarded.headers_mut(), upgrade.as_ref());

    let mut answer = web.send(forwarded).await?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let (parts, body) = answer.into_parts();
        let mut passed = Response::new(BodyExt::map_err(body, Into::into).boxed_unsync());
        *passed.status_mut() = parts.status;
        *passed.headers_mut() = end_to_end(parts.headers);
        return Ok(passed);
    }
    let (Some(from_caller), Some(protocol)) = (from_caller, upgrade) else {
        return Err(RpcError::new(web.service.clone(), 502, "the program behind it switched protocols unasked"));
    };
    carry(web, from_caller, hyper::upgrade::on(&mut answer));
    let mut passed = Response::new(reply::empty());
    *passed.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *passed.headers_mut() = end_to_end(std::mem::take(answer.headers_mut()));
    write_upgrade(passed.headers_mut(), Some(&protocol));
    Ok(passed)
}

/// Carries the bytes of an upgraded exchange until one side ends it, or the service ends.
fn carry(web: &Web, caller: OnUpgrade, program: OnUpgrade) {
    let carrying = async move {
        let (caller, program) = tokio::try_join!(caller, program).map_err(std::io::Error::other)?;
        copy_bidirectional(&mut TokioIo::new(caller), &mut TokioIo::new(program)).await
    };
    web.owner.spawn(async move {
        if let Err(error) = carrying.await {
            tracing::debug!(%error, "an upgraded exchange broke");
        }
    });
}

/// Returns the protocol that a request wants to switch to.
fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let asks = named.flat_map(connection_names).any(|name| name.eq_ignore_ascii_case("upgrade"));
    headers.get(UPGRADE).filter(|_| asks).cloned()
}

fn write_upgrade(headers: &mut HeaderMap, protocol: Option<&HeaderValue>) {
    if let Some(protocol) = protocol {
        headers.insert(UPGRADE, protocol.clone());
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
}

/// Leaves out what concerns one connection only (RFC 9110 §7.6.1).
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(connection_names)
        .map(str::to_ascii_lowercase)
        .collect();
    let local =
        headers.keys().filter(|name| is_hop_by_hop(name.as_str()) || named.iter().any(|known| *known == name.as_str()));
    let local: Vec<_> = local.cloned().collect();
    for name in local {
        headers.remove(name);
    }
    headers
}
