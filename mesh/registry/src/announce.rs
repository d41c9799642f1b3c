//! Keeping a service of this process registered.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::back_off;
use crate::model::Service;
use crate::registry::{RegisterError, RegisterOptions, Registry};

/// How long a registration lasts, and how often it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// How long it lasts without being renewed; `None`: until it is taken away. Default: 60 s, as in go-micro.
    pub ttl: Option<Duration>,
    /// How often it is renewed, and the longest pause between two tries. Default: 30 s, as in go-micro.
    pub interval: Duration,
}

impl Default for Lease {
    fn default() -> Lease {
        Lease { ttl: Some(Duration::from_mins(1)), interval: Duration::from_secs(30) }
    }
}

/// How long one request to the registry may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long to wait after the first failure; doubles up to [`Lease::interval`].
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Registers a service, renews the registration as the lease says and takes it away when the token is cancelled, which
/// is to happen before the service stops to serve.
///
/// A registry that does not answer, or lost what it knew, is tried again until it has the service. Dropping the
/// future leaves the registration to expire.
///
/// # Errors
/// When the record breaks a limit: trying again would not help.
pub async fn announce(
    registry: Arc<dyn Registry>,
    service: Service,
    lease: Lease,
    shutdown: CancellationToken,
) -> Result<(), RegisterError> {
    let mut failures: u32 = 0;
    loop {
        let pause = match register(registry.as_ref(), &service, lease).await {
            Ok(()) => {
                if failures > 0 {
                    tracing::info!(service = service.name, registry = %registry.origin(), "registered again");
                }
                failures = 0;
                lease.interval
            }
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Passing(reason)) => {
                if failures == 0 {
                    let (name, origin) = (&service.name, registry.origin());
                    tracing::warn!(service = name, registry = %origin, reason, "not registered, it is tried again");
                }
                failures = failures.saturating_add(1);
                back_off::pause(failures, RETRY_PAUSE, lease.interval)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = sleep(pause) => {}
        }
    }
    // What was not there, or cannot be reached, expires.
    match timeout(REQUEST_TIMEOUT, registry.deregister(&service)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(service = service.name, %error, "was not taken out of the registry"),
        Err(_) => tracing::debug!(service = service.name, "the registry did not answer in time"),
    }
    Ok(())
}

enum Failure {
    Final(RegisterError),
    Passing(String),
}

async fn register(registry: &dyn Registry, service: &Service, lease: Lease) -> Result<(), Failure> {
    let options = RegisterOptions { ttl: lease.ttl };
    match timeout(REQUEST_TIMEOUT, registry.register(service.clone(), options)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error @ RegisterError::Invalid(_))) => Err(Failure::Final(error)),
        Ok(Err(error)) => Err(Failure::Passing(error.to_string())),
        Err(_) => Err(Failure::Passing(format!("no answer within {REQUEST_TIMEOUT:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;
    use tokio::task::JoinSet;
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use super::{Lease, announce};
    use crate::registry::{
        DeregisterError, GetError, HeartbeatError, ListError, Origin, RegisterError, RegisterOptions, Registry,
        Unavailable, Watch, WatchError,
    };
    use crate::{Memory, Node, Service};

    /// A registry that fails the first requests to register.
    #[derive(Debug)]
    struct Failing {
        left: AtomicU32,
        memory: Memory,
    }

    #[async_trait]
    impl Registry for Failing {
        fn origin(&self) -> Origin {
            Origin::new("failing")
        }

        async fn register(&self, service: Service, options: RegisterOptions) -> Result<(), RegisterError> {
            let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            match left {
                Ok(1) => std::future::pending().await,
                Ok(_) => Err(Unavailable { origin: self.origin(), reason: "not yet".to_owned(), source: None }.into()),
                Err(_) => self.memory.register(service, options).await,
            }
        }

        async fn heartbeat(&self, service: &str, node: &str) -> Result<(), HeartbeatError> {
            self.memory.heartbeat(service, node).await
        }

        async fn deregister(&self, service: &Service) -> Result<(), DeregisterError> {
            self.memory.deregister(service).await
        }

        async fn get(&self, name: &str) -> Result<Vec<Service>, GetError> {
            self.memory.get(name).await
        }

        async fn list(&self) -> Result<Vec<Service>, ListError> {
            self.memory.list().await
        }

        async fn watch(&self) -> Result<Watch, WatchError> {
            self.memory.watch().await
        }
    }

    fn greeter() -> Service {
        Service::new("greeter").with_node(Node::new("1", "127.0.0.1:1"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_is_kept_registered_and_taken_away() {
        let memory = Memory::new();
        let (registry, shutdown) = (Arc::new(memory.clone()), CancellationToken::new());
        let mut task = JoinSet::new();
        task.spawn(announce(registry, greeter(), Lease::default(), shutdown.clone()));
        sleep(Duration::from_hours(1)).await;
        memory.get("greeter").await.expect("is renewed");
        memory.deregister(&greeter()).await.expect("is there");
        sleep(Lease::default().interval).await;
        memory.get("greeter").await.expect("is registered again");
        shutdown.cancel();
        task.join_next().await.expect("one task").expect("no panic").expect("ends well");
        memory.get("greeter").await.expect_err("is taken away");
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_does_not_answer_is_tried_again() {
        let memory = Memory::new();
        let registry = Failing { left: AtomicU32::new(4), memory: memory.clone() };
        let mut task = JoinSet::new();
        task.spawn(announce(Arc::new(registry), greeter(), Lease::default(), CancellationToken::new()));
        // Three refusals, one silence.
        sleep(Duration::from_secs(15)).await;
        memory.get("greeter").await.expect("is there at last");
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_breaks_a_limit_is_not_tried_again() {
        let result =
            announce(Arc::new(Memory::new()), Service::new(""), Lease::default(), CancellationToken::new()).await;
        assert_eq!(result.expect_err("is refused").to_string(), "the service name is empty");
    }
}
