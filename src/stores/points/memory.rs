//! Points in memory, which end with the process.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Answer, StoreError, StoreErrorKind};

use super::head::Head;
use super::layer::{Layer, Source};
use super::types::Types;
use super::view::View;
use super::watchers::Watchers;
use crate::ports::{Batch, Points, PointsView, PointsWritten, SeriesKey};

/// Keeps points in memory, for ever.
#[derive(Debug, Default)]
pub struct MemoryPoints {
    kept: Mutex<Kept>,
    watchers: Watchers,
    retention: Option<Duration>,
}

#[derive(Debug, Default)]
struct Kept {
    heads: HashMap<AccountId, Arc<Head>>,
    types: Types,
    closed: bool,
}

impl MemoryPoints {
    /// None yet; says that it keeps them for this long, but never lets any go.
    pub fn new(retention: Option<Duration>) -> Self {
        Self { retention, ..Self::default() }
    }

    /// Changes what is kept, unless it is closed.
    fn change<T>(&self, change: impl FnOnce(&mut Kept) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut kept = self.kept();
        if kept.closed {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "the points are closed"));
        }
        change(&mut kept)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Points for MemoryPoints {
    fn write(&self, account: AccountId, mut batch: Batch) -> Answer<'_, PointsWritten> {
        Box::pin(async move {
            let written = self.change(|kept| {
                let written = kept.types.settle(account, &mut batch, &mut Vec::new())?;
                if !batch.rows.is_empty() {
                    Arc::make_mut(kept.heads.entry(account).or_default()).apply(batch);
                }
                Ok(written)
            })?;
            self.watchers.tell([account]);
            Ok(written)
        })
    }

    fn view(&self, account: AccountId) -> Arc<dyn PointsView> {
        let head = self.kept().heads.get(&account).cloned();
        Arc::new(View::new(head.into_iter().map(|head| Layer::new(Source::Head(head), Vec::new())).collect()))
    }

    fn delete_points(&self, account: AccountId, series: Vec<SeriesKey>, range: RangeInclusive<i64>) -> Answer<'_, ()> {
        Box::pin(async move {
            self.change(|kept| {
                if let Some(head) = kept.heads.get_mut(&account) {
                    Arc::make_mut(head).remove(&series, &range);
                }
                Ok(())
            })?;
            self.watchers.tell([account]);
            Ok(())
        })
    }

    fn drop_points(&self, account: AccountId) -> Answer<'_, ()> {
        Box::pin(async move {
            self.change(|kept| {
                kept.heads.remove(&account);
                kept.types.forget(account);
                Ok(())
            })?;
            self.watchers.tell([account]);
            Ok(())
        })
    }

    fn changes(&self, account: AccountId) -> watch::Receiver<u64> {
        self.watchers.changes(account)
    }

    fn retention(&self) -> Option<Duration> {
        self.retention
    }

    fn close(&self) -> Answer<'_, ()> {
        self.kept().closed = true;
        Box::pin(async { Ok(()) })
    }
}
