//! What this process knows of sliding sessions: one record each, with facts and heartbeat.
//!
//! Facts leave when an account or a session changes. Heartbeats stay, so that facts which are read
//! again go on with the same life: no use is lost and no dead session comes back.
//!
//! A record is 120 bytes. What sessions of an account have in common, the account's name and grants and the names
//! of its services, is shared by all of them. Dead sessions leave as others come, a few for each; when memory is
//! full, those leave first that were not used for longest.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::owners::Owners;
use super::pulse::Limits;
use super::record::{BY_ACCOUNT, BY_ADDRESS, BY_DIGEST, BY_ID, Facts, Record, octets};
use crate::clock::millis;
use crate::dense::{Chains, Slab, Wheel};
use crate::secret::KeyedDigest;
use crate::store::{Account, Life, Session, Sessions};
use crate::{AccountId, CredentialId, Forget, Identity, MemoryFigures, Reason};

/// The sessions that were used lately.
#[derive(Debug)]
pub(super) struct Memory {
    shards: Box<[Mutex<Shard>]>,
    shard_capacity: usize,
    owners: Mutex<Owners>,
    log: Mutex<Log>,
    sessions: Arc<dyn Sessions>,
    scheme: &'static str,
    life: Life,
    limits: Limits,
}

/// The instant before a store is asked; what changed since makes its answer stale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment(u64);

/// What a sign-in must know of the sessions in memory.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Live sessions of the account or the address, with uses that the store may not know.
    pub(super) unwritten: Vec<(Arc<str>, SystemTime)>,
    /// Other accounts' sessions from the address, live or not.
    pub(super) others: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Shard {
    records: Slab<Record>,
    by_digest: Chains<BY_DIGEST>,
    by_id: Chains<BY_ID>,
    by_account: Chains<BY_ACCOUNT>,
    by_address: Chains<BY_ADDRESS>,
    by_end: Wheel,
    /// Records that have facts.
    with_facts: usize,
    hits: u64,
    misses: u64,
}

/// The last changes, and how many there ever were.
///
/// A change is noted before it is made in the shards, and a record is put into its shard under the lock under which
/// the log was read. So either its reader sees the change, or the change meets the record.
#[derive(Debug, Default)]
struct Log {
    last: VecDeque<Change>,
    changes: u64,
}

#[derive(Debug)]
enum Change {
    Account(AccountId),
    /// This account took over the address.
    Address(IpAddr, AccountId),
    All,
    Session(CredentialId),
}

impl Memory {
    pub(super) fn new(scheme: &'static str, life: Life, sessions: Arc<dyn Sessions>, capacity: usize) -> Self {
        let limits = Limits::of(life);
        let shards = (capacity / FEW).clamp(1, MOST_SHARDS);
        Self {
            shards: (0..shards).map(|_| Mutex::new(Shard::new(limits))).collect(),
            shard_capacity: capacity.div_ceil(shards).max(1),
            owners: Mutex::default(),
            log: Mutex::default(),
            sessions,
            scheme,
            life,
            limits,
        }
    }

    /// Who asks with the token of this digest, if it is known; `is_home` judges the address that opened the
    /// session. No allocation.
    pub(super) fn find(
        &self,
        digest: &KeyedDigest,
        now: SystemTime,
        is_home: impl FnOnce(Option<IpAddr>) -> bool,
    ) -> Option<Result<Identity, Reason>> {
        let number = self.number(digest);
        let mut shard = self.shard(number);
        let Some((place, record)) = shard.fresh(*digest, self.limits, now) else {
            shard.misses += 1;
            return None;
        };
        let verdict = record.judge(self.life, self.limits, now, is_home);
        shard.hits += 1;
        Some(verdict?.map(|who| who.kept_at(number, place)))
    }

    /// Counts a use of the session that `who` was made of; `None` if its facts are no longer those. Gives the last
    /// use when it is due to be written.
    pub(super) fn accept(&self, who: &Identity, now: SystemTime) -> Option<Result<Option<SystemTime>, Reason>> {
        let (life, limits) = (self.life, self.limits);
        let where_it_was = who.kept().and_then(|(number, place)| {
            let mut shard = lock(self.shards.get(usize::from(number))?);
            let record = shard.records.get_mut(place)?;
            record.is_of(who, life).then(|| record.accept(limits, now))
        });
        let id = &who.credential().id;
        where_it_was.or_else(|| {
            self.shards.iter().find_map(|shard| {
                let mut shard = lock(shard);
                let place = shard.place_of(id)?;
                let record = shard.records.at_mut(place);
                record.is_of(who, life).then(|| record.accept(limits, now))
            })
        })
    }

    /// To be called before the store is asked.
    pub(super) fn moment(&self) -> Moment {
        Moment(lock(&self.log).changes)
    }

    /// Takes in a session that the store told, and says who asks with it; `None` if it changed since `moment`.
    pub(super) fn learn(
        &self,
        moment: Moment,
        digest: &KeyedDigest,
        session: &Session,
        account: &Account,
        now: SystemTime,
        is_home: impl FnOnce(Option<IpAddr>) -> bool,
    ) -> Option<Result<Identity, Reason>> {
        let (owner, service) = lock(&self.owners).of(account, self.scheme, &session.service);
        let mut told = Vec::new();
        let number = self.number(digest);
        let verdict = {
            let mut shard = self.shard(number);
            if lock(&self.log).changed_since(moment, session) {
                return None;
            }
            shard.let_go_of_dead(self.limits, millis(now));
            let known = shard.known(*digest, session);
            let place = known.unwrap_or_else(|| {
                while shard.records.len() >= self.shard_capacity {
                    let Some((id, used)) = shard.evict(self.limits) else { break };
                    told.extend(used.map(|used| (id, used)));
                }
                shard.insert(Record::new(*digest, session, Arc::clone(&owner)), self.limits)
            });
            let record = shard.records.at_mut(place);
            let had = record.learn(owner, service, now);
            let verdict = record.judge(self.life, self.limits, now, is_home);
            shard.with_facts += usize::from(had == Facts::HadNone);
            verdict.map(|known| known.map(|who| who.kept_at(number, place)))
        };
        for (id, used) in told {
            self.sessions.note_session_use(&id, used);
        }
        verdict
    }

    /// What a sign-in of `account` from `client` must know. Whatever is over at `now` is dead from here on.
    pub(super) fn around(&self, account: AccountId, client: Option<IpAddr>, now: SystemTime) -> Around {
        let mut around = Around::default();
        for shard in &self.shards {
            let mut shard = lock(shard);
            let with = shard.places_with(account);
            // Those of the account are among them already.
            let here = client.map(|client| shard.places_at(client)).unwrap_or_default();
            let others = here.into_iter().filter(|place| !with.contains(place));
            let places: Vec<u32> = with.iter().copied().chain(others).collect();
            for place in places {
                let record = shard.records.at_mut(place);
                let unwritten = record.pulse().check(self.limits, now).ok().and_then(|()| record.pulse().unwritten());
                around.unwritten.extend(unwritten.map(|used| (Arc::from(record.id().as_str()), used)));
                if record.account() != Some(account) {
                    around.others.push(Arc::from(record.id().as_str()));
                }
            }
        }
        around
    }

    /// After the store gave the address to `account` alone: the others' sessions there are over.
    pub(super) fn take_over(&self, client: IpAddr, account: AccountId, others: &[Arc<str>]) {
        lock(&self.log).note(Change::Address(client, account));
        for id in others {
            self.forget_credential(id);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).records.len()).sum()
    }

    fn number(&self, digest: &KeyedDigest) -> u8 {
        u8::try_from(usize::from(digest.shard()) % self.shards.len()).expect("there are MOST_SHARDS at most")
    }

    fn shard(&self, number: u8) -> MutexGuard<'_, Shard> {
        lock(self.shards.get(usize::from(number)).expect("it is the number of a shard"))
    }
}

impl Forget for Memory {
    fn forget_account(&self, account: AccountId) {
        lock(&self.log).note(Change::Account(account));
        for shard in &self.shards {
            let mut shard = lock(shard);
            for place in shard.places_with(account) {
                let had = shard.records.at_mut(place).forget();
                shard.with_facts -= usize::from(had == Facts::Had);
            }
        }
    }

    fn forget_credential(&self, id: &str) {
        lock(&self.log).note(Change::Session(id.into()));
        for shard in &self.shards {
            let mut shard = lock(shard);
            if let Some(place) = shard.place_of(id) {
                shard.remove(place);
            }
        }
    }

    fn forget_all(&self) {
        lock(&self.log).note(Change::All);
        for shard in &self.shards {
            let mut shard = lock(shard);
            for record in shard.records.iter_mut() {
                record.forget();
            }
            shard.with_facts = 0;
        }
    }

    fn figures(&self) -> Option<MemoryFigures> {
        let add = |sum: MemoryFigures, shard: &Mutex<Shard>| {
            let shard = lock(shard);
            MemoryFigures {
                entries: sum.entries + shard.with_facts as u64,
                hits: sum.hits + shard.hits,
                misses: sum.misses + shard.misses,
            }
        };
        Some(self.shards.iter().fold(MemoryFigures::default(), add))
    }
}

impl Shard {
    fn new(limits: Limits) -> Self {
        let tick = Duration::from_millis(limits.idle / 16).max(Duration::from_secs(1));
        Self {
            records: Slab::default(),
            by_digest: Chains::new(1),
            by_id: Chains::new(2),
            by_account: Chains::new(2),
            by_address: Chains::new(2),
            by_end: Wheel::new(SLOTS, tick),
            with_facts: 0,
            hits: 0,
            misses: 0,
        }
    }

    /// The record of this digest, if it has facts that are of use at `now`.
    fn fresh(&mut self, digest: KeyedDigest, limits: Limits, now: SystemTime) -> Option<(u32, &mut Record)> {
        let place = self.by_digest.find(&self.records, digest.hash(), |record| record.digest() == digest)?;
        let record = self.records.at_mut(place);
        record.is_fresh(limits, millis(now)).then_some((place, record))
    }

    fn place_of(&self, id: &str) -> Option<u32> {
        self.by_id.find(&self.records, self.by_id.hash_of(id), |record| **record.id() == *id)
    }

    fn places_with(&self, account: AccountId) -> Vec<u32> {
        let places = self.by_account.places(&self.records, self.by_account.hash_of(&account));
        places.filter(|place| self.records.at(*place).account() == Some(account)).collect()
    }

    fn places_at(&self, client: IpAddr) -> Vec<u32> {
        let places = self.by_address.places(&self.records, self.by_address.hash_of(&octets(client)));
        places.filter(|place| self.records.at(*place).client() == Some(client)).collect()
    }

    /// The place of the session's record, whose heartbeat goes on.
    fn known(&mut self, digest: KeyedDigest, session: &Session) -> Option<u32> {
        let place = self.by_digest.find(&self.records, digest.hash(), |record| record.digest() == digest)?;
        let record = self.records.at(place);
        if **record.id() == *session.id && record.account() == Some(session.account) {
            return Some(place);
        }
        drop(self.remove(place));
        None
    }

    fn insert(&mut self, record: Record, limits: Limits) -> u32 {
        let (has_address, leaves) = (record.client().is_some(), record.leaves(limits));
        let place = self.records.insert(record);
        self.by_digest.insert(&mut self.records, place);
        self.by_id.insert(&mut self.records, place);
        self.by_account.insert(&mut self.records, place);
        if has_address {
            self.by_address.insert(&mut self.records, place);
        }
        self.by_end.insert(&mut self.records, place, leaves);
        place
    }

    fn remove(&mut self, place: u32) -> Record {
        self.by_digest.remove(&mut self.records, place);
        self.by_id.remove(&mut self.records, place);
        self.by_account.remove(&mut self.records, place);
        if self.records.at(place).client().is_some() {
            self.by_address.remove(&mut self.records, place);
        }
        self.by_end.remove(&mut self.records, place);
        let mut record = self.records.remove(place);
        self.with_facts -= usize::from(record.forget() == Facts::Had);
        record
    }

    /// A few, so that nobody waits for many.
    fn let_go_of_dead(&mut self, limits: Limits, now: u64) {
        for _ in 0..LOOKED_AT {
            let Some(place) = self.by_end.due(now) else { break };
            let leaves = self.records.at(place).leaves(limits);
            if leaves <= now {
                drop(self.remove(place));
            } else {
                self.by_end.remove(&mut self.records, place);
                self.by_end.insert(&mut self.records, place, leaves);
            }
        }
    }

    /// Takes out one of those that would leave soonest, with the use that the store must be told of.
    fn evict(&mut self, limits: Limits) -> Option<(CredentialId, Option<SystemTime>)> {
        let place = self.by_end.soonest(&mut self.records, |record| record.leaves(limits))?;
        let mut record = self.remove(place);
        let used = record.pulse().rest();
        Some((record.id().clone(), used))
    }
}

impl Log {
    fn note(&mut self, change: Change) {
        self.changes += 1;
        self.last.push_back(change);
        if self.last.len() > LOG {
            self.last.pop_front();
        }
    }

    /// Whether anything that bears on `session` changed since; in doubt, it did.
    fn changed_since(&self, moment: Moment, session: &Session) -> bool {
        let count = usize::try_from(self.changes - moment.0).unwrap_or(usize::MAX);
        let bears = |change: &Change| match change {
            Change::Account(account) => *account == session.account,
            Change::Address(client, account) => Some(*client) == session.client && *account != session.account,
            Change::All => true,
            Change::Session(id) => **id == *session.id,
        };
        count > self.last.len() || self.last.iter().rev().take(count).any(bears)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

const LOG: usize = 1024;
/// A sign-in looks at all of them, so they are not more than processors need.
const MOST_SHARDS: usize = 8;
/// A memory for fewer sessions than this has one shard.
const FEW: usize = 256;
/// So many records at most are looked at for each that comes.
const LOOKED_AT: usize = 4;
/// Four life-times, of which the last use of a session and its removal are two apart.
const SLOTS: u16 = 64;
