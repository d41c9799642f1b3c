//! An upgraded connection: bytes both ways until one side ends.

use std::rc::Rc;
use std::time::Duration;

use gateway_exchange::{Exchange, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional_with_sizes;

use crate::live::{Connection, Counted};
use crate::worker::Worker;

/// How long both sides may take to hand over their connections after the 101.
const HANDOVER: Duration = Duration::from_secs(10);
/// The buffer of each direction, in bytes: many tunnels are open and few are busy.
const BUFFER: usize = 8 * 1024;

/// Joins the two sides of an accepted upgrade, if the exchange led to one.
pub(crate) fn join(worker: &Rc<Worker>, connection: &Connection, exchange: &mut Exchange, response: &mut Response) {
    let (Some(downstream), Some(upstream)) = (exchange.upgrade.take(), response.upgrade.take()) else { return };
    worker.metrics.tunnels.add(1);
    let open = Open { worker: Rc::clone(worker), _room: worker.live.count(&connection.listener.id) };
    worker.tasks.spawn_local(async move {
        let open = open;
        if let Err(error) = run(downstream, upstream).await {
            tracing::debug!(error = &*error as &dyn std::error::Error, "tunnel ended");
        }
        drop(open);
    });
}

async fn run(downstream: OnUpgrade, upstream: OnUpgrade) -> Result<(), Box<dyn std::error::Error>> {
    let both = async { tokio::try_join!(downstream, upstream) };
    let (downstream, upstream) = tokio::time::timeout(HANDOVER, both).await??;
    let (mut downstream, mut upstream) = (TokioIo::new(downstream), TokioIo::new(upstream));
    copy_bidirectional_with_sizes(&mut downstream, &mut upstream, BUFFER, BUFFER).await?;
    Ok(())
}

struct Open {
    worker: Rc<Worker>,
    _room: Counted,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.worker.metrics.tunnels_closed.add(1);
    }
}
