//! Signals: SIGTERM and SIGINT end the process, SIGHUP has it read its document again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of the process, listened for from the moment this is made.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Option<Signal>,
}

/// The calls to reload.
#[derive(Debug)]
pub(super) struct HangUps(Option<Signal>);

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: Some(signal(SignalKind::hangup())?),
        })
    }

    /// Waits until the process is told to end. Cancel safe.
    pub(crate) async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Hands out the calls to reload, once.
    pub(super) fn hang_ups(&mut self) -> HangUps {
        HangUps(self.hang_up.take())
    }
}

impl HangUps {
    /// Waits for the next call to reload. Several that come while one is served are one. Cancel safe.
    pub(super) async fn next(&mut self) {
        let called = match &mut self.0 {
            Some(signal) => signal.recv().await.is_some(),
            None => false,
        };
        if !called {
            std::future::pending::<()>().await;
        }
    }
}
