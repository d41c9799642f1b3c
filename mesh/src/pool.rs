//! The connections of a client: at most one to each address, bounded in number and age.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mesh_rpc::client::ConnectError;
use mesh_rpc::mucp::MucpClient;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Connections over which calls go. One that is replaced or dropped here ends when its last call has.
#[derive(Debug)]
pub(crate) struct Pool {
    grpc: Mutex<Addresses<Pooled>>,
    /// Each keeps the connections of one node, which carry one call at a time, and minds their age.
    mucp: Mutex<Addresses<Arc<MucpClient>>>,
    age_max: Duration,
}

#[derive(Debug)]
struct Pooled {
    connection: mesh_rpc::Client,
    since: Instant,
}

impl Pool {
    /// Returns an empty pool for so many addresses, whose connections are replaced at that age.
    pub(crate) fn new(size_max: usize, age_max: Duration) -> Pool {
        let (grpc, mucp) = (Addresses::new(size_max), Addresses::new(size_max));
        Pool { grpc: Mutex::new(grpc), mucp: Mutex::new(mucp), age_max }
    }

    /// Returns the gRPC connection to an address, a new one where there is none that works.
    pub(crate) async fn grpc(&self, address: &str, within: Duration) -> Result<mesh_rpc::Client, ConnectError> {
        if let Some(connection) = self.known(address) {
            return Ok(connection);
        }
        let connection = mesh_rpc::Client::connect(address, within).await?;
        let pooled = Pooled { connection: connection.clone(), since: Instant::now() };
        self.grpc.lock().insert(address, pooled);
        Ok(connection)
    }

    /// Returns the mucp client of an address. `legacy` for nodes that do not say what they speak.
    pub(crate) fn mucp(&self, address: &str, legacy: bool) -> Arc<MucpClient> {
        let key = if legacy { format!("{address} legacy") } else { address.to_owned() };
        let mut clients = self.mucp.lock();
        if let Some(client) = clients.find(&key) {
            return Arc::clone(client);
        }
        let client = MucpClient::new(address);
        let client = Arc::new(if legacy { client.with_legacy_protocol() } else { client });
        clients.insert(&key, Arc::clone(&client));
        client
    }

    /// Drops what is known of an address, after its connection broke.
    pub(crate) fn forget(&self, address: &str) {
        self.grpc.lock().remove(address);
    }

    fn known(&self, address: &str) -> Option<mesh_rpc::Client> {
        let mut connections = self.grpc.lock();
        let pooled = connections.find(address)?;
        if pooled.connection.is_closed() || pooled.since.elapsed() >= self.age_max {
            connections.remove(address);
            return None;
        }
        Some(pooled.connection.clone())
    }
}

/// Something for each of a bounded number of addresses. The one that was not used for the longest time makes room.
#[derive(Debug)]
struct Addresses<T> {
    all: HashMap<String, (T, Instant)>,
    size_max: usize,
}

impl<T> Addresses<T> {
    fn new(size_max: usize) -> Addresses<T> {
        Addresses { all: HashMap::new(), size_max: size_max.max(1) }
    }

    fn find(&mut self, address: &str) -> Option<&T> {
        let (found, used) = self.all.get_mut(address)?;
        *used = Instant::now();
        Some(found)
    }

    fn insert(&mut self, address: &str, value: T) {
        if self.all.len() >= self.size_max && !self.all.contains_key(address) {
            let unused_longest = self.all.iter().min_by_key(|(_, (_, used))| *used).map(|(at, _)| at.clone());
            if let Some(unused_longest) = unused_longest {
                self.all.remove(&unused_longest);
            }
        }
        self.all.insert(address.to_owned(), (value, Instant::now()));
    }

    fn remove(&mut self, address: &str) {
        self.all.remove(address);
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
            pool.grpc(&addresses[at], LONG).await.expect("there is a server");
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
        pool.grpc(&address, LONG).await.expect("there is a server");
        assert!(pool.known(&address).is_none());
    }
}
