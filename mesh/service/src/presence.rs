//! Being registered as long as the program answers, and no longer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use mesh::{Identity, Membership, Registries};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::endpoint::Endpoint;

/// How often it is looked whether the program answers: before it does, and while it does.
const WAIT_PAUSE: Duration = Duration::from_millis(100);
const LOOK_PAUSE: Duration = Duration::from_secs(2);

/// After how many looks in vain it is said that the program is awaited.
const LOOKS_BEFORE_WARNING: u32 = 20;

/// How often in a row it must be silent to count as gone.
const SILENT_MAX: u32 = 3;

/// How long one look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// A service in its registries. Dropping it leaves the registrations to expire.
#[derive(Debug)]
pub(crate) struct Presence {
    identity: Identity,
    bound: SocketAddr,
    registries: Registries,
    membership: Option<Membership>,
    has_answered: bool,
}

impl Presence {
    /// Returns one that is not registered.
    pub(crate) fn new(identity: Identity, bound: SocketAddr, registries: Registries) -> Presence {
        Presence { identity, bound, registries, membership: None, has_answered: false }
    }

    /// Says whether the program has ever answered.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Registers once the program answers, takes that back when it is silent, and begins anew. Cancel safe:
    /// [`Presence::leave`] takes back what was registered.
    pub(crate) async fn keep(&mut self, endpoint: &Endpoint) -> Infallible {
        loop {
            until_it_answers(endpoint).await;
            self.has_answered = true;
            tracing::info!("Registering node: {}-{}", self.identity.name, self.identity.id);
            self.membership = Some(Membership::join(self.identity.clone(), self.bound, self.registries.clone()));
            until_it_is_silent(endpoint).await;
            tracing::warn!(%endpoint, "the program is silent, its service leaves the registry until it answers");
            self.leave().await;
        }
    }

    /// Takes the registrations back, if there are any.
    pub(crate) async fn leave(&mut self) {
        if let Some(membership) = self.membership.take() {
            tracing::info!("Deregistering node: {}-{}", self.identity.name, self.identity.id);
            membership.leave().await;
        }
    }
}

/// That it does not answer at once is said once.
async fn until_it_answers(endpoint: &Endpoint) {
    let mut looks = 0_u32;
    while !answers(endpoint).await {
        looks = looks.saturating_add(1);
        if looks == LOOKS_BEFORE_WARNING {
            tracing::warn!(%endpoint, "the endpoint does not answer yet: the service is registered once it does");
        }
        sleep(WAIT_PAUSE).await;
    }
}

async fn until_it_is_silent(endpoint: &Endpoint) {
    let mut silent = 0;
    while silent < SILENT_MAX {
        sleep(LOOK_PAUSE).await;
        silent = if answers(endpoint).await { 0 } else { silent + 1 };
    }
}

/// Says whether an endpoint can be used: somebody accepts connections, or the file is there.
async fn answers(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::File(path) => tokio::fs::metadata(path).await.is_ok(),
        Endpoint::Exec(path) => tokio::fs::metadata(path)
            .await
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0),
        Endpoint::Http(_) | Endpoint::Grpc(_) | Endpoint::Mucp(_) => match endpoint.address() {
            Some(address) => accepts(&address).await,
            None => false,
        },
    }
}

async fn accepts(address: &str) -> bool {
    match timeout(LOOK_TIMEOUT, TcpStream::connect(address)).await {
        // Where nobody listens on a port of the range for callers, a socket may meet itself.
        Ok(Ok(stream)) => stream.local_addr().ok() != stream.peer_addr().ok(),
        Ok(Err(_)) | Err(_) => false,
    }
}
