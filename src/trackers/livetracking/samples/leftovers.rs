//! Points of accounts that are gone: another process may have deleted one, and knows nothing of points.

use std::sync::Arc;

use tokio::runtime::Handle;
use trackgate_schemes::{AccountId, Forget};

use crate::ports::{Points, Store};
use crate::trackers::livetracking::ID;

/// Drops the points of an account that changed, if it is not there any more. What is deleted while no gateway runs
/// leaves with its time.
#[derive(Debug)]
pub(in crate::trackers::livetracking) struct Leftovers {
    store: Arc<dyn Store>,
    points: Arc<dyn Points>,
}

impl Leftovers {
    pub(in crate::trackers::livetracking) fn new(store: Arc<dyn Store>, points: Arc<dyn Points>) -> Self {
        Self { store, points }
    }
}

impl Forget for Leftovers {
    fn forget_account(&self, account: AccountId) {
        let (store, points) = (Arc::clone(&self.store), Arc::clone(&self.points));
        // Whoever changes accounts without a runtime has no points either.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let dropped = match store.account(account).await {
                Ok(Some(_)) => return,
                Ok(None) => points.drop_points(account).await,
                Err(error) => Err(error),
            };
            if let Err(error) = dropped {
                tracing::warn!(%error, tracker = ID, %account, "points of a deleted account may be left");
            }
        });
    }

    fn forget_credential(&self, _id: &str) {}

    fn forget_all(&self) {}
}
