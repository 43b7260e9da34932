//! The three tables and how they are kept in step.

use std::time::{Duration, SystemTime};

use trackgate_schemes::Outcome;

use super::counter::{Counter, Rules, later};
use super::record::Counted;
use super::table::{Ranked, Table};
use super::{GuessLimits, Lock};
use crate::ClientNetwork;
use crate::store::GuessCounter;

/// All counts. A table of its own for each kind: a flood of one drives out none of another.
#[derive(Debug)]
pub(super) struct State {
    limits: GuessLimits,
    /// Of the last attempt; none has the number 0.
    number: u64,
    accounts: Table<Box<str>, Counter>,
    networks: Table<ClientNetwork, Counter>,
    /// By account, so that one account's networks cannot drive out another's.
    known: Table<Box<str>, KnownNetworks>,
}

/// The networks from which one account was used well lately.
#[derive(Debug, Default)]
struct KnownNetworks(Vec<KnownNetwork>);

#[derive(Debug)]
struct KnownNetwork {
    network: ClientNetwork,
    counter: Counter,
    known_until: SystemTime,
}

/// A change that a store should keep.
pub(super) type Note<'a> = &'a dyn Fn(GuessCounter);

impl State {
    pub(super) fn new(limits: GuessLimits) -> Self {
        let GuessLimits { capacity, .. } = limits;
        Self {
            limits,
            number: 0,
            accounts: Table::new(capacity),
            networks: Table::new(capacity),
            known: Table::new(capacity),
        }
    }

    /// Counts an attempt and gives its mark, or says how long to wait.
    pub(super) fn admit(&mut self, account: &str, network: ClientNetwork, now: SystemTime) -> Result<u64, Duration> {
        let (of_accounts, of_networks) = self.rules();
        self.number += 1;
        let number = self.number;
        let mut known = self.known.get_mut(account).and_then(|known| known.find(network));
        known = known.and_then(|known| known.is_known(&self.limits, now).then_some(known));
        let is_known = known.is_some();
        if let Some(known) = known {
            known.counter.refresh(number, of_accounts, now);
            known.counter.wait(of_accounts, now).map_or(Ok(()), Err)?;
            known.counter.reserve(now);
        } else {
            let by_account = self.accounts.get_mut(account).and_then(|counter| {
                counter.refresh(number, of_accounts, now);
                counter.wait(of_accounts, now)
            });
            let by_network = self.networks.get_mut(&network).and_then(|counter| {
                counter.refresh(number, of_networks, now);
                counter.wait(of_networks, now)
            });
            by_account.max(by_network).map_or(Ok(()), Err)?;
            self.accounts.get_or_insert(account, || Counter::new(number, of_accounts, now), now).reserve(now);
        }
        // Guesses from a known network are not judged by the network's count, but they raise it.
        let counter = self.networks.get_or_insert(&network, || Counter::new(number, of_networks, now), now);
        counter.refresh(number, of_networks, now);
        counter.reserve(now);
        Ok(number << 1 | u64::from(is_known))
    }

    /// Ends the attempt of this mark.
    pub(super) fn settle(
        &mut self,
        (account, network, mark): (&str, ClientNetwork, u64),
        outcome: Outcome,
        now: SystemTime,
        note: Note<'_>,
    ) {
        let (of_accounts, of_networks) = self.rules();
        let (number, is_known) = (mark >> 1, mark & 1 == 1);
        if is_known {
            if let Some(known) = self.known.get_mut(account).and_then(|known| known.find(network)) {
                known.counter.settle(number, outcome, of_accounts, now);
                if outcome == Outcome::Wrong {
                    note(known.record(account, of_accounts, now));
                }
            }
        } else if let Some(counter) = self.accounts.get_mut(account) {
            counter.settle(number, outcome, of_accounts, now);
            if outcome == Outcome::Wrong {
                note(record(&Counted::Account(account.into()), counter, of_accounts, now));
            } else if counter.is_empty() {
                self.accounts.remove(account);
            }
        }
        if let Some(counter) = self.networks.get_mut(&network) {
            counter.settle(number, outcome, of_networks, now);
            if outcome == Outcome::Wrong {
                note(record(&Counted::Network(network), counter, of_networks, now));
            } else if counter.is_empty() {
                self.networks.remove(&network);
            }
        }
        // Addresses that cannot be known say nothing about who comes from there.
        if outcome == Outcome::Right && network.is_known() {
            self.know(account, network, now, note);
        }
    }

    /// Takes over a record of a store; one that is over or cannot be read is left alone.
    pub(super) fn take_over(&mut self, kept: &GuessCounter, now: SystemTime) {
        let Ok(what) = kept.key.parse() else { return };
        if kept.expires_at <= now {
            return;
        }
        let (of_accounts, of_networks) = self.rules();
        let counter = |rules| Counter::kept(kept.wrong, kept.locked_until, kept.expires_at, rules, now);
        match what {
            Counted::Account(account) => {
                *self.accounts.get_or_insert(&*account, || counter(of_accounts), now) = counter(of_accounts);
            }
            Counted::Known { account, network } => {
                let known_until = kept.expires_at.min(later(now, self.limits.known_for));
                let networks = self.known.get_or_insert(&*account, KnownNetworks::default, now);
                networks.put(KnownNetwork { network, counter: counter(of_accounts), known_until });
            }
            Counted::Network(network) => {
                *self.networks.get_or_insert(&network, || counter(of_networks), now) = counter(of_networks);
            }
        }
    }

    /// Everything that is locked, in no order.
    pub(super) fn locked(&self, now: SystemTime) -> Vec<Lock> {
        let (of_accounts, of_networks) = self.rules();
        let lock = |what: Counted, counter: &Counter, rules| {
            counter.locked_until(rules, now).map(|until| Lock { what, wrong: counter.wrong(), until })
        };
        let accounts = self
            .accounts
            .iter()
            .filter_map(|(account, counter)| lock(Counted::Account(account.clone()), counter, of_accounts));
        let networks = self
            .networks
            .iter()
            .filter_map(|(network, counter)| lock(Counted::Network(*network), counter, of_networks));
        let known = self.known.iter().flat_map(|(account, known)| {
            known.0.iter().filter_map(|known| {
                let what = Counted::Known { account: account.clone(), network: known.network };
                lock(what, &known.counter, of_accounts)
            })
        });
        accounts.chain(networks).chain(known).collect()
    }

    /// Clears an account's counts; says whether one was locked.
    pub(super) fn unlock(&mut self, account: &str, now: SystemTime, note: Note<'_>) -> bool {
        let (of_accounts, _) = self.rules();
        let mut locked = false;
        if let Some(counter) = self.accounts.remove(account) {
            locked |= counter.locked_until(of_accounts, now).is_some();
            note(gone(&Counted::Account(account.into()), now));
        }
        for known in self.known.get_mut(account).into_iter().flat_map(|known| &mut known.0) {
            locked |= known.counter.locked_until(of_accounts, now).is_some();
            known.counter.forgive();
            note(known.record(account, of_accounts, now));
        }
        locked
    }

    /// Clears a network's count; says whether it was locked.
    pub(super) fn unlock_network(&mut self, network: ClientNetwork, now: SystemTime, note: Note<'_>) -> bool {
        let (_, of_networks) = self.rules();
        let Some(counter) = self.networks.remove(&network) else { return false };
        note(gone(&Counted::Network(network), now));
        counter.locked_until(of_networks, now).is_some()
    }

    /// Drops all about an account.
    pub(super) fn forget(&mut self, account: &str, now: SystemTime, note: Note<'_>) {
        self.accounts.remove(account);
        note(gone(&Counted::Account(account.into()), now));
        for known in self.known.remove(account).into_iter().flat_map(|known| known.0) {
            note(gone(&known.counted(account), now));
        }
    }

    /// How many accounts are counted, how many networks, how many accounts have known networks.
    pub(super) fn sizes(&self) -> [usize; 3] {
        [self.accounts.len(), self.networks.len(), self.known.len()]
    }

    /// The account was used well from this network.
    fn know(&mut self, account: &str, network: ClientNetwork, now: SystemTime, note: Note<'_>) {
        let (of_accounts, _) = self.rules();
        let (number, known_until) = (self.number, later(now, self.limits.known_for));
        let networks = self.known.get_or_insert(account, KnownNetworks::default, now);
        let Some(known) = networks.find(network) else {
            // Attempts that were admitted before are counted for strangers and settled there.
            let known = KnownNetwork { network, counter: Counter::new(number + 1, of_accounts, now), known_until };
            note(known.record(account, of_accounts, now));
            networks.put(known);
            return;
        };
        let step = self.limits.known_for / STEPS;
        let worth_noting = known.counter.wrong() > 0 || later(known.known_until, step) <= known_until;
        known.counter.forgive();
        if worth_noting || known.known_until > known_until {
            known.known_until = known_until;
            note(known.record(account, of_accounts, now));
        }
    }

    /// The rules of accounts and of networks.
    fn rules(&self) -> (Rules, Rules) {
        (Rules::of_accounts(&self.limits), Rules::of_networks(&self.limits))
    }
}

impl KnownNetworks {
    fn find(&mut self, network: ClientNetwork) -> Option<&mut KnownNetwork> {
        self.0.iter_mut().find(|known| known.network == network)
    }

    /// Puts one in its place; the one used longest ago leaves when there are too many.
    fn put(&mut self, new: KnownNetwork) {
        self.0.retain(|known| known.network != new.network);
        if self.0.len() >= MAX_KNOWN
            && let Some(oldest) = (0..self.0.len()).min_by_key(|n| self.0.get(*n).map(|known| known.known_until))
        {
            self.0.swap_remove(oldest);
        }
        self.0.push(new);
    }
}

impl KnownNetwork {
    /// Whether it still is at `now`; a clock that was stepped back draws it out by nothing.
    fn is_known(&mut self, limits: &GuessLimits, now: SystemTime) -> bool {
        self.known_until = self.known_until.min(later(now, limits.known_for));
        now < self.known_until
    }

    fn counted(&self, account: &str) -> Counted {
        Counted::Known { account: account.into(), network: self.network }
    }

    fn record(&self, account: &str, rules: Rules, now: SystemTime) -> GuessCounter {
        GuessCounter { expires_at: self.known_until, ..record(&self.counted(account), &self.counter, rules, now) }
    }
}

impl Ranked for Counter {
    fn rank(&self, now: SystemTime) -> (bool, SystemTime) {
        Self::rank(self, now)
    }
}

impl Ranked for KnownNetworks {
    fn rank(&self, _now: SystemTime) -> (bool, SystemTime) {
        let last = self.0.iter().map(|known| known.known_until).max();
        (false, last.unwrap_or(SystemTime::UNIX_EPOCH))
    }
}

fn record(what: &Counted, counter: &Counter, rules: Rules, now: SystemTime) -> GuessCounter {
    GuessCounter {
        key: what.to_string().into(),
        wrong: counter.wrong(),
        locked_until: counter.locked_until(rules, now).unwrap_or(SystemTime::UNIX_EPOCH),
        expires_at: counter.until(),
    }
}

/// The record of a count that is over.
fn gone(what: &Counted, now: SystemTime) -> GuessCounter {
    GuessCounter { key: what.to_string().into(), wrong: 0, locked_until: SystemTime::UNIX_EPOCH, expires_at: now }
}

/// Networks that one account knows.
const MAX_KNOWN: usize = 8;
/// A known network is written again after this part of its time, not at every sign-in.
const STEPS: u32 = 48;
