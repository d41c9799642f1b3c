//! The routes of one list, indexed: find, explain, and what can never be reached.

mod index;
mod unreachable;

use foldhash::{HashMap, HashMapExt as _};
use gateway_exchange::Head;
use http::Method;
use smallvec::SmallVec;

use crate::{Captures, HostPattern, MatchRule, Mismatch, RouteTrace};
use index::{PathIndex, Terminal};

pub use unreachable::Unreachable;

/// What a search came to.
#[derive(Clone, Debug)]
pub enum Found<'r> {
    /// This route takes the request.
    Route {
        /// Its place in the list the table was built from.
        index: usize,
        /// What the variables of its path captured.
        captures: Captures<'r>,
    },
    /// Routes match but for their methods: 405 with these in `Allow` (RFC 9110 §15.5.6), in matching order.
    MethodMismatch {
        /// The methods that would have matched; HEAD beside GET.
        allow: Vec<Method>,
    },
    /// No route matches.
    None,
}

/// How one route fares with a request, for `explain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It takes the request.
    Taken,
    /// It matches, but this route comes first in the order.
    Outranked {
        /// The route that takes the request.
        by: usize,
    },
    /// It does not match.
    Mismatch(Mismatch),
}

/// The routes of one list.
#[derive(Debug)]
pub struct RouteTable {
    rules: Vec<MatchRule>,
    exact: HashMap<Box<str>, PathIndex>,
    below: HashMap<Box<str>, PathIndex>,
    /// The most labels of a name in `below`: longer suffixes of a host need no look-up.
    below_labels_max: usize,
    any: PathIndex,
}

impl RouteTable {
    /// Indexes rules; a route is called by the place of its rule here.
    pub fn build(rules: Vec<MatchRule>) -> Self {
        let mut table = Self {
            rules: Vec::new(),
            exact: HashMap::new(),
            below: HashMap::new(),
            below_labels_max: 0,
            any: PathIndex::default(),
        };
        for (route, rule) in rules.iter().enumerate() {
            let hosts = if rule.hosts.is_empty() { &[HostPattern::Any] } else { &*rule.hosts };
            for host in hosts {
                table.index_of(host).insert(route, rule);
            }
        }
        table.rules = rules;
        let Self { rules, exact, below, any, .. } = &mut table;
        for index in exact.values_mut().chain(below.values_mut()).chain([any]) {
            index.sort(rules);
        }
        table
    }

    fn index_of(&mut self, host: &HostPattern) -> &mut PathIndex {
        match host {
            HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostPattern::Below(name) => {
                self.below_labels_max = self.below_labels_max.max(name.split('.').count());
                self.below.entry(name.clone()).or_default()
            }
            HostPattern::Any => &mut self.any,
        }
    }

    /// Returns the rules, in the order of the document.
    pub fn rules(&self) -> &[MatchRule] {
        &self.rules
    }

    /// Finds the route of a request. Allocates only where many patterns overlap and for a 405.
    pub fn find<T: RouteTrace>(&self, head: &Head, trace: &mut T) -> Found<'_> {
        let mut allow = Vec::new();
        for index in self.indexes(head.host().name()) {
            let mut terminals: SmallVec<[&Terminal; 4]> = SmallVec::new();
            index.search(head.target(), &mut terminals, trace);
            if terminals.len() > 1 {
                terminals.sort_unstable_by_key(|terminal| terminal.specificity());
            }
            let routes = terminals.into_iter().flat_map(|terminal| self.in_order(terminal, head.method()));
            for route in routes {
                let Some(rule) = self.rules.get(route) else { continue };
                let outcome = rule.check_conditions(head);
                trace.considered(route, outcome.as_ref().copied());
                match outcome {
                    Ok(()) => return Found::Route { index: route, captures: Captures::of(rule.path.as_ref()) },
                    Err(Mismatch::Method) => allow_methods(&mut allow, &rule.methods),
                    Err(_) => {}
                }
            }
        }
        if allow.is_empty() { Found::None } else { Found::MethodMismatch { allow } }
    }

    /// Says of every route, in the order of the document, how it fares with a request. Goes through all of them one by
    /// one: for `explain`, not for traffic.
    pub fn explain(&self, head: &Head) -> Vec<(usize, Fit)> {
        let taken = match self.find(head, &mut crate::NoTrace) {
            Found::Route { index, .. } => Some(index),
            Found::MethodMismatch { .. } | Found::None => None,
        };
        let fit = |(route, rule): (usize, &MatchRule)| match (rule.check(head), taken) {
            (Err(mismatch), _) => (route, Fit::Mismatch(mismatch)),
            (Ok(()), Some(by)) if by != route => (route, Fit::Outranked { by }),
            (Ok(()), _) => (route, Fit::Taken),
        };
        self.rules.iter().enumerate().map(fit).collect()
    }

    /// Returns the routes that no request can reach, in the order of the document: see [`Unreachable`].
    pub fn unreachable(&self) -> Vec<Unreachable> {
        unreachable::find(self)
    }

    /// Returns the indexes whose host pattern matches: exact, longer wildcard first, any.
    fn indexes(&self, host: &str) -> impl Iterator<Item = &PathIndex> {
        let labels = if self.below.is_empty() { 0 } else { host.split('.').count() };
        let dots = host.match_indices('.').zip((0..labels).rev());
        let below = dots
            .filter(|((dot, _), labels)| *dot > 0 && *labels <= self.below_labels_max)
            .filter_map(|((dot, _), _)| self.below.get(host.get(dot + 1..)?));
        let exact = if self.exact.is_empty() { None } else { self.exact.get(host) };
        exact.into_iter().chain(below).chain([&self.any])
    }

    /// Returns the routes of one path pattern in the order in which they are tried. For HEAD those that list it come
    /// before those that serve it because they list GET.
    fn in_order<'r>(&'r self, terminal: &'r Terminal, method: &Method) -> impl Iterator<Item = usize> + 'r {
        let head = *method == Method::HEAD;
        let lists = move |route: &usize| head && self.rules.get(*route).is_some_and(|rule| rule.lists(&Method::HEAD));
        let first = terminal.routes().filter(lists);
        let first = head.then_some(first).into_iter().flatten();
        first.chain(terminal.routes().filter(move |route| !lists(route)))
    }
}

/// Tables are equal when their rules are: the index follows from them.
impl PartialEq for RouteTable {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl Eq for RouteTable {}

fn allow_methods(allow: &mut Vec<Method>, methods: &[Method]) {
    for method in methods {
        let with_head = (*method == Method::GET).then_some(&Method::HEAD);
        for method in [method].into_iter().chain(with_head) {
            if !allow.contains(method) {
                allow.push(method.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
