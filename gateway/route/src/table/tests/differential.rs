//! The index against the order of design 12 read word by word: sort all routes, take the first that matches.
//!
//! The oracle shares no code with the index: it matches paths by trying out every length of a `**`.

use std::cmp::Reverse;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Segment {
    Literal(&'static str),
    One,
    Rest,
}

#[derive(Clone, Debug)]
struct Route {
    hosts: Vec<&'static str>,
    segments: Vec<Segment>,
    verb: Option<&'static str>,
    methods: Vec<Method>,
    header: Option<&'static str>,
    query: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Request {
    host: &'static str,
    components: Vec<&'static str>,
    verb: Option<&'static str>,
    method: Method,
    header: Option<&'static str>,
    query: Option<&'static str>,
}

const METHODS: [Method; 4] = [Method::GET, Method::HEAD, Method::POST, Method::PUT];

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c"])
}

fn verb() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::weighted(0.3, prop::sample::select(vec!["v", "w"]))
}

fn value() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::weighted(0.4, prop::sample::select(vec!["1", "2"]))
}

fn route() -> impl Strategy<Value = Route> {
    let hosts = prop::sample::subsequence(vec!["a.t", "b.a.t", "*.t", "*.a.t", "*"], 0..=2);
    let one = prop_oneof![3 => word().prop_map(Segment::Literal), 2 => Just(Segment::One)];
    let segments = (prop::collection::vec(one, 0..4), prop::option::weighted(0.4, 0..4usize), verb());
    let path = segments.prop_map(|(mut segments, rest, verb)| {
        if let Some(at) = rest {
            segments.insert(at.min(segments.len()), Segment::Rest);
        }
        let wild = matches!(segments.last(), Some(Segment::One | Segment::Rest));
        (segments, verb.filter(|_| wild))
    });
    let methods = prop::sample::subsequence(METHODS.to_vec(), 0..=2);
    (hosts, path, methods, value(), value()).prop_map(|(hosts, (segments, verb), methods, header, query)| Route {
        hosts,
        segments,
        verb,
        methods,
        header,
        query,
    })
}

fn request() -> impl Strategy<Value = Request> {
    let host = prop::sample::select(vec!["a.t", "b.a.t", "c.b.a.t", "x.t", "t", "other"]);
    let components = (prop::collection::vec(word(), 0..5), any::<bool>()).prop_map(|(mut components, slash)| {
        if slash || components.is_empty() {
            components.push("");
        }
        components
    });
    let rest = (prop::sample::select(METHODS.to_vec()), value(), value());
    (host, components, verb(), rest).prop_map(|(host, components, verb, (method, header, query))| Request {
        host,
        components,
        verb,
        method,
        header,
        query,
    })
}

impl Route {
    fn rule(&self) -> MatchRule {
        let mut path: String = self.segments.iter().fold(String::new(), |path, segment| match segment {
            Segment::Literal(text) => format!("{path}/{text}"),
            Segment::One => format!("{path}/*"),
            Segment::Rest => format!("{path}/**"),
        });
        if path.is_empty() {
            path.push('/');
        }
        if let Some(verb) = self.verb {
            path = format!("{path}:{verb}");
        }
        MatchRule {
            hosts: self.hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect(),
            path: Some(PathPattern::parse(&path).unwrap()),
            methods: self.methods.clone(),
            headers: self
                .header
                .map(|v| (HeaderName::from_static("x-h"), ValuePattern::exact(v)))
                .into_iter()
                .collect(),
            query: self.query.map(|value| ("q".to_owned(), ValuePattern::exact(value))).into_iter().collect(),
        }
    }

    fn matches_path(&self, request: &Request) -> bool {
        let mut components: Vec<String> = request.components.iter().map(|&text| text.to_owned()).collect();
        let last = components.last_mut().unwrap();
        match (self.verb, request.verb) {
            (Some(own), Some(sent)) if own == sent => {}
            (Some(_), _) => return false,
            (None, Some(sent)) => *last = format!("{last}:{sent}"),
            (None, None) => {}
        }
        if self.segments.is_empty() {
            return components == [""];
        }
        matches(&self.segments, &components)
    }

    /// The rank of the route for a request whose host and path match; the smallest is taken.
    fn rank(&self, request: &Request, place: usize) -> impl Ord + use<> {
        let any = ["*"];
        let hosts: &[&str] = if self.hosts.is_empty() { &any } else { &self.hosts };
        let host = hosts.iter().filter(|host| matches_host(host, request.host)).map(|host| {
            let kind = if *host == "*" { 2 } else { usize::from(host.starts_with("*.")) };
            (kind, Reverse(host.len()))
        });
        let kinds: Vec<char> = self
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 'a',
                Segment::One => 'b',
                Segment::Rest => 'c',
            })
            .collect();
        // `/` alone is one literal, the empty one.
        let kinds = if kinds.is_empty() { vec!['a'] } else { kinds };
        let count = |kind: char| kinds.iter().filter(|own| **own == kind).count();
        let path = (Reverse(count('a')), Reverse(self.verb.is_some()), count('c'), Reverse(count('b')), kinds.clone());
        let serves_head_by_get = request.method == Method::HEAD && !self.methods.contains(&Method::HEAD);
        let conditions = (Reverse(self.header.is_some()), Reverse(self.query.is_some()));
        (host.min(), path, serves_head_by_get, self.methods.is_empty(), conditions, place)
    }

    fn fits_but_method(&self, request: &Request) -> bool {
        (self.hosts.is_empty() || self.hosts.iter().any(|host| matches_host(host, request.host)))
            && self.matches_path(request)
            && (self.header.is_none() || self.header == request.header)
            && (self.query.is_none() || self.query == request.query)
    }

    fn fits_method(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || (*method == Method::HEAD && self.methods.contains(&Method::GET))
    }
}

fn matches_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => suffix.is_empty() || (host.ends_with(suffix) && host.len() > suffix.len()),
        None => pattern == host,
    }
}

fn matches(segments: &[Segment], components: &[String]) -> bool {
    match (segments.split_first(), components.split_first()) {
        (None, rest) => rest.is_none(),
        (Some((Segment::Rest, after)), _) => {
            (0..=components.len()).any(|skipped| matches(after, &components[skipped..]))
        }
        (Some(_), None) => false,
        (Some((Segment::Literal(text), after)), Some((first, rest))) => first == text && matches(after, rest),
        (Some((Segment::One, after)), Some((first, rest))) => !first.is_empty() && matches(after, rest),
    }
}

/// Returns the route that takes the request, or whether the methods alone were amiss.
fn oracle(routes: &[Route], request: &Request) -> Result<usize, bool> {
    let fitting = || routes.iter().enumerate().filter(|(_, route)| route.fits_but_method(request));
    fitting()
        .filter(|(_, route)| route.fits_method(&request.method))
        .min_by_key(|(place, route)| route.rank(request, *place))
        .map(|(place, _)| place)
        .ok_or_else(|| fitting().next().is_some())
}

impl Request {
    fn head(&self) -> Head {
        let verb = self.verb.map(|verb| format!(":{verb}")).unwrap_or_default();
        let query = self.query.map(|value| format!("?q={value}")).unwrap_or_default();
        let url = format!("{} http://{}/{}{verb}{query}", self.method, self.host, self.components.join("/"));
        let headers: Vec<_> = self.header.map(|value| ("x-h", value)).into_iter().collect();
        Head::parse(&url, &headers).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_index_agrees_with_the_order(
        routes in prop::collection::vec(route(), 1..12),
        requests in prop::collection::vec(request(), 1..8),
    ) {
        let table = RouteTable::build(routes.iter().map(Route::rule).collect());
        let unreachable: Vec<_> = table.unreachable().into_iter().map(|found| found.route).collect();
        for request in requests {
            let head = request.head();
            let found = match table.find(&head, &mut NoTrace) {
                Found::Route { index, .. } => Ok(index),
                Found::MethodMismatch { .. } => Err(true),
                Found::None => Err(false),
            };
            prop_assert_eq!(found, oracle(&routes, &request), "{:?}", request);
            if let Ok(index) = found {
                prop_assert!(!unreachable.contains(&index), "route {} is reached by {:?}", index, request);
            }
            for (index, fit) in table.explain(&head) {
                prop_assert_eq!(matches!(fit, Fit::Taken), found == Ok(index));
            }
        }
    }
}
