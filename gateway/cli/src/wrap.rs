//! `micro service`: any program as a service, from flags and variables to its end.

use std::ffi::OsString;
use std::time::Duration;

use config_schema::document::Log;
use mesh::Identity;
use mesh_registry::Lease;
use mesh_service::{Endpoint, Wrapped};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::arguments::Invocation;
use crate::exit::Exit;
use crate::logging::Logging;
use crate::output::complain_error;
use crate::serve::Signals;
use crate::serve::member::{self, JoinError};
use crate::session::{Failure, Session};

/// Where calls come in unless told otherwise: at all addresses.
const ADDRESS: &str = ":0";

/// Why a service does not run.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("--endpoint")]
    Endpoint(#[from] mesh_service::EndpointError),
    #[error(transparent)]
    Identity(#[from] JoinError),
    #[error(transparent)]
    Registry(#[from] Failure),
    #[error("--address: {address} cannot be bound")]
    Bind {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Run(#[from] mesh_service::RunError),
    #[error("{0}")]
    System(&'static str, #[source] std::io::Error),
}

/// Runs a service until it is told to end, or its command has ended: then with the code of that.
pub(crate) fn run(invocation: &Invocation) -> Exit {
    let _logging = Logging::start(log(invocation));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain_error(&Stop::System("starting the runtime", error));
            return Exit::Failed;
        }
    };
    let ended = runtime.block_on(wrap(invocation));
    // A look-up of a host name that hangs in the system must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match ended {
        Ok(code) => Exit::Code(u8::try_from(code).unwrap_or(1)),
        Err(stop) => {
            complain_error(&stop);
            Exit::Failed
        }
    }
}

async fn wrap(invocation: &Invocation) -> Result<i32, Stop> {
    let values = &invocation.values;
    let endpoint: Endpoint = values.text("endpoint").unwrap_or(Endpoint::DEFAULT).parse()?;
    let identity = identity(invocation)?;
    let mut signals = Signals::listen().map_err(|error| Stop::System("listening for signals", error))?;
    let registry = Session::open(invocation).await?.registry;
    let address = values.given("address").or_else(|| invocation.setting("server_address")).unwrap_or(ADDRESS);
    let bind = mesh::bind(address).await;
    let listener = bind.map_err(|source| Stop::Bind { address: address.to_owned(), source })?;
    let command = invocation.words().iter().map(OsString::from).collect();
    let restart = values.text("restart") != Some("never");
    let wrapped = Wrapped { identity, listener, endpoint, command, restart };

    let (_registries, registries) = watch::channel(vec![registry]);
    let end = CancellationToken::new();
    let running = mesh_service::run(wrapped, registries, end.clone());
    let mut running = std::pin::pin!(running);
    tokio::select! {
        ended = running.as_mut() => return Ok(ended?),
        () = signals.end() => end.cancel(),
    }
    tokio::select! {
        ended = running => Ok(ended?),
        // In a hurry: what is under way is dropped, and the command killed.
        () = signals.end() => Ok(1),
    }
}

/// The name and the labels of a command's own flags come before those of all commands.
fn identity(invocation: &Invocation) -> Result<Identity, Stop> {
    let values = &invocation.values;
    let mut identity = member::identity(invocation, values.text("name").unwrap_or("service"))?;
    if let Some(name) = values.given("name") {
        name.clone_into(&mut identity.name);
    }
    identity.metadata.extend(values.all("metadata").iter().flat_map(|pair| Identity::labels(pair)));
    // A registration that ended before it is renewed would come and go.
    let Lease { ttl, interval } = identity.lease;
    identity.lease.interval = ttl.map_or(interval, |ttl| interval.min(ttl / 2));
    Ok(identity)
}

/// What is logged. Words that mean nothing are as if they were not there, as in Micro v2.
fn log(invocation: &Invocation) -> Log {
    let Log { level, format } = Log::default();
    let word = |flag: &str| invocation.setting(flag).map(|text| serde_json::Value::from(text.to_lowercase()));
    let given = (word("log_level").map(serde_json::from_value), word("log_format").map(serde_json::from_value));
    Log { level: given.0.and_then(Result::ok).unwrap_or(level), format: given.1.and_then(Result::ok).unwrap_or(format) }
}
