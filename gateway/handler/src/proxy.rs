//! Handler `proxy`: passes the request on as it is, and the response back, both streaming.

use gateway_exchange::{Body, Cause, Exchange, Head, Host, Names, Peer, ProxyError, Response};
use gateway_upstream::{ClusterState, EndpointState, Protocol};
use http::header::{CONNECTION, COOKIE, EXPECT, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, UPGRADE};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, StatusCode, Uri, Version};
use policies::Tries;

use crate::forward::{Call, Streamed};
use crate::hop::remove_hop_by_hop;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Which `Host` the endpoint gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostSent {
    /// The client's (spec/gateway 7.5).
    #[default]
    Keep,
    /// The endpoint's own, as configured or registered.
    Upstream,
    /// This one.
    Set(HeaderValue),
}

/// Which upgrades of a connection pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum UpgradeAllowed {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// These protocols, in lower case.
    Only(Vec<Box<str>>),
}

impl UpgradeAllowed {
    fn allows(&self, protocol: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(protocols) => protocols.iter().any(|allowed| allowed.eq_ignore_ascii_case(protocol)),
        }
    }
}

/// How requests are passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// The prefix that is cut off the path, without a slash at its end; whole segments only.
    pub strip_prefix: Option<Box<str>>,
    /// Which `Host` is sent.
    pub host: HostSent,
    /// To what the client may upgrade the connection, such as `websocket`.
    pub upgrade: UpgradeAllowed,
    /// Whether `%2f` in the path is passed on.
    pub allow_encoded_slash: bool,
}

/// A request of this route on its way to a cluster.
#[derive(Debug)]
pub struct ProxyForwarding<'p> {
    /// How it is passed on.
    pub proxy: &'p Proxy,
    /// To whom.
    pub cluster: &'p ClusterState,
    /// How often it may be sent.
    pub tries: Tries,
}

impl ProxyForwarding<'_> {
    /// Passes the exchange on.
    ///
    /// # Errors
    /// Refuses `%2f` and WebSocket upgrades where the route does not allow them; else as the call fails.
    pub async fn handle(&self, exchange: &mut Exchange) -> Result<Response, ProxyError> {
        let upgrade = self.check_upgrade(&exchange.head)?;
        let path = self.path(&exchange.head)?;
        let grpc = exchange.head.is_grpc();
        let protocol = if grpc { Protocol::Grpc } else { Protocol::Http };
        let method = exchange.head.method().clone();
        let headers = self.headers(exchange, upgrade);
        let body = std::mem::replace(&mut exchange.body, Body::empty());
        let request = request(method, path.into(), headers, body);
        let call = Call { cluster: self.cluster, protocol, tries: self.tries };
        let host = exchange.head.host();
        let address = |request: &mut http::Request<Body>, endpoint: &EndpointState| {
            self.address(request, endpoint, protocol, host);
        };
        let mut outgoing = Streamed::new(request, self.cluster, self.tries, address);
        let mut response = call.send(&mut outgoing, &mut exchange.record).await?.response;
        clean_response(&mut response, upgrade)?;
        Ok(response)
    }

    /// WebSocket where the route allows none is refused, so that the client learns why; other upgrades, which are
    /// offers such as `h2c`, are not taken up (RFC 9110 §7.8).
    fn check_upgrade(&self, head: &Head) -> Result<bool, ProxyError> {
        if !head.is_upgrade() {
            return Ok(false);
        }
        let protocol = head.text(&UPGRADE).unwrap_or_default().trim();
        if self.proxy.upgrade.allows(protocol) {
            return Ok(true);
        }
        if protocol.eq_ignore_ascii_case("websocket") {
            return Err(ProxyError::new(Cause::UpgradeRefused, "this route allows no upgrade to websocket"));
        }
        Ok(false)
    }

    fn path(&self, head: &Head) -> Result<PathAndQuery, ProxyError> {
        let target = head.target();
        if target.has_encoded_slash() && !self.proxy.allow_encoded_slash {
            return Err(ProxyError::new(Cause::RefusedPath, "%2f in the path is refused on this route"));
        }
        let path = target.path();
        let stripped = self.proxy.strip_prefix.as_deref().and_then(|prefix| path.strip_prefix(prefix));
        match stripped {
            Some("") => target.forwarded_at("/"),
            Some(rest) if rest.starts_with('/') => target.forwarded_at(rest),
            _ => target.forwarded(),
        }
    }

    /// Takes the fields out of the exchange as the endpoint will get them.
    fn headers(&self, exchange: &mut Exchange, upgrade: bool) -> HeaderMap {
        let upgrade_to = upgrade.then(|| exchange.head.fields().get(&UPGRADE).cloned()).flatten();
        let (mut headers, names) = exchange.head.fields_mut().take(remove_hop_by_hop);
        // `Expect` is answered here, when the body is first read (design 11.8).
        if names.may_hold(&EXPECT) {
            headers.remove(EXPECT);
        }
        join_cookies(&mut headers, names);
        let host = exchange.head.host().value();
        add_forwarded(&mut headers, names, &exchange.peer, host);
        if let Some(value) = upgrade_to {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, value);
        }
        match &self.proxy.host {
            HostSent::Keep if headers.get(HOST) == Some(host) => {}
            HostSent::Keep => drop(headers.insert(HOST, host.clone())),
            HostSent::Set(value) => drop(headers.insert(HOST, value.clone())),
            HostSent::Upstream => drop(headers.remove(HOST)),
        }
        headers
    }

    /// Finishes the head for one endpoint: its own `Host` where the route says so, `:authority` for HTTP/2.
    fn address(&self, request: &mut http::Request<Body>, endpoint: &EndpointState, protocol: Protocol, host: &Host) {
        let http2 = endpoint.protocol(protocol) == Protocol::Grpc;
        if !http2 && self.proxy.host != HostSent::Upstream {
            return;
        }
        let endpoint = endpoint.endpoint();
        if !http2 {
            if let Ok(value) = HeaderValue::try_from(&*endpoint.authority) {
                request.headers_mut().insert(HOST, value);
            }
            return;
        }
        let authority = match &self.proxy.host {
            HostSent::Keep => host.sent(),
            HostSent::Upstream => &endpoint.authority,
            HostSent::Set(value) => value.to_str().unwrap_or(host.sent()),
        };
        let authority = Authority::try_from(authority).or_else(|_| Authority::try_from(&*endpoint.authority));
        let mut parts = request.uri().clone().into_parts();
        if let Ok(authority) = authority {
            parts.scheme = Some(Scheme::HTTP);
            parts.authority = Some(authority);
        }
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
        request.headers_mut().remove(HOST);
        *request.version_mut() = Version::HTTP_2;
    }
}

fn request(method: Method, uri: Uri, headers: HeaderMap, body: Body) -> Box<http::Request<Body>> {
    let mut request = Box::new(http::Request::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request
}

/// HTTP/2 may cut cookies into several fields; HTTP/1.1 knows one (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap, names: Names) {
    if !names.may_hold(&COOKIE) || headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(value) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, value);
    }
}

/// Says who asked, how, and for which host. What untrusted peers claim was dropped on arrival.
fn add_forwarded(headers: &mut HeaderMap, names: Names, peer: &Peer, host: &HeaderValue) {
    let before = names.may_hold(&X_FORWARDED_FOR).then(|| one_list(headers, &X_FORWARDED_FOR)).flatten();
    let chain = match before.and_then(|before| Some((before, peer.text.to_str().ok()?))) {
        None => Some(peer.text.clone()),
        Some((before, text)) => HeaderValue::try_from(format!("{before}, {text}")).ok(),
    };
    if let Some(chain) = chain {
        headers.insert(X_FORWARDED_FOR.clone(), chain);
    }
    if !(names.may_hold(&X_FORWARDED_PROTO) && headers.contains_key(&X_FORWARDED_PROTO)) {
        headers.insert(X_FORWARDED_PROTO.clone(), HeaderValue::from_static("http"));
    }
    let told_host = names.may_hold(&X_FORWARDED_HOST) && headers.contains_key(&X_FORWARDED_HOST);
    if !told_host && !host.is_empty() {
        headers.insert(X_FORWARDED_HOST.clone(), host.clone());
    }
    // RFC 7239 is continued where a trusted proxy in front began it; few endpoints read it otherwise.
    if names.may_hold(&FORWARDED)
        && let Some(before) = one_list(headers, &FORWARDED)
    {
        let ip = peer.address.ip().to_canonical();
        let node = if ip.is_ipv6() { format!("\"[{ip}]\"") } else { ip.to_string() };
        if let Ok(value) = HeaderValue::try_from(format!("{before}, for={node}")) {
            headers.insert(FORWARDED, value);
        }
    }
}

/// Returns the lines of a field as one list (RFC 9110 §5.3): many proxies add a line of their own, and the last one is
/// what the nearest of them says.
fn one_list(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().map(|line| line.to_str().ok()).collect::<Option<_>>()?;
    (!lines.is_empty()).then(|| lines.join(", "))
}

fn clean_response(response: &mut Response, upgrade: bool) -> Result<(), ProxyError> {
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        // A 101 nobody asked for would hand the client's next request to the endpoint unread.
        return if upgrade && response.upgrade.is_some() {
            Ok(())
        } else {
            Err(ProxyError::new(Cause::UpstreamProtocol, "the service switched protocols unasked"))
        };
    }
    let names = Names::of(&response.headers);
    remove_hop_by_hop(&mut response.headers, names);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(before: &[(&'static str, &'static str)], peer: [u8; 4]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for &(name, value) in before {
            headers.append(name, HeaderValue::from_static(value));
        }
        let names = Names::of(&headers);
        add_forwarded(&mut headers, names, &(peer, 9).into(), &HeaderValue::from_static("h:80"));
        headers
    }

    #[test]
    fn the_chain_of_proxies_is_continued() {
        let headers = forwarded(&[], [9, 9, 9, 9]);
        assert_eq!(headers["x-forwarded-for"], "9.9.9.9");
        assert_eq!(
            (&headers["x-forwarded-proto"], &headers["x-forwarded-host"]),
            (&HeaderValue::from_static("http"), &HeaderValue::from_static("h:80"))
        );
        let headers = forwarded(
            &[("x-forwarded-for", "1.2.3.4"), ("forwarded", "for=1.2.3.4"), ("x-forwarded-proto", "https")],
            [9, 9, 9, 9],
        );
        assert_eq!(headers["x-forwarded-for"], "1.2.3.4, 9.9.9.9");
        assert_eq!(headers["forwarded"], "for=1.2.3.4, for=9.9.9.9");
        assert_eq!(headers["x-forwarded-proto"], "https");
    }

    #[test]
    fn a_line_of_its_own_continues_the_chain() {
        let lines =
            [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "1.2.3.4"), ("forwarded", "a"), ("forwarded", "b")];
        let headers = forwarded(&lines, [9, 9, 9, 9]);
        assert_eq!(headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), ["6.6.6.6, 1.2.3.4, 9.9.9.9"]);
        assert_eq!(headers.get_all("forwarded").iter().collect::<Vec<_>>(), ["a, b, for=9.9.9.9"]);
    }

    #[test]
    fn cookies_become_one_field() {
        let mut headers = HeaderMap::new();
        for crumb in ["a=1", "b=2"] {
            headers.append(COOKIE, HeaderValue::from_static(crumb));
        }
        let names = Names::of(&headers);
        join_cookies(&mut headers, names);
        assert_eq!(headers.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=1; b=2"]);
    }
}
