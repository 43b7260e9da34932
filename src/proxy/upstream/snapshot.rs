//! How an upstream stands: plain figures for metrics.

use std::sync::Arc;

/// How an upstream stands, on all cores together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The upstream's name.
    pub name: Arc<str>,
    /// Requests whose answers have not ended.
    pub in_flight: usize,
    /// Requests that wait for their turn.
    pub queued: usize,
    /// How many may be under way at once; `None` for any number.
    pub limit: Option<usize>,
    /// Requests that did not get their turn in time since the start.
    pub refused: u64,
    /// Each of its addresses.
    pub addresses: Vec<AddressSnapshot>,
}

/// How one address of an upstream stands. Counts are since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressSnapshot {
    /// The address as configured.
    pub address: Box<str>,
    /// Requests whose answers have not ended.
    pub in_flight: usize,
    /// Whether its health checks let it take part; true without any.
    pub is_healthy: bool,
    /// Whether it is left out after failures.
    pub is_ejected: bool,
    /// Failures since the last answer.
    pub failures_in_a_row: u32,
    /// Requests that were sent there, tries among them.
    pub requests: u64,
    /// Those of them that got no answer.
    pub failed: u64,
    /// Connections that were opened.
    pub connects: u64,
    /// Tries after a first one.
    pub retries: u64,
}
