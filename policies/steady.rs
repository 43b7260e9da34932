//! The steady clock that rates follow: stepping the wall clock moves nothing here.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, QuantaClock, QuantaInstant, Reference};

/// Says how much time has gone by since some moment of this process; never goes back.
pub trait SteadyClock: fmt::Debug + Send + Sync + 'static {
    /// Time since that moment, below a hundred years.
    fn elapsed(&self) -> Duration;
}

/// The steady clock of the processor.
#[derive(Clone, Debug)]
pub struct SystemSteadyClock {
    clock: QuantaClock,
    start: QuantaInstant,
}

impl SystemSteadyClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        let clock = QuantaClock::default();
        let start = clock.now();
        Self { clock, start }
    }
}

impl Default for SystemSteadyClock {
    fn default() -> Self {
        Self::new()
    }
}

impl SteadyClock for SystemSteadyClock {
    fn elapsed(&self) -> Duration {
        self.clock.now().duration_since(self.start).into()
    }
}

/// A steady clock that stands still until it is told to move: for tests.
#[derive(Debug, Default)]
pub struct ManualSteadyClock {
    nanos: AtomicU64,
}

impl ManualSteadyClock {
    /// Moves forward by `step`.
    pub fn advance(&self, step: Duration) {
        let nanos = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl SteadyClock for ManualSteadyClock {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}
