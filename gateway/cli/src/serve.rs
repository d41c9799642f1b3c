//! A command that serves, from its document to its end.
//!
//! This thread runs the control plane, on a runtime of its own; workers and the admin API have their own threads. Every
//! task has an owner here: [`Tasks`] ends them all.

mod announce;
mod brokers;
mod discovery;
mod embedded;
mod followers;
mod greeter;
pub(crate) mod member;
mod names;
mod registries;
mod signals;
mod sockets;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config_schema::{Preset, Report};
use gateway::{Gateway, Outcome, Reloader, watch_files};
use gateway_admin::Subject;
use mesh::Node;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::VERSION;
use crate::arguments::Invocation;
use crate::document::Origin;
use crate::exit::Exit;
use crate::logging::Logging;
use crate::output::{complain, complain_error, complain_report};
use brokers::Served;
use discovery::Discovery;
use embedded::Embedded;
use followers::Followers;
use member::Members;
use registries::Registries;
use signals::HangUps;
pub(crate) use signals::Signals;

/// How long registries may take to hear that this process leaves, before it stops to serve.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

/// The services of the manual that `micro server` does not have yet (spec/toolkit 2.2).
const ABSENT: &str = "api, auth, bot, broker, config, debug, network, proxy, router, runtime, store, web";

/// Why a command that serves ends early.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// The document cannot be put in force.
    #[error("the configuration is invalid")]
    Invalid(Arc<Report>),
    /// Something that every configuration needs is missing.
    #[error("{0} failed")]
    Failed(&'static str, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// A task that runs for as long as the process does has ended.
    #[error("a part of the control plane has ended")]
    Ended(#[source] Option<JoinError>),
}

/// Runs a gateway until it is told to end.
pub(crate) fn run(invocation: &Invocation) -> Exit {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain_error(&Stop::Failed("starting the control plane", error.into()));
            return Exit::Failed;
        }
    };
    let exit = runtime.block_on(serve(invocation)).unwrap_or_else(|stop| say(&stop));
    // A look-up of a host name that hangs in the system must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    exit
}

fn say(stop: &Stop) -> Exit {
    match stop {
        Stop::Invalid(report) => {
            complain_report(report);
            Exit::Invalid
        }
        Stop::Failed(..) | Stop::Ended(_) => {
            complain_error(stop);
            Exit::Failed
        }
    }
}

/// The story of a process: read, start both planes, put the document in force, say where it listens, follow what
/// changes, and end in order.
async fn serve(invocation: &Invocation) -> Result<Exit, Stop> {
    let started = Instant::now();
    let origin = Arc::new(Origin::of_settings(invocation.preset, &invocation.settings, &invocation.variables));
    // Read before anything is started, so that a slip in it costs nothing and is reported alone.
    let first = origin.compile().map_err(|report| Stop::Invalid(Arc::new(report)))?;
    let logging = Logging::start(first.loaded.document.telemetry.log);
    let given: Vec<&str> = invocation.settings.iter().map(|setting| setting.by.name()).collect(); // values may be secret
    tracing::debug!(command = invocation.preset.name(), files = ?origin.names(), ?given, "the document is read");
    let mut signals = Signals::listen().map_err(|error| Stop::Failed("listening for signals", error.into()))?;

    let end = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (gateway, control) = Gateway::new().map_err(|error| Stop::Failed("starting the gateway", error.into()))?;
    tasks.spawn(control.run());
    let (embedded, registrations) = Embedded::start(&mut tasks, end.clone());
    let registries = Registries::new(embedded.clone(), state_folder(&invocation.variables));
    tasks.spawn(gateway.follow(Box::new(Discovery::of(registries.in_use()))));

    let served = Served::start(&mut tasks, end.clone());
    let followers = Arc::new(Followers::new(logging, registries.clone(), served, invocation.variables.clone()));
    if let Some(publications) = gateway.publications() {
        tasks.spawn(brokers::publish(publications, followers.brokers()));
    }
    tasks.spawn(brokers::publish_registrations(registrations, followers.brokers()));
    let reloader = reloader(&gateway, &origin, &followers);
    followers
        .start_admin(subject(&gateway, &reloader, &followers, started))
        .map_err(|error| Stop::Failed("starting the admin API", error.into()))?;
    let hang_ups = signals.hang_ups();
    let living = async {
        let members = make_ready(invocation, &gateway, &reloader, &followers, &registries).await?;
        tokio::select! {
            () = signals.end() => Ok(members),
            Some(task) = tasks.join_next() => Err(Stop::Ended(task.err())),
        }
    };
    let members = tokio::select! {
        biased; // files are watched before they are read, so that no change is missed
        () = follow(&origin, &reloader, hang_ups) => Err(Stop::Ended(None)),
        ended = living => ended,
    }?;

    let exit = shut_down(&gateway, members, followers.drain_timeout(), &mut signals).await;
    if exit == Exit::Done {
        followers.stop();
        end.cancel();
        embedded.ended().await; // after the exchanges it is in; what is left only waits for what comes no more
    }
    tasks.shutdown().await;
    Ok(exit)
}

/// Where what outlives the process is kept: `$XDG_STATE_HOME/micro` (design 12).
fn state_folder(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    let named = |name: &str| variables.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let folder = named("XDG_STATE_HOME").filter(|path| path.is_absolute());
    Some(folder.or_else(|| named("HOME").map(|home| home.join(".local/state")))?.join("micro"))
}

/// Puts the first document in force, and says where everything listens. This process is a service by then, and the demo
/// has its greeter.
async fn make_ready(
    invocation: &Invocation,
    gateway: &Gateway,
    reloader: &Reloader,
    followers: &Followers,
    registries: &Registries,
) -> Result<Members, Stop> {
    put_in_force(reloader).await?;
    let registry = followers.registry_addresses().first().copied();
    let broker = followers.broker_addresses().first().copied();
    let joined = member::join(invocation, registries, registry, broker).await;
    let mut members = joined.map_err(|error| Stop::Failed("starting the RPC server", error.into()))?;
    let is_demo = invocation.preset == Preset::Demo;
    if is_demo {
        members.nodes.push(greet(registries, gateway).await?);
    }
    let is_gateway = matches!(invocation.preset, Preset::Gateway | Preset::Api | Preset::Demo);
    if is_gateway && gateway.published().snapshot().listeners.is_empty() {
        tracing::warn!("the document has no listeners: nothing is served; name a document with --config");
    }
    if invocation.preset == Preset::Api && followers.reflects_origins() {
        tracing::warn!(
            "web pages of any origin may call, with credentials, as in Micro v2: list those that may as \
             policies.api.cors.origins, or start with --enable_cors=false"
        );
    }
    if invocation.preset == Preset::Server {
        tracing::warn!(absent = ABSENT, "some services of the manual are not part of `micro server` yet");
    }
    announce::ready(gateway, followers, is_demo, invocation.output).await;
    Ok(members)
}

/// Files, SIGHUP and `POST /reload` all end here, one at a time: read, compile, open what is new, apply, let the rest
/// follow.
fn reloader(gateway: &Gateway, origin: &Arc<Origin>, followers: &Arc<Followers>) -> Arc<Reloader> {
    let (origin, preparing, following) = (Arc::clone(origin), Arc::clone(followers), Arc::clone(followers));
    let load = move || {
        let compiled = origin.compile()?;
        preparing.prepare(&compiled)?;
        Ok(compiled)
    };
    let in_force = move |loaded: &Arc<config_schema::Loaded>| following.follow(loaded);
    Arc::new(Reloader::new(gateway.clone(), Arc::new(load), Arc::new(in_force)))
}

fn subject(gateway: &Gateway, reloader: &Arc<Reloader>, followers: &Followers, started: Instant) -> Subject {
    Subject {
        version: VERSION,
        started,
        gateway: gateway.clone(),
        reloader: Arc::clone(reloader),
        document: followers.document(),
        access: followers.access(),
    }
}

async fn put_in_force(reloader: &Reloader) -> Result<(), Stop> {
    match reloader.reload("start").await.outcome {
        Outcome::Applied(_, warnings) => {
            complain_report(&warnings);
            Ok(())
        }
        Outcome::Unchanged(_) => Ok(()),
        Outcome::Refused(report) => Err(Stop::Invalid(report)),
        Outcome::Failed(error) => Err(Stop::Failed("putting the configuration in force", error.into())),
    }
}

async fn greet(registries: &Registries, gateway: &Gateway) -> Result<Node, Stop> {
    let failed = |error| Stop::Failed("starting the greeter", error);
    let greeter = greeter::start(&registries.joined()).await.map_err(|error| failed(error.into()))?;
    greeter::is_known_to(gateway).await.map_err(|error| failed(error.into()))?;
    Ok(greeter)
}

/// Reloads whenever a file changes or SIGHUP comes, for as long as it is polled.
async fn follow(origin: &Origin, reloader: &Reloader, mut hang_ups: HangUps) {
    let files: Vec<PathBuf> = origin.files().map(Into::into).collect();
    let watching = async {
        if !files.is_empty()
            && let Err(error) = watch_files(&files, reloader).await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "files are not watched: reload with `micro reload` or SIGHUP"
            );
        }
    };
    let called = async {
        loop {
            hang_ups.next().await;
            reloader.reload("signal").await;
        }
    };
    tokio::join!(watching, called);
}

/// The end in order: this process leaves the registries, readiness goes off, what goes on may finish. A second signal
/// cuts it.
async fn shut_down(gateway: &Gateway, mut members: Members, limit: Duration, signals: &mut Signals) -> Exit {
    tracing::info!(?limit, "shutting down: requests that go on may finish");
    let orderly = async {
        if timeout(LEAVE_TIMEOUT, members.leave()).await.is_err() {
            tracing::warn!("a registry did not hear in time that this process leaves: its registration expires");
        }
        tokio::join!(gateway.drain(limit), members.stop())
    };
    tokio::select! {
        _ = orderly => {
            tracing::info!("ended");
            Exit::Done
        }
        () = signals.end() => {
            complain("cut by a second signal\n");
            Exit::Failed
        }
    }
}
