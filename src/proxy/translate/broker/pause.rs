//! Times in which something is not tried, each longer than the last.

use std::time::{Duration, SystemTime};

use trackgate_schemes::Reason;

/// A time in which something is not tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    until: SystemTime,
    reason: Reason,
    /// How many there were in a row.
    count: u32,
    time: Duration,
}

impl Pause {
    /// None.
    pub(super) const NONE: Self =
        Self { until: SystemTime::UNIX_EPOCH, reason: Reason::UpstreamDown, count: 0, time: Duration::ZERO };

    /// What is left of it, and why it is; a clock that was stepped back ends it.
    pub(super) fn left(&self, now: SystemTime) -> Option<(Reason, Duration)> {
        let left = self.until.duration_since(now).ok();
        let left = left.filter(|left| !left.is_zero() && *left <= self.time + SLACK);
        left.map(|left| (self.reason, left.min(self.time)))
    }

    /// The next one, from `now` on: twice as long as the last, from `first` to `longest`.
    pub(super) fn longer(&self, now: SystemTime, first: Duration, longest: Duration, reason: Reason) -> Self {
        // What several find at once counts once.
        if self.left(now).is_some() {
            return *self;
        }
        let time = first.saturating_mul(1 << self.count.min(16)).min(longest);
        Self { until: now + time, reason, count: self.count.saturating_add(1), time }
    }
}

/// A request may have come in so long before the pause began.
const SLACK: Duration = Duration::from_mins(1);
