//! Work that was promised and is done later: mails to send, archives to build. It outlives a crash.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

/// A piece of work as it shall be stored.
///
/// What is to be done may be a letter whose link lets its reader in, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Who does it, such as `mail`.
    pub kind: Arc<str>,
    /// The account that it is for; deleting the account deletes it.
    pub account: Option<AccountId>,
    /// What to do, in the form of whoever does it.
    pub payload: Arc<str>,
    /// When it may be done at the earliest.
    pub due_at: SystemTime,
    /// Now.
    pub created_at: SystemTime,
}

impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewJob")
            .field("kind", &self.kind)
            .field("account", &self.account)
            .field("due_at", &self.due_at)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// A stored piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its number, never used twice.
    pub id: i64,
    /// What was asked for; `due_at` is when it may be tried next.
    pub work: NewJob,
    /// How often it was begun; also tells one claim from the next.
    pub attempts: u32,
    /// What has become of it.
    pub state: JobState,
    /// Why the last attempt failed, for the operator.
    pub error: Option<Arc<str>>,
}

/// What has become of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobState {
    /// It is given up; an operator may revive it.
    Dead,
    /// Somebody does it until this instant; from then on others may claim it.
    Running {
        /// The end of the claim.
        until: SystemTime,
    },
    /// It waits for its time.
    Waiting,
}

/// Keeps work until it is done.
///
/// What acts on a claimed job takes the job as it was claimed, and does nothing and answers `false` if
/// somebody else has claimed it since, or it is gone.
pub trait Jobs: fmt::Debug + Send + Sync + 'static {
    /// Stores a piece of work, durably; the answer is its number. An account that is not there is an error.
    fn add_job(&self, new: NewJob) -> Answer<'_, i64>;

    /// Claims the piece of work of this kind that is due the longest: one that waits and is due at `now`, or
    /// whose claim has ended, which counts from that end. Of those due at once the smallest number comes
    /// first. Counts an attempt. Of two at once each gets another one.
    fn claim_job<'a>(&'a self, kind: &'a str, now: SystemTime, until: SystemTime) -> Answer<'a, Option<Job>>;

    /// Goes on with a claimed job until this instant.
    fn extend_job<'a>(&'a self, job: &'a Job, until: SystemTime) -> Answer<'a, bool>;

    /// It is done: it is deleted.
    fn finish_job<'a>(&'a self, job: &'a Job) -> Answer<'a, bool>;

    /// It failed and waits until `due_at`.
    fn postpone_job<'a>(&'a self, job: &'a Job, due_at: SystemTime, error: &'a str) -> Answer<'a, bool>;

    /// It failed for good.
    fn bury_job<'a>(&'a self, job: &'a Job, error: &'a str) -> Answer<'a, bool>;

    /// The stored work of this kind, or all, in the order of its numbers.
    fn list_jobs<'a>(&'a self, kind: Option<&'a str>) -> Answer<'a, Vec<Job>>;

    /// Makes dead work wait again from `now` on, with no attempts counted; whether it was dead.
    fn revive_job(&self, id: i64, now: SystemTime) -> Answer<'_, bool>;

    /// Deletes work in any state; whether it was there.
    fn delete_job(&self, id: i64) -> Answer<'_, bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_05_what_a_job_holds_is_not_shown_by_debug() {
        let now = SystemTime::UNIX_EPOCH;
        let payload = "https://ui.example.org/password-reset?token=opensesame";
        let work = NewJob { kind: "mail".into(), account: None, payload: payload.into(), due_at: now, created_at: now };
        let job = Job { id: 7, work, attempts: 1, state: JobState::Waiting, error: None };
        let shown = format!("{job:?}");
        assert!(shown.contains("mail") && !shown.contains("opensesame") && !shown.contains("example.org"), "{shown}");
    }
}
