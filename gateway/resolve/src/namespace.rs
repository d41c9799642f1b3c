//! Namespaces: which full names a short one may stand for (spec/gateway 2.4 and 2.5 as fixed, design 4).

use smallvec::SmallVec;

/// The namespace when none is given.
pub const DEFAULT_NAMESPACE: &str = "go.micro";

/// The service type when none is given.
pub const DEFAULT_TYPE: &str = "api";

/// Namespace and type as they were given, by flag, environment or document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Naming<'n> {
    /// The namespace. Nothing, and the empty text that v2 skipped too, mean [`DEFAULT_NAMESPACE`]; white space means
    /// no namespace at all.
    pub namespace: Option<&'n str>,
    /// The service type. Nothing and blank text mean [`DEFAULT_TYPE`].
    pub service_type: Option<&'n str>,
}

/// A namespace compiled to the ways in which it makes a full name of a short one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Namespace {
    ways: SmallVec<[Way; 2]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Way {
    /// This in front of the name; empty for the name alone.
    Prefix(Box<str>),
    /// This in front of the name, and then every dot of the whole a dash.
    Dashed(Box<str>),
}

impl Namespace {
    /// Compiles a namespace N and a type T. The full names of a name `n`, in the order in which they are looked up:
    ///
    /// | N | T | names |
    /// |---|---|---|
    /// | white space | | `n` |
    /// | ends in `-` | | `Nn` with every `.` as `-` |
    /// | ends in `.` | | `Nn` |
    /// | not given or `go.micro` | | `N.T.n` |
    /// | given | given | `N.T.n` |
    /// | ends in `.T` | | `N.n` |
    /// | any other | not given | `N.T.n`, then `N.n` |
    pub fn new(naming: &Naming<'_>) -> Self {
        let given_type = naming.service_type.map(str::trim).filter(|text| !text.is_empty());
        let service_type = given_type.unwrap_or(DEFAULT_TYPE);
        let namespace = match naming.namespace.filter(|text| !text.is_empty()) {
            None => DEFAULT_NAMESPACE,
            Some(text) => text.trim(),
        };
        let mut ways = SmallVec::new();
        let base = namespace.strip_suffix(service_type).and_then(|base| base.strip_suffix('.'));
        if namespace.is_empty() || namespace.ends_with('.') {
            ways.push(Way::Prefix(namespace.into()));
        } else if namespace.ends_with('-') {
            ways.push(Way::Dashed(namespace.into()));
        } else {
            ways.push(Way::Prefix(format!("{}.{service_type}.", base.unwrap_or(namespace)).into()));
            if base.is_none() && given_type.is_none() && namespace != DEFAULT_NAMESPACE {
                ways.push(Way::Prefix(format!("{namespace}.").into()));
            }
        }
        Self { ways }
    }

    /// Returns the full names of a short one, best first; none for a blank one.
    pub fn names(&self, name: &str) -> impl Iterator<Item = Box<str>> {
        let ways = if name.trim().is_empty() { &[] } else { &*self.ways };
        ways.iter().map(move |way| match way {
            Way::Prefix(prefix) => [&**prefix, name].concat().into(),
            Way::Dashed(prefix) => [&**prefix, name].concat().replace('.', "-").into(),
        })
    }

    /// Returns what stands in front of every name of the first choice, without its final dot: the v2 service prefix
    /// (`go.micro.api`), empty for the blank namespace.
    pub fn prefix(&self) -> &str {
        self.ways.first().map_or("", Way::prefix)
    }

    /// Returns what stands in front of every topic, without its final dot: a namespace that was given stands as it is,
    /// where nobody gave a type (D3).
    pub fn topic_prefix(&self) -> &str {
        self.ways.last().map_or("", Way::prefix)
    }
}

impl Way {
    fn prefix(&self) -> &str {
        let (Way::Prefix(prefix) | Way::Dashed(prefix)) = self;
        prefix.strip_suffix('.').unwrap_or(prefix)
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new(&Naming::default())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    // spec/gateway 2.4, the rows of its table, with the fixes.
    #[case(None, None, &["go.micro.api.foo"])]
    #[case(Some("com.example"), None, &["com.example.api.foo", "com.example.foo"])]
    #[case(Some("com.example.api"), None, &["com.example.api.foo"])]
    #[case(Some("go.micro"), Some("srv"), &["go.micro.srv.foo"])]
    #[case(Some("go.micro.srv"), Some("srv"), &["go.micro.srv.foo"])]
    #[case(Some("go.micro.srv"), None, &["go.micro.srv.api.foo", "go.micro.srv.foo"])]
    #[case(Some("go.micro.evt"), None, &["go.micro.evt.api.foo", "go.micro.evt.foo"])]
    #[case(Some(" "), None, &["foo"])]
    // The rules around them.
    #[case(Some("go.micro"), None, &["go.micro.api.foo"])]
    #[case(Some(""), None, &["go.micro.api.foo"])]
    #[case(None, Some("web"), &["go.micro.web.foo"])]
    #[case(Some("com.example"), Some("web"), &["com.example.web.foo"])]
    #[case(Some("com.example.api"), Some("web"), &["com.example.api.web.foo"])]
    #[case(Some("com.example"), Some(" "), &["com.example.api.foo", "com.example.foo"])]
    #[case(Some(" \t"), Some("srv"), &["foo"])]
    #[case(Some(" com.example.api "), None, &["com.example.api.foo"])]
    #[case(Some("api"), None, &["api.api.foo", "api.foo"])]
    #[case(Some("myapi"), None, &["myapi.api.foo", "myapi.foo"])]
    // spec/gateway 2.5.
    #[case(Some("com-example-"), None, &["com-example-foo"])]
    #[case(Some("com.example-"), None, &["com-example-foo"])]
    #[case(Some("com.example."), None, &["com.example.foo"])]
    fn names_follow_the_namespace(
        #[case] namespace: Option<&str>,
        #[case] service_type: Option<&str>,
        #[case] expected: &[&str],
    ) {
        let namespace = Namespace::new(&Naming { namespace, service_type });
        let names: Vec<_> = namespace.names("foo").collect();
        assert_eq!(names.iter().map(|name| &**name).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn dots_of_the_name_become_dashes_too() {
        let namespace = Namespace::new(&Naming { namespace: Some("a-"), service_type: None });
        assert_eq!(namespace.names("v1.foo").collect::<Vec<_>>(), ["a-v1-foo".into()]);
    }

    #[test]
    fn there_is_no_empty_name() {
        for namespace in [None, Some(" "), Some("com.example"), Some("a-"), Some("a.")] {
            let namespace = Namespace::new(&Naming { namespace, service_type: None });
            assert_eq!(namespace.names("").count() + namespace.names(" ").count(), 0, "{namespace:?}");
        }
    }

    #[test]
    fn the_default_namespace_reaches_nothing_but_its_own() {
        let namespace = Namespace::default();
        for name in ["store", "srv.greeter", "go.micro.store", ".micro.srv", "..", "api"] {
            assert!(namespace.names(name).all(|full| full.starts_with("go.micro.api.")), "{name}");
        }
    }

    #[test]
    fn the_prefix_is_that_of_v2() {
        let check = |namespace: Option<&str>, expected: &str| {
            assert_eq!(Namespace::new(&Naming { namespace, service_type: None }).prefix(), expected);
        };
        check(None, "go.micro.api");
        check(Some("com.example"), "com.example.api");
        check(Some(" "), "");
        check(Some("a-"), "a-");
    }
}
