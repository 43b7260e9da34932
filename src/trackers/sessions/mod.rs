//! Session tracker: live and past sessions, inserted and read with bearer API tokens.
//!
//! The manual of this tracker leaves much open. Where it does, trackgate does what the oldest client
//! would survive:
//!
//! - Reading asks for `sessions:read` or `sessions:write`: a token that may write may read.
//! - Bodies are JSON whatever their `Content-Type` says, up to 64 KiB, UTF-8, a byte order mark allowed.
//!   The live insert alone also takes one comma before the last brace, since the manual prints it so.
//!   A member that stands twice is refused if it is one of ours; members that nobody asks for are skipped.
//! - Markers and switches are the numbers `1` and `0`; the same as text (`"1"`) and `true`, `false` pass.
//! - `null` and an empty `lockedby` are as if the member were absent. `lockedby` has up to 255 characters.
//! - Dates are read in the account's time zone. A time that the clock skips is read with the offset
//!   before the change, which is the same instant an hour later on the clock. A time that the clock
//!   shows twice is the first of both in a past session, save an end that would then lie before its
//!   start; in a live session it is the second, unless that is still to come.
//! - `from` and `to` are whole days of that zone, both included. `limit` over 200 is 200. A query
//!   parameter that stands twice, is empty or is no number is 400, and so is `access_token`, since a
//!   token in the query would end in logs.
//! - `start` and `end` are shown on the clock of their stored offset, `scheduledend` and `inserted` on
//!   that of the account's present zone. The statistics are in UTC and say so.
//! - `has_history` and `has_games_changes` are `0`: neither is kept here.
//! - A month is 30 days in durations; parts that are zero are left out; under a minute is `0 minutes`.
//!   `total_locked_since` sums all sessions since `since_date`, the start of the first.
//! - `current_lock_start` is told of public sessions alone, as the manual has it in version 2, in both
//!   versions; `current_lock_time` and `scheduled_end` of any, since it is the owner who asks.
//! - `profile_url` is null unless an operator set a base address and the account shows its profile.
//! - Years before 1970 are refused.
//! - Foreign and unknown numbers of sessions are the same 404.

use std::sync::Arc;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::{Endpoint, Manual, Tracker};
use crate::accounts::AccountService;
use crate::layer::Dialect;

mod dialect;
mod insert;
mod list;
mod operations;
mod query;
mod routes;
mod stats;
#[cfg(test)]
mod tests;
mod times;
mod wire;

pub use dialect::SessionsDialect;

/// The session tracker, spoken in-process.
#[derive(Clone, Debug)]
pub struct SessionTracker {
    shared: Arc<Shared>,
}

/// What every handler needs.
#[derive(Debug)]
struct Shared {
    accounts: AccountService,
    settings: Settings,
}

impl SessionTracker {
    /// Keeps the sessions of these accounts in their store.
    pub fn new(accounts: AccountService, settings: Settings) -> Self {
        Self { shared: Arc::new(Shared { accounts, settings }) }
    }
}

impl Tracker for SessionTracker {
    fn id(&self) -> &'static str {
        ID
    }

    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::new(SessionsDialect)
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        routes::endpoints(&self.shared)
    }

    fn manual(&self) -> Manual {
        operations::manual()
    }
}

/// What an operator may choose.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "built by configuration from its own fields and these defaults")]
pub struct Settings {
    /// The time zone of accounts that chose none.
    pub timezone: TimeZone,
    /// What stands before the name in `profile_url`, such as `https://example.org/profile/`.
    pub profile_base: Option<Arc<str>>,
}

impl Default for Settings {
    /// UTC, and no profile pages.
    fn default() -> Self {
        Self { timezone: TimeZone::UTC, profile_base: None }
    }
}

/// What an account may choose: the text that this tracker keeps in the document store under `sessions`.
///
/// ```
/// use trackgate::trackers::sessions::Preferences;
///
/// let chosen = Preferences { timezone: Some("Europe/Berlin".into()), ..Preferences::default() };
/// assert_eq!(Preferences::parse(&chosen.to_text()).as_ref(), Some(&chosen));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "built by account pages from its own fields and these defaults")]
pub struct Preferences {
    /// A name of the time zone database; `None` for the operator's default.
    pub timezone: Option<String>,
    /// Whether `profile_url` may be told.
    pub profile_public: bool,
}

impl Preferences {
    /// Reads what [`Preferences::to_text`] writes; `None` if it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The text to be stored.
    pub fn to_text(&self) -> String {
        serde_json::json!({ "timezone": self.timezone, "profile_public": self.profile_public }).to_string()
    }
}

/// The tracker's name, also of its documents.
pub const ID: &str = "sessions";
