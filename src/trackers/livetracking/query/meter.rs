//! What a request may take: time and memory, and whether anybody still waits for the answer.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::trackers::livetracking::influxql::ast::Budget;

/// Why a statement ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nobody reads the answer any more.
    Gone,
    /// The client is told this.
    Said(String),
}

impl Stop {
    /// The client is told that.
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Self::Said(text.into())
    }
}

/// How a part of a statement ended.
pub(crate) type Outcome<T> = Result<T, Stop>;

/// Values that are looked at between two looks at the clock.
const STRIDE: usize = 4096;

/// Looks after the budget of a request.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    budget: Budget,
    deadline: Cell<Instant>,
    cancelled: &'a AtomicBool,
    held: Cell<usize>,
    looked_at: Cell<usize>,
}

impl<'a> Meter<'a> {
    /// The time runs from now on.
    pub(crate) fn new(budget: Budget, cancelled: &'a AtomicBool) -> Self {
        let now = Instant::now();
        let deadline = now.checked_add(budget.time).unwrap_or(now + Duration::from_secs(u64::from(u32::MAX)));
        Self { budget, deadline: Cell::new(deadline), cancelled, held: Cell::new(0), looked_at: Cell::new(0) }
    }

    /// So many values were looked at.
    ///
    /// # Errors
    ///
    /// [`Stop`] if the time is over or the client has gone; looked at every few thousand values.
    pub(crate) fn tick(&self, values: usize) -> Outcome<()> {
        let looked_at = self.looked_at.get() + values;
        if looked_at < STRIDE {
            self.looked_at.set(looked_at);
            return Ok(());
        }
        self.look()
    }

    /// Looks now.
    ///
    /// # Errors
    ///
    /// As [`tick`](Self::tick).
    pub(crate) fn look(&self) -> Outcome<()> {
        self.looked_at.set(0);
        if self.is_cancelled() {
            return Err(Stop::Gone);
        }
        if Instant::now() >= self.deadline.get() {
            return Err(Stop::Said(format!("query exceeded its time limit of {:?}", self.budget.time)));
        }
        Ok(())
    }

    /// Time that the client took to read does not count.
    pub(crate) fn waited(&self, time: Duration) {
        if let Some(deadline) = self.deadline.get().checked_add(time) {
            self.deadline.set(deadline);
        }
    }

    /// Whether the client has gone.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// So many more bytes are held.
    ///
    /// # Errors
    ///
    /// [`Stop::Said`] if that is more than the request may hold.
    pub(crate) fn hold(&self, bytes: usize) -> Outcome<()> {
        let held = self.held.get().saturating_add(bytes);
        if held > self.budget.bytes {
            return Err(Stop::Said(format!("query exceeded its memory limit of {} bytes", self.budget.bytes)));
        }
        self.held.set(held);
        Ok(())
    }

    /// What is held now, to be gone back to with [`release_to`](Self::release_to).
    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    /// What was held since is no longer.
    pub(crate) fn release_to(&self, held: usize) {
        self.held.set(self.held.get().min(held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(milliseconds: u64, bytes: usize) -> Budget {
        Budget { time: Duration::from_millis(milliseconds), bytes }
    }

    #[test]
    fn more_than_may_be_held_is_refused() {
        let cancelled = AtomicBool::new(false);
        let meter = Meter::new(budget(1000, 100), &cancelled);
        meter.hold(60).unwrap();
        assert_eq!(meter.hold(60), Err(Stop::said("query exceeded its memory limit of 100 bytes")));
        meter.release_to(0);
        meter.hold(100).unwrap();
    }

    #[test]
    fn time_and_a_client_that_left_are_noticed() {
        let cancelled = AtomicBool::new(false);
        let meter = Meter::new(budget(0, 0), &cancelled);
        assert_eq!(meter.tick(1), Ok(()));
        assert_eq!(meter.tick(STRIDE), Err(Stop::said("query exceeded its time limit of 0ns")));
        cancelled.store(true, Ordering::Relaxed);
        assert_eq!(meter.tick(STRIDE), Err(Stop::Gone));
    }
}
