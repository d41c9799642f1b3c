//! All that one worker keeps of the services it calls.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::balance::{p2c, round_robin};
use crate::{Balance, Cluster, ClusterSlot, EndpointReport, EndpointState, Services, Source};

/// A cluster as one worker knows it.
#[derive(Debug)]
pub struct ClusterState {
    cluster: Arc<Cluster>,
    endpoints: Vec<Rc<EndpointState>>,
    turn: Rc<Cell<u64>>,
}

/// Figures of one cluster on one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterReport {
    /// The cluster's name.
    pub name: String,
    /// Its endpoints.
    pub endpoints: Vec<EndpointReport>,
}

impl ClusterState {
    /// Returns the cluster.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Picks an endpoint that was not tried yet. Ejected ones are picked only when nothing else is left: a guess beats
    /// a certain error.
    pub fn pick(&self, now: Instant, tried: &[Rc<EndpointState>]) -> Option<Rc<EndpointState>> {
        let picked = self.pick_among(now, tried, false).or_else(|| self.pick_among(now, tried, true))?;
        self.endpoints.get(picked).map(Rc::clone)
    }

    /// Returns the endpoint at an address, for a caller that names it.
    pub fn endpoint_at(&self, address: SocketAddr) -> Option<Rc<EndpointState>> {
        self.endpoints.iter().find(|endpoint| endpoint.endpoint().address == address).map(Rc::clone)
    }

    fn pick_among(&self, now: Instant, tried: &[Rc<EndpointState>], with_ejected: bool) -> Option<usize> {
        let load = |index: usize| {
            let endpoint = &self.endpoints[index];
            endpoint.load(now, tried.iter().any(|other| Rc::ptr_eq(other, endpoint)), with_ejected)
        };
        match self.cluster.balance {
            _ if self.endpoints.len() == 1 => load(0).available.then_some(0),
            Balance::P2cEwma => p2c(self.endpoints.len(), load, (fastrand::usize(..), fastrand::usize(..))),
            Balance::RoundRobin => {
                let turn = self.turn.get();
                self.turn.set(turn.wrapping_add(1));
                round_robin(self.endpoints.len(), load, turn)
            }
        }
    }

    /// Builds the state of a cluster of the next table; endpoints that stay keep connections, load and ejection.
    fn next(cluster: &Arc<Cluster>, before: Option<&Self>) -> Self {
        let before = before.filter(|before| before.cluster.id == cluster.id);
        let kept = before.map(|before| before.endpoints.as_slice()).unwrap_or_default();
        let endpoints = cluster.endpoints.iter().map(|endpoint| {
            match kept.iter().find(|state| state.fits(endpoint, cluster.pool)) {
                Some(state) => {
                    state.renew(endpoint.clone());
                    Rc::clone(state)
                }
                None => EndpointState::new(endpoint.clone(), cluster.pool),
            }
        });
        Self {
            endpoints: endpoints.collect(),
            turn: before.map(|before| Rc::clone(&before.turn)).unwrap_or_default(),
            cluster: Arc::clone(cluster),
        }
    }
}

/// The state of all clusters of one worker, by the slots of the table.
#[derive(Debug, Default)]
pub struct Upstreams {
    states: RefCell<Vec<Option<Rc<ClusterState>>>>,
}

impl Upstreams {
    /// Takes a new table: clusters that did not change keep their state untouched, changed ones are carried over
    /// endpoint by endpoint.
    pub fn update(&self, services: &Services) {
        let mut states = self.states.borrow_mut();
        states.resize(services.slots().len(), None);
        for (state, cluster) in states.iter_mut().zip(services.slots()) {
            match cluster {
                None => *state = None,
                Some(cluster) if state.as_ref().is_some_and(|state| Arc::ptr_eq(&state.cluster, cluster)) => {}
                Some(cluster) => *state = Some(Rc::new(ClusterState::next(cluster, state.as_deref()))),
            }
        }
    }

    /// Returns the state of a cluster.
    pub fn cluster(&self, slot: ClusterSlot) -> Option<Rc<ClusterState>> {
        self.states.borrow().get(slot.index())?.clone()
    }

    /// Closes idle connections that are past their time. Called about once a second.
    pub fn sweep(&self, now: Instant) {
        for state in self.states.borrow().iter().flatten() {
            for endpoint in &state.endpoints {
                endpoint.sweep(now);
            }
        }
    }

    /// Returns the registered clusters to an endpoint of which no connection could be made since this was last asked.
    pub fn take_refused(&self) -> Vec<Arc<str>> {
        let states = self.states.borrow();
        let registered = states.iter().flatten().filter(|state| state.cluster.id.source == Source::Registry);
        // All endpoints are asked, not only up to the first: each forgets by that.
        let refused =
            registered.filter(|state| state.endpoints.iter().filter(|endpoint| endpoint.take_refused()).count() > 0);
        refused.map(|state| Arc::clone(&state.cluster.id.name)).collect()
    }

    /// Returns figures of all clusters, for the admin pages and for tests.
    pub fn report(&self, now: Instant) -> Vec<ClusterReport> {
        let states = self.states.borrow();
        states
            .iter()
            .flatten()
            .map(|state| ClusterReport {
                name: state.cluster.id.name.to_string(),
                endpoints: state.endpoints.iter().map(|endpoint| endpoint.report(now)).collect(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, ServicesTable};

    fn cluster(ports: &[u16]) -> Cluster {
        let endpoint = |&port: &u16| Endpoint {
            address: ([127, 0, 0, 1], port).into(),
            authority: "h".into(),
            protocol: None,
            weight: 1,
            labels: Arc::default(),
        };
        Cluster::new(Source::Registry, "a", ports.iter().map(endpoint).collect())
    }

    #[test]
    fn endpoints_that_stay_keep_their_state() {
        let mut table = ServicesTable::default();
        let upstreams = Upstreams::default();
        table.upsert(cluster(&[1, 2]));
        upstreams.update(&table.snapshot());
        let slot = table.snapshot().find("a").unwrap();
        let before = upstreams.cluster(slot).unwrap();
        drop(before.endpoints[1].begin(Instant::now()));

        table.upsert(cluster(&[2, 3]));
        upstreams.update(&table.snapshot());
        let report = upstreams.report(Instant::now());
        let calls: Vec<_> =
            report[0].endpoints.iter().map(|endpoint| (endpoint.address.as_str(), endpoint.calls)).collect();
        assert_eq!(calls, [("127.0.0.1:2", 1), ("127.0.0.1:3", 0)]);
        assert!(Rc::ptr_eq(&before.endpoints[1], &upstreams.cluster(slot).unwrap().endpoints[0]));
    }

    #[test]
    fn a_tried_endpoint_is_not_picked_again() {
        let state = ClusterState::next(&Arc::new(cluster(&[1, 2])), None);
        let now = Instant::now();
        let first = state.pick(now, &[]).unwrap();
        let second = state.pick(now, &[Rc::clone(&first)]).unwrap();
        assert!(!Rc::ptr_eq(&first, &second));
        assert!(state.pick(now, &[first, second]).is_none());
    }
}
