//! Last uses and guess counters: noted in memory at once, written soon.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;
use trackgate_policies::store::GuessCounter;

/// The newest value of each key that was not written yet.
#[derive(Debug, Default)]
pub(super) struct Notes {
    waiting: Mutex<Noted>,
    many: Notify,
}

/// The newest use of each credential, and from where.
type Uses = HashMap<Box<str>, (SystemTime, Option<IpAddr>)>;

/// What there is to write.
#[derive(Clone, Debug, Default)]
pub(super) struct Noted {
    pub(super) tokens: Uses,
    pub(super) signed: Uses,
    pub(super) sessions: HashMap<Box<str>, SystemTime>,
    pub(super) guesses: HashMap<Box<str>, GuessCounter>,
}

impl Notes {
    pub(super) fn token(&self, id: &str, at: SystemTime, client: Option<IpAddr>) {
        self.add(|noted| add_use(&mut noted.tokens, id.into(), (at, client)));
    }

    pub(super) fn signed(&self, key: &str, at: SystemTime, client: Option<IpAddr>) {
        self.add(|noted| add_use(&mut noted.signed, key.into(), (at, client)));
    }

    pub(super) fn session(&self, id: &str, at: SystemTime) {
        self.add(|noted| noted.session(id.into(), at));
    }

    pub(super) fn guess(&self, counter: GuessCounter) {
        self.add(|noted| noted.guess(counter));
    }

    /// Takes out all that waits.
    pub(super) fn take(&self) -> Noted {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be written; what was noted since is newer.
    pub(super) fn put_back(&self, old: Noted) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, used) in old.tokens {
            add_use(&mut waiting.tokens, id, used);
        }
        for (key, used) in old.signed {
            add_use(&mut waiting.signed, key, used);
        }
        for (id, at) in old.sessions {
            waiting.session(id, at);
        }
        for (key, counter) in old.guesses {
            if waiting.guesses.len() < MOST {
                waiting.guesses.entry(key).or_insert(counter);
            }
        }
    }

    /// Returns when so much waits that it should be written at once.
    pub(super) async fn many(&self) {
        self.many.notified().await;
    }

    fn add(&self, add: impl FnOnce(&mut Noted)) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut waiting);
        if waiting.len() == MANY {
            self.many.notify_one();
        }
    }
}

impl Noted {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn len(&self) -> usize {
        self.tokens.len() + self.signed.len() + self.sessions.len() + self.guesses.len()
    }

    fn session(&mut self, id: Box<str>, at: SystemTime) {
        let room = self.sessions.len() < MOST;
        match self.sessions.get_mut(&id) {
            Some(known) => *known = at.max(*known),
            None if room => drop(self.sessions.insert(id, at)),
            None => {}
        }
    }

    fn guess(&mut self, counter: GuessCounter) {
        if self.guesses.len() < MOST || self.guesses.contains_key(&counter.key) {
            self.guesses.insert(counter.key.clone(), counter);
        }
    }
}

fn add_use(all: &mut Uses, id: Box<str>, used: (SystemTime, Option<IpAddr>)) {
    let room = all.len() < MOST;
    match all.get_mut(&id) {
        Some(known) if known.0 <= used.0 => *known = used,
        None if room => drop(all.insert(id, used)),
        _ => {}
    }
}

/// So many of a kind wait at most; while the store is down, further ones are lost.
const MOST: usize = 100_000;
const MANY: usize = 2_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn counter(wrong: u32) -> GuessCounter {
        GuessCounter { key: "account:anna".into(), wrong, locked_until: at(0), expires_at: at(9) }
    }

    #[test]
    fn what_is_put_back_is_older_than_what_waits() {
        let notes = Notes::default();
        notes.session("s", at(1));
        notes.guess(counter(1));
        notes.token("t", at(1), None);
        let old = notes.take();
        assert!(notes.take().is_empty());
        notes.session("s", at(5));
        notes.guess(counter(5));
        notes.put_back(old);
        let left = notes.take();
        assert_eq!(left.sessions["s"], at(5));
        assert_eq!(left.guesses["account:anna"].wrong, 5);
        assert_eq!(left.tokens["t"].0, at(1));
    }

    #[test]
    fn an_earlier_use_does_not_hide_a_later_one() {
        let notes = Notes::default();
        for second in [3, 9, 4] {
            notes.session("s", at(second));
            notes.token("t", at(second), None);
        }
        let left = notes.take();
        assert_eq!((left.sessions["s"], left.tokens["t"].0), (at(9), at(9)));
    }

    #[test]
    fn memory_is_bounded() {
        let notes = Notes::default();
        for n in 0..=MOST {
            notes.session(&n.to_string(), at(1));
        }
        notes.session("0", at(2));
        let left = notes.take();
        assert_eq!(left.sessions.len(), MOST);
        assert_eq!(left.sessions["0"], at(2));
    }
}
