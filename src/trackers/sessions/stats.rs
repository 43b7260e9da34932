//! The state of the token's owner (contract sections 2 and 3).

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use trackgate_schemes::AccountId;
use trackgate_schemes::store::StoreError;

use super::times;
use super::wire::Json;
use super::{Preferences, Settings};
use crate::ports::{Store, Tracked, TrackedFilter};

/// What all sessions of an account amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stats {
    active: Option<Tracked>,
    total: Duration,
    since: Option<SystemTime>,
}

impl Stats {
    /// Sums up the sessions of an account as of `now`, page by page from the newest.
    ///
    /// # Errors
    ///
    /// The store's.
    pub(super) async fn of(store: &dyn Store, account: AccountId, now: SystemTime) -> Result<Self, StoreError> {
        let mut stats = Self::default();
        let mut filter = TrackedFilter { limit: PAGE, ..TrackedFilter::default() };
        loop {
            let items = store.list_tracked(account, filter).await?.items;
            // No two sessions of one account start at once, for they would overlap: the last start of a
            // page is where the next one begins, also when sessions are inserted meanwhile.
            filter.before = items.last().map(|oldest| oldest.data.start);
            let full = items.len() == PAGE as usize;
            for item in items {
                stats.add(item, now);
            }
            if !full {
                return Ok(stats);
            }
        }
    }

    fn add(&mut self, session: Tracked, now: SystemTime) {
        let end = session.data.end.unwrap_or(now);
        self.total += end.duration_since(session.data.start).unwrap_or_default();
        self.since = Some(session.data.start);
        if session.data.end.is_none() {
            self.active = Some(session);
        }
    }

    /// The flat object of version 1, which is the `data` of version 2 too.
    pub(super) fn json(&self, nick: &str, settings: &Settings, chosen: &Preferences, now: SystemTime) -> Json {
        let active = self.active.as_ref().map(|session| &session.data);
        let utc = |at| format!("{} UTC", times::local(at, 0));
        let shown = settings.profile_base.as_deref().filter(|_| chosen.profile_public);
        let length = |start: SystemTime| times::human(now.duration_since(start).unwrap_or_default());
        Json::Object(vec![
            ("nick", Json::text(nick)),
            ("profile_url", shown.map(|base| format!("{base}{}", escaped(nick))).into()),
            ("locked", Json::Bool(active.is_some())),
            ("current_lock_start", active.filter(|data| data.public).map(|data| utc(data.start)).into()),
            ("scheduled_end", active.and_then(|data| data.scheduled_end).map(utc).into()),
            ("current_lock_time", active.map(|data| length(data.start)).into()),
            ("total_locked_since", self.since.map(|_first| times::human(self.total)).into()),
            ("since_date", self.since.map(|first| times::local(first, 0)).into()),
        ])
    }
}

/// A name as one segment of a URL (RFC 3986 §2.1).
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => write!(text, "%{byte:02X}").expect("writing to a string does not fail"),
        }
    }
    text
}

const PAGE: u32 = 500;
