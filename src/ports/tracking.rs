//! Live and past sessions of the session tracker (contract sections 2 to 4).

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

/// A stored session of the session tracker: the half-open interval from `start` to `end`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Its number, over all accounts.
    pub id: i64,
    /// Whose it is.
    pub account: AccountId,
    /// What was asked for.
    pub data: NewTracked,
    /// When it was stored.
    pub inserted_at: SystemTime,
}

/// A session as it shall be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTracked {
    /// When it began, to the second.
    pub start: SystemTime,
    /// When it ended; `None` while it is active.
    pub end: Option<SystemTime>,
    /// When it is meant to end.
    pub scheduled_end: Option<SystemTime>,
    /// Whether others may see it.
    pub public: bool,
    /// Who locked it.
    pub locked_by: Option<Arc<str>>,
    /// Free text.
    pub notes: Option<Arc<str>>,
    /// Offset of the user's zone from UTC in seconds, at the start.
    pub start_offset: i32,
    /// The same at the end.
    pub end_offset: i32,
}

/// How storing a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Added {
    /// It is stored.
    Added(Tracked),
    /// It overlaps another of the account (contract section 4); nothing was stored.
    Overlaps,
}

/// Which sessions of an account are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrackedFilter {
    /// Only those that started at or after this instant.
    pub from: Option<SystemTime>,
    /// Only those that started before this instant.
    pub before: Option<SystemTime>,
    /// Only active or only ended ones.
    pub active: Option<bool>,
    /// Only public or only private ones.
    pub public: Option<bool>,
    /// At most so many.
    pub limit: u32,
    /// Leaving out so many first.
    pub offset: u32,
}

/// One page of sessions, newest start first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedPage {
    /// How many match in all.
    pub total: u64,
    /// Those of this page.
    pub items: Vec<Tracked>,
}

/// Keeps tracked sessions.
pub trait TrackedSessions: fmt::Debug + Send + Sync + 'static {
    /// Stores a session unless it overlaps one of the same account: intervals are half-open, an active
    /// one has no end. Of two at once that overlap exactly one is stored.
    fn add_tracked(&self, account: AccountId, new: NewTracked, now: SystemTime) -> Answer<'_, Added>;

    /// One page of an account's sessions.
    fn list_tracked(&self, account: AccountId, filter: TrackedFilter) -> Answer<'_, TrackedPage>;

    /// One session, if it belongs to the account.
    fn tracked(&self, account: AccountId, id: i64) -> Answer<'_, Option<Tracked>>;
}
