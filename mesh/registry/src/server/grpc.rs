//! `go.micro.registry.Registry`, as go-micro's registry `service` calls it (spec/wire 2.5).
//!
//! A caller of another namespace than `go.micro` (metadata `Micro-Namespace`) registers and finds services under
//! `namespace/name`, and what it is told has no prefix.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mesh_rpc::{Call, Code, Handler, RpcError, Status};
use proto::registry as wire;
use tokio::time::timeout;

use super::Door;
use super::failure::ID;
use super::watch::Changes;
use crate::model::Service;
use crate::protocol::{of_wire, to_wire};
use crate::registry::{DeregisterError, GetError, RegisterOptions};

/// Whose services have no prefix.
const NAMESPACE_DEFAULT: &str = "go.micro";

/// How long a watcher may take to take a change; then its watch ends, and it begins another one.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// What comes over gRPC.
#[derive(Debug)]
pub(super) struct Calls(pub(super) Arc<Door>);

#[async_trait]
impl Handler for Calls {
    async fn call(&self, call: &mut Call) -> Result<(), Status> {
        match call.method() {
            "GetService" => self.get(call).await,
            "Register" => self.register(call).await,
            "Deregister" => self.deregister(call).await,
            "ListServices" => self.list(call).await,
            "Watch" => self.watch(call).await,
            _ => Err(call.unknown_method()),
        }
    }
}

impl Calls {
    async fn get(&self, call: &mut Call) -> Result<(), Status> {
        let wire::GetRequest { service: name } = call.request().await?;
        // As in the real one the bare name has to be there, too.
        let mut services = self.0.registry.get(&name).await.map_err(|error| match error {
            GetError::UnknownService { .. } => RpcError::not_found(ID, "service not found"),
            GetError::Unavailable(_) => error.into(),
        })?;
        if let Some(namespace) = namespace(call) {
            services.extend(self.0.registry.get(&format!("{namespace}/{name}")).await.map_err(RpcError::from)?);
        }
        let services = services.iter().map(without_namespace).collect();
        call.send(&wire::GetResponse { services }).await
    }

    async fn register(&self, call: &mut Call) -> Result<(), Status> {
        let request: wire::Service = call.request().await?;
        let seconds = request.options.as_ref().map_or(0, |options| options.ttl);
        let ttl = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let service = with_namespace(of_wire(request), call);
        self.0.registry.register(service, RegisterOptions { ttl }).await.map_err(RpcError::from)?;
        call.send(&wire::EmptyResponse {}).await
    }

    /// A node that is not there is no error, as in the real one: it may have expired.
    async fn deregister(&self, call: &mut Call) -> Result<(), Status> {
        let service = with_namespace(of_wire(call.request().await?), call);
        match self.0.registry.deregister(&service).await {
            Ok(()) | Err(DeregisterError::UnknownNode { .. }) => call.send(&wire::EmptyResponse {}).await,
            Err(error) => Err(RpcError::from(error).into()),
        }
    }

    async fn list(&self, call: &mut Call) -> Result<(), Status> {
        let wire::ListRequest {} = call.request().await?;
        let services = self.0.registry.list().await.map_err(RpcError::from)?;
        let visible = services.iter().filter(|service| is_visible(service, call));
        let services = visible.map(without_namespace).collect();
        call.send(&wire::ListResponse { services }).await
    }

    /// Tells changes from now on, as the real one: who watches has asked what is there.
    async fn watch(&self, call: &mut Call) -> Result<(), Status> {
        let wire::WatchRequest { service: name } = call.request().await?;
        let mut changes = Changes::begin(&self.0).await.map_err(RpcError::from)?;
        changes.skip_known().await;
        while let Some((action, service)) = changes.next().await {
            if !(name.is_empty() || service.name == name) || !is_visible(&service, call) {
                continue;
            }
            let service = Some(without_namespace(&service));
            let result = wire::Result { action: action.as_str().to_owned(), service, timestamp: 0 };
            timeout(SEND_TIMEOUT, call.send(&result)).await.map_err(|_| {
                Status::new(Code::ResourceExhausted, format!("a change was not taken within {SEND_TIMEOUT:?}"))
            })??;
        }
        Err(Status::new(Code::Unavailable, "the registry ends"))
    }
}

/// Returns the namespace of the caller, unless it is the one without a prefix.
fn namespace(call: &Call) -> Option<&str> {
    call.metadata().get("Micro-Namespace").filter(|namespace| !namespace.is_empty() && *namespace != NAMESPACE_DEFAULT)
}

fn with_namespace(service: Service, call: &Call) -> Service {
    match namespace(call) {
        Some(namespace) => Service { name: format!("{namespace}/{}", service.name), ..service },
        None => service,
    }
}

fn without_namespace(service: &Service) -> wire::Service {
    let mut record = to_wire(service);
    if let Some((_, name)) = service.name.rsplit_once('/') {
        name.clone_into(&mut record.name);
    }
    record
}

fn is_visible(service: &Service, call: &Call) -> bool {
    match service.name.split_once('/') {
        None => true,
        Some((prefix, _)) => prefix == namespace(call).unwrap_or(NAMESPACE_DEFAULT),
    }
}
