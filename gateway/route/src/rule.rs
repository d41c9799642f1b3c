//! The match of one route, and why a request does not meet it.

use std::borrow::Cow;
use std::fmt;

use gateway_exchange::Head;
use http::Method;
use http::header::{HeaderName, HeaderValue};
use smallvec::SmallVec;

use crate::{HostPattern, PathPattern, ValuePattern};

/// The conditions of one route. All must hold; an empty list asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MatchRule {
    /// The hosts, any of which may match; none is the same as `*`.
    pub hosts: Vec<HostPattern>,
    /// The path; none is the same as `/**`.
    pub path: Option<PathPattern>,
    /// The methods. One that lists GET serves HEAD too (RFC 9110 §9.3.2), unless an equally specific route lists HEAD.
    pub methods: Vec<Method>,
    /// Header fields; of a repeated field one value must match.
    pub headers: Vec<(HeaderName, ValuePattern)>,
    /// Query parameters, names and values decoded; of a repeated one one value must match.
    pub query: Vec<(String, ValuePattern)>,
}

/// The first condition of a route that a request does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// The request is for another host.
    Host,
    /// The path does not match.
    Path,
    /// This header field is missing or has another value.
    Header(HeaderName),
    /// This query parameter is missing or has another value.
    Query(String),
    /// The method is not among those listed. Checked last: with nothing else amiss the answer is 405.
    Method,
}

impl MatchRule {
    /// Makes a rule of a path alone.
    pub fn path(path: PathPattern) -> Self {
        Self { path: Some(path), ..Self::default() }
    }

    /// Checks everything.
    ///
    /// # Errors
    /// Returns the first condition that does not hold: host, path, headers, query, method.
    pub fn check(&self, head: &Head) -> Result<(), Mismatch> {
        let host = head.host().name();
        if !self.hosts.is_empty() && !self.hosts.iter().any(|pattern| pattern.matches(host)) {
            return Err(Mismatch::Host);
        }
        if self.path.as_ref().is_some_and(|path| !path.matches(head.target())) {
            return Err(Mismatch::Path);
        }
        self.check_conditions(head)
    }

    /// Checks what the index does not decide: headers, query, method.
    pub(crate) fn check_conditions(&self, head: &Head) -> Result<(), Mismatch> {
        for (name, pattern) in &self.headers {
            if !pattern.matches(head.fields().values(name).into_iter().map(HeaderValue::as_bytes)) {
                return Err(Mismatch::Header(name.clone()));
            }
        }
        for (name, pattern) in &self.query {
            if !query_matches(head, name, pattern) {
                return Err(Mismatch::Query(name.clone()));
            }
        }
        if self.methods.is_empty() || self.lists(head.method()) {
            return Ok(());
        }
        if head.method() == Method::HEAD && self.lists(&Method::GET) { Ok(()) } else { Err(Mismatch::Method) }
    }

    /// Returns whether a method is listed by name.
    pub(crate) fn lists(&self, method: &Method) -> bool {
        self.methods.contains(method)
    }
}

fn query_matches(head: &Head, name: &str, pattern: &ValuePattern) -> bool {
    let values: SmallVec<[Cow<'_, str>; 2]> =
        head.target().query_pairs().filter(|(own, _)| *own == *name).map(|(_, value)| value).collect();
    pattern.matches(values.iter().map(|value| value.as_bytes()))
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("the host does not match"),
            Self::Path => f.write_str("the path does not match"),
            Self::Header(name) => write!(f, "the header {name} is missing or has another value"),
            Self::Query(name) => write!(f, "the query parameter {name} is missing or has another value"),
            Self::Method => f.write_str("the method does not match"),
        }
    }
}

impl fmt::Display for MatchRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        let methods: Vec<_> = self.methods.iter().map(Method::as_str).collect();
        if !methods.is_empty() {
            write!(f, "{} ", methods.join(","))?;
        }
        write!(f, "{}{}", hosts.join(","), self.path.as_ref().map_or("/**", PathPattern::as_str))?;
        for (name, pattern) in &self.headers {
            write!(f, " [{name} {pattern}]")?;
        }
        for (name, pattern) in &self.query {
            write!(f, " [?{name} {pattern}]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_unmet_condition_is_named() {
        let rule = MatchRule {
            hosts: vec![HostPattern::parse("a.test").unwrap(), HostPattern::parse("*.b.test").unwrap()],
            path: Some(PathPattern::parse("/x/**").unwrap()),
            methods: vec![Method::GET],
            headers: vec![(HeaderName::from_static("x-tier"), ValuePattern::exact("gold"))],
            query: vec![("v".to_owned(), ValuePattern::regex("[12]").unwrap())],
        };
        let check = |request: &str, headers: &[(&str, &str)], expected: Result<(), Mismatch>| {
            let head = Head::parse(request, headers).unwrap();
            assert_eq!(rule.check(&head), expected, "{request} {headers:?}");
        };
        let gold = [("x-tier", "gold")];
        check("GET http://a.test/x?v=1", &gold, Ok(()));
        check("HEAD http://c.b.test/x/y?v=9&v=2", &gold, Ok(()));
        check("GET http://a.test/x?v=1", &[("x-tier", "iron"), ("x-tier", "gold")], Ok(()));
        check("GET http://b.test/x?v=1", &gold, Err(Mismatch::Host));
        check("GET http://a.test/y?v=1", &gold, Err(Mismatch::Path));
        check("GET http://a.test/x?v=1", &[], Err(Mismatch::Header(HeaderName::from_static("x-tier"))));
        check("GET http://a.test/x?v=3", &gold, Err(Mismatch::Query("v".to_owned())));
        check("POST http://a.test/x?v=1", &gold, Err(Mismatch::Method));
        assert_eq!(rule.to_string(), "GET a.test,*.b.test/x/** [x-tier = \"gold\"] [?v ~ \"[12]\"]");
    }
}
