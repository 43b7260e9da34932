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

#[cfg(test)]
mod tests {
    use trackgate_schemes::store::{Answer, StoreError, StoreErrorKind};

    use super::*;
    use crate::ports::Event;

    /// Is down, or says nothing at all.
    #[derive(Debug)]
    struct Down {
        is_silent: bool,
    }

    impl Events for Down {
        fn newest_event(&self) -> Answer<'_, u64> {
            Box::pin(async {
                if self.is_silent {
                    std::future::pending::<()>().await;
                }
                Err(StoreError::new(StoreErrorKind::Unavailable, "down"))
            })
        }

        fn events_after(&self, _after: u64, _limit: u32) -> Answer<'_, Vec<Event>> {
            Box::pin(async { Err(StoreError::new(StoreErrorKind::Unavailable, "down")) })
        }
    }

    #[tokio::test]
    async fn sto_05_a_store_that_is_down_or_silent_is_not_ready() {
        for is_silent in [false, true] {
            let health = Health::new(Arc::new(Down { is_silent }));
            assert_eq!(health.check().await, Err("it does not listen yet"));
            health.listening();
            assert_eq!(health.check().await, Err("the store does not answer"));
            health.draining();
            assert_eq!(health.check().await, Err("it stops"));
        }
    }
}
