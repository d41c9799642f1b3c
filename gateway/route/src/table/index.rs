//! The paths of one host: a trie over segments with a hash look-up for literals.
//!
//! A search visits at most two children per component (the literal and the wildcard) and, for each `**` on the way,
//! one subtree per length of what follows it. What follows is fixed in length, so it is read from the end of the path
//! and nothing is tried twice. matchit cannot fall through to the next candidate, hence a trie of our own.

use foldhash::HashMap;
use gateway_exchange::Target;
use smallvec::SmallVec;

use crate::path::Path;
use crate::pattern::{Specificity, Step};
use crate::{MatchRule, PathPattern, RouteTrace};

/// The index of one host.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    plain: Node,
    /// Patterns with a verb, by verb: their last component is read without it.
    verbs: HashMap<Box<str>, Node>,
}

/// The routes of one path pattern, variable names aside.
#[derive(Debug)]
pub(super) struct Terminal {
    specificity: Specificity,
    routes: Vec<usize>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, Node>,
    one: Option<Box<Node>>,
    tails: Vec<Tail>,
    terminal: Option<Terminal>,
}

/// What may follow a `**`: this many components, the last ones of the path.
#[derive(Debug)]
struct Tail {
    steps: usize,
    node: Node,
}

impl PathIndex {
    /// Adds a route. [`PathIndex::sort`] must follow the last one.
    pub(super) fn insert(&mut self, route: usize, rule: &MatchRule) {
        let any = PathPattern::any();
        let path = rule.path.as_ref().unwrap_or(&any);
        let mut node = match &path.verb {
            Some(verb) => self.verbs.entry(verb.clone()).or_default(),
            None => &mut self.plain,
        };
        for (index, step) in path.steps.iter().enumerate() {
            node = node.child(step, path.steps.len() - index - 1);
        }
        let terminal =
            node.terminal.get_or_insert_with(|| Terminal { specificity: Specificity::of(path), routes: Vec::new() });
        // A rule may name one host twice.
        if terminal.routes.last() != Some(&route) {
            terminal.routes.push(route);
        }
    }

    /// Brings the routes of each pattern into the order in which they are tried.
    pub(super) fn sort(&mut self, rules: &[MatchRule]) {
        self.plain.sort(rules);
        self.verbs.values_mut().for_each(|node| node.sort(rules));
    }

    /// Collects the patterns that match a target, in no order.
    pub(super) fn search<'r, T: RouteTrace>(
        &'r self,
        target: &Target,
        found: &mut SmallVec<[&'r Terminal; 4]>,
        trace: &mut T,
    ) {
        if !self.verbs.is_empty()
            && let Some((path, verb)) = Path::split_verb(target)
            && let Some(node) = self.verbs.get(verb)
        {
            node.search(path, 0, found, trace);
        }
        self.plain.search(Path::whole(target), 0, found, trace);
    }

    /// Returns all patterns.
    pub(super) fn terminals(&self) -> Vec<&Terminal> {
        let mut all = Vec::new();
        let mut nodes: Vec<&Node> = vec![&self.plain];
        nodes.extend(self.verbs.values());
        while let Some(node) = nodes.pop() {
            all.extend(&node.terminal);
            nodes.extend(node.literals.values());
            nodes.extend(node.one.as_deref());
            nodes.extend(node.tails.iter().map(|tail| &tail.node));
        }
        all
    }
}

impl Terminal {
    pub(super) fn specificity(&self) -> &Specificity {
        &self.specificity
    }

    /// Returns the routes in the order in which they are tried.
    pub(super) fn routes(&self) -> impl Iterator<Item = usize> {
        self.routes.iter().copied()
    }
}

impl Node {
    fn child(&mut self, step: &Step, following: usize) -> &mut Self {
        match step {
            Step::Literal(text) => self.literals.entry(text.clone()).or_default(),
            Step::One => self.one.get_or_insert_default(),
            Step::Rest => {
                let at = self.tails.iter().position(|tail| tail.steps == following).unwrap_or_else(|| {
                    self.tails.push(Tail { steps: following, node: Self::default() });
                    self.tails.len() - 1
                });
                &mut self.tails[at].node
            }
        }
    }

    fn sort(&mut self, rules: &[MatchRule]) {
        if let Some(terminal) = &mut self.terminal {
            terminal.routes.sort_by_key(|route| order(rules, *route));
        }
        self.literals.values_mut().for_each(|node| node.sort(rules));
        self.one.iter_mut().for_each(|node| node.sort(rules));
        self.tails.iter_mut().for_each(|tail| tail.node.sort(rules));
    }

    fn search<'r, T: RouteTrace>(
        &'r self,
        path: Path<'_>,
        at: usize,
        found: &mut SmallVec<[&'r Terminal; 4]>,
        trace: &mut T,
    ) {
        trace.visited();
        for tail in self.tails.iter().filter(|tail| at + tail.steps <= path.len()) {
            tail.node.search(path, path.len() - tail.steps, found, trace);
        }
        let Some(component) = path.get(at) else {
            found.extend(&self.terminal);
            return;
        };
        if let Some(node) = self.literals.get(component) {
            node.search(path, at + 1, found, trace);
        }
        if let Some(node) = self.one.as_deref().filter(|_| !component.is_empty()) {
            node.search(path, at + 1, found, trace);
        }
    }
}

/// Routes of one pattern: those that name methods first, then more header conditions, then more query conditions, then
/// the place in the document.
fn order(rules: &[MatchRule], route: usize) -> impl Ord + use<> {
    use std::cmp::Reverse;
    let key = |rule: &MatchRule| (rule.methods.is_empty(), Reverse(rule.headers.len()), Reverse(rule.query.len()));
    (rules.get(route).map(key), route)
}
