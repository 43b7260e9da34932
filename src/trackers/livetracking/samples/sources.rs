//! What the statements of one request are run on: the databases that whoever asks may use.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::StoreError;

use super::write::told;
use crate::ports::{Batch, Points, PointsView, SeriesKey};
use crate::trackers::livetracking::ID;
use crate::trackers::livetracking::query::Sources;

/// Databases by name, and whose they are.
#[derive(Debug)]
pub(super) struct Databases {
    points: Arc<dyn Points>,
    read: HashMap<Arc<str>, AccountId>,
    written: HashMap<Arc<str>, AccountId>,
    listed: Vec<Arc<str>>,
    /// Where what blocks here is done.
    runtime: Handle,
}

impl Databases {
    /// Those that may be read, those that may be written, and those that are listed. On a runtime.
    pub(super) fn new(
        points: Arc<dyn Points>,
        read: HashMap<Arc<str>, AccountId>,
        written: HashMap<Arc<str>, AccountId>,
        listed: Vec<Arc<str>>,
    ) -> Self {
        Self { points, read, written, listed, runtime: Handle::current() }
    }

    fn writable(&self, database: &str) -> Result<AccountId, String> {
        self.written.get(database).copied().ok_or_else(|| format!("database not found: {database}"))
    }
}

impl Sources for Databases {
    fn view(&self, database: &str) -> Option<Arc<dyn PointsView>> {
        let owner = self.read.get(database).or_else(|| self.written.get(database))?;
        Some(self.points.view(*owner))
    }

    fn databases(&self) -> Vec<Arc<str>> {
        self.listed.clone()
    }

    fn retention(&self) -> Option<Duration> {
        self.points.retention()
    }

    fn write(&self, database: &str, batch: Batch) -> Result<(), String> {
        let owner = self.writable(database)?;
        let written = self.runtime.block_on(self.points.write(owner, batch)).map_err(|error| unavailable(&error))?;
        match written.conflict {
            None => Ok(()),
            Some(conflict) => Err(format!("partial write: {} dropped={}", told(&conflict), written.dropped)),
        }
    }

    fn delete(&self, database: &str, series: Vec<SeriesKey>, range: RangeInclusive<i64>) -> Result<(), String> {
        let owner = self.writable(database)?;
        self.runtime.block_on(self.points.delete_points(owner, series, range)).map_err(|error| unavailable(&error))
    }
}

/// What the client is told; the operator's log learns why.
fn unavailable(error: &StoreError) -> String {
    tracing::error!(%error, tracker = ID, "the points did not answer");
    "unavailable, try again later".to_owned()
}
