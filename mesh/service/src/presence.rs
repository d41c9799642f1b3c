//! Being registered as long as the program answers, and no longer.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use mesh_registry::{RegisterError, RegisterOptions, Registry, Service};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::back_off::BackOff;
use crate::endpoint::Endpoint;

/// How often it is looked whether the program answers: before it does, and while it does.
const WAIT_PAUSE: Duration = Duration::from_millis(100);
const LOOK_PAUSE: Duration = Duration::from_secs(5);

/// How often in a row it must be silent to count as gone.
const SILENT_MAX: u32 = 3;

/// How long one look, and how long one word with the registry may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(5);

/// A service in its registry. Dropping it leaves the registration to expire.
#[derive(Debug)]
pub(crate) struct Presence {
    registry: Arc<dyn Registry>,
    record: Service,
    ttl: Duration,
    interval: Duration,
    is_registered: bool,
    has_answered: bool,
}

impl Presence {
    /// Returns one that is not registered. It is renewed every `interval`, in any case before half of `ttl` is over.
    pub(crate) fn new(registry: Arc<dyn Registry>, record: Service, ttl: Duration, interval: Duration) -> Presence {
        let interval = interval.min(ttl / 2);
        Presence { registry, record, ttl, interval, is_registered: false, has_answered: false }
    }

    /// Says whether the program has ever answered.
    pub(crate) fn has_answered(&self) -> bool {
        self.has_answered
    }

    /// Registers once the program answers, renews that, takes it back when the program is silent, and begins anew.
    /// Cancel safe: [`Presence::leave`] takes back what was registered.
    ///
    /// # Errors
    /// When the record can never be registered.
    pub(crate) async fn keep(&mut self, endpoint: &Endpoint) -> Result<Infallible, RegisterError> {
        loop {
            wait_for(endpoint).await;
            self.has_answered = true;
            self.register().await?;
            self.renew_while_it_answers(endpoint).await?;
            tracing::warn!(%endpoint, "the program is silent, its service leaves the registry until it answers");
            self.leave().await;
        }
    }

    /// Takes the registration back, if there is one. What fails is left to expire.
    pub(crate) async fn leave(&mut self) {
        if !std::mem::take(&mut self.is_registered) {
            return;
        }
        tracing::info!(node = self.node(), registry = %self.registry.origin(), "Deregistering node");
        match timeout(REGISTRY_TIMEOUT, self.registry.deregister(&self.record)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = &error as &dyn Error, "the service was not registered any more"),
            Err(_) => tracing::warn!(timeout = ?REGISTRY_TIMEOUT, "the registry is silent, the service will expire"),
        }
    }

    /// Registers, as often as it takes. What goes wrong is said once.
    async fn register(&mut self) -> Result<(), RegisterError> {
        let mut pauses = BackOff::default();
        let mut is_said = false;
        loop {
            let options = RegisterOptions { ttl: Some(self.ttl) };
            // It may have taken place although the answer did not come.
            self.is_registered = true;
            match timeout(REGISTRY_TIMEOUT, self.registry.register(self.record.clone(), options)).await {
                Ok(Ok(())) => {
                    tracing::info!(node = self.node(), registry = %self.registry.origin(), "Registering node");
                    return Ok(());
                }
                Ok(Err(error @ RegisterError::Invalid(_))) => return Err(error),
                Ok(Err(error)) if !is_said => {
                    tracing::warn!(error = &error as &dyn Error, "the service cannot be registered, it is tried again");
                }
                Err(_) if !is_said => {
                    tracing::warn!(timeout = ?REGISTRY_TIMEOUT, "the registry is silent, it is tried again");
                }
                Ok(Err(_)) | Err(_) => {}
            }
            is_said = true;
            sleep(pauses.next()).await;
        }
    }

    /// Renews the registration until the program is silent.
    async fn renew_while_it_answers(&mut self, endpoint: &Endpoint) -> Result<(), RegisterError> {
        let (mut silent, mut renewed) = (0, Instant::now());
        loop {
            sleep(LOOK_PAUSE.min(self.interval)).await;
            silent = if answers(endpoint).await { 0 } else { silent + 1 };
            if silent == SILENT_MAX {
                return Ok(());
            }
            if renewed.elapsed() >= self.interval && silent == 0 {
                self.renew().await?;
                renewed = Instant::now();
            }
        }
    }

    /// Extends the registration; makes it anew where the registry has lost it or was away.
    async fn renew(&mut self) -> Result<(), RegisterError> {
        let node = self.node().to_owned();
        match timeout(REGISTRY_TIMEOUT, self.registry.heartbeat(&self.record.name, &node)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => self.register().await,
        }
    }

    fn node(&self) -> &str {
        self.record.nodes.first().map_or("", |node| &node.id)
    }
}

/// Waits until the program answers. That it does not at once is said once.
async fn wait_for(endpoint: &Endpoint) {
    let mut looks = 0_u32;
    while !answers(endpoint).await {
        looks = looks.saturating_add(1);
        if looks == 20 {
            tracing::warn!(%endpoint, "the endpoint does not answer yet: the service is registered once it does");
        }
        sleep(WAIT_PAUSE).await;
    }
}

/// Says whether an endpoint can be used: somebody accepts connections, or the file is there.
async fn answers(endpoint: &Endpoint) -> bool {
    match (endpoint, endpoint.address()) {
        (_, Some(address)) => accepts(&address).await,
        (Endpoint::File(path), _) => tokio::fs::metadata(path).await.is_ok(),
        (Endpoint::Exec(path), _) => tokio::fs::metadata(path).await.is_ok_and(|metadata| {
            use std::os::unix::fs::PermissionsExt;
            metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
        }),
        (_, None) => false,
    }
}

async fn accepts(address: &str) -> bool {
    match timeout(LOOK_TIMEOUT, TcpStream::connect(address)).await {
        // Where nobody listens on a port of the range for callers, a socket may meet itself.
        Ok(Ok(stream)) => stream.local_addr().ok() != stream.peer_addr().ok(),
        Ok(Err(_)) | Err(_) => false,
    }
}
