//! The nodes of this process: registered, announced, taken back.

use std::time::Duration;

use tokio::time::Instant;

use super::{Core, Output, Timer};
use crate::mdns::advert::Advert;
use crate::memory::TTL_MAX;
use crate::model::{Service, VERSION_DEFAULT};
use crate::registry::RegisterError;

/// The most nodes of this process.
const OWN_MAX: usize = 1024;
/// How many probes go before the announcements, and how long is waited before each, at most.
const PROBES: u8 = 3;
const PROBE_PAUSE_MILLIS: u64 = 250;
/// How long after an announcement the next follows.
const ANNOUNCEMENT_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// One node of this process.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) advert: Advert,
    /// The service with this one node.
    service: Service,
    lease: Option<Lease>,
    /// How many probes and announcements were sent.
    steps: u8,
    /// When the next is.
    next: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lease {
    ttl: Duration,
    expires: Instant,
}

impl Core {
    /// Registers the nodes of a service, all or none. One that is registered as it is only has its lease renewed; one
    /// that changed is announced anew.
    ///
    /// # Errors
    /// When a node cannot be published, or there are too many.
    pub(in crate::mdns) fn register(
        &mut self,
        service: &Service,
        ttl: Option<Duration>,
        now: Instant,
    ) -> Result<(), RegisterError> {
        let mut service = service.clone();
        if service.version.is_empty() {
            VERSION_DEFAULT.clone_into(&mut service.version);
        }
        let list = Advert::of_list(&service.name, &self.host)?;
        let mut registrations = Vec::with_capacity(service.nodes.len());
        for node in &service.nodes {
            let advert = Advert::of_node(&service, node, &self.host)?;
            let service = Service { nodes: vec![node.clone()], ..service.clone() };
            let lease = ttl.filter(|ttl| *ttl <= TTL_MAX);
            let lease = lease.and_then(|ttl| Some(Lease { ttl, expires: now.checked_add(ttl)? }));
            let registration = Registration { advert, service, lease, steps: 0, next: None };
            registrations.push(((registration.service.name.clone(), node.id.clone()), registration));
        }
        let new = registrations.iter().filter(|(key, _)| !self.own.contains_key(key)).count();
        if self.own.len() + new > OWN_MAX {
            return Err(RegisterError::Full { max: OWN_MAX });
        }
        self.lists.insert(service.name.clone(), list);
        for (key, registration) in registrations {
            self.publish(key, registration, now);
        }
        Ok(())
    }

    /// Renews the lease of a node; says whether there is such a node.
    pub(in crate::mdns) fn renew(&mut self, service: &str, node: &str, now: Instant) -> bool {
        let key = (service.to_owned(), node.to_owned());
        let Some(registration) = self.own.get_mut(&key) else { return false };
        if let Some(lease) = &mut registration.lease
            && let Some(expires) = now.checked_add(lease.ttl)
        {
            let before = std::mem::replace(&mut lease.expires, expires);
            let timer = Timer::Lease(key.0, key.1);
            let (before, after) = ((before, timer.clone()), (expires, timer));
            self.timers.remove(&before);
            self.timers.insert(after);
        }
        true
    }

    /// Takes nodes back and says so; says whether there was one of them.
    pub(in crate::mdns) fn deregister(&mut self, service: &Service) -> bool {
        let mut found = false;
        for node in &service.nodes {
            found |= self.take_back(&service.name, &node.id);
        }
        found
    }

    pub(super) fn announce_moved(&mut self, now: Instant) {
        for (key, registration) in &mut self.own {
            let Some(node) = registration.service.nodes.first() else { continue };
            // It was published before, so it can be now.
            let Ok(advert) = Advert::of_node(&registration.service, node, &self.host) else { continue };
            if advert != registration.advert {
                registration.advert = advert;
                registration.steps = PROBES;
                registration.next = Some(now);
                self.timers.insert((now, Timer::Announce(key.0.clone(), key.1.clone())));
            }
        }
    }

    pub(super) fn announce(&mut self, service: &str, node: &str, at: Instant, now: Instant) {
        let key = (service.to_owned(), node.to_owned());
        let Some(registration) = self.own.get_mut(&key).filter(|registration| registration.next == Some(at)) else {
            return;
        };
        let advert = &registration.advert;
        let packet = if registration.steps < PROBES { advert.probe(self.random.u16(..)) } else { advert.announce() };
        registration.steps += 1;
        let pause = match registration.steps {
            steps if steps <= PROBES => Some(Duration::from_millis(self.random.u64(0..PROBE_PAUSE_MILLIS))),
            steps => ANNOUNCEMENT_PAUSES.get(usize::from(steps - PROBES - 1)).copied(),
        };
        registration.next = pause.map(|pause| now + pause);
        self.timers.extend(registration.next.map(|at| (at, Timer::Announce(key.0, key.1))));
        self.outputs.extend(packet.map(|packet| Output::Announce { packet }));
    }

    pub(super) fn expire(&mut self, service: &str, node: &str, at: Instant) {
        let key = (service.to_owned(), node.to_owned());
        let lease = self.own.get(&key).and_then(|registration| registration.lease);
        if lease.is_some_and(|lease| lease.expires == at) {
            tracing::info!(service, node, "a lease ended, the node is taken back from mdns");
            self.take_back(service, node);
        }
    }

    fn publish(&mut self, key: (String, String), mut registration: Registration, now: Instant) {
        self.forget_lease(&key);
        if let Some(lease) = registration.lease {
            self.timers.insert((lease.expires, Timer::Lease(key.0.clone(), key.1.clone())));
        }
        let before = self.own.get_mut(&key);
        if let Some(before) = before {
            if before.service == registration.service && before.advert == registration.advert {
                before.lease = registration.lease;
                return;
            }
            // The name is ours already.
            registration.steps = PROBES;
        }
        if let Some(node) = registration.service.nodes.first() {
            self.table.own(&registration.service, node);
        }
        registration.next = Some(now);
        self.timers.insert((now, Timer::Announce(key.0.clone(), key.1.clone())));
        self.own.insert(key, registration);
    }

    /// Takes the timer of a node's lease away.
    fn forget_lease(&mut self, key: &(String, String)) {
        if let Some(lease) = self.own.get(key).and_then(|registration| registration.lease) {
            self.timers.remove(&(lease.expires, Timer::Lease(key.0.clone(), key.1.clone())));
        }
    }

    fn take_back(&mut self, service: &str, node: &str) -> bool {
        let key = (service.to_owned(), node.to_owned());
        self.forget_lease(&key);
        let Some(registration) = self.own.remove(&key) else { return false };
        self.table.disown(service, node);
        self.outputs.extend(registration.advert.goodbye().map(|packet| Output::Announce { packet }));
        let first = (service.to_owned(), String::new());
        if self.own.range(first..).next().is_none_or(|((next, _), _)| next != service) {
            self.lists.remove(service);
        }
        true
    }
}
