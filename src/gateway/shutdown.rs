//! How a gateway ends: no new connections, running requests to their end, the rest cut.

use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::traffic::{Connections, Traffic};

/// What connections and listeners are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// No new connections and requests; everything ends by this time.
    Draining(Instant),
}

/// A running gateway. Dropping it cuts everything at once.
#[derive(Debug)]
#[must_use = "the gateway ends with its handle"]
pub struct Handle {
    addresses: Vec<SocketAddr>,
    phase: watch::Sender<Phase>,
    connections: Connections,
    ended: mpsc::UnboundedReceiver<usize>,
    threads: Vec<JoinHandle<()>>,
}

/// How a shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shutdown {
    /// Connections that were still open when the grace time was over, and were cut.
    pub cut: usize,
}

impl Handle {
    pub(crate) fn new(
        addresses: Vec<SocketAddr>,
        phase: watch::Sender<Phase>,
        connections: Connections,
        ended: mpsc::UnboundedReceiver<usize>,
        threads: Vec<JoinHandle<()>>,
    ) -> Self {
        Self { addresses, phase, connections, ended, threads }
    }

    /// Where it listens, in the order of its listeners; port 0 became a real one.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Connections that are open now, tunnels included.
    pub fn open_connections(&self) -> usize {
        self.connections.open()
    }

    /// What tells how many connections there are and were.
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// Stops accepting, lets running requests end within `grace`, then cuts the rest, and returns when all
    /// threads have ended. Not to be called from a thread of the gateway.
    pub async fn shutdown(mut self, grace: Duration) -> Shutdown {
        self.phase.send_replace(Phase::Draining(Instant::now() + grace));
        // Each thread says how many were open when it stopped waiting; the last one drops the last sender.
        let mut cut = 0;
        while let Some(open) = self.ended.recv().await {
            cut = cut.max(open);
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the gateway panicked");
            }
        }
        Shutdown { cut }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Draining(Instant::now()));
    }
}

/// Counts one open connection for as long as it lives.
#[derive(Debug)]
pub(crate) struct Open(watch::Sender<usize>);

impl Open {
    pub(crate) fn new(count: &watch::Sender<usize>, traffic: &Traffic) -> Self {
        traffic.accept();
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// Ready when the gateway stops, with the time by which all must have ended.
pub(crate) async fn draining(phase: &mut watch::Receiver<Phase>) -> Instant {
    match phase.wait_for(|phase| *phase != Phase::Running).await.as_deref() {
        Ok(Phase::Draining(deadline)) => *deadline,
        // The handle is gone.
        _ => Instant::now(),
    }
}
