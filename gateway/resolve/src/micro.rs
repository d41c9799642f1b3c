//! The resolver `micro` (spec/gateway 4.1): the default.
//!
//! Two readings of a path. Handlers that make an RPC take the *API route*: service and method. Handlers that forward
//! the request take the *proxy route*: the service alone.

use std::borrow::Cow;

use gateway_exchange::Target;
use smallvec::SmallVec;

use crate::camel::push_camel;
use crate::{Candidate, Candidates, Namespace};

/// Resolves the API route: service and method out of the path.
///
/// | path | service | method |
/// |---|---|---|
/// | `/foo` | `foo` | `Foo.Call` |
/// | `/foo/bar` | `foo` | `Foo.Bar` |
/// | `/v1/foo` | `v1.foo`, else `v1` | `Foo.Call`, else `V1.Foo` (D7) |
/// | `/v1/foo/bar` | `v1.foo` | `Foo.Bar` |
/// | `/a/b/c/d` | all but the last two: `a.b` | the last two: `C.D` |
///
/// The whole path is decoded first, so `%2f` separates. Every full name of the first reading comes before the second
/// reading.
pub fn resolve_api(namespace: &Namespace, target: &Target) -> Candidates {
    let path = target.decoded_path();
    let parts = parts(&path);
    let mut candidates = Candidates::new();
    let mut read = |service: &str, method: &[&str]| push_reading(namespace, service, method, &mut candidates);
    match *parts {
        [] => {}
        [name] => read(name, &[name, "call"]),
        [version, name] if is_version(version) => {
            read(&format!("{version}.{name}"), &[name, "call"]);
            read(version, &[version, name]);
        }
        [name, _] => read(name, &parts),
        [version, name, method] if is_version(version) => read(&format!("{version}.{name}"), &[name, method]),
        [ref service @ .., handler, method] => read(&service.join("."), &[handler, method]),
    }
    candidates
}

/// Resolves the proxy route: the service out of the first segment, or out of the first two behind a version. The
/// method of its candidates is empty.
///
/// v2 read the path as sent and answered unclean ones 301 before that; the cleaned path gives what it gave after the
/// redirect (D32). A segment other than letters, digits and single dashes names no service.
pub fn resolve_proxy(namespace: &Namespace, target: &Target) -> Candidates {
    let mut segments = target.segments();
    let (Some(first), second) = (segments.next(), segments.next()) else { return Candidates::new() };
    let (alias, service) = match second {
        Some(second) if is_version(first) => (second, Cow::Owned(format!("{first}.{second}"))),
        _ => (first, Cow::Borrowed(first)),
    };
    if !is_alias(alias) {
        return Candidates::new();
    }
    namespace.names(&service).map(|name| Candidate::new(name, "")).collect()
}

/// Adds a candidate for each full name of a service; the method is its parts in camel case, joined by dots.
fn push_reading(namespace: &Namespace, service: &str, parts: &[&str], candidates: &mut Candidates) {
    let mut method = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            method.push('.');
        }
        push_camel(part, &mut method);
    }
    candidates.extend(namespace.names(service).map(|name| Candidate::new(name, method.as_str())));
}

/// Cuts a decoded path. It is cleaned once more: what was `%2f` may have brought new empty and dot segments.
pub(crate) fn parts(path: &str) -> SmallVec<[&str; 8]> {
    let mut parts: SmallVec<[&str; 8]> = SmallVec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts
}

/// `v` and digits.
pub(crate) fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// ASCII letters and digits, in pieces joined by single dashes.
fn is_alias(part: &str) -> bool {
    part.split('-').all(|piece| !piece.is_empty() && piece.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests;
