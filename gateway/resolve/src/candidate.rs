//! A service and method a request may mean.

use smallvec::SmallVec;

/// What a request may mean, in the order in which it is looked up. Empty when the path names no service: 404, and
/// never a look-up of the empty name (D72).
pub type Candidates = SmallVec<[Candidate; 2]>;

/// A service to look up and the method to call on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    service: Box<str>,
    method: Box<str>,
}

impl Candidate {
    pub(crate) fn new(service: impl Into<Box<str>>, method: impl Into<Box<str>>) -> Self {
        let service = service.into();
        debug_assert!(!service.is_empty(), "the empty name matches every service in some registries");
        Self { service, method: method.into() }
    }

    /// Returns the full name of the service, namespace included; never empty.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the method, such as `Say.Hello`; empty for the proxy route, which forwards the request as it is. An odd
    /// path gives a method without exactly one dot (`/foo/1.0`), which no service has.
    pub fn method(&self) -> &str {
        &self.method
    }
}
