//! A hash pool with something to do.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;

use crate::{HashPool, HashPoolError};

/// One thread of a pool, at work until it is let go.
#[must_use = "the thread is free again when this is dropped"]
pub struct Occupied {
    release: mpsc::Sender<()>,
    running: Pin<Box<dyn Future<Output = Result<(), HashPoolError>> + Send>>,
}

impl Occupied {
    /// Gives a thread of `pool` something to do, and waits until it does it.
    pub fn thread_of(pool: &HashPool) -> Self {
        let (started, begins) = mpsc::channel::<()>();
        let (release, wait) = mpsc::channel::<()>();
        let running = pool.run(None, move || {
            drop(started);
            // It ends too when whoever occupies it is gone.
            wait.recv().unwrap_or_default();
        });
        begins.recv().unwrap_or_default();
        Self { release, running: Box::pin(running) }
    }

    /// Lets it go on with what else waits.
    ///
    /// # Panics
    ///
    /// If the pool had no room for it.
    pub async fn let_go(self) {
        drop(self.release);
        assert_eq!(self.running.await, Ok(()), "the pool had room");
    }
}

impl fmt::Debug for Occupied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Occupied").finish_non_exhaustive()
    }
}
