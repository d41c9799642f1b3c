//! The connections of a client: at most one to each address, bounded in number and age.

use std::collections::HashMap;
use std::time::Duration;

use mesh_rpc::client::ConnectError;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Connections over which many calls go at once. One that is replaced or dropped here ends when its last call has.
#[derive(Debug)]
pub(crate) struct Pool {
    connections: Mutex<HashMap<String, Pooled>>,
    size_max: usize,
    age_max: Duration,
}

#[derive(Debug)]
struct Pooled {
    connection: mesh_rpc::Client,
    since: Instant,
    used: Instant,
}

impl Pool {
    /// Returns an empty pool for so many addresses, whose connections are replaced at that age.
    pub(crate) fn new(size_max: usize, age_max: Duration) -> Pool {
        Pool { connections: Mutex::default(), size_max: size_max.max(1), age_max }
    }

    /// Returns the connection to an address, a new one where there is none that works.
    pub(crate) async fn connection(&self, address: &str, within: Duration) -> Result<mesh_rpc::Client, ConnectError> {
        if let Some(connection) = self.known(address) {
            return Ok(connection);
        }
        let connection = mesh_rpc::Client::connect(address, within).await?;
        self.keep(address, connection.clone());
        Ok(connection)
    }

    /// Drops what is known of an address, after its connection broke.
    pub(crate) fn forget(&self, address: &str) {
        self.connections.lock().remove(address);
    }

    fn known(&self, address: &str) -> Option<mesh_rpc::Client> {
        let now = Instant::now();
        let mut connections = self.connections.lock();
        let pooled = connections.get_mut(address)?;
        if pooled.connection.is_closed() || now.duration_since(pooled.since) >= self.age_max {
            connections.remove(address);
            return None;
        }
        pooled.used = now;
        Some(pooled.connection.clone())
    }

    fn keep(&self, address: &str, connection: mesh_rpc::Client) {
        let now = Instant::now();
        let mut connections = self.connections.lock();
        if connections.len() >= self.size_max && !connections.contains_key(address) {
            let unused_longest = connections.iter().min_by_key(|(_, pooled)| pooled.used).map(|(at, _)| at.clone());
            if let Some(unused_longest) = unused_longest {
                connections.remove(&unused_longest);
            }
        }
        connections.insert(address.to_owned(), Pooled { connection, since: now, used: now });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;
    use tokio::task::JoinSet;
    use tokio_util::sync::CancellationToken;

    use super::Pool;

    const LONG: Duration = Duration::from_mins(1);

    async fn serve(servers: &mut JoinSet<()>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("is bound").to_string();
        servers.spawn(mesh_rpc::Server::new().serve(listener, CancellationToken::new()));
        address
    }

    #[tokio::test]
    async fn connections_are_kept_and_the_one_unused_the_longest_makes_room() {
        let mut servers = JoinSet::new();
        let mut addresses = Vec::new();
        for _ in 0..3 {
            addresses.push(serve(&mut servers).await);
        }
        let pool = Pool::new(2, LONG);
        for at in [0, 1, 0, 2] {
            pool.connection(&addresses[at], LONG).await.expect("there is a server");
        }
        assert!(pool.known(&addresses[0]).is_some() && pool.known(&addresses[2]).is_some());
        assert!(pool.known(&addresses[1]).is_none(), "it made room");
        pool.forget(&addresses[0]);
        assert!(pool.known(&addresses[0]).is_none());
    }

    #[tokio::test]
    async fn old_connections_are_replaced() {
        let mut servers = JoinSet::new();
        let address = serve(&mut servers).await;
        let pool = Pool::new(2, Duration::ZERO);
        pool.connection(&address, LONG).await.expect("there is a server");
        assert!(pool.known(&address).is_none());
    }
}
