//! Writing: a key for each node, each with a lease of its own, so that it ends alone.
//!
//! Nothing is remembered here: etcd says whether a node is there and with which lease. So a process that starts anew
//! takes its lease over, and one whose lease was lost writes its node again.

use std::time::Duration;

use proto::etcd::etcdserverpb::{PutRequest, RangeRequest};
use proto::etcd::mvccpb::KeyValue;

use super::client::Client;
use super::failure::{Failure, Kind};

/// How often a lease may end between being made or renewed and being used.
const ATTEMPTS: usize = 2;

/// Writes a node, or renews its lease where it is written already.
pub(super) async fn write(client: &Client, key: Vec<u8>, value: Vec<u8>, ttl: Option<Duration>) -> Result<(), Failure> {
    let Some(ttl) = ttl else {
        // As Go does: always written, and bound to no lease any more.
        return client.put(PutRequest { key, value, lease: 0 }).await;
    };
    let seconds = seconds(ttl);
    let mut attempts = 1;
    loop {
        let known = find(client, &key).await?;
        let renewed = match &known {
            Some(known) if known.lease != 0 => renew(client, known.lease, seconds).await?,
            _ => None,
        };
        if renewed.is_some() && known.is_some_and(|known| known.value == value) {
            return Ok(());
        }
        let lease = match renewed {
            Some(lease) => lease,
            None => client.grant(seconds).await?,
        };
        match client.put(PutRequest { key: key.clone(), value: value.clone(), lease }).await {
            Err(Failure { kind: Kind::LeaseGone, .. }) if attempts < ATTEMPTS => attempts += 1,
            written => return written,
        }
    }
}

/// Lets the lease of a node begin again; says whether there is such a node.
pub(super) async fn extend(client: &Client, key: &[u8]) -> Result<bool, Failure> {
    let Some(known) = find(client, key).await? else { return Ok(false) };
    if known.lease == 0 {
        return Ok(true);
    }
    Ok(client.keep_alive(known.lease).await?.is_some())
}

/// Takes a node away, and its lease where nothing else ends with it; says whether there was such a node.
pub(super) async fn delete(client: &Client, key: Vec<u8>) -> Result<bool, Failure> {
    let deleted = client.delete(key).await?;
    for lease in deleted.prev_kvs.iter().map(|known| known.lease).filter(|lease| *lease != 0) {
        // What cannot be ended now ends by itself.
        if let Err(failure) = end(client, lease).await {
            tracing::debug!(reason = %failure, "a lease of etcd is left to end");
        }
    }
    Ok(deleted.deleted > 0)
}

async fn find(client: &Client, key: &[u8]) -> Result<Option<KeyValue>, Failure> {
    let answer = client.range(RangeRequest { key: key.to_vec(), ..RangeRequest::default() }).await?;
    Ok(answer.kvs.into_iter().next())
}

/// Renews a lease and returns it, unless it is gone or shorter than wanted. etcd makes short leases longer (1.5 times
/// its election timeout at least), so a longer one does.
async fn renew(client: &Client, lease: i64, seconds: i64) -> Result<Option<i64>, Failure> {
    Ok(client.keep_alive(lease).await?.filter(|granted| *granted >= seconds).map(|_| lease))
}

async fn end(client: &Client, lease: i64) -> Result<(), Failure> {
    if client.is_unused(lease).await? {
        client.revoke(lease).await?;
    }
    Ok(())
}

/// Leases are made of whole seconds, one at least.
fn seconds(ttl: Duration) -> i64 {
    let whole = ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0));
    i64::try_from(whole.max(1)).unwrap_or(i64::MAX).min(SECONDS_MAX)
}

/// The longest lease that etcd makes.
const SECONDS_MAX: i64 = 9_000_000_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::seconds;

    #[test]
    fn leases_have_whole_seconds() {
        for (ttl, expected) in [
            (Duration::from_secs(60), 60),
            (Duration::from_millis(1500), 2),
            (Duration::ZERO, 1),
            (Duration::MAX, 9_000_000_000),
        ] {
            assert_eq!(seconds(ttl), expected, "{ttl:?}");
        }
    }
}
