//! Redirects of the program behind a service: followed as long as they stay with it, as Go's client does.

use bytes::Bytes;
use http::header::LOCATION;
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use mesh_rpc::RpcError;
use mesh_rpc::server::HttpBody;

use super::Web;

/// How often in a row.
const FOLLOWED_MAX: usize = 5;

/// Follows redirects, beginning with an answer that may be none.
///
/// # Errors
/// 502 when one leads to another host, as the caller asked for this one, or there are too many.
pub(super) async fn follow(
    web: &Web,
    mut uri: Uri,
    mut method: Method,
    mut body: Bytes,
    mut answer: Response<Incoming>,
    requested: impl Fn(&Uri, &Method, Bytes) -> Request<HttpBody>,
) -> Result<Response<Incoming>, RpcError> {
    for _ in 0..FOLLOWED_MAX {
        let keeps = match answer.status() {
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => false,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => true,
            _ => return Ok(answer),
        };
        let Some(location) = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok()) else {
            return Ok(answer);
        };
        uri = next(&uri, location).ok_or_else(|| {
            let detail = format!("the program behind it redirects to {location:?}, which is not followed");
            RpcError::new(web.service.clone(), 502, detail)
        })?;
        if !keeps && method != Method::HEAD {
            (method, body) = (Method::GET, Bytes::new());
        }
        answer = web.send(requested(&uri, &method, body.clone())).await?;
    }
    if answer.status().is_redirection() {
        return Err(RpcError::new(web.service.clone(), 502, "the program behind it redirects without end"));
    }
    Ok(answer)
}

/// Returns where a `Location` leads from an address; `None` when that is elsewhere, or nowhere.
fn next(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next()?;
    let target = if location.starts_with("//") {
        format!("{}:{location}", from.scheme_str()?)
    } else if location.starts_with('/') {
        format!("{}://{}{location}", from.scheme_str()?, from.authority()?)
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let (folder, _) = from.path().rsplit_once('/')?;
        format!("{}://{}{folder}/{location}", from.scheme_str()?, from.authority()?)
    };
    let target: Uri = target.parse().ok()?;
    let is_same = target.scheme() == from.scheme() && target.authority() == from.authority();
    is_same.then_some(target)
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn only_what_stays_with_the_program_is_followed() {
        let check = |location: &str, expected: Option<&str>| {
            let from = "http://127.0.0.1:1/a/b?c".parse().expect("is an address");
            assert_eq!(next(&from, location).map(|uri| uri.to_string()).as_deref(), expected, "{location}");
        };
        check("/x?y#z", Some("http://127.0.0.1:1/x?y"));
        check("x/", Some("http://127.0.0.1:1/a/x/"));
        check("http://127.0.0.1:1/q", Some("http://127.0.0.1:1/q"));
        for elsewhere in ["http://127.0.0.1:2/", "//other/", "https://127.0.0.1:1/", "http://[", "ftp://x/"] {
            check(elsewhere, None);
        }
    }
}
