//! What an answer of etcd that is none means.

use std::time::Duration;

use tonic::{Code, Status};

use super::ORIGIN;
use crate::registry::Unavailable;

/// Why a call has no result.
#[derive(Debug, thiserror::Error)]
#[error("{call} at {member}: {kind}")]
pub(super) struct Failure {
    /// What was asked for.
    pub(super) call: &'static str,
    /// The address of the member that was asked last.
    pub(super) member: String,
    /// What it comes to.
    pub(super) kind: Kind,
    /// What came instead of a result.
    #[source]
    pub(super) status: Option<Status>,
}

/// What to do about it is a matter of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Kind {
    /// No answer in time: another member may do better.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    /// The member cannot be reached or cannot answer now: another one may.
    #[error("not reached: {0}")]
    Unreachable(String),
    /// The token is not, or not any more, good: get another one.
    #[error("not authenticated: {0}")]
    Token(String),
    /// The revision is too old: it was compacted away.
    #[error("the revision is compacted away")]
    Compacted,
    /// The revision has not been yet: this is another etcd, or one that lost what it knew.
    #[error("the revision is not there yet")]
    Future,
    /// The answer is larger than is read: ask for less.
    #[error("the answer is too large")]
    TooLarge,
    /// There is no such lease (any more).
    #[error("the lease is gone")]
    LeaseGone,
    /// Users and passwords are switched off there.
    #[error("authentication is not enabled")]
    NoAuthentication,
    /// Anything else is an answer that stays the same wherever it is asked for.
    #[error("refused: {0}")]
    Refused(String),
}

impl Kind {
    /// Reads a status. etcd puts the error into the text, as gRPC has fewer codes than it has errors.
    pub(super) fn of(status: &Status) -> Kind {
        let text = status.message();
        let says = |part: &str| text.contains(part);
        match status.code() {
            Code::OutOfRange if says("has been compacted") => Kind::Compacted,
            Code::OutOfRange if says("future revision") => Kind::Future,
            Code::OutOfRange if says("message length too large") => Kind::TooLarge,
            Code::ResourceExhausted if says("message larger than max") => Kind::TooLarge,
            Code::NotFound if says("lease not found") => Kind::LeaseGone,
            Code::FailedPrecondition if says("authentication is not enabled") => Kind::NoAuthentication,
            Code::Unauthenticated => Kind::Token(reason(status)),
            Code::InvalidArgument if says("user name is empty") || says("revision of auth store is old") => {
                Kind::Token(reason(status))
            }
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::Internal
            | Code::Aborted
            | Code::DataLoss => Kind::Unreachable(reason(status)),
            _ => Kind::Refused(reason(status)),
        }
    }

    /// Returns whether another member may do better.
    pub(super) fn is_of_member(&self) -> bool {
        matches!(self, Kind::Deadline(_) | Kind::Unreachable(_))
    }
}

/// The innermost cause says it best: `transport error` is what tonic calls a refused connection.
fn reason(status: &Status) -> String {
    let mut cause = std::error::Error::source(status);
    let mut text = status.message().to_owned();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    if text.is_empty() { status.code().description().to_owned() } else { text }
}

impl From<Failure> for Unavailable {
    fn from(failure: Failure) -> Unavailable {
        Unavailable { origin: ORIGIN, reason: failure.to_string(), source: Some(Box::new(failure)) }
    }
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::Kind;

    #[test]
    fn what_etcd_says_is_understood() {
        let check = |code: Code, text: &str, expected: Kind| {
            assert_eq!(Kind::of(&Status::new(code, text)), expected, "{text}");
        };
        check(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted", Kind::Compacted);
        check(Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision", Kind::Future);
        let large = "Error, decoded message length too large: found 9 bytes, the limit is: 8 bytes";
        check(Code::OutOfRange, large, Kind::TooLarge);
        check(Code::NotFound, "etcdserver: requested lease not found", Kind::LeaseGone);
        let off = "etcdserver: authentication is not enabled";
        check(Code::FailedPrecondition, off, Kind::NoAuthentication);
        for (code, text) in [
            (Code::Unauthenticated, "etcdserver: invalid auth token"),
            (Code::InvalidArgument, "etcdserver: user name is empty"),
            (Code::InvalidArgument, "etcdserver: revision of auth store is old"),
        ] {
            check(code, text, Kind::Token(text.to_owned()));
        }
        let full = "etcdserver: mvcc: database space exceeded";
        check(Code::ResourceExhausted, full, Kind::Refused(full.to_owned()));
        let leaderless = "etcdserver: no leader";
        check(Code::Unavailable, leaderless, Kind::Unreachable(leaderless.to_owned()));
        assert!(Kind::of(&Status::unavailable("")).is_of_member());
        assert!(!Kind::of(&Status::permission_denied("")).is_of_member());
    }
}
