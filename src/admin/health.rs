//! Whether the gateway can be sent requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use crate::ports::Events;

/// What is known of that.
#[derive(Debug)]
pub(super) struct Health {
    phase: AtomicU8,
    store: Arc<dyn Events>,
}

impl Health {
    pub(super) fn new(store: Arc<dyn Events>) -> Self {
        Self { phase: AtomicU8::new(STARTING), store }
    }

    pub(super) fn listening(&self) {
        self.phase.store(LISTENING, Ordering::Release);
    }

    pub(super) fn draining(&self) {
        self.phase.store(DRAINING, Ordering::Release);
    }

    /// Whether it can.
    ///
    /// # Errors
    ///
    /// What keeps it from that, in a few words.
    pub(super) async fn check(&self) -> Result<(), &'static str> {
        match self.phase.load(Ordering::Acquire) {
            STARTING => return Err("it does not listen yet"),
            DRAINING => return Err("it stops"),
            _ => {}
        }
        match timeout(PATIENCE, self.store.newest_event()).await {
            Ok(Ok(_newest)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err("the store does not answer"),
        }
    }
}

const STARTING: u8 = 0;
const LISTENING: u8 = 1;
const DRAINING: u8 = 2;
const PATIENCE: Duration = Duration::from_secs(2);
