//! Drawing pictures anew on blocking threads: few at a time, few waiting.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use trackgate_schemes::{Reason, Rejection};

use super::{Kind, redraw};
use crate::trackers::fittrackee::ID;
use crate::trackers::fittrackee::wire::Stop;

/// Who comes when it is full is turned away at once, as from the pool of passwords.
#[derive(Clone, Debug)]
pub(in crate::trackers::fittrackee) struct Studio {
    pub(super) room: Arc<Semaphore>,
    easel: Arc<Semaphore>,
}

impl Studio {
    /// Draws so many at once, while so many wait.
    pub(in crate::trackers::fittrackee) fn new(at_once: usize, waiting: usize) -> Self {
        Self { room: Arc::new(Semaphore::new(at_once + waiting)), easel: Arc::new(Semaphore::new(at_once)) }
    }

    /// Draws a picture anew; `None` if it is no picture.
    ///
    /// # Errors
    ///
    /// [`Reason::Overloaded`] when it is full, [`Reason::Internal`] when the drawing broke off.
    pub(super) async fn draw(&self, kind: Kind, bytes: Bytes) -> Result<Option<(Kind, Bytes)>, Stop> {
        let full = || Rejection::new(Reason::Overloaded, ID).after(Duration::from_secs(1));
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(|_full| full())?;
        let turn = Arc::clone(&self.easel).acquire_owned().await.map_err(|_closed| full())?;
        let drawn = tokio::task::spawn_blocking(move || {
            let drawn = redraw::redraw(kind, &bytes);
            drop((turn, place));
            drawn
        });
        match drawn.await {
            Ok(Ok(bytes)) => Ok(Some((kind, bytes))),
            Ok(Err(error)) => {
                tracing::debug!(%error, "an upload is no picture");
                Ok(None)
            }
            Err(_panicked) => Err(Rejection::new(Reason::Internal, ID).into()),
        }
    }
}

impl Default for Studio {
    /// One at a time: a picture may take a hundred megabytes while it is drawn.
    fn default() -> Self {
        Self::new(1, 8)
    }
}
