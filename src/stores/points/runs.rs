//! The values of one field of one series in memory: runs that follow each other in time.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::values::Run;
use crate::ports::{FieldType, FieldValue};

/// Runs in order of time, none overlapping another. A clone shares the full ones and copies the last.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    full: Arc<Vec<Arc<Run>>>,
    last: Run,
}

impl Runs {
    /// None yet.
    pub(super) fn new(kind: FieldType) -> Self {
        Self { full: Arc::default(), last: Run::new(kind) }
    }

    pub(super) fn kind(&self) -> FieldType {
        self.last.kind()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.full.is_empty() && self.last.len() == 0
    }

    /// The runs, oldest first, none empty.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Run> {
        self.full.iter().map(|run| &**run).chain(std::iter::once(&self.last)).filter(|run| run.len() > 0)
    }

    /// Sets the value at an instant; a value of another type is let go.
    pub(super) fn set(&mut self, at: i64, value: FieldValue) {
        let end = self.full.last().and_then(|run| run.span()).map(|(_, end)| end);
        if end.is_some_and(|end| at <= end) {
            return self.set_before(at, value);
        }
        self.last.set(at, value);
        if self.last.len() >= FULL {
            let next = Run::new(self.kind());
            let full = std::mem::replace(&mut self.last, next);
            Arc::make_mut(&mut self.full).push(Arc::new(full));
        }
    }

    /// Sets it in the full run where it belongs: the first that ends no earlier.
    fn set_before(&mut self, at: i64, value: FieldValue) {
        let full = Arc::make_mut(&mut self.full);
        let place = full.partition_point(|run| run.span().is_some_and(|(_, end)| end < at));
        let Some(run) = full.get_mut(place) else { return };
        let run = Arc::make_mut(run);
        run.set(at, value);
        if run.len() >= 2 * FULL {
            let second = run.split();
            full.insert(place + 1, Arc::new(second));
        }
    }

    /// Removes what is within `range`.
    pub(super) fn remove(&mut self, range: &RangeInclusive<i64>) {
        self.last.remove(range);
        let touched = |run: &Run| run.within(range).is_some();
        if !self.full.iter().any(|run| touched(run)) {
            return;
        }
        let full = Arc::make_mut(&mut self.full);
        for run in full.iter_mut().filter(|run| touched(run)) {
            Arc::make_mut(run).remove(range);
        }
        full.retain(|run| run.len() > 0);
    }
}

/// How many values a run has when the next is begun: what is copied when a view is held while points come in.
const FULL: usize = 256;
