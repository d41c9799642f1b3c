//! Why an exchange did not end as asked: one stable list for errors, `Proxy-Status`, metrics, records and `explain`.

use std::fmt;

use http::StatusCode;

/// Whose side a failure lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request was at fault, or its sender went away.
    Downstream,
    /// The called service or the way to it was at fault.
    Upstream,
    /// The gateway itself refused or failed.
    Gateway,
}

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident, $fault:ident, $proxy:literal;)*) => {
        /// The stable list of causes. Names never change once released; new ones may be added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Cause { $($(#[$doc])* $name,)* }

        impl Cause {
            /// Every cause, in declaration order: the slots of the metrics.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the stable name, as it stands in metrics, access records and `explain`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Returns the status an HTTP client sees unless the handler states another.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// Returns whose fault it is.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$name => Fault::$fault,)* }
            }

            /// Returns the error token of the `Proxy-Status` field (RFC 9209 §2.3).
            pub const fn proxy_status(self) -> &'static str {
                match self { $(Self::$name => $proxy,)* }
            }
        }
    };
}

causes! {
    /// The request line, target or a header is malformed.
    BadRequest = "bad_request", BAD_REQUEST, Downstream, "http_request_error";
    /// Framing that two parsers could read in two ways (RFC 9112 §6.1, §11.2).
    AmbiguousFraming = "ambiguous_framing", BAD_REQUEST, Downstream, "http_request_error";
    /// The path holds an escape that is refused: `%00`, `%5c`, or `%2f` where the path is forwarded.
    RefusedPath = "refused_path", BAD_REQUEST, Downstream, "http_request_denied";
    /// The head is larger than the listener allows.
    HeadTooLarge = "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, Downstream, "http_request_error";
    /// The body is larger than the route or listener allows.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, Downstream, "http_request_denied";
    /// The payload cannot be turned into the message of the call.
    BadPayload = "bad_payload", BAD_REQUEST, Downstream, "http_request_error";
    /// The head did not arrive in time.
    HeadTimeout = "head_timeout", REQUEST_TIMEOUT, Downstream, "http_request_error";
    /// The connection was idle for longer than the listener allows.
    IdleTimeout = "idle_timeout", REQUEST_TIMEOUT, Downstream, "connection_timeout";
    /// The client went away before the exchange ended.
    ClientGone = "client_gone", BAD_REQUEST, Downstream, "connection_terminated";
    /// No route of the listener matches.
    NoRoute = "no_route", NOT_FOUND, Downstream, "destination_not_found";
    /// Routes match but for their methods.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, Downstream, "http_request_denied";
    /// No candidate service is registered.
    NoService = "no_service", NOT_FOUND, Downstream, "destination_not_found";
    /// The request asks for an internal method or an address that may not be called.
    Forbidden = "forbidden", FORBIDDEN, Downstream, "http_request_denied";
    /// The upgrade was asked for where the route allows none.
    UpgradeRefused = "upgrade_refused", FORBIDDEN, Downstream, "http_request_denied";
    /// A stream endpoint was called as a unary one, or the media type cannot be served.
    Unsupported = "unsupported", UNSUPPORTED_MEDIA_TYPE, Downstream, "http_request_error";
    /// The service is known but has no endpoint.
    NoEndpoint = "no_endpoint", SERVICE_UNAVAILABLE, Upstream, "destination_unavailable";
    /// The connection to the endpoint was refused or reset before anything was sent.
    ConnectRefused = "connect_refused", BAD_GATEWAY, Upstream, "connection_refused";
    /// The connection to the endpoint was not made in time.
    ConnectTimeout = "connect_timeout", GATEWAY_TIMEOUT, Upstream, "connection_timeout";
    /// The connection to the endpoint ended before its response was whole.
    UpstreamReset = "upstream_reset", BAD_GATEWAY, Upstream, "connection_terminated";
    /// The endpoint's answer is not what its protocol allows.
    UpstreamProtocol = "upstream_protocol", BAD_GATEWAY, Upstream, "http_protocol_error";
    /// The endpoint answered with an error of its own.
    UpstreamError = "upstream_error", INTERNAL_SERVER_ERROR, Upstream, "http_response_incomplete";
    /// The deadline of the exchange passed.
    DeadlineExceeded = "deadline_exceeded", GATEWAY_TIMEOUT, Upstream, "http_response_timeout";
    /// Too many exchanges or connections at once.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, Gateway, "proxy_internal_response";
    /// The gateway is shutting down.
    Draining = "draining", SERVICE_UNAVAILABLE, Gateway, "proxy_internal_response";
    /// A defect of the gateway; its log has the details.
    Internal = "internal", INTERNAL_SERVER_ERROR, Gateway, "proxy_internal_error";
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_statuses_are_errors() {
        let mut names: Vec<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Cause::ALL.len());
        assert!(Cause::ALL.iter().all(|cause| cause.status().as_u16() >= 400));
    }
}
