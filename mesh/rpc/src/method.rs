//! The `:path` of a call: how a client makes it of service and endpoint, and what a server reads in it.

use crate::status::{Code, Status};

/// Returns the `:path` for an endpoint of a service.
///
/// `Say.Hello` of `go.micro.srv.greeter` is `/go.micro.srv.greeter.Say/Hello`. An endpoint that begins with a
/// slash, or is not of the form `A.B`, is sent as it is; a server then refuses what it cannot read.
pub fn path(service: &str, endpoint: &str) -> String {
    if endpoint.starts_with('/') {
        return endpoint.to_owned();
    }
    match endpoint.split_once('.') {
        Some((handler, method)) if !method.contains('.') => {
            let dot = if service.is_empty() { "" } else { "." };
            ["/", service, dot, handler, "/", method].concat()
        }
        _ => endpoint.to_owned(),
    }
}

/// What a server reads in a `:path`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method<'a> {
    /// What stands before the last dot: the service for proxies, without meaning for the service itself. May be
    /// empty.
    pub service: &'a str,
    /// The handler, such as `Say`. May be empty, as in `/a./B`.
    pub handler: &'a str,
    /// The method, such as `Hello`.
    pub method: &'a str,
}

/// A `:path` that names no method.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed method name: {path:?}")]
pub struct MalformedPath {
    path: String,
    code: Code,
}

impl MalformedPath {
    /// Returns the status with which Go refuses it: 8 where there is no second slash, else 3.
    pub fn to_status(&self) -> Status {
        Status::new(self.code, self.to_string())
    }
}

/// Splits a `:path` into prefix, handler and method: exactly two slashes, with something after each.
///
/// ```
/// let method = mesh_rpc::method::split("/go.micro.srv.greeter.Say/Hello").unwrap();
/// assert_eq!((method.service, method.handler, method.method), ("go.micro.srv.greeter", "Say", "Hello"));
/// ```
///
/// # Errors
/// When the path has another form.
pub fn split(path: &str) -> Result<Method<'_>, MalformedPath> {
    let malformed = |code| MalformedPath { path: path.to_owned(), code };
    let (before, method) =
        path.strip_prefix('/').unwrap_or(path).rsplit_once('/').ok_or_else(|| malformed(Code::ResourceExhausted))?;
    if !path.starts_with('/') || before.is_empty() || before.contains('/') || method.is_empty() {
        return Err(malformed(Code::InvalidArgument));
    }
    let (service, handler) = before.rsplit_once('.').unwrap_or(("", before));
    Ok(Method { service, handler, method })
}

#[cfg(test)]
mod tests {
    use super::{path, split};

    #[track_caller]
    fn check_path(service: &str, endpoint: &str, expected: &str) {
        assert_eq!(path(service, endpoint), expected);
    }

    #[track_caller]
    fn check_split(path: &str, expected: (&str, &str, &str)) {
        let method = split(path).expect("is a method");
        assert_eq!((method.service, method.handler, method.method), expected);
    }

    #[track_caller]
    fn check_malformed(path: &str, code: i32, message: &str) {
        let status = split(path).expect_err("is malformed").to_status();
        assert_eq!((status.code.number(), status.message.as_str()), (code, message));
    }

    #[test]
    fn paths_are_made_as_go_makes_them() {
        check_path("go.micro.srv.greeter", "Say.Hello", "/go.micro.srv.greeter.Say/Hello");
        check_path("", "Say.Hello", "/Say/Hello");
        check_path("x", "/pkg.Say/Hello", "/pkg.Say/Hello");
        check_path("x", "Hello", "Hello");
        check_path("x", "a.B.C", "a.B.C");
    }

    #[test]
    fn what_stands_before_the_last_dot_is_the_service() {
        check_split("/go.micro.srv.greeter.Say/Hello", ("go.micro.srv.greeter", "Say", "Hello"));
        check_split("/Say/Hello", ("", "Say", "Hello"));
        check_split("/x.y.z.Say/Hello", ("x.y.z", "Say", "Hello"));
        check_split("/a./B", ("a", "", "B"));
    }

    #[test]
    fn malformed_paths_have_the_statuses_of_go() {
        check_malformed("/Foo", 8, r#"malformed method name: "/Foo""#);
        check_malformed("Foo.Bar.Baz", 8, r#"malformed method name: "Foo.Bar.Baz""#);
        check_malformed("", 8, r#"malformed method name: """#);
        check_malformed("/a/b/c", 3, r#"malformed method name: "/a/b/c""#);
        check_malformed("//x", 3, r#"malformed method name: "//x""#);
        check_malformed("/x/", 3, r#"malformed method name: "/x/""#);
        check_malformed("x/y", 3, r#"malformed method name: "x/y""#);
    }
}
