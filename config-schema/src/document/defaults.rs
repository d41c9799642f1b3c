//! Every default that is more than "nothing", each with its unit and its reason.

use crate::value::{ByteSize, Duration, HeaderName, ListenAddress};

/// The admin listener: loopback, the port of design 12.
pub(super) const ADMIN_ADDRESS: ListenAddress = ListenAddress {
    host: crate::value::ListenHost::Ip(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)),
    port: 8099,
};

/// Headers of one request, as many as a browser with many cookies and a chain of proxies sends, and some.
pub(super) const HEADERS: u32 = 100;

/// Request head: eight times what common servers take, far below Go's 1 MiB, which one client could hold a thousandfold.
pub(super) const HEAD: ByteSize = ByteSize::kib(64);

/// Request body: what Micro v2 took (spec/gateway 7).
pub(super) const BODY: ByteSize = ByteSize::mib(100);

/// Concurrent streams of one HTTP/2 connection: the recommended minimum of RFC 9113 §6.5.2, rounded up.
pub(super) const STREAMS: u32 = 128;

/// Connections of one listener over all workers; leaves room for upstream sockets in a common limit of descriptors.
pub(super) const CONNECTIONS: u32 = 10_000;

/// From the first byte of a head to its last (spec/gateway D30).
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence on a connection between two requests (spec/gateway D30).
pub(super) const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// To connect to an endpoint: longer than two lost SYN packets within a data centre.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Idle upstream connections of one endpoint, for each worker.
pub(super) const POOL_IDLE: u32 = 64;

/// All upstream connections of one endpoint, for each worker; more requests than that are refused with 503.
pub(super) const POOL_CONNECTIONS: u32 = 1024;

/// How long an idle upstream connection is kept: below the 60 s after which common servers close it.
pub(super) const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// How long a registration lives without a renewal (design 7).
pub(super) const REGISTRATION_TTL: Duration = Duration::from_secs(60);

/// How long requests may go on after SIGTERM: what orchestrators commonly grant before they kill.
pub(super) const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The header that carries the id of a request.
pub(super) fn request_id_header() -> HeaderName {
    HeaderName::known("x-request-id")
}

/// Serde's way to say that a flag is off, to leave it out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
pub(super) const fn is_false(flag: &bool) -> bool {
    !*flag
}
