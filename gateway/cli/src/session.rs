//! What commands work with that speak to services: the registry, a client and a runtime of their own, as flags and
//! variables say.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use mesh::{Client, Protocol, Selector, Via};
use mesh_registry::{Kind, Registry, nearby, open};

use crate::arguments::Invocation;
use crate::environments::{self, Way};
use crate::exit::Exit;
use crate::kinds::{self, Refusal};
use crate::output::say;

/// A registry and a client that asks it.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// The command, for its flags and variables.
    pub(crate) invocation: &'a Invocation,
    /// Where services are found and registered.
    pub(crate) registry: Arc<dyn Registry>,
    /// What calls them.
    pub(crate) client: Client,
}

/// Why a command failed, in one text. It is written to standard error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    /// Returns a failure with the text of an error.
    pub(crate) fn of(error: &impl ToString) -> Self {
        Self(error.to_string())
    }
}

/// Runs a command that speaks to services, and prints what it returns, if that is anything.
pub(crate) fn run<'a, F>(invocation: &'a Invocation, work: impl FnOnce(Session<'a>) -> F) -> Exit
where
    F: Future<Output = Result<String, Failure>>,
{
    if let Err(Refusal { text, exit }) = kinds::check(invocation) {
        invocation.fail(&text);
        return exit;
    }
    let result = block_on(async {
        let session = Session::open(invocation).await?;
        work(session).await
    });
    match result {
        Ok(text) => {
            if !text.is_empty() {
                say(&format!("{text}\n"));
            }
            Exit::Done
        }
        Err(failure) => invocation.fail(&failure.to_string()),
    }
}

/// Runs a future on a small runtime of its own.
///
/// # Errors
/// Those of the future, and when the system gives no runtime.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure(format!("starting the runtime: {error}")))?;
    let result = runtime.block_on(work);
    // A read of standard input, or a look-up of a host name, that hangs must not hold up the end.
    runtime.shutdown_background();
    result
}

impl<'a> Session<'a> {
    /// Opens what the command is told to use. Nothing is asked yet, save whether a registry answers nearby where none is
    /// named.
    ///
    /// # Errors
    /// In the words of Micro v2, when a kind is unknown or a value is none.
    pub(crate) async fn open(invocation: &'a Invocation) -> Result<Self, Failure> {
        let way = environments::way(invocation)?;
        let options = options(invocation, &way)?;
        let registry = registry(invocation, &way).await?;
        let client = Client::new(Arc::clone(&registry), options);
        Ok(Self { invocation, registry, client })
    }
}

impl Session<'_> {
    /// Returns the session with calls that take another way.
    pub(crate) fn with_via(self, via: Via) -> Self {
        Self { client: self.client.with_via(via), ..self }
    }
}

/// Opens the registry that flags and variables name, else that of the environment; without any the network is asked and
/// what answers nearby.
async fn registry(invocation: &Invocation, way: &Way) -> Result<Arc<dyn Registry>, Failure> {
    let Some(name) = invocation.setting("registry") else {
        return match &way.registry {
            Some(address) => open(Kind::Service, std::slice::from_ref(address)).map_err(|error| Failure::of(&error)),
            None => Ok(nearby().await),
        };
    };
    let kind = name.parse::<Kind>().map_err(|error| Failure::of(&error))?;
    let addresses = invocation.setting("registry_address").unwrap_or_default().split(',').map(str::trim);
    let addresses: Vec<String> = addresses.filter(|address| !address.is_empty()).map(str::to_owned).collect();
    open(kind, &addresses).map_err(|error| Failure::of(&error))
}

fn options(invocation: &Invocation, way: &Way) -> Result<mesh::Options, Failure> {
    let mut options = mesh::Options::default();
    match invocation.setting("selector") {
        Some("dns") => options.selector = Selector::Dns,
        Some("static") => options.selector = Selector::Static,
        Some("roundrobin") => options.selector = Selector::Registry(mesh::Strategy::RoundRobin),
        Some("router") => return Err(Failure("not built yet: selector router".to_owned())),
        _ => {}
    }
    // Others are silently gRPC, as in Micro v2.
    options.protocol = invocation.setting("client").and_then(Protocol::named).unwrap_or_default();
    if let Some(retries) = invocation.setting("client_retries") {
        // Less than none is the default, as in Micro v2.
        let wrong = || Failure(format!("failed to parse client_retries: {retries}"));
        let number = retries.parse::<i64>().map_err(|_| wrong())?;
        options.retries = u32::try_from(number).unwrap_or(options.retries);
    }
    if let Some(size) = invocation.setting("client_pool_size").and_then(|size| size.parse().ok()) {
        options.pool_size = size;
    }
    for (flag, time) in
        [("client_request_timeout", &mut options.request_timeout), ("client_pool_ttl", &mut options.pool_ttl)]
    {
        if let Some(text) = invocation.setting(flag) {
            *time = duration(text).ok_or_else(|| Failure(format!("failed to parse {flag}: {text}")))?;
        }
    }
    let variable = |name: &str| invocation.variables.get(name).filter(|value| !value.is_empty()).cloned();
    options.via = Via {
        proxy: variable("MICRO_PROXY").or_else(|| way.proxy.clone()),
        network: variable("MICRO_NETWORK"),
        network_address: variable("MICRO_NETWORK_ADDRESS"),
    };
    Ok(options)
}

/// Reads a duration such as `300ms`, `10s` or `1m30s`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    text.parse::<config_schema::value::Duration>().ok().map(|duration| duration.0)
}
