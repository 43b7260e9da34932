//! Credentials seen lately.
//!
//! Facts about a credential are remembered, never decisions about a request. The memory is bounded, is
//! keyed by a digest under a random key of this process, and forgets at once when the account or the
//! credential changes.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::millis;
use crate::dense::{Chained, Chains, Slab, Timed, Wheel, WheelLinks};
use crate::{AccountId, KeyedDigest};

/// Whoever remembers credentials and must forget them when they change.
pub trait Forget: fmt::Debug + Send + Sync + 'static {
    /// Forgets everything about this account.
    fn forget_account(&self, account: AccountId);
    /// Forgets the credential of this public id.
    fn forget_credential(&self, id: &str);
    /// Forgets everything: after the event log could not be followed.
    fn forget_all(&self);
    /// How full it is and how often it helped; `None` for one that does not count.
    fn figures(&self) -> Option<MemoryFigures> {
        None
    }
}

/// How full a memory is and how often it helped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryFigures {
    /// Credentials that are remembered.
    pub entries: u64,
    /// Look-ups that found what was of use.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
}

/// A bounded memory from credential digest to facts of type `T`, which should be cheap to clone.
///
/// Look-up takes one short lock and no allocation. What ended leaves as others come, a few for each; when the memory
/// is full, what ends first leaves first.
#[derive(Debug)]
pub struct Known<T> {
    shards: Box<[Mutex<Shard<T>>]>,
    shard_capacity: usize,
    /// Counts forgettings: what was read from a store before the last one is not remembered.
    forgettings: AtomicU64,
    /// Under which ids of credentials are hashed.
    key: RandomState,
}

/// Proof of when a store was asked; take it *before* asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

#[derive(Debug)]
struct Shard<T> {
    entries: Slab<Entry<T>>,
    by_digest: Chains<BY_DIGEST>,
    by_account: Chains<BY_ACCOUNT>,
    by_credential: Chains<BY_CREDENTIAL>,
    by_end: Wheel,
    /// Counted here, where the lock is held anyway.
    hits: u64,
    misses: u64,
}

struct Entry<T> {
    /// `None` in a free place.
    facts: Option<T>,
    digest: KeyedDigest,
    account: Option<AccountId>,
    /// The hash of its credential's id; 0 for an empty one, by which nothing is forgotten. Of two ids that share
    /// one, both are forgotten with either, which costs no more than asking the store.
    credential: u64,
    /// Milliseconds since 1970, rounded down: so it ends early if at all.
    until: u64,
    /// Seconds since 1970.
    from: u32,
    next: [u32; 3],
    links: WheelLinks,
}

impl<T: Clone + fmt::Debug + Send + 'static> Known<T> {
    /// A memory of at most about `capacity` credentials.
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Shard::new())).collect(),
            shard_capacity: capacity.div_ceil(SHARDS).max(1),
            forgettings: AtomicU64::new(0),
            key: RandomState::new(),
        }
    }

    /// The facts remembered under `digest`, if they are of use at `now`.
    ///
    /// A clock that was stepped back behind the moment of remembering makes a miss.
    pub fn find(&self, digest: &KeyedDigest, now: SystemTime) -> Option<T> {
        let mut shard = self.shard(digest);
        let now = millis(now);
        let is_good = |entry: &&Entry<T>| now < entry.until && now + CLOCK_SLACK >= u64::from(entry.from) * 1000;
        let entry = shard.place(*digest).map(|place| shard.entries.at(place)).filter(is_good);
        let facts = entry.and_then(|entry| entry.facts.clone());
        match facts {
            Some(_) => shard.hits += 1,
            None => shard.misses += 1,
        }
        facts
    }

    /// To be taken before a store is asked for what shall be remembered.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.forgettings.load(Ordering::SeqCst))
    }

    /// Remembers facts that a store told after `ticket` was taken; does nothing if anything was
    /// forgotten since, for they may be stale. An empty `credential` is that of facts which are not forgotten by one.
    #[expect(clippy::too_many_arguments, reason = "each is one fact of the entry")]
    pub fn remember(
        &self,
        ticket: Ticket,
        digest: KeyedDigest,
        account: Option<AccountId>,
        credential: &str,
        facts: T,
        from: SystemTime,
        until: SystemTime,
    ) {
        let mut shard = self.shard(&digest);
        if self.forgettings.load(Ordering::SeqCst) != ticket.0 {
            return;
        }
        let now = millis(from);
        if let Some(before) = shard.place(digest) {
            shard.remove(before);
        }
        shard.let_go_of_ended(now);
        while shard.entries.len() >= self.shard_capacity {
            let Shard { entries, by_end, .. } = &mut *shard;
            let Some(soonest) = by_end.soonest(entries, |entry| entry.until) else { break };
            shard.remove(soonest);
        }
        shard.insert(Entry {
            facts: Some(facts),
            digest,
            account,
            credential: self.hash_of(credential),
            until: millis(until),
            from: u32::try_from(now / 1000).unwrap_or(u32::MAX),
            ..Entry::default()
        });
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).entries.len()).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn hash_of(&self, credential: &str) -> u64 {
        if credential.is_empty() { 0 } else { self.key.hash_one(credential).max(1) }
    }

    fn shard(&self, digest: &KeyedDigest) -> MutexGuard<'_, Shard<T>> {
        let shard = self.shards.get(usize::from(digest.shard()) % SHARDS).expect("there are SHARDS shards");
        lock(shard)
    }
}

impl<T: Clone + fmt::Debug + Send + 'static> Forget for Known<T> {
    fn forget_account(&self, account: AccountId) {
        self.forgettings.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = lock(shard);
            let hash = shard.by_account.hash_of(&account);
            while let Some(place) = shard.by_account.find(&shard.entries, hash, |entry| entry.account == Some(account))
            {
                shard.remove(place);
            }
        }
    }

    fn forget_credential(&self, id: &str) {
        self.forgettings.fetch_add(1, Ordering::SeqCst);
        let hash = self.hash_of(id);
        for shard in &self.shards {
            let mut shard = lock(shard);
            while let Some(place) = shard.by_credential.find(&shard.entries, hash, |entry| entry.credential == hash) {
                shard.remove(place);
            }
        }
    }

    fn forget_all(&self) {
        self.forgettings.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = lock(shard);
            let empty = Shard { hits: shard.hits, misses: shard.misses, ..Shard::new() };
            let all = std::mem::replace(&mut *shard, empty);
            drop(shard);
            drop(all);
        }
    }

    fn figures(&self) -> Option<MemoryFigures> {
        let add = |sum: MemoryFigures, shard: &Mutex<Shard<T>>| {
            let shard = lock(shard);
            MemoryFigures {
                entries: sum.entries + shard.entries.len() as u64,
                hits: sum.hits + shard.hits,
                misses: sum.misses + shard.misses,
            }
        };
        Some(self.shards.iter().fold(MemoryFigures::default(), add))
    }
}

impl<T> Shard<T> {
    fn new() -> Self {
        Self {
            entries: Slab::default(),
            by_digest: Chains::new(1),
            by_account: Chains::new(2),
            by_credential: Chains::new(2),
            by_end: Wheel::new(SLOTS, TICK),
            hits: 0,
            misses: 0,
        }
    }

    fn place(&self, digest: KeyedDigest) -> Option<u32> {
        self.by_digest.find(&self.entries, digest.hash(), |entry| entry.digest == digest)
    }

    fn insert(&mut self, entry: Entry<T>) {
        let (account, credential, until) = (entry.account, entry.credential, entry.until);
        let place = self.entries.insert(entry);
        self.by_digest.insert(&mut self.entries, place);
        if account.is_some() {
            self.by_account.insert(&mut self.entries, place);
        }
        if credential != 0 {
            self.by_credential.insert(&mut self.entries, place);
        }
        self.by_end.insert(&mut self.entries, place, until);
    }

    fn remove(&mut self, place: u32) {
        self.by_digest.remove(&mut self.entries, place);
        if self.entries.at(place).account.is_some() {
            self.by_account.remove(&mut self.entries, place);
        }
        if self.entries.at(place).credential != 0 {
            self.by_credential.remove(&mut self.entries, place);
        }
        self.by_end.remove(&mut self.entries, place);
        drop(self.entries.remove(place));
    }

    /// A few, so that nobody waits for many.
    fn let_go_of_ended(&mut self, now: u64) {
        for _ in 0..LOOKED_AT {
            let Some(place) = self.by_end.due(now) else { break };
            let until = self.entries.at(place).until;
            if until <= now {
                self.remove(place);
            } else {
                self.by_end.remove(&mut self.entries, place);
                self.by_end.insert(&mut self.entries, place, until);
            }
        }
    }
}

impl<T> Default for Entry<T> {
    fn default() -> Self {
        Self {
            facts: None,
            digest: KeyedDigest::default(),
            account: None,
            credential: 0,
            until: 0,
            from: 0,
            next: [0; 3],
            links: WheelLinks::default(),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("facts", &self.facts).finish_non_exhaustive()
    }
}

impl<T> Chained<BY_DIGEST> for Entry<T> {
    fn hash(&self, _key: &RandomState) -> u64 {
        self.digest.hash()
    }

    fn next(&self) -> u32 {
        let [next, ..] = self.next;
        next
    }

    fn next_mut(&mut self) -> &mut u32 {
        let [next, ..] = &mut self.next;
        next
    }
}

impl<T> Chained<BY_ACCOUNT> for Entry<T> {
    fn hash(&self, key: &RandomState) -> u64 {
        self.account.map_or(0, |account| key.hash_one(account))
    }

    fn next(&self) -> u32 {
        let [_, next, _] = self.next;
        next
    }

    fn next_mut(&mut self) -> &mut u32 {
        let [_, next, _] = &mut self.next;
        next
    }
}

impl<T> Chained<BY_CREDENTIAL> for Entry<T> {
    fn hash(&self, _key: &RandomState) -> u64 {
        self.credential
    }

    fn next(&self) -> u32 {
        let [.., next] = self.next;
        next
    }

    fn next_mut(&mut self) -> &mut u32 {
        let [.., next] = &mut self.next;
        next
    }
}

impl<T> Timed for Entry<T> {
    fn links(&self) -> WheelLinks {
        self.links
    }

    fn links_mut(&mut self) -> &mut WheelLinks {
        &mut self.links
    }
}

fn lock<T>(shard: &Mutex<Shard<T>>) -> MutexGuard<'_, Shard<T>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHARDS: usize = 64;
/// Milliseconds.
const CLOCK_SLACK: u64 = 1000;
const BY_DIGEST: usize = 0;
const BY_ACCOUNT: usize = 1;
const BY_CREDENTIAL: usize = 2;
/// So many entries at most are looked at for each that comes.
const LOOKED_AT: usize = 4;
const TICK: Duration = Duration::from_mins(8);
const SLOTS: u16 = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DigestKey;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn later(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(seconds)
    }

    fn known() -> (Known<u32>, KeyedDigest) {
        let known = Known::new(1000);
        let digest = DigestKey::random().digest(&[b"token"]);
        known.remember(known.ticket(), digest, Some(AccountId(7)), "token:a", 42, later(10), later(20));
        (known, digest)
    }

    #[test]
    fn facts_are_of_use_until_their_end() {
        let (known, digest) = known();
        assert_eq!(known.find(&digest, later(19)), Some(42));
        assert_eq!(known.find(&digest, later(20)), None);
        assert_eq!(known.figures(), Some(MemoryFigures { entries: 1, hits: 1, misses: 1 }));
    }

    #[test]
    fn clk_02_a_clock_stepped_back_makes_a_miss() {
        let (known, digest) = known();
        assert_eq!(known.find(&digest, later(2)), None);
    }

    #[test]
    fn rev_15_account_and_credential_are_forgotten_at_once() {
        let (first, digest) = known();
        first.forget_account(AccountId(7));
        assert_eq!(first.find(&digest, later(11)), None);
        let (second, digest) = known();
        second.forget_credential("token:a");
        assert_eq!(second.find(&digest, later(11)), None);
        assert!(second.is_empty());
    }

    #[test]
    fn what_was_read_before_a_forgetting_is_not_remembered() {
        let (known, digest) = known();
        let ticket = known.ticket();
        known.forget_account(AccountId(7));
        known.remember(ticket, digest, Some(AccountId(7)), "token:a", 43, later(10), later(20));
        assert_eq!(known.find(&digest, later(11)), None);
    }

    #[test]
    fn the_memory_is_bounded() {
        let known = Known::new(640);
        let key = DigestKey::random();
        for n in 0..20_000_u32 {
            known.remember(
                known.ticket(),
                key.digest(&[&n.to_le_bytes()]),
                None,
                &n.to_string(),
                n,
                later(0),
                later(9),
            );
        }
        assert!(known.len() <= 640);
    }

    #[test]
    fn what_ended_leaves_as_others_come() {
        let known = Known::new(1_000_000);
        let key = DigestKey::random();
        let remember = |n: u64, at: u64| {
            let digest = key.digest(&[&n.to_le_bytes()]);
            known.remember(known.ticket(), digest, None, &n.to_string(), n, later(at), later(at + 300));
        };
        (0..5_000).for_each(|n| remember(n, n));
        (5_000..10_000).for_each(|n| remember(n, 100_000));
        assert!((5_000..5_200).contains(&known.len()), "{}", known.len());
    }
}
