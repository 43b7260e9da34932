//! Lock-out: wrong guesses at passwords, counted per account and per network across every door.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use trackgate_schemes::store::StoreError;
use trackgate_schemes::{Admission, Attempt, GuessGuard, Outcome};

use crate::ClientNetwork;
use crate::store::{GuessCounter, GuessCounters};

use record::counted_name;
pub use record::{Counted, CountedError};
use state::State;

mod counter;
mod record;
mod state;
mod table;
#[cfg(test)]
mod tests;

/// How many wrong guesses are borne, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain settings that configuration fills in")]
pub struct GuessLimits {
    /// Wrong guesses at one account within `window` that lock it for strangers; also those from one
    /// network that the account knows, which lock it for that network.
    pub per_account: NonZeroU32,
    /// Wrong guesses from one network within `window`, at whatever accounts, that lock the network.
    pub per_network: NonZeroU32,
    /// The time from the first guess on after which a count starts anew.
    pub window: Duration,
    /// How long a lock lasts.
    pub lock: Duration,
    /// How long after a good sign-in the account knows the network.
    pub known_for: Duration,
    /// How many accounts are counted, how many networks, and how many accounts' known networks are kept.
    pub capacity: usize,
}

impl Default for GuessLimits {
    /// 10 wrong guesses at an account and 50 from a network in 15 minutes lock for 15 minutes; networks
    /// stay known for 30 days; 65 536 of each.
    fn default() -> Self {
        const QUARTER: Duration = Duration::from_mins(15);
        Self {
            per_account: const { NonZeroU32::new(10).expect("ten is not zero") },
            per_network: const { NonZeroU32::new(50).expect("fifty is not zero") },
            window: QUARTER,
            lock: QUARTER,
            known_for: Duration::from_hours(30 * 24),
            capacity: 65_536,
        }
    }
}

/// Counts wrong guesses and locks accounts and networks for a while.
///
/// - **Strangers** are judged by the count of the account *and* by that of their network, an IPv4 address
///   or an IPv6 /64. Clients whose address cannot be known share one count.
/// - **Known networks**, from which the account was used well lately, are judged by a count of their own
///   for that account. Whoever locks an account from elsewhere does not lock its owner out, and neither
///   does somebody who guesses at other accounts from the owner's network. An account knows at most
///   eight networks.
/// - An admitted attempt counts as wrong until it is settled, so that parallel guesses never exceed a
///   limit. One that is not settled within a minute stays wrong.
/// - A good sign-in clears the count of the account for that network and makes the network known. The
///   account's count for strangers and the network's count only get the attempt back: neither the
///   owner's own sign-ins nor an attacker's account of his own gives free guesses.
/// - The tables are bounded. When one is full those that are not locked leave first, the oldest before
///   the others. A flood of networks drives out no account, and one account drives out no network that
///   another one knows.
/// - Locks follow the wall clock, for they outlive a restart, but none ever lasts longer than
///   [`GuessLimits::lock`] from now, whatever steps the clock takes. Each node of a cluster counts
///   for itself.
///
/// ```
/// use std::time::SystemTime;
/// use trackgate_policies::{GuessLimits, Lockout};
/// use trackgate_schemes::{Admission, GuessGuard, Outcome};
///
/// let lockout = Lockout::new(GuessLimits::default());
/// let (client, now) = (Some("192.0.2.1".parse()?), SystemTime::now());
/// for _ in 0..10 {
///     let Admission::Admitted(attempt) = lockout.admit("rider", client, now) else { unreachable!("ten are free") };
///     lockout.settle(attempt, Outcome::Wrong, now);
/// }
/// assert!(matches!(lockout.admit("rider", client, now), Admission::Locked { .. }));
/// assert!(lockout.unlock("rider", now));
/// assert!(matches!(lockout.admit("rider", client, now), Admission::Admitted(_)));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// With limits of its own:
///
/// ```
/// use std::num::NonZeroU32;
/// use std::time::Duration;
/// use trackgate_policies::{GuessLimits, Lockout};
///
/// let strict = GuessLimits {
///     per_account: NonZeroU32::new(5).expect("five is not zero"),
///     lock: Duration::from_hours(1),
///     ..GuessLimits::default()
/// };
/// assert!(Lockout::new(strict).locked(std::time::SystemTime::now()).is_empty());
/// ```
pub struct Lockout {
    store: Option<Arc<dyn GuessCounters>>,
    state: Mutex<State>,
}

impl Lockout {
    /// Counts in memory alone: a restart forgets.
    pub fn new(limits: GuessLimits) -> Self {
        Self { store: None, state: Mutex::new(State::new(limits)) }
    }

    /// Takes over what `store` holds and notes every change there.
    ///
    /// A record that cannot be read is left alone. No lock lasts longer than the limits say, even if
    /// it was made under others.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot answer.
    pub async fn load(limits: GuessLimits, store: Arc<dyn GuessCounters>, now: SystemTime) -> Result<Self, StoreError> {
        let mut state = State::new(limits);
        for kept in store.load_guesses(now).await? {
            state.take_over(&kept, now);
        }
        Ok(Self { store: Some(store), state: Mutex::new(state) })
    }

    /// What is locked at `now`; those that stay locked longest come first.
    pub fn locked(&self, now: SystemTime) -> Vec<Lock> {
        let mut locks = self.state().locked(now);
        locks.sort_by(|one, other| other.until.cmp(&one.until).then_with(|| one.what.cmp(&other.what)));
        locks
    }

    /// Clears the counts of an account, by its canonical name, for strangers and for its known networks,
    /// which stay known. Says whether any of them was locked.
    pub fn unlock(&self, account: &str, now: SystemTime) -> bool {
        self.state().unlock(counted_name(account), now, &|change| self.note(change))
    }

    /// Clears the count of a network. Says whether it was locked.
    pub fn unlock_network(&self, network: ClientNetwork, now: SystemTime) -> bool {
        self.state().unlock_network(network, now, &|change| self.note(change))
    }

    /// Forgets all about an account, by its canonical name: when it is deleted or renamed.
    pub fn forget(&self, account: &str, now: SystemTime) {
        self.state().forget(counted_name(account), now, &|change| self.note(change));
    }

    /// Called under the lock, so that the store hears of changes in their order.
    fn note(&self, change: GuessCounter) {
        // Names with control characters are no account's, and not every store can hold them.
        if let Some(store) = &self.store
            && !change.key.contains(char::is_control)
        {
            store.note_guess(change);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GuessGuard for Lockout {
    fn admit(&self, account: &str, client: Option<IpAddr>, now: SystemTime) -> Admission {
        match self.state().admit(counted_name(account), ClientNetwork::of(client), now) {
            Ok(mark) => Admission::Admitted(Attempt::new(account, client).marked(mark)),
            Err(retry_after) => Admission::Locked { retry_after },
        }
    }

    fn settle(&self, attempt: Attempt, outcome: Outcome, now: SystemTime) {
        let which = (counted_name(&attempt.account), ClientNetwork::of(attempt.client), attempt.mark);
        self.state().settle(which, outcome, now, &|change| self.note(change));
    }

    fn locked_until(&self, account: &str, now: SystemTime) -> Option<SystemTime> {
        let name = counted_name(account);
        let is_its = |lock: &Lock| match &lock.what {
            Counted::Account(account) | Counted::Known { account, .. } => **account == *name,
            Counted::Network(_) => false,
        };
        self.locked(now).into_iter().find(is_its).map(|lock| lock.until)
    }

    fn unlock(&self, account: &str, now: SystemTime) -> bool {
        Self::unlock(self, account, now)
    }
}

impl fmt::Debug for Lockout {
    /// How much is counted; not for whom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [accounts, networks, known] = self.state().sizes();
        f.debug_struct("Lockout")
            .field("accounts", &accounts)
            .field("networks", &networks)
            .field("known", &known)
            .finish_non_exhaustive()
    }
}

/// Something that is locked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lock {
    /// What.
    pub what: Counted,
    /// How many wrong guesses were counted.
    pub wrong: u32,
    /// When the next attempt may be admitted.
    pub until: SystemTime,
}
