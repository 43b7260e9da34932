//! Counting wrong guesses: what password doors ask before they hash.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// Decides whether another guess may be tried.
///
/// One guard serves every door, so that guesses are counted per account and per network whatever the
/// protocol. An admitted attempt counts as wrong until it is settled, so that parallel guesses never
/// exceed the limit.
pub trait GuessGuard: fmt::Debug + Send + Sync + 'static {
    /// Asks for one attempt at the account of this canonical name from this client.
    fn admit(&self, account: &str, client: Option<IpAddr>, now: SystemTime) -> Admission;

    /// Tells how an admitted attempt ended.
    fn settle(&self, attempt: Attempt, outcome: Outcome, now: SystemTime);

    /// Until when the account of this canonical name is locked, for whomever; `None` if it is not, or for a guard
    /// that does not tell.
    fn locked_until(&self, _account: &str, _now: SystemTime) -> Option<SystemTime> {
        None
    }

    /// Clears the counts of the account of this canonical name. Says whether it was locked.
    fn unlock(&self, _account: &str, _now: SystemTime) -> bool {
        false
    }
}

/// The answer of a [`GuessGuard`].
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a door must handle both, and there is no third")]
pub enum Admission {
    /// Try it, then settle it.
    Admitted(Attempt),
    /// Not now.
    Locked {
        /// How long until the next try may be admitted.
        retry_after: Duration,
    },
}

/// An admitted attempt, to be settled.
#[derive(Debug)]
#[must_use = "an attempt that is not settled counts as a wrong guess"]
#[non_exhaustive]
pub struct Attempt {
    /// The canonical account name that was tried.
    pub account: Box<str>,
    /// The client that tried.
    pub client: Option<IpAddr>,
    /// By what its guard knows it again; only that guard can read it.
    pub mark: u64,
}

impl Attempt {
    /// For guards.
    pub fn new(account: impl Into<Box<str>>, client: Option<IpAddr>) -> Self {
        Self { account: account.into(), client, mark: 0 }
    }

    /// With what its guard knows it again by.
    pub fn marked(mut self, mark: u64) -> Self {
        self.mark = mark;
        self
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a guard must handle each of the three, and there is no fourth")]
pub enum Outcome {
    /// The password was right.
    Right,
    /// It could not be checked: the pool was full or the store down.
    Undecided,
    /// The password was wrong, or there is no such account.
    Wrong,
}

/// Admits everything: for tests and for callers who count elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGuard;

impl GuessGuard for NoGuard {
    fn admit(&self, account: &str, client: Option<IpAddr>, _now: SystemTime) -> Admission {
        Admission::Admitted(Attempt::new(account, client))
    }

    fn settle(&self, _attempt: Attempt, _outcome: Outcome, _now: SystemTime) {}
}
