//! Settings of the Live Tracking tracker: who reads samples, how long they are kept, what queries may take.

use std::time::Duration;

use crate::config::error::Fault;
use crate::config::units::Size;
use crate::config::written;

pub use crate::config::written::{Compat, Visibility};

/// Live Tracking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LiveTracking {
    /// How wrong credentials are answered at the paths of samples.
    pub compat: Compat,
    /// Whether `public` reads what is not private.
    pub public_reader: bool,
    /// Who reads the samples of riders who never said.
    pub visibility: Visibility,
    /// How long samples are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// How many queries run at once.
    pub query_at_once: usize,
    /// What a query may hold, in bytes.
    pub query_memory_bytes: usize,
    /// How long a query may run.
    pub query_time: Duration,
}

pub(super) fn check(written: &written::LiveTracking) -> Result<LiveTracking, Fault> {
    let retention = written.retention.map_or(RETENTION, |time| time.0);
    if retention != Duration::ZERO && retention < LEAST_RETENTION {
        return Err(Fault::new("1h or more, or 0s to keep them for ever").under("retention"));
    }
    Ok(LiveTracking {
        compat: written.compat,
        public_reader: written.public_reader.unwrap_or(true),
        visibility: written.visibility,
        retention: (retention != Duration::ZERO).then_some(retention),
        query_at_once: at_once(&written.query).map_err(|fault| fault.under("query"))?,
        query_memory_bytes: memory(&written.query).map_err(|fault| fault.under("query"))?,
        query_time: time(&written.query).map_err(|fault| fault.under("query"))?,
    })
}

fn at_once(query: &written::Query) -> Result<usize, Fault> {
    let at_once = query.at_once.unwrap_or(8);
    if (1..=256).contains(&at_once) { Ok(at_once) } else { Err(Fault::new("from 1 to 256 queries").under("at_once")) }
}

fn memory(query: &written::Query) -> Result<usize, Fault> {
    let bytes = query.memory.map_or(64 << 20, |size| size.0);
    if !(1 << 20..=4 << 30).contains(&bytes) {
        let message = format!("from {} to {} fit here", Size(1 << 20), Size(4 << 30));
        return Err(Fault::new(message).under("memory"));
    }
    Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn time(query: &written::Query) -> Result<Duration, Fault> {
    let time = query.time.map_or(Duration::from_secs(30), |time| time.0);
    let fits = (Duration::from_secs(1)..=Duration::from_hours(1)).contains(&time);
    if fits { Ok(time) } else { Err(Fault::new("from 1s to 1h").under("time")) }
}

/// As in the original.
const RETENTION: Duration = Duration::from_hours(8);

/// The original drops points by whole hours.
const LEAST_RETENTION: Duration = Duration::from_hours(1);
