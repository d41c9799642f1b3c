//! Routes that can never be taken.

use foldhash::{HashMap, HashMapExt as _};
use http::Method;

use super::RouteTable;
use super::index::Terminal;
use crate::MatchRule;

/// A route that no request reaches: earlier ones in matching order take everything it matches.
///
/// A more specific path never hides a wider one, so only routes of the same host and path can hide each other, and of
/// those only one with the same header and query conditions (or, like the hidden one, none) that takes its methods:
/// anything with more conditions is tried first. Hence one pass over the index, linear in the number of routes.
///
/// Not found: the twins that differ in which side of a `**` a wildcard stands on (`/**/*` behind `/*/**`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// The route that is never taken.
    pub route: usize,
    /// The routes that take what it matches, in the order of the document; one, nearly always.
    pub covered_by: Vec<usize>,
}

/// The routes seen so far with the same conditions, by method; under nothing the one that takes any method.
type Takers<'r> = HashMap<Option<&'r Method>, usize>;

pub(super) fn find(table: &RouteTable) -> Vec<Unreachable> {
    let mut covers: Vec<Cover> = vec![Cover::default(); table.rules.len()];
    let indexes = table.exact.values().chain(table.below.values()).chain([&table.any]);
    for terminal in indexes.flat_map(|index| index.terminals()) {
        visit(table, terminal, &mut covers);
    }
    let unreachable = covers.into_iter().enumerate().filter(|(_, cover)| !cover.reached && !cover.by.is_empty());
    unreachable.map(|(route, Cover { by, .. })| Unreachable { route, covered_by: by }).collect()
}

/// What is known of a route over all its hosts.
#[derive(Clone, Debug, Default)]
struct Cover {
    /// Whether at least one of its hosts still reaches it.
    reached: bool,
    by: Vec<usize>,
}

fn visit(table: &RouteTable, terminal: &Terminal, covers: &mut [Cover]) {
    let mut seen: HashMap<Vec<String>, Takers<'_>> = HashMap::new();
    for route in terminal.routes() {
        let (Some(rule), Some(cover)) = (table.rules.get(route), covers.get_mut(route)) else { continue };
        let takers = seen.entry(conditions(rule)).or_default();
        match taken_by(rule, takers) {
            Some(by) => cover.add(by),
            None => cover.reached = true,
        }
        let methods = rule.methods.iter().map(Some).chain(rule.methods.is_empty().then_some(None));
        for method in methods {
            takers.entry(method).or_insert(route);
        }
    }
}

impl Cover {
    fn add(&mut self, by: Vec<usize>) {
        self.by.extend(by);
        self.by.sort_unstable();
        self.by.dedup();
    }
}

/// Returns who takes every request of a rule; nothing if one is left over. Routes that name methods are tried first,
/// so one without methods is hidden only by another without.
fn taken_by(rule: &MatchRule, takers: &Takers<'_>) -> Option<Vec<usize>> {
    if rule.methods.is_empty() {
        return takers.get(&None).map(|by| vec![*by]);
    }
    rule.methods.iter().map(|method| takers.get(&Some(method)).copied()).collect()
}

/// Returns the header and query conditions as texts, in an order of their own: equal texts are equal conditions.
fn conditions(rule: &MatchRule) -> Vec<String> {
    let headers = rule.headers.iter().map(|(name, pattern)| format!("{name} {pattern}"));
    let query = rule.query.iter().map(|(name, pattern)| format!("?{name} {pattern}"));
    let mut conditions: Vec<_> = headers.chain(query).collect();
    conditions.sort_unstable();
    conditions
}
