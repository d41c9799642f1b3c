//! HTTP/1.1: a connection carries one exchange at a time and goes back to the pool when its response has ended.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Instant;

use gateway_exchange::{Body, BodyEnd, BodyHook};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::connect::connect;
use crate::{PoolSettings, SendError, SendFailure};

struct Idle {
    sender: SendRequest<Body>,
    /// When the sweep first saw it rest. No request asks the clock for it.
    since: Option<Instant>,
}

/// Idle connections, last in first out: the warmest is taken, the oldest is closed.
pub(crate) struct Pool {
    idle: RefCell<VecDeque<Idle>>,
    open: Rc<Cell<usize>>,
    settings: PoolSettings,
}

/// A response and the lease of the connection it came on.
pub(crate) type Answer = (http::Response<Incoming>, Box<dyn BodyHook>);

impl Pool {
    pub(crate) fn new(settings: PoolSettings) -> Rc<Self> {
        Rc::new(Self { idle: RefCell::default(), open: Rc::default(), settings })
    }

    pub(crate) fn idle(&self) -> usize {
        self.idle.borrow().len()
    }

    /// Closes what has been idle for too long.
    pub(crate) fn sweep(&self, now: Instant) {
        let limit = self.settings.idle_timeout;
        self.idle.borrow_mut().retain_mut(|idle| {
            let since = *idle.since.get_or_insert(now);
            now.saturating_duration_since(since) <= limit && !idle.sender.is_closed()
        });
    }

    /// Sends on an idle connection, else on a fresh one. A request that an idle connection could not take, because its
    /// peer had just closed it, goes on to the next; one of which something was sent does not.
    pub(crate) async fn send(
        self: &Rc<Self>,
        address: SocketAddr,
        mut request: Box<http::Request<Body>>,
    ) -> Result<Answer, SendError> {
        while let Some(mut sender) = self.checkout() {
            match sender.try_send_request(*request).await {
                Ok(response) => return Ok(self.answer(sender, response)),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = Box::new(unsent),
                    None => return Err(failed(address, error.into_error(), None)),
                },
            }
        }
        let mut sender = match Box::pin(self.open(address)).await {
            Ok(sender) => sender,
            Err(failure) => return Err(SendError { failure, unsent: Some(request) }),
        };
        match sender.try_send_request(*request).await {
            Ok(response) => Ok(self.answer(sender, response)),
            Err(mut error) => {
                let unsent = error.take_message().map(Box::new);
                Err(failed(address, error.into_error(), unsent))
            }
        }
    }

    fn checkout(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(last) = idle.pop_back() {
            if last.sender.is_ready() {
                return Some(last.sender);
            }
        }
        None
    }

    async fn open(&self, address: SocketAddr) -> Result<SendRequest<Body>, SendFailure> {
        let limit = self.settings.connections_max;
        if self.open.get() >= limit {
            return Err(SendFailure::TooManyConnections { address, limit });
        }
        let open = Open::count(&self.open);
        let stream = connect(address, self.settings.connect_timeout).await?;
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| SendFailure::Exchange { address, source })?;
        // Owned by the worker's runtime: it ends with its sender, or when the worker ends.
        tokio::task::spawn_local(async move {
            let _open = open;
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%address, error = %error, "an upstream connection ended");
            }
        });
        Ok(sender)
    }

    fn answer(self: &Rc<Self>, sender: SendRequest<Body>, response: http::Response<Incoming>) -> Answer {
        let lease = Lease { sender, pool: Rc::downgrade(self) };
        (response, Box::new(lease))
    }

    fn checkin(&self, sender: SendRequest<Body>) {
        if sender.is_closed() || self.settings.idle_max == 0 {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= self.settings.idle_max {
            idle.pop_front();
        }
        idle.push_back(Idle { sender, since: None });
    }
}

/// Counts an open connection.
struct Open(Rc<Cell<usize>>);

impl Open {
    fn count(open: &Rc<Cell<usize>>) -> Self {
        open.set(open.get() + 1);
        Self(Rc::clone(open))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

fn failed(address: SocketAddr, source: hyper::Error, unsent: Option<Box<http::Request<Body>>>) -> SendError {
    SendError { failure: SendFailure::Exchange { address, source }, unsent }
}

/// Holds a connection while its response is read. Whatever ends otherwise than complete takes the connection with it.
struct Lease {
    sender: SendRequest<Body>,
    pool: Weak<Pool>,
}

impl BodyHook for Lease {
    fn ended(self: Box<Self>, end: BodyEnd, _bytes: u64) {
        if let (BodyEnd::Complete, Some(pool)) = (end, self.pool.upgrade()) {
            pool.checkin(self.sender);
        }
    }
}
