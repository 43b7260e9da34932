//! Decisions on the latest requests, kept in memory for whoever asks why.
//!
//! Each serving thread has a ring of its own behind a lock that only a reader contends for, and a full ring is
//! written over in place. So noting a decision takes no memory from the heap.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod decision;
#[cfg(test)]
mod tests;

pub use decision::{Decision, Noted, Said};

/// The rings of all serving threads.
#[derive(Clone, Debug)]
pub struct Decisions {
    rings: Arc<[Arc<Ring>]>,
    capacity: usize,
}

/// The latest decisions of one serving thread.
#[derive(Debug)]
pub struct Ring {
    kept: Mutex<Kept>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Kept {
    entries: Vec<Decision>,
    /// How many there ever were.
    count: u64,
}

/// Where a decision was noted, to be told how it ended.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    index: usize,
    number: u64,
}

/// Which decisions are asked for; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a question that whoever asks builds")]
pub struct Wanted<'a> {
    /// Refused for the reason of this code.
    pub reason: Option<&'a str>,
    /// Answered by this route.
    pub route: Option<&'a str>,
    /// Asked by the account of this name.
    pub user: Option<&'a str>,
}

impl Decisions {
    /// The latest `capacity` decisions, parted among so many threads; each keeps its own latest.
    pub fn new(threads: usize, capacity: usize) -> Self {
        let each = capacity.div_ceil(threads.max(1));
        let ring = || Arc::new(Ring { kept: Mutex::default(), capacity: each });
        Self { rings: (0..threads).map(|_| ring()).collect(), capacity }
    }

    /// How many are kept.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The ring of a thread; `None` if nothing is kept.
    pub fn ring(&self, thread: usize) -> Option<&Arc<Ring>> {
        self.rings.get(thread).filter(|ring| ring.capacity > 0)
    }

    /// The decision on the request of this id, if it is still there.
    pub fn find(&self, id: &str) -> Option<Decision> {
        self.rings.iter().find_map(|ring| ring.kept().entries.iter().find(|decision| *decision.id == *id).cloned())
    }

    /// The latest `most` of those that are wanted, newest first.
    pub fn latest(&self, wanted: &Wanted<'_>, most: usize) -> Vec<Decision> {
        let mut all: Vec<Decision> = self.rings.iter().flat_map(|ring| ring.latest(wanted, most)).collect();
        all.sort_by_key(|decision| std::cmp::Reverse((decision.at, decision.number)));
        all.truncate(most);
        all
    }
}

impl Ring {
    /// Keeps a decision, and lets the oldest go when there is no room.
    pub fn note(
        &self,
        noted: &Noted<'_>,
        schemes: impl Iterator<Item = Said>,
        policies: impl Iterator<Item = Said>,
    ) -> Place {
        let mut kept = self.kept();
        let number = kept.count;
        kept.count += 1;
        let index = usize::try_from(number % self.capacity.max(1) as u64).unwrap_or_default();
        if kept.entries.len() <= index {
            kept.entries.push(Decision::new(noted));
        }
        if let Some(entry) = kept.entries.get_mut(index) {
            entry.become_this(number, noted, schemes, policies);
        }
        Place { index, number }
    }

    /// The answer was sent to its end, or broke off.
    pub fn ended(&self, place: Place, took: Duration, bytes: u64) {
        let mut kept = self.kept();
        if let Some(entry) = kept.entries.get_mut(place.index).filter(|entry| entry.number == place.number) {
            (entry.took, entry.bytes, entry.ended) = (took, bytes, true);
        }
    }

    fn latest(&self, wanted: &Wanted<'_>, most: usize) -> Vec<Decision> {
        let kept = self.kept();
        let next = usize::try_from(kept.count % self.capacity.max(1) as u64).unwrap_or_default();
        let (newer, older) = kept.entries.split_at(next.min(kept.entries.len()));
        let newest_first = newer.iter().rev().chain(older.iter().rev());
        newest_first.filter(|decision| wanted.is(decision)).take(most).cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wanted<'_> {
    fn is(&self, decision: &Decision) -> bool {
        self.reason.is_none_or(|code| decision.refused.is_some_and(|(reason, _)| reason.code() == code))
            && self.route.is_none_or(|name| decision.route.as_deref() == Some(name))
            && self.user.is_none_or(|name| decision.user == name)
    }
}
