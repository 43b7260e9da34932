//! The ordered event log: how a change in one process reaches every other.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

/// One change, in the one order that all nodes see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place: 1, 2, 3, … without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: SystemTime,
    /// What changed.
    pub kind: EventKind,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// State, name, grants, password or existence of an account: forget all that is known of it.
    Account(AccountId),
    /// A credential of this public id ended.
    Credential {
        /// The credential's public id.
        id: Arc<str>,
        /// Whose it was, when that is known.
        account: Option<AccountId>,
    },
    /// What a tracker keeps about this account: its document, or items of its collections. No credential
    /// is touched.
    Document(AccountId),
}

/// Reads the event log; the writes of the other ports fill it.
pub trait Events: fmt::Debug + Send + Sync + 'static {
    /// The place of the newest event; 0 when there is none.
    fn newest_event(&self) -> Answer<'_, u64>;

    /// Up to `limit` events behind place `after`, in order.
    fn events_after(&self, after: u64, limit: u32) -> Answer<'_, Vec<Event>>;
}
