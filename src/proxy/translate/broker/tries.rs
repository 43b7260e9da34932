//! Wrong passwords that people typed for accounts of an upstream.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use trackgate_schemes::AccountId;

use crate::accounts::LinkCheck;

/// Counts wrong tries for each account here and each account there.
#[derive(Debug, Default)]
pub(super) struct Tries(Mutex<HashMap<Whose, Count>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Whose {
    Here(AccountId),
    There(Box<str>),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    wrong: u32,
    since: SystemTime,
}

impl Tries {
    /// Whether another try is let through.
    pub(super) fn may(&self, by: AccountId, user: &str, now: SystemTime) -> bool {
        let counts = self.counts();
        whose(by, user)
            .iter()
            .all(|whose| counts.get(whose).is_none_or(|count| count.is_over(now) || count.wrong < MOST_WRONG))
    }

    /// Counts what came of one.
    pub(super) fn note(&self, by: AccountId, user: &str, checked: LinkCheck, now: SystemTime) {
        if checked != LinkCheck::Wrong {
            return;
        }
        let mut counts = self.counts();
        if counts.len() >= CAPACITY {
            counts.retain(|_, count| !count.is_over(now));
        }
        for whose in whose(by, user) {
            let count = counts.entry(whose).or_insert(Count { wrong: 0, since: now });
            if count.is_over(now) {
                *count = Count { wrong: 0, since: now };
            }
            count.wrong += 1;
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Whose, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn is_over(&self, now: SystemTime) -> bool {
        now.duration_since(self.since).map_or(true, |age| age >= WINDOW)
    }
}

/// An upstream may take a name in any letter case.
fn whose(by: AccountId, user: &str) -> [Whose; 2] {
    [Whose::Here(by), Whose::There(user.to_lowercase().into())]
}

/// Wrong tries in one window: fewer than servers take before they lock an account.
const MOST_WRONG: u32 = 3;
const WINDOW: Duration = Duration::from_mins(15);
const CAPACITY: usize = 10_000;
