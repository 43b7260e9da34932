//! How stores fare, for metrics: plain numbers since the process began, and what is now.

use std::time::Duration;

/// How a store of accounts and credentials fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that stores build")]
pub struct StoreFigures {
    /// Writes that wait for the writer.
    pub waiting: u64,
    /// Writes that were stored.
    pub written: u64,
    /// Transactions that took them; several writes share one.
    pub commits: u64,
    /// Transactions that failed.
    pub commits_failed: u64,
    /// Time that all transactions took, the failed ones too.
    pub commit_time: Duration,
    /// Readings that were answered.
    pub reads: u64,
    /// Readings that failed.
    pub reads_failed: u64,
    /// Time that all readings took.
    pub read_time: Duration,
}

/// How a store of points fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that stores build")]
pub struct PointsFigures {
    /// Writes that were stored.
    pub writes: u64,
    /// Writes that failed.
    pub writes_failed: u64,
    /// Points of the writes that were stored.
    pub points: u64,
    /// Cells that wait to be written.
    pub waiting_cells: u64,
    /// Files that there are.
    pub files: u64,
    /// Accounts with points in memory that are not in files yet.
    pub accounts_in_memory: u64,
}
