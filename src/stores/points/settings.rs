//! What can be set about points in a folder.

use std::sync::Arc;
use std::time::Duration;

use trackgate_schemes::Clock;

/// How [`FolderPoints`](super::FolderPoints) keeps points.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// How long points are kept at least, by their own instants; `None` for ever.
    pub retention: Option<Duration>,
    /// Says what is past.
    pub clock: Arc<dyn Clock>,
    /// How long the log grows, in bytes, before files are made of it: 32 MiB.
    pub log_bytes: u64,
    /// How old the log becomes before files are made of it: one hour.
    pub log_age: Duration,
    /// How long files of a time that is over stay apart after the last of them was made: ten minutes.
    pub merge_after: Duration,
    /// How much memory is spent on blocks that were read, in bytes: 64 MiB.
    pub cache_bytes: usize,
}

impl Settings {
    /// With this retention, by this clock.
    pub fn new(retention: Option<Duration>, clock: Arc<dyn Clock>) -> Self {
        Self {
            retention,
            clock,
            log_bytes: 32 << 20,
            log_age: Duration::from_hours(1),
            merge_after: Duration::from_mins(10),
            cache_bytes: 64 << 20,
        }
    }

    /// The length of time that one file is for, in nanoseconds: the longer, the longer points are kept. These are
    /// the lengths of InfluxDB's shard groups.
    pub(super) fn window(&self) -> i64 {
        let hours = match self.retention {
            Some(kept) if kept < Duration::from_hours(2 * 24) => 1,
            Some(kept) if kept < Duration::from_hours(180 * 24) => 24,
            _ => 7 * 24,
        };
        hours * 3_600_000_000_000
    }

    /// The instant before which points may go, `i64::MIN` for none.
    pub(super) fn cutoff(&self) -> i64 {
        let Some(retention) = self.retention else { return i64::MIN };
        nanos(self.clock.now()).saturating_sub(i64::try_from(retention.as_nanos()).unwrap_or(i64::MAX))
    }
}

/// An instant as nanoseconds since 1970; what lies outside of them is at their ends.
pub(super) fn nanos(at: std::time::SystemTime) -> i64 {
    match at.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
    }
}
