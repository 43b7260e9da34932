//! Credentials seen lately.
//!
//! Facts about a credential are remembered, never decisions about a request. The memory is bounded, is
//! keyed by a digest under a random key of this process, and forgets at once when the account or the
//! credential changes.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::{AccountId, Digest};

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
/// Look-up takes one short lock and no allocation.
#[derive(Debug)]
pub struct Known<T> {
    shards: Box<[Mutex<Shard<T>>]>,
    shard_capacity: usize,
    /// Counts forgettings: what was read from a store before the last one is not remembered.
    forgettings: AtomicU64,
}

/// Proof of when a store was asked; take it *before* asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

#[derive(Debug)]
struct Shard<T> {
    entries: HashMap<Digest, Entry<T>, ByDigest>,
    accounts: HashMap<AccountId, HashSet<Digest, ByDigest>>,
    credentials: HashMap<Box<str>, HashSet<Digest, ByDigest>>,
    order: VecDeque<Digest>,
    /// Counted here, where the lock is held anyway.
    hits: u64,
    misses: u64,
}

#[derive(Debug)]
struct Entry<T> {
    facts: T,
    account: Option<AccountId>,
    credential: Box<str>,
    from: SystemTime,
    until: SystemTime,
}

impl<T: Clone + fmt::Debug + Send + 'static> Known<T> {
    /// A memory of at most about `capacity` credentials; the oldest leave first.
    pub fn new(capacity: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                entries: HashMap::default(),
                accounts: HashMap::new(),
                credentials: HashMap::new(),
                order: VecDeque::new(),
                hits: 0,
                misses: 0,
            })
        };
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            shard_capacity: capacity.div_ceil(SHARDS).max(1),
            forgettings: AtomicU64::new(0),
        }
    }

    /// The facts remembered under `digest`, if they are of use at `now`.
    ///
    /// A clock that was stepped back behind the moment of remembering makes a miss.
    pub fn find(&self, digest: &Digest, now: SystemTime) -> Option<T> {
        let mut shard = self.shard(digest);
        let entry = shard.entries.get(digest).filter(|entry| now < entry.until && now + CLOCK_SLACK >= entry.from);
        let facts = entry.map(|entry| entry.facts.clone());
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
    /// forgotten since, for they may be stale.
    #[expect(clippy::too_many_arguments, reason = "each is one fact of the entry")]
    pub fn remember(
        &self,
        ticket: Ticket,
        digest: Digest,
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
        shard.remove(&digest);
        while shard.entries.len() >= self.shard_capacity {
            match shard.order.pop_front() {
                Some(oldest) => shard.remove(&oldest),
                None => break,
            }
        }
        if let Some(account) = account {
            shard.accounts.entry(account).or_default().insert(digest);
        }
        shard.credentials.entry(credential.into()).or_default().insert(digest);
        shard.order.push_back(digest);
        shard.entries.insert(digest, Entry { facts, account, credential: credential.into(), from, until });
        // Removed entries leave their place in the queue behind; keep it in proportion.
        if shard.order.len() > 2 * self.shard_capacity + 16 {
            let Shard { entries, order, .. } = &mut *shard;
            let mut seen = HashSet::with_hasher(ByDigest::default());
            order.retain(|digest| entries.contains_key(digest) && seen.insert(*digest));
        }
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).entries.len()).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, digest: &Digest) -> MutexGuard<'_, Shard<T>> {
        let [first, ..] = digest.as_bytes();
        let shard = self.shards.get(usize::from(*first) % SHARDS).expect("there are SHARDS shards");
        lock(shard)
    }
}

impl<T: Clone + fmt::Debug + Send + 'static> Forget for Known<T> {
    fn forget_account(&self, account: AccountId) {
        self.forgettings.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = lock(shard);
            for digest in shard.accounts.remove(&account).unwrap_or_default() {
                shard.remove(&digest);
            }
        }
    }

    fn forget_credential(&self, id: &str) {
        self.forgettings.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = lock(shard);
            for digest in shard.credentials.remove(id).unwrap_or_default() {
                shard.remove(&digest);
            }
        }
    }

    fn forget_all(&self) {
        self.forgettings.fetch_add(1, Ordering::SeqCst);
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.entries.clear();
            shard.accounts.clear();
            shard.credentials.clear();
            shard.order.clear();
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
    fn remove(&mut self, digest: &Digest) {
        let Some(entry) = self.entries.remove(digest) else { return };
        if let Some(account) = entry.account
            && let Some(digests) = self.accounts.get_mut(&account)
        {
            digests.remove(digest);
            if digests.is_empty() {
                self.accounts.remove(&account);
            }
        }
        if let Some(digests) = self.credentials.get_mut(&entry.credential) {
            digests.remove(digest);
            if digests.is_empty() {
                self.credentials.remove(&entry.credential);
            }
        }
    }
}

/// A digest under a secret key is its own hash.
type ByDigest = std::hash::BuildHasherDefault<DigestHasher>;

#[derive(Clone, Copy, Debug, Default)]
struct DigestHasher(u64);

impl std::hash::Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // The first byte chose the shard; take eight others.
        if let Some(eight) = bytes.get(8..16).and_then(|b| b.try_into().ok()) {
            self.0 = u64::from_le_bytes(eight);
        }
    }
}

fn lock<T>(shard: &Mutex<Shard<T>>) -> MutexGuard<'_, Shard<T>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

const SHARDS: usize = 64;
const CLOCK_SLACK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DigestKey;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn later(seconds: u64) -> SystemTime {
        NOW + Duration::from_secs(seconds)
    }

    fn known() -> (Known<u32>, Digest) {
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
        assert!(known.shards.iter().all(|s| lock(s).order.len() <= 64 && lock(s).credentials.len() <= 10));
    }
}
