//! Which event a request stands for (spec/gateway 7.7): pure, by its path alone.

use gateway_exchange::Target;

use crate::Namespace;
use crate::micro::{is_version, parts};

/// The topic of an event, and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventName {
    topic: Box<str>,
    name: Box<str>,
}

impl EventName {
    /// Returns the topic, such as `go.micro.api.user`.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns the name, such as `login`; empty where the path names a topic alone.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Reads the event out of the path.
///
/// | path | topic, after the namespace | name |
/// |---|---|---|
/// | `/` | the namespace itself | `event` |
/// | `/user` | `user` | |
/// | `/user/login/failed` | `user` | `login.failed` |
/// | `/v1/user/login` | `v1.user` | `user.login` |
///
/// The whole path is decoded first, so `%2f` separates. A namespace that was given stands as it is (D3).
pub fn resolve_event(namespace: &Namespace, target: &Target) -> EventName {
    let path = target.decoded_path();
    let parts = parts(&path);
    let prefix = namespace.topic_prefix();
    let event = |topic: &str, name: String| {
        let topic = match (prefix, topic) {
            (prefix, "") => prefix.to_owned(),
            ("", topic) => topic.to_owned(),
            (prefix, topic) => format!("{prefix}.{topic}"),
        };
        EventName { topic: topic.into(), name: name.into() }
    };
    match *parts {
        [] => event("", "event".to_owned()),
        [version, topic, ..] if is_version(version) => event(&format!("{version}.{topic}"), parts[1..].join(".")),
        [topic, ref name @ ..] => event(topic, name.join(".")),
    }
}

#[cfg(test)]
mod tests {
    use gateway_exchange::Head;
    use rstest::rstest;

    use super::*;
    use crate::Naming;

    fn event(naming: &Naming<'_>, path: &str) -> (String, String) {
        let head = Head::parse(&format!("POST http://h{path}"), &[]).unwrap();
        let event = resolve_event(&Namespace::new(naming), head.target());
        (event.topic().to_owned(), event.name().to_owned())
    }

    /// The worked examples of spec/gateway 4.7.
    #[rstest]
    #[case("/", "", "event")]
    #[case("/foo", ".foo", "")]
    #[case("/foo/", ".foo", "")]
    #[case("/foo/bar/", ".foo", "bar")]
    #[case("/foo/foo/bar", ".foo", "foo.bar")]
    #[case("/foo/bar/baz/cat/car", ".foo", "bar.baz.cat.car")]
    #[case("/foo/fooBar/bazCat", ".foo", "fooBar.bazCat")]
    #[case("/FOO/BAR", ".FOO", "BAR")]
    #[case("/foo-bar/baz", ".foo-bar", "baz")]
    #[case("/foo/-bar", ".foo", "-bar")]
    #[case("/foo.bar/baz", ".foo.bar", "baz")]
    #[case("/foo/bar%20baz", ".foo", "bar baz")]
    #[case("/v1", ".v1", "")]
    #[case("/v1/foo", ".v1.foo", "foo")]
    #[case("/v1/foo/bar/baz", ".v1.foo", "foo.bar.baz")]
    #[case("/V1/foo/bar", ".V1", "foo.bar")]
    #[case("/v1.2/foo/bar", ".v1.2", "foo.bar")]
    #[case("/foo/v1/bar", ".foo", "v1.bar")]
    #[case("/%C3%A9/%C3%B1and%C3%BA", ".é", "ñandú")]
    #[case("/foo//x/../bar", ".foo", "bar")]
    fn paths(#[case] path: &str, #[case] topic: &str, #[case] name: &str) {
        assert_eq!(event(&Naming::default(), path), (format!("go.micro.api{topic}"), name.to_owned()), "{path}");
    }

    #[rstest]
    #[case(None, None, "go.micro.api.user")]
    #[case(Some("go.micro"), None, "go.micro.api.user")]
    #[case(Some("go.micro.evt"), None, "go.micro.evt.user")]
    #[case(Some("go.micro"), Some("evt"), "go.micro.evt.user")]
    #[case(Some("com.example.events"), None, "com.example.events.user")]
    #[case(Some("com.example"), Some("api"), "com.example.api.user")]
    #[case(Some(" "), None, "user")]
    fn namespaces(#[case] namespace: Option<&str>, #[case] service_type: Option<&str>, #[case] topic: &str) {
        assert_eq!(event(&Naming { namespace, service_type }, "/user/login").0, topic);
    }
}
