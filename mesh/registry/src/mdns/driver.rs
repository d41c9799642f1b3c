//! The task between the core and its sockets.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::core::{Core, Output, Subject, Ticket};
use super::sockets::{Datagram, Sockets};
use super::{MDNS, unavailable};
use crate::model::Service;
use crate::registry::{Change, Event, RegisterError, RegisterOptions, Unavailable};

/// How often the interfaces of this host are looked at.
const REFRESH: Duration = Duration::from_secs(10);
/// How many datagrams are taken in before what follows from them is done.
const DATAGRAMS_MAX: usize = 64;
/// How long nothing is due when the core waits for nothing.
const IDLE: Duration = Duration::from_hours(1);

/// What a handle asks for. Whoever does not wait for the answer any more is not told.
#[derive(Debug)]
pub(super) enum Command {
    Register { service: Service, options: RegisterOptions, answer: oneshot::Sender<Result<(), RegisterError>> },
    Renew { service: String, node: String, answer: oneshot::Sender<bool> },
    Deregister { service: Service, answer: oneshot::Sender<bool> },
    Find { subject: Subject, answer: oneshot::Sender<Result<Vec<Service>, Unavailable>> },
    Watch { answer: oneshot::Sender<Watching> },
    Suspect { service: String },
}

/// What a watch begins with: everything, and what changes from then on.
#[derive(Debug)]
pub(super) struct Watching {
    pub(super) services: Vec<Service>,
    /// Whether the network can be reached.
    pub(super) is_fresh: bool,
    pub(super) events: broadcast::Receiver<Event>,
}

/// Who waits for a look-up.
#[derive(Debug)]
enum Waiting {
    Find(oneshot::Sender<Result<Vec<Service>, Unavailable>>),
    Watch(oneshot::Sender<Watching>),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Driver {
    core: Core,
    sockets: Sockets,
    heard: mpsc::Receiver<Datagram>,
    commands: mpsc::Receiver<Command>,
    events: broadcast::Sender<Event>,
    waiting: BTreeMap<Ticket, Waiting>,
}

impl Driver {
    pub(super) fn new(
        core: Core,
        sockets: Sockets,
        heard: mpsc::Receiver<Datagram>,
        commands: mpsc::Receiver<Command>,
        events: broadcast::Sender<Event>,
    ) -> Driver {
        Driver { core, sockets, heard, commands, events, waiting: BTreeMap::new() }
    }

    /// Goes on until no handle is left.
    pub(super) async fn run(mut self) {
        let mut refresh = interval(REFRESH);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        refresh.tick().await; // the first is at once, and they were just looked at
        loop {
            let due = self.core.next().unwrap_or_else(|| Instant::now() + IDLE);
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                Some(datagram) = self.heard.recv() => self.hear(datagram),
                () = sleep_until(due) => self.core.tick(Instant::now()),
                _ = refresh.tick() => self.refresh(),
            }
            self.flush();
        }
    }

    fn refresh(&mut self) {
        self.sockets.refresh();
        self.core.move_to(self.sockets.advertised(), Instant::now());
    }

    fn hear(&mut self, first: Datagram) {
        let now = Instant::now();
        let mut next = Some(first);
        for _ in 0..DATAGRAMS_MAX {
            let Some(Datagram { bytes, source }) = next else { break };
            self.core.receive(&bytes, source, now);
            next = self.heard.try_recv().ok();
        }
        if let Some(Datagram { bytes, source }) = next {
            self.core.receive(&bytes, source, now);
        }
    }

    fn obey(&mut self, command: Command) {
        let now = Instant::now();
        match command {
            Command::Register { service, options, answer } => {
                let result = if self.sockets.are_listening() {
                    self.core.register(&service, options.ttl, now)
                } else {
                    Err(unavailable("port 5353 could not be opened").into())
                };
                reply(answer, result);
            }
            Command::Renew { service, node, answer } => reply(answer, self.core.renew(&service, &node, now)),
            Command::Deregister { service, answer } => {
                let found = self.core.deregister(&service);
                self.flush(); // whoever waits may end the process next
                reply(answer, found);
            }
            Command::Find { subject, answer } => {
                let ticket = self.core.look_up(subject, now);
                self.waiting.insert(ticket, Waiting::Find(answer));
            }
            Command::Watch { answer } => {
                let ticket = self.core.look_up(Subject::List, now);
                self.waiting.insert(ticket, Waiting::Watch(answer));
            }
            Command::Suspect { service } => self.core.suspect(&service, now),
        }
        self.core.tick(now); // what is due by now goes out with the command
    }

    /// Does everything that comes out of the core.
    fn flush(&mut self) {
        while let Some(output) = self.core.poll() {
            match output {
                Output::Ask { packet, about } => {
                    if self.sockets.ask(&packet) {
                        self.core.sent();
                    } else {
                        self.core.unsent(&about, Instant::now());
                    }
                }
                Output::Announce { packet } => {
                    if !self.sockets.announce(&packet) {
                        tracing::debug!("an announcement was not sent over any interface");
                    }
                }
                Output::Reply { packet, to } => self.sockets.reply(&packet, to),
                Output::Change(change) => self.tell(change),
                Output::Found { ticket, services } => self.answer(ticket, services),
                Output::Complaint(complaint) => {
                    let (source, slip) = (complaint.source, &complaint.slip as &dyn std::error::Error);
                    let reason = std::iter::successors(Some(slip), |error| error.source())
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(": ");
                    tracing::warn!(%source, reason, "something on mdns was skipped; more of its kind is not logged");
                }
            }
        }
    }

    fn tell(&self, change: Change) {
        // Nobody may be watching.
        drop(self.events.send(Event { origin: MDNS, change }));
    }

    fn answer(&mut self, ticket: Ticket, services: Option<Vec<Service>>) {
        match self.waiting.remove(&ticket) {
            Some(Waiting::Find(answer)) => {
                let services = services.ok_or_else(|| unavailable("no interface takes packets for its group"));
                reply(answer, services);
            }
            Some(Waiting::Watch(answer)) => {
                let (services, events) = (services.unwrap_or_default(), self.events.subscribe());
                reply(answer, Watching { services, is_fresh: self.core.is_reachable(), events });
            }
            None => {}
        }
    }
}

/// Answers a command; whoever does not wait any more needs no answer.
fn reply<T>(answer: oneshot::Sender<T>, value: T) {
    if answer.send(value).is_err() {
        tracing::trace!("nobody waits for an answer of mdns");
    }
}
