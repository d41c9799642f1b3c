//! A connection that can be cut: a port in front of another one.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// A port in front of another one. Dropping it cuts everything.
pub(crate) struct Proxy {
    port: u16,
    target: u16,
    task: JoinSet<()>,
    connections: watch::Receiver<usize>,
}

impl Proxy {
    pub(crate) async fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("there is a port");
        let port = listener.local_addr().expect("is bound").port();
        let (task, connections) = forward(listener, target);
        Self { port, target, task, connections }
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Ends all connections, and takes no more.
    pub(crate) async fn cut(&mut self) {
        self.task.shutdown().await;
    }

    /// Takes connections again.
    pub(crate) async fn mend(&mut self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await.expect("it had the port before");
        (self.task, self.connections) = forward(listener, self.target);
    }

    /// Waits for a connection since it was last mended.
    pub(crate) async fn is_used(&mut self, limit: Duration) -> bool {
        let used = self.connections.wait_for(|connections| *connections > 0);
        timeout(limit, used).await.is_ok_and(|used| used.is_ok())
    }
}

fn forward(listener: TcpListener, target: u16) -> (JoinSet<()>, watch::Receiver<usize>) {
    let (count, connections) = watch::channel(0);
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut forwarding = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            count.send_modify(|count| *count += 1);
            forwarding.spawn(async move {
                if let Ok(mut to) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await {
                    drop(copy_bidirectional(&mut stream, &mut to).await);
                }
            });
        }
    });
    (task, connections)
}
