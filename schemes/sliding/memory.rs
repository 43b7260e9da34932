//! What this process knows of sliding sessions: facts by token, heartbeats by session id.
//!
//! Facts leave when an account or a session changes. Heartbeats stay, so that facts which are read
//! again go on with the same life: no use is lost and no dead session comes back.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::pulse::Pulse;
use crate::store::{Life, Session, Sessions};
use crate::{AccountId, Digest, Forget, Identity, Known, MemoryFigures, Ticket};

/// The facts of one session.
#[derive(Debug)]
pub(super) struct State {
    pub(super) identity: Identity,
    /// The address that opened it.
    pub(super) client: Option<IpAddr>,
    pub(super) pulse: Arc<Pulse>,
}

/// The sessions that were used lately.
#[derive(Debug)]
pub(super) struct Memory {
    known: Known<Arc<State>>,
    index: Mutex<Index>,
    sessions: Arc<dyn Sessions>,
    capacity: usize,
}

/// The instant before a store is asked; what changed since makes its answer stale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    ticket: Ticket,
    changes: u64,
}

/// What a sign-in must know of the sessions in memory.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// Live sessions of the account or the address, with uses that the store may not know.
    pub(super) unwritten: Vec<(Arc<str>, SystemTime)>,
    /// Other accounts' sessions from the address, live or not.
    pub(super) others: Vec<Arc<str>>,
}

#[derive(Debug, Default)]
struct Index {
    entries: HashMap<Arc<str>, Entry>,
    accounts: HashMap<AccountId, HashSet<Arc<str>>>,
    clients: HashMap<IpAddr, HashSet<Arc<str>>>,
    order: VecDeque<Arc<str>>,
    /// The last changes, and how many there ever were.
    log: VecDeque<Change>,
    changes: u64,
}

#[derive(Debug)]
struct Entry {
    account: AccountId,
    client: Option<IpAddr>,
    pulse: Arc<Pulse>,
    /// `None` when the account changed and nobody read the facts again.
    state: Option<Arc<State>>,
}

#[derive(Debug)]
enum Change {
    Account(AccountId),
    /// This account took over the address.
    Address(IpAddr, AccountId),
    All,
    Session(Arc<str>),
}

impl Memory {
    pub(super) fn new(sessions: Arc<dyn Sessions>, capacity: usize) -> Self {
        Self { known: Known::new(capacity), index: Mutex::default(), sessions, capacity }
    }

    /// The facts under this digest. No allocation.
    pub(super) fn find(&self, digest: &Digest, now: SystemTime) -> Option<Arc<State>> {
        self.known.find(digest, now)
    }

    /// The facts of a session, if they are still those that `who` was made of.
    pub(super) fn of(&self, who: &Identity) -> Option<Arc<State>> {
        let index = self.index();
        let state = index.entries.get(&*who.credential().id)?.state.as_ref()?;
        (state.identity == *who).then(|| Arc::clone(state))
    }

    /// To be called before the store is asked.
    pub(super) fn moment(&self) -> Moment {
        Moment { ticket: self.known.ticket(), changes: self.index().changes }
    }

    /// Takes in a session that the store told; `None` if it changed since `moment`.
    pub(super) fn learn(
        &self,
        moment: Moment,
        digest: Digest,
        life: Life,
        session: &Session,
        identity: Identity,
        now: SystemTime,
    ) -> Option<Arc<State>> {
        let (state, evicted) = {
            let mut index = self.index();
            if index.changed_since(moment, session) {
                return None;
            }
            let known = index.entries.get(&session.id);
            let state = match known.and_then(|entry| entry.state.as_ref()) {
                Some(state) if state.identity == identity => Arc::clone(state),
                _ => {
                    let pulse = known.map_or_else(
                        || Arc::new(Pulse::new(life, session.opened_at, session.last_used_at)),
                        |entry| Arc::clone(&entry.pulse),
                    );
                    Arc::new(State { identity, client: session.client.map(|ip| ip.to_canonical()), pulse })
                }
            };
            index.put(session, &state);
            // Twice what is known by token, so that a heartbeat outlasts its facts.
            (state, index.shrink(self.capacity.saturating_mul(2)))
        };
        for (id, entry) in evicted {
            self.write_rest(&id, &entry.pulse);
        }
        let until = until(life, session, now);
        self.known.remember(moment.ticket, digest, Some(session.account), &session.id, Arc::clone(&state), now, until);
        Some(state)
    }

    /// What a sign-in of `account` from `client` must know. Whatever is over at `now` is dead from here on.
    pub(super) fn around(&self, account: AccountId, client: Option<IpAddr>, now: SystemTime) -> Around {
        let index = self.index();
        let from_client = client.and_then(|client| index.clients.get(&client));
        let mut around = Around::default();
        let mut seen = HashSet::new();
        for id in from_client.into_iter().chain(index.accounts.get(&account)).flatten() {
            let Some(entry) = index.entries.get(id).filter(|_| seen.insert(id)) else { continue };
            if entry.pulse.check(now).is_ok() {
                around.unwritten.extend(entry.pulse.unwritten().map(|used| (Arc::clone(id), used)));
            }
            if entry.account != account {
                around.others.push(Arc::clone(id));
            }
        }
        around
    }

    /// After the store gave the address to `account` alone: the others' sessions there are over.
    pub(super) fn take_over(&self, client: IpAddr, account: AccountId, others: &[Arc<str>]) {
        self.index().note(Change::Address(client, account));
        for id in others {
            self.forget_credential(id);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.index().entries.len()
    }

    fn write_rest(&self, id: &str, pulse: &Pulse) {
        if let Some(used) = pulse.rest() {
            self.sessions.note_session_use(id, used);
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Forget for Memory {
    fn forget_account(&self, account: AccountId) {
        {
            let mut guard = self.index();
            let index = &mut *guard;
            index.note(Change::Account(account));
            for id in index.accounts.get(&account).into_iter().flatten() {
                if let Some(entry) = index.entries.get_mut(id) {
                    entry.state = None;
                }
            }
        }
        self.known.forget_account(account);
    }

    fn forget_credential(&self, id: &str) {
        {
            let mut index = self.index();
            index.note(Change::Session(id.into()));
            if let Some(entry) = index.remove(id) {
                entry.pulse.end();
            }
        }
        self.known.forget_credential(id);
    }

    fn forget_all(&self) {
        {
            let mut index = self.index();
            index.note(Change::All);
            for entry in index.entries.values_mut() {
                entry.state = None;
            }
        }
        self.known.forget_all();
    }

    fn figures(&self) -> Option<MemoryFigures> {
        self.known.figures()
    }
}

impl Index {
    fn note(&mut self, change: Change) {
        self.changes += 1;
        self.log.push_back(change);
        if self.log.len() > LOG {
            self.log.pop_front();
        }
    }

    /// Whether anything that bears on `session` changed since; in doubt, it did.
    fn changed_since(&self, moment: Moment, session: &Session) -> bool {
        let count = usize::try_from(self.changes - moment.changes).unwrap_or(usize::MAX);
        let bears = |change: &Change| match change {
            Change::Account(account) => *account == session.account,
            Change::Address(client, account) => Some(*client) == session.client && *account != session.account,
            Change::All => true,
            Change::Session(id) => *id == session.id,
        };
        count > self.log.len() || self.log.iter().rev().take(count).any(bears)
    }

    fn put(&mut self, session: &Session, state: &Arc<State>) {
        let id = &session.id;
        let entry = Entry {
            account: session.account,
            client: state.client,
            pulse: Arc::clone(&state.pulse),
            state: Some(Arc::clone(state)),
        };
        self.accounts.entry(session.account).or_default().insert(Arc::clone(id));
        if let Some(client) = state.client {
            self.clients.entry(client).or_default().insert(Arc::clone(id));
        }
        if self.entries.insert(Arc::clone(id), entry).is_none() {
            self.order.push_back(Arc::clone(id));
        }
    }

    fn remove(&mut self, id: &str) -> Option<Entry> {
        let entry = self.entries.remove(id)?;
        drop_from(&mut self.accounts, &entry.account, id);
        if let Some(client) = entry.client {
            drop_from(&mut self.clients, &client, id);
        }
        Some(entry)
    }

    /// Takes out the oldest until at most `capacity` are left.
    fn shrink(&mut self, capacity: usize) -> Vec<(Arc<str>, Entry)> {
        let mut evicted = Vec::new();
        while self.entries.len() > capacity.max(1) {
            let Some(oldest) = self.order.pop_front() else { break };
            evicted.extend(self.remove(&oldest).map(|entry| (oldest, entry)));
        }
        // Removed sessions leave their place in the queue behind; keep it in proportion.
        if self.order.len() > self.entries.len().saturating_mul(2) + 64 {
            let Self { entries, order, .. } = self;
            order.retain(|id| entries.contains_key(id));
        }
        evicted
    }
}

fn drop_from<K: Eq + Hash>(sets: &mut HashMap<K, HashSet<Arc<str>>>, key: &K, id: &str) {
    if let Some(ids) = sets.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            sets.remove(key);
        }
    }
}

/// How long facts stay in memory: the heartbeat tells what is alive, so this is only far away.
fn until(life: Life, session: &Session, now: SystemTime) -> SystemTime {
    let far = now.checked_add(life.idle.saturating_mul(2)).unwrap_or(now + FAR);
    let absolute = life.absolute.and_then(|absolute| session.opened_at.checked_add(absolute));
    // At its absolute end it stays in memory as a dead one, lest each try asks the store.
    absolute.map_or(far, |end| far.min(end.checked_add(life.idle).unwrap_or(end)))
}

const LOG: usize = 1024;
const FAR: Duration = Duration::from_hours(24 * 365);
