//! The names of things in a document: each kind of name is a type, so that one cannot stand for another.

use std::{borrow::Borrow, fmt, str::FromStr};

use super::{ParseError, text_value};

/// How long any name may be, in bytes. DNS and the registry of go-micro stay below it.
const LONGEST_NAME: usize = 253;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $allowed:literal, $pattern:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        text_value!($type, BadName, $what, $allowed, $pattern);

        impl $type {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let check: fn(&str) -> Result<(), ParseError> = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name of a listener: a key of `listeners`.
    ListenerName, "a name", "it may hold letters, digits, `-`, `_` and `.`", "^[A-Za-z0-9_.-]+$", resource_name
);
name!(
    /// The name of a route table: a key of `routes`.
    RouteTableName, "a name", "it may hold letters, digits, `-`, `_` and `.`", "^[A-Za-z0-9_.-]+$", resource_name
);
name!(
    /// The name of one route, unique in its table. Optional: without it the match text names the route.
    RouteName, "a name", "it may hold letters, digits, `-`, `_` and `.`", "^[A-Za-z0-9_.-]+$", resource_name
);
name!(
    /// The name of a policy set: a key of `policies`.
    PolicySetName, "a name", "it may hold letters, digits, `-`, `_` and `.`", "^[A-Za-z0-9_.-]+$", resource_name
);
name!(
    /// The name of a service: a key of `services`, or a name of the registry such as `go.micro.srv.greeter`.
    ServiceName, "a service name", "it may hold letters, digits, `-`, `_`, `.`, `:` and `/`", "^[A-Za-z0-9_.:/-]+$", service_name
);
name!(
    /// The second part of a service name, between namespace and name: `api`, `srv`, `web`.
    ServiceType, "a service type", "it may hold letters, digits, `-`, `_` and `.`", "^[A-Za-z0-9_.-]+$", resource_name
);
name!(
    /// The first part of the names that a resolver makes: `go.micro`, `com.example`.
    ///
    /// One blank or more means "no namespace", a trailing `-` or `.` is kept and joined as spec/gateway 2.5 says.
    Namespace, "a namespace", "it may hold letters, digits, `-`, `_` and `.`, or be one blank for none", "^([A-Za-z0-9_.-]+|\\s+)$", namespace
);

impl Namespace {
    /// Returns whether the namespace is blank: services are looked up by their bare name.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

fn resource_name(text: &str) -> Result<(), ParseError> {
    name_of(text, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn service_name(text: &str) -> Result<(), ParseError> {
    name_of(text, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/'))
}

fn namespace(text: &str) -> Result<(), ParseError> {
    if !text.is_empty() && text.trim().is_empty() && text.len() <= LONGEST_NAME {
        return Ok(());
    }
    resource_name(text)
}

fn name_of(text: &str, allowed: fn(char) -> bool) -> Result<(), ParseError> {
    if text.is_empty() {
        return Err(ParseError::new("it is empty"));
    }
    if text.len() > LONGEST_NAME {
        return Err(ParseError::new(format!("it is longer than {LONGEST_NAME} bytes")));
    }
    match text.chars().find(|c| !allowed(*c)) {
        Some(other) => Err(ParseError::new(format!("`{}` is not allowed", other.escape_debug()))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: FromStr<Err = ParseError>>(text: &str, expected: Result<(), &str>) {
        assert_eq!(text.parse::<T>().map(drop).map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn names_hold_no_blanks_and_are_never_empty() {
        check::<ListenerName>("edge-1", Ok(()));
        check::<ListenerName>("", Err("it is empty"));
        check::<RouteTableName>("a b", Err("` ` is not allowed"));
        check::<ServiceName>("go.micro.srv.greeter", Ok(()));
        check::<ServiceName>("a\nb", Err("`\\n` is not allowed"));
        check::<PolicySetName>(&"x".repeat(254), Err("it is longer than 253 bytes"));
    }

    #[test]
    fn a_namespace_may_be_blank_or_end_in_a_joiner() {
        check::<Namespace>("go.micro", Ok(()));
        check::<Namespace>(" ", Ok(()));
        check::<Namespace>("com-", Ok(()));
        check::<Namespace>("", Err("it is empty"));
        assert!(" ".parse::<Namespace>().unwrap().is_blank());
    }
}
