//! What the registry holds, on the command line: `list services`, `get service`, `register service`, `deregister
//! service`. Piped, they print what Micro v2 prints; on a terminal the columns stand below one another.

mod definition;
mod described;
mod snake_case;

use std::collections::BTreeSet;
use std::io::IsTerminal;

use mesh_registry::{
    DeregisterError, GetError, ListError, Origin, RegisterError, RegisterOptions, Service, Unavailable,
};
use serde_json::json;

use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::output::{Output, complain, json_text};
use crate::session::{self, Failure, Session};

/// `micro list services`: every name once, sorted by its bytes.
pub(crate) fn list_services(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session: Session<'_>| {
        let services = session.registry.list().await.map_err(|ListError::Unavailable(error)| unavailable(&error))?;
        let names: BTreeSet<&str> = services.iter().map(|service| service.name.as_str()).collect();
        Ok(match session.invocation.output {
            Output::Json => json_text(&json!(names)),
            Output::Text => names.into_iter().collect::<Vec<_>>().join("\n"),
        })
    })
}

/// `micro get service NAME`.
pub(crate) fn get_service(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session: Session<'_>| {
        let name = session.invocation.words().first().map_or("", String::as_str);
        let versions = versions(&session, name).await?;
        Ok(match session.invocation.output {
            Output::Json => json_text(&json!(versions)),
            Output::Text => described::of(&versions, std::io::stdout().is_terminal()),
        })
    })
}

/// Returns the versions of a service, or what Micro v2 says where there is none.
pub(crate) async fn versions(session: &Session<'_>, name: &str) -> Result<Vec<Service>, Failure> {
    session.registry.get(name).await.map_err(|error| match error {
        GetError::Unavailable(error) => unavailable(&error),
        GetError::UnknownService { .. } => not_found(&session.registry.origin()),
    })
}

/// `micro register service JSON…`. No time to live is sent: the record stays until somebody takes it away.
pub(crate) fn register_service(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session: Session<'_>| {
        let service = definition::of_words(session.invocation.words())?;
        let told = told(session.invocation, &service);
        let result = session.registry.register(service, RegisterOptions::default()).await;
        result.map_err(|error| match error {
            RegisterError::Unavailable(error) => unavailable(&error),
            error @ (RegisterError::Invalid(_) | RegisterError::Full { .. }) => Failure::of(&error),
        })?;
        Ok(told)
    })
}

/// `micro deregister service JSON…`. What is not there is gone as well.
pub(crate) fn deregister_service(invocation: &Invocation) -> Exit {
    session::run(invocation, async |session: Session<'_>| {
        let service = definition::of_words(session.invocation.words())?;
        let told = told(session.invocation, &service);
        match session.registry.deregister(&service).await {
            Ok(()) | Err(DeregisterError::UnknownNode { .. }) => Ok(told),
            Err(DeregisterError::Unavailable(error)) => Err(unavailable(&error)),
            Err(error @ DeregisterError::Invalid(_)) => Err(Failure::of(&error)),
        }
    })
}

/// What is said when it is done.
fn told(invocation: &Invocation, service: &Service) -> String {
    match invocation.output {
        Output::Text => "ok".to_owned(),
        Output::Json => {
            let nodes: Vec<&str> = service.nodes.iter().map(|node| node.id.as_str()).collect();
            json_text(&json!({ "service": service.name, "nodes": nodes }))
        }
    }
}

/// The network says it with a capital letter.
fn not_found(origin: &Origin) -> Failure {
    let text = if *origin == Origin::ETCD || *origin == Origin::MEMORY || *origin == Origin::SERVICE {
        "service not found"
    } else {
        "Service not found"
    };
    Failure(text.to_owned())
}

/// In the words of Micro v2: a remote registry's error object; of etcd, that the time was up. What it really was
/// goes to standard error.
fn unavailable(error: &Unavailable) -> Failure {
    if let Some(error) = error.rpc_error() {
        return Failure::of(error);
    }
    if error.origin == Origin::ETCD {
        complain(&format!("{error}\n"));
        return Failure("context deadline exceeded".to_owned());
    }
    Failure::of(error)
}
