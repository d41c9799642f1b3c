//! Fields that concern one connection only and are never passed on (RFC 9110 §7.6.1).

use gateway_exchange::Names;
use http::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING,
    UPGRADE,
};

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes what concerns one connection, and what `Connection` names. `TE: trailers` and `Trailer` stay: hyper writes
/// HTTP/1 trailers only if `Trailer` names them and the other side said that it takes them (design 11.8).
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap, names: Names) {
    if names.may_hold(&CONNECTION) {
        remove_named_by_connection(headers);
    }
    for name in
        [&KEEP_ALIVE, &PROXY_CONNECTION, &PROXY_AUTHENTICATE, &PROXY_AUTHORIZATION, &TRANSFER_ENCODING, &UPGRADE]
    {
        if names.may_hold(name) {
            headers.remove(name);
        }
    }
    if names.may_hold(&TE)
        && let Some(te) = headers.get(TE)
    {
        let trailers =
            te.to_str().is_ok_and(|text| text.split(',').any(|item| item.trim().eq_ignore_ascii_case("trailers")));
        if trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        } else {
            headers.remove(TE);
        }
    }
}

fn remove_named_by_connection(headers: &mut HeaderMap) {
    // By far the most common values name nothing that is not removed anyway.
    if headers.get(CONNECTION).is_some_and(|value| value == "keep-alive" || value == "close")
        && headers.get_all(CONNECTION).iter().nth(1).is_none()
    {
        headers.remove(CONNECTION);
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|token| HeaderName::try_from(token.trim()).ok())
        // What a proxy needs to do its work cannot be taken away by naming it.
        .filter(|name| *name != TE && *name != http::header::HOST && *name != http::header::CONTENT_LENGTH)
        .collect();
    headers.remove(CONNECTION);
    for name in named {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_concerns_one_connection_stays_on_it() {
        let check = |sent: &[(&'static str, &'static str)], expected: &[&str]| {
            let mut headers = HeaderMap::new();
            for &(name, value) in sent {
                headers.append(name, HeaderValue::from_static(value));
            }
            let names = Names::of(&headers);
            remove_hop_by_hop(&mut headers, names);
            let mut left: Vec<_> =
                headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            left.sort();
            assert_eq!(left, expected);
        };
        check(&[("connection", "keep-alive, x-a"), ("x-a", "1"), ("x-b", "2"), ("keep-alive", "5")], &["x-b: 2"]);
        check(
            &[("te", "gzip, trailers"), ("trailer", "x-sum"), ("connection", "te")],
            &["te: trailers", "trailer: x-sum"],
        );
        check(&[("te", "gzip"), ("transfer-encoding", "chunked"), ("upgrade", "h2c")], &[]);
        check(
            &[("connection", "host, content-length"), ("host", "h"), ("content-length", "3")],
            &["content-length: 3", "host: h"],
        );
        check(&[("proxy-authorization", "secret"), ("proxy-connection", "close"), ("accept", "x")], &["accept: x"]);
    }
}
