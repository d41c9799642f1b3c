//! The record of an exchange, written when its response has ended, or when nobody waits for it any more.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway_exchange::{BodyEnd, BodyHook, Cause, Head, Record};
use http::{Method, StatusCode, Version};
use jiff::Timestamp;

use crate::access_log::{Format, Line};
use crate::live::InExchange;
use crate::metrics::RouteCells;
use crate::worker::Worker;

/// Accompanies an exchange and writes its record when dropped: a request that is abandoned or panics is recorded too.
#[derive(Debug)]
pub(crate) struct Recording {
    worker: Rc<Worker>,
    format: Option<Format>,
    start: Instant,
    method: Method,
    host: Box<str>,
    target: Box<str>,
    version: Version,
    status: Option<StatusCode>,
    bytes_sent: u64,
    complete: bool,
    record: Record,
    cells: Option<Arc<RouteCells>>,
    in_exchange: InExchange,
}

impl Recording {
    pub(crate) fn begin(worker: &Rc<Worker>, format: Option<Format>, in_exchange: InExchange, start: Instant) -> Self {
        worker.metrics.exchanges.add(1);
        Self {
            worker: Rc::clone(worker),
            format,
            start,
            method: Method::GET,
            host: Box::default(),
            target: Box::default(),
            version: Version::HTTP_11,
            status: None,
            bytes_sent: 0,
            complete: false,
            record: Record::default(),
            cells: None,
            in_exchange,
        }
    }

    /// Notes what was asked; texts only where a log will want them.
    pub(crate) fn asked(&mut self, head: &Head) {
        if self.format.is_some() {
            self.method = head.method().clone();
            self.host = head.host().sent().into();
            self.target = head.target().sent().into();
            self.version = head.version();
        }
    }

    pub(crate) fn routed(&mut self, cells: Option<Arc<RouteCells>>) {
        self.cells = cells;
    }

    /// Notes what is answered. From here on the body's end completes the record.
    pub(crate) fn answered(&mut self, status: StatusCode, record: Record) {
        self.status = Some(status);
        self.record = record;
    }

    fn write(&mut self) {
        let worker = &self.worker;
        worker.metrics.ended.add(1);
        if std::thread::panicking() {
            worker.metrics.panics.add(1);
            self.record.cause = Some(Cause::Internal);
        } else if !self.complete && self.record.cause.is_none() {
            self.record.cause = Some(Cause::ClientGone);
        }
        if let Some(cause) = self.record.cause {
            worker.metrics.count_cause(cause);
        }
        let latency = self.start.elapsed();
        // 499 is what access logs say of a client that left before it was answered; it never goes on the wire.
        let status = self.status.unwrap_or_else(|| StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST));
        if let Some(cells) = &self.cells {
            cells.observe(status, latency);
        }
        self.log(status, latency);
    }

    fn log(&self, status: StatusCode, latency: Duration) {
        let Some(format) = self.format else { return };
        let line = Line {
            at: Timestamp::now().checked_sub(latency).unwrap_or(Timestamp::UNIX_EPOCH),
            peer: self.in_exchange.peer().address.ip().to_canonical(),
            method: self.method.as_str(),
            host: &self.host,
            target: &self.target,
            version: version_text(self.version),
            status: status.as_u16(),
            bytes_sent: self.bytes_sent,
            micros: u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
            complete: self.complete,
            record: &self.record,
        };
        self.worker.log(&line, format);
    }
}

impl BodyHook for Recording {
    fn ended(mut self: Box<Self>, end: BodyEnd, bytes: u64) {
        self.bytes_sent = bytes;
        self.complete = end == BodyEnd::Complete;
        if end == BodyEnd::Failed && self.record.cause.is_none() {
            self.record.cause = Some(Cause::UpstreamReset);
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.write();
    }
}

fn version_text(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}
