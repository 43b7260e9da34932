//! A store that ends with the process: for tests and for users of the layer.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use trackgate_policies::store::{GuessCounter, GuessCounters};
use trackgate_schemes::store::{Account, Answer, ApiToken, Session, StoreError};
use trackgate_schemes::{AccountId, Secret};

use super::kept;
use crate::ports::{AuditEntry, Event, EventKind, Item, Job, MailedToken, SignedToken, Store, Tracked};

mod accounts;
mod credentials;
mod items;
mod jobs;
mod log;
mod mailed;
mod sessions;
mod signed;
mod signed_out;
mod trackers;

use signed_out::SignedOut;

/// Keeps everything in memory, under one lock. Nothing outlives it.
///
/// What only grows elsewhere is bounded here: of the audit trail and the event log the newest 100 000
/// entries are kept, and ended entries of the blacklist and ended mailed tokens leave a day after their end.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    numbers: Numbers,
    accounts: BTreeMap<AccountId, Kept>,
    /// Numbers of deleted accounts.
    former: BTreeSet<AccountId>,
    /// In the order in which they were made.
    tokens: Vec<ApiToken>,
    /// In the order in which they were opened.
    sessions: Vec<Session>,
    blacklist: SignedOut,
    /// Newest first.
    signed: Vec<SignedToken>,
    guesses: BTreeMap<Box<str>, GuessCounter>,
    cleaned_at: Option<SystemTime>,
    keys: HashMap<Box<str>, Secret>,
    audit: VecDeque<AuditEntry>,
    events: VecDeque<Event>,
    tracked: BTreeMap<i64, Tracked>,
    documents: BTreeMap<(AccountId, Box<str>), String>,
    /// By collection and name.
    items: BTreeMap<(Box<str>, Arc<str>), Item>,
    jobs: BTreeMap<i64, Job>,
    mailed: Vec<MailedToken>,
}

/// The last number given out of each kind.
#[derive(Debug, Default)]
struct Numbers {
    accounts: i64,
    events: u64,
    jobs: i64,
    tracked: i64,
}

/// An account with the forms under which it is found.
#[derive(Debug)]
struct Kept {
    account: Account,
    canonical: Box<str>,
    email: Option<Box<str>>,
}

impl MemoryStore {
    /// Answers at once. The future does its work when it is first polled, as that of any store.
    fn answer<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut State) -> Result<T, StoreError> + Send + 'a,
    ) -> Answer<'a, T> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                return Err(kept::closed());
            }
            work(&mut state)
        })
    }

    fn note(&self, note: impl FnOnce(&mut State)) {
        note(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl State {
    fn tell(&mut self, at: SystemTime, kind: EventKind) {
        self.numbers.events += 1;
        self.events.push_back(Event { seq: self.numbers.events, at, kind });
        if self.events.len() > MOST_ENTRIES {
            self.events.pop_front();
        }
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id).map(|kept| &kept.account)
    }

    fn clean(&mut self, now: SystemTime) {
        self.blacklist.clean(now);
        // The others are few, but not so few that each sign-out may look at all of them.
        if self.cleaned_at.is_some_and(|last| now.duration_since(last).is_ok_and(|since| since < BETWEEN)) {
            return;
        }
        self.cleaned_at = Some(now);
        self.signed.retain(|token| token.ends_at + DAY >= now);
        self.guesses.retain(|_, counter| counter.expires_at + DAY >= now);
        self.mailed.retain(|token| token.expires_at.is_none_or(|end| end + DAY >= now));
    }
}

impl GuessCounters for MemoryStore {
    fn load_guesses(&self, now: SystemTime) -> Answer<'_, Vec<GuessCounter>> {
        self.answer(move |state| {
            state.clean(now);
            Ok(state.guesses.values().filter(|counter| counter.expires_at > now).cloned().collect())
        })
    }

    fn note_guess(&self, counter: GuessCounter) {
        self.note(|state| {
            if state.guesses.len() < MOST_ENTRIES || state.guesses.contains_key(&counter.key) {
                state.guesses.insert(counter.key.clone(), counter);
            }
        });
    }
}

impl Store for MemoryStore {
    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.note(|state| state.closed = true);
            Ok(())
        })
    }
}

const DAY: Duration = Duration::from_hours(24);
const BETWEEN: Duration = Duration::from_mins(1);
const MOST_ENTRIES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::conformance::CHECKS;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn memory_holds_every_rule() {
        for check in CHECKS {
            eprintln!("{}", check.name);
            check.run(Arc::new(MemoryStore::default())).await;
        }
    }

    #[tokio::test]
    async fn rev_06_dead_entries_leave_a_day_later() {
        use trackgate_schemes::store::Blacklist;
        let store = MemoryStore::default();
        let at = |hours| SystemTime::UNIX_EPOCH + Duration::from_hours(hours);
        store.blacklist("old", None, at(10), at(0)).await.unwrap();
        store.blacklist("new", None, at(90), at(33)).await.unwrap();
        assert!(store.blacklisted("old").await.unwrap().is_some());
        store.blacklist("newest", None, at(90), at(35)).await.unwrap();
        assert!(store.blacklisted("old").await.unwrap().is_none());
    }
}
