//! Ports: what policies ask of storage.

use std::fmt;
use std::time::SystemTime;

use trackgate_schemes::store::Answer;

/// One counter of wrong guesses, as it is kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that adapters build")]
pub struct GuessCounter {
    /// What is counted: `account:…`, `network:…` or `known:…`, at most 256 bytes, no secret.
    pub key: Box<str>,
    /// Wrong guesses so far.
    pub wrong: u32,
    /// No attempt is admitted before this instant.
    pub locked_until: SystemTime,
    /// The counter is of no more use from this instant on.
    pub expires_at: SystemTime,
}

/// Keeps guess counters over a restart.
pub trait GuessCounters: fmt::Debug + Send + Sync + 'static {
    /// All counters that are still of use at `now`.
    fn load_guesses(&self, now: SystemTime) -> Answer<'_, Vec<GuessCounter>>;

    /// Notes the newest value of a counter. Never blocks; written soon after.
    fn note_guess(&self, counter: GuessCounter);
}
