//! The wall clock, as a value that tests can own.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// Says what time it is.
///
/// Life-times of credentials follow this clock. Time-outs and rates follow the steady clock instead.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock, UTC.
    fn now(&self) -> SystemTime;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Whole milliseconds since 1970; what lies before is 1970, and what is too far off is [`LATEST`].
pub(crate) fn millis(at: SystemTime) -> u64 {
    whole_millis(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// A length of time in whole milliseconds, at most [`LATEST`].
pub(crate) fn whole_millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(LATEST).min(LATEST)
}

/// The last instant: later ones are read as this one. Some three million years, which adds to a
/// `SystemTime` without overflow.
pub(crate) const LATEST: u64 = 100_000_000_000_000_000;

/// A clock that stands still until it is told to move: for tests.
#[derive(Debug)]
pub struct ManualClock {
    millis: AtomicU64,
}

impl ManualClock {
    /// Stands at `at`, cut to whole milliseconds; a time before 1970 is read as 1970.
    pub fn new(at: SystemTime) -> Self {
        let clock = Self { millis: AtomicU64::new(0) };
        clock.set(at);
        clock
    }

    /// Moves to `at`, forward or back.
    pub fn set(&self, at: SystemTime) {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        self.millis.store(millis, Ordering::SeqCst);
    }

    /// Moves forward by `step`.
    pub fn advance(&self, step: Duration) {
        let millis = u64::try_from(step.as_millis()).unwrap_or(u64::MAX);
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }
}
