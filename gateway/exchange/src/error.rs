//! The error of an exchange: cause, what the caller is told, and what the log is told.

use std::error::Error;
use std::fmt;

use http::{Method, StatusCode};

use crate::Cause;

/// Ends an exchange early. Says whose fault it is, whether another try may help, and which status the caller sees.
///
/// What the caller sees (`id`, `detail`) and what the log sees (the source chain) are different fields.
#[derive(Debug)]
pub struct ProxyError {
    cause: Cause,
    status: Option<StatusCode>,
    id: Option<&'static str>,
    detail: String,
    allow: Vec<Method>,
    nothing_sent: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ProxyError {
    /// Makes an error whose status is the cause's own.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self {
            cause,
            status: None,
            id: None,
            detail: detail.into(),
            allow: Vec::new(),
            nothing_sent: false,
            source: None,
        }
    }

    /// States another status than the cause's own, such as 408 for the deadline of an RPC (spec/gateway 6.3).
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// States the id of the go-micro error object; without it the gateway's own is taken.
    #[must_use]
    pub fn with_id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// Names the methods that would have matched (RFC 9110 §15.5.6).
    #[must_use]
    pub fn with_allow(mut self, allow: Vec<Method>) -> Self {
        self.allow = allow;
        self
    }

    /// Keeps the underlying error for the log; the caller never sees it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Says that no byte of the request reached an endpoint, so that any request may be tried again.
    #[must_use]
    pub fn with_nothing_sent(mut self) -> Self {
        self.nothing_sent = true;
        self
    }

    /// Returns the cause.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Returns the status the caller sees.
    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or_else(|| self.cause.status())
    }

    /// Returns the stated id of the error object.
    pub fn id(&self) -> Option<&'static str> {
        self.id
    }

    /// Returns the sentence the caller sees.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the methods of the `Allow` field; empty for all causes but one.
    pub fn allow(&self) -> &[Method] {
        &self.allow
    }

    /// Returns whether nothing of the request was sent.
    pub fn nothing_sent(&self) -> bool {
        self.nothing_sent
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause, self.detail)
    }
}

impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
