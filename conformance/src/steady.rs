//! Requests at a steady rate, each answer looked at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::client::http1::{Connection, Request};

/// Over how many connections the requests are spread.
const CONNECTIONS: u64 = 10;

/// Requests that go on until they are ended.
#[derive(Debug)]
pub struct Steady {
    end: CancellationToken,
    answered: Arc<AtomicU64>,
    clients: JoinSet<Result<()>>,
}

impl Steady {
    /// Sends a request so many times a second. Each must be answered with 200.
    pub fn start(address: SocketAddr, request: &Request, per_second: u64) -> Self {
        let mut steady = Self { end: CancellationToken::new(), answered: Arc::default(), clients: JoinSet::new() };
        let pause = Duration::from_micros(1_000_000 * CONNECTIONS / per_second);
        for _ in 0..CONNECTIONS {
            let (end, answered, request) = (steady.end.clone(), Arc::clone(&steady.answered), request.clone());
            steady.clients.spawn(async move {
                let mut connection = Connection::open(address).await?;
                let mut ticks = interval(pause);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
                while !end.is_cancelled() {
                    ticks.tick().await;
                    let answer = connection.send(&request).await?;
                    ensure!(answer.status == 200, "{answer}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        steady
    }

    /// Returns how many were answered so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends it, and returns how many were answered.
    ///
    /// # Errors
    /// The first request that failed.
    pub async fn end(mut self) -> Result<u64> {
        self.end.cancel();
        while let Some(client) = self.clients.join_next().await {
            client??;
        }
        Ok(self.answered())
    }
}
