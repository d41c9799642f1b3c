//! The protocol, without a socket, a clock or a source of chance.
//!
//! Goes in: packets, calls, and the time. Comes out: packets to send, changes to tell, answers to calls, lines for the
//! log ([`Output`]). The caller polls what comes out after everything that it puts in, and calls [`Core::tick`] when
//! [`Core::next`] has come.

mod publish;
mod respond;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Query};
use hickory_proto::rr::RecordType;
use tokio::time::Instant;

use self::publish::Registration;
use super::advert::{Advert, Host};
use super::complaint::{Complaint, Complaints, Slip};
use super::heard::Heard;
use super::name;
use super::packet::{self, Names};
use super::round::{INTERVAL, Round};
use super::table::{Limits, Put, Table};
use crate::model::Service;
use crate::registry::Change;

/// How many questions are sent at once, and how soon the next may follow.
const QUESTIONS_MAX: usize = 32;
const QUESTIONS_PAUSE: Duration = Duration::from_millis(10);
/// How long a look-up waits at most; one service takes 0.1 s if it answers, and 0.6 s if it does not.
const LOOK_UP_MAX: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Core {
    host: Host,
    random: fastrand::Rng,
    table: Table,
    /// The question for the list of services. It is asked from the first look-up of all on.
    list: Round,
    own: BTreeMap<(String, String), Registration>,
    lists: BTreeMap<String, Advert>,
    timers: BTreeSet<(Instant, Timer)>,
    look_ups: BTreeMap<Ticket, LookUp>,
    tickets: u64,
    /// Whether the last question could be sent.
    is_reachable: bool,
    complaints: Complaints,
    outputs: VecDeque<Output>,
}

/// What comes out.
#[derive(Debug)]
pub(super) enum Output {
    /// A question for the group, sent from a port of its own to which the answers come. The caller then says
    /// [`Core::sent`] or [`Core::unsent`].
    Ask { packet: Vec<u8>, about: Subject },
    /// A packet for the group, sent from the port of mdns.
    Announce { packet: Vec<u8> },
    /// A packet for one asker, sent from the port of mdns.
    Reply { packet: Vec<u8>, to: SocketAddr },
    /// Something for those who watch.
    Change(Change),
    /// A look-up has ended: what was found, nothing where nobody could be asked and nothing is known.
    Found { ticket: Ticket, services: Option<Vec<Service>> },
    /// Something for the log.
    Complaint(Complaint),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// All services.
    List,
    /// The nodes of one.
    Service(String),
}

/// Names a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

#[derive(Debug)]
struct LookUp {
    subject: Subject,
    until: Instant,
}

/// In the order in which they are handled when they come together: answers are looked at before the next question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Judge(Subject),
    Ask(Subject),
    Announce(String, String),
    Lease(String, String),
    LookUp(Ticket),
}

impl Core {
    pub(super) fn new(host: Host, limits: Limits, seed: u64) -> Core {
        Core {
            host,
            random: fastrand::Rng::with_seed(seed),
            table: Table::new(limits),
            list: Round::default(),
            own: BTreeMap::new(),
            lists: BTreeMap::new(),
            timers: BTreeSet::new(),
            look_ups: BTreeMap::new(),
            tickets: 0,
            is_reachable: true,
            complaints: Complaints::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Looks for the nodes of a service, or for everything. The answer comes out with the ticket. A service that is
    /// known is answered from the table.
    pub(super) fn look_up(&mut self, subject: Subject, now: Instant) -> Ticket {
        match &subject {
            Subject::List => self.list.begin(now),
            Subject::Service(service) => {
                // One that fits into no name is nobody's, and where there is no room it is not known.
                if name::check(service, "node").is_ok() {
                    self.table.begin(service, now);
                }
            }
        }
        self.schedule(&subject);
        self.tickets += 1;
        let (ticket, until) = (Ticket(self.tickets), now + LOOK_UP_MAX);
        self.look_ups.insert(ticket, LookUp { subject, until });
        self.timers.insert((until, Timer::LookUp(ticket)));
        self.answer_look_ups(now);
        ticket
    }

    /// Asks for a service at once: a connection to one of its nodes was refused.
    pub(super) fn suspect(&mut self, service: &str, now: Instant) {
        if let Some(round) = self.table.round(service) {
            round.suspect(now);
            self.schedule(&Subject::Service(service.to_owned()));
        }
    }

    /// Returns whether the last question could be sent.
    pub(super) fn is_reachable(&self) -> bool {
        self.is_reachable
    }

    /// Moves this host to another address: nodes that listen on all addresses are announced anew.
    pub(super) fn move_to(&mut self, address: IpAddr, now: Instant) {
        if self.host.address != address {
            self.host.address = address;
            self.announce_moved(now);
        }
    }

    /// Takes a packet that came from there.
    pub(super) fn receive(&mut self, bytes: &[u8], source: SocketAddr, now: Instant) {
        match packet::decode(bytes) {
            Ok(message) if message.metadata.message_type == MessageType::Query => self.respond(&message, source),
            Ok(message) => self.hear(message, source.ip(), now),
            Err(error) if name::is_meant(bytes) => self.complain(source.ip(), Slip::Packet(error), now),
            Err(_) => {} // others speak on this port too
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
        let mut questions = 0;
        while let Some((at, timer)) = self.timers.first().cloned()
            && at <= now
        {
            self.timers.pop_first();
            match timer {
                Timer::Judge(subject) => self.judge(&subject, at),
                Timer::Ask(subject) => self.ask(&subject, at, now, &mut questions),
                Timer::Announce(service, node) => self.announce(&service, &node, at, now),
                Timer::Lease(service, node) => self.expire(&service, &node, at),
                Timer::LookUp(_) => {}
            }
        }
        self.answer_look_ups(now);
    }

    /// Returns when [`Core::tick`] is to be called.
    pub(super) fn next(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Returns what comes out next.
    pub(super) fn poll(&mut self) -> Option<Output> {
        self.tell();
        self.outputs.pop_front()
    }

    /// Says that a question was sent.
    pub(super) fn sent(&mut self) {
        if !std::mem::replace(&mut self.is_reachable, true) {
            self.tell();
            self.outputs.push_back(Output::Change(Change::Resync(self.table.services())));
        }
    }

    /// Says that a question could not be sent, over no interface. Then silence says nothing about anybody.
    pub(super) fn unsent(&mut self, about: &Subject, now: Instant) {
        if std::mem::replace(&mut self.is_reachable, false) {
            self.tell();
            self.outputs.push_back(Output::Change(Change::Stale));
        }
        match about {
            Subject::List => self.list.unsent(now),
            Subject::Service(service) => self.table.unsent(service, now),
        }
        self.schedule(about);
        self.answer_look_ups(now);
    }

    fn hear(&mut self, message: Message, source: IpAddr, now: Instant) {
        let Heard { present, gone, listed, slips } = Heard::read(message);
        let follows = self.list.is_asked();
        if follows && !listed.is_empty() {
            let interval = self.interval();
            self.list.hear(interval);
            self.schedule(&Subject::List);
        }
        for service in listed {
            if follows && !self.table.is_asked(&service) {
                self.begin(&service, source, now);
            }
        }
        for service in present {
            let subject = Subject::Service(service.name.clone());
            if follows && !self.table.is_asked(&service.name) {
                self.begin(&service.name, source, now);
            }
            if self.table.is_asked(&service.name) {
                let interval = self.interval();
                if self.table.hear(service, source, interval) == Put::Full {
                    self.complain(source, Slip::Full { max: self.table.limits().nodes }, now);
                }
                self.schedule(&subject);
            }
        }
        for (service, node) in gone {
            self.table.part(&service, &node);
        }
        for slip in slips {
            self.complain(source, slip, now);
        }
    }

    fn begin(&mut self, service: &str, source: IpAddr, now: Instant) {
        if self.table.begin(service, now) {
            self.schedule(&Subject::Service(service.to_owned()));
        } else {
            self.complain(source, Slip::Full { max: self.table.limits().services }, now);
        }
    }

    fn judge(&mut self, subject: &Subject, at: Instant) {
        if self.round(subject).and_then(|round| round.judged()) != Some(at) {
            return; // it was asked again since
        }
        let interval = self.interval();
        match subject {
            Subject::List => self.list.judge(true, interval),
            Subject::Service(service) => self.table.judge(service, interval),
        }
        self.schedule(subject);
    }

    fn ask(&mut self, subject: &Subject, at: Instant, now: Instant, questions: &mut usize) {
        let Some(round) = self.round(subject).filter(|round| round.due() == Some(at)) else { return };
        if *questions >= QUESTIONS_MAX {
            round.put_off(now + QUESTIONS_PAUSE);
            self.schedule(subject);
            return;
        }
        *questions += 1;
        let interval = self.interval();
        let asked = match subject {
            Subject::List => {
                self.list.ask(now, !self.list.is_settled(), interval);
                name::LIST.to_owned()
            }
            Subject::Service(service) => {
                self.table.ask(service, now, interval);
                name::of_service(service)
            }
        };
        self.schedule(subject);
        if let Some(packet) = self.question(&asked) {
            self.outputs.push_back(Output::Ask { packet, about: subject.clone() });
        }
    }

    fn question(&mut self, asked: &str) -> Option<Vec<u8>> {
        let mut message = Message::query();
        message.metadata.id = self.random.u16(..);
        message.metadata.recursion_desired = false;
        message.queries = vec![Query::query(name::to_wire(asked)?, RecordType::PTR)];
        packet::encode(&message, Names::Short)
    }

    fn round(&mut self, subject: &Subject) -> Option<&mut Round> {
        match subject {
            Subject::List => Some(&mut self.list),
            Subject::Service(service) => self.table.round(service),
        }
    }

    /// Sets the timers of a question; those that it had before find out that they are not meant.
    fn schedule(&mut self, subject: &Subject) {
        let Some(round) = self.round(subject) else { return };
        let (judged, due) = (round.judged(), round.due());
        self.timers.extend(judged.map(|at| (at, Timer::Judge(subject.clone()))));
        self.timers.extend(due.map(|at| (at, Timer::Ask(subject.clone()))));
    }

    /// Ten seconds, more or less, so that many do not ask in step.
    fn interval(&mut self) -> Duration {
        INTERVAL.mul_f64(0.95 + self.random.f64() / 10.0)
    }

    fn answer_look_ups(&mut self, now: Instant) {
        if self.look_ups.is_empty() {
            return;
        }
        let is_done = |look_up: &LookUp| {
            look_up.until <= now
                || match &look_up.subject {
                    Subject::List => self.list.is_settled() && self.table.all_settled(),
                    Subject::Service(service) => self.table.is_settled(service),
                }
        };
        let done: Vec<Ticket> =
            self.look_ups.iter().filter(|(_, look_up)| is_done(look_up)).map(|(ticket, _)| *ticket).collect();
        if done.is_empty() {
            return;
        }
        self.tell();
        for ticket in done {
            let Some(look_up) = self.look_ups.remove(&ticket) else { continue };
            self.timers.remove(&(look_up.until, Timer::LookUp(ticket)));
            let services = match &look_up.subject {
                Subject::List => self.table.services(),
                Subject::Service(service) => self.table.versions(service),
            };
            let services = (self.is_reachable || !services.is_empty()).then_some(services);
            self.outputs.push_back(Output::Found { ticket, services });
        }
    }

    /// Puts out what changed, so that it comes before what follows.
    fn tell(&mut self) {
        self.outputs.extend(self.table.changes().into_iter().map(Output::Change));
    }

    fn complain(&mut self, source: IpAddr, slip: Slip, now: Instant) {
        if self.complaints.are_new(source, &slip, now) {
            self.outputs.push_back(Output::Complaint(Complaint { source, slip }));
        }
    }
}

#[cfg(test)]
mod tests;
