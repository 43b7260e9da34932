//! What the connection side counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Counted by all threads together: nothing here is touched more than once a connection or a request body.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    accepted: AtomicU64,
    received: AtomicU64,
}

impl Traffic {
    /// A connection was accepted.
    pub(crate) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes of a request's body were read.
    pub(crate) fn receive(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// How many connections a gateway has and had. It says so as long as it is held.
#[derive(Clone, Debug)]
pub struct Connections {
    pub(super) open: watch::Sender<usize>,
    pub(super) traffic: Arc<Traffic>,
}

impl Connections {
    /// Those that are open now, tunnels included.
    pub fn open(&self) -> usize {
        *self.open.borrow()
    }

    /// Those that were accepted since the gateway began.
    pub fn accepted(&self) -> u64 {
        self.traffic.accepted.load(Ordering::Relaxed)
    }

    /// Bytes of request bodies that were read to their end or as far as anybody wanted.
    pub fn received_bytes(&self) -> u64 {
        self.traffic.received.load(Ordering::Relaxed)
    }
}
