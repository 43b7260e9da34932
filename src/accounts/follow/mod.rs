//! Reading the event log, so that a change in another process is seen here within a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trackgate_schemes::store::StoreError;

use super::{AccountService, Memories};
use crate::ports::{Event, EventKind, Events};

#[cfg(test)]
mod tests;

/// Reads the event log from its end at start on.
#[derive(Debug)]
pub struct Follower {
    events: Arc<dyn Events>,
    memories: Arc<Memories>,
    seen: u64,
    read_at: Instant,
}

/// The event log could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the event log cannot be read")]
pub struct FollowError(#[from] StoreError);

impl AccountService {
    /// Starts to follow the event log from its present end.
    ///
    /// # Errors
    ///
    /// [`FollowError`] if the store is down.
    pub async fn follow(&self) -> Result<Follower, FollowError> {
        Ok(Follower::start(Arc::clone(&self.store) as _, Arc::clone(&self.memories)).await?)
    }
}

impl Follower {
    async fn start(events: Arc<dyn Events>, memories: Arc<Memories>) -> Result<Self, StoreError> {
        let seen = events.newest_event().await?;
        Ok(Self { events, memories, seen, read_at: Instant::now() })
    }

    /// Reads what is new and forgets what it names. A gap in the log forgets everything.
    ///
    /// # Errors
    ///
    /// [`FollowError`] if the store is down; once that has lasted for [`Follower::BOUND`], every memory
    /// is emptied at each try, so that nothing is accepted from old knowledge.
    pub async fn catch_up(&mut self) -> Result<(), FollowError> {
        self.catch_up_at(Instant::now()).await
    }

    /// Follows for ever, two times a second.
    pub async fn run(mut self) {
        loop {
            tokio::time::sleep(Self::EVERY).await;
            if let Err(error) = self.catch_up().await {
                tracing::warn!(%error, "following the event log");
            }
        }
    }

    async fn catch_up_at(&mut self, now: Instant) -> Result<(), FollowError> {
        let read = self.read().await;
        if read.is_ok() {
            self.read_at = now;
        } else if now.saturating_duration_since(self.read_at) > Self::BOUND {
            self.memories.forget_all();
        }
        read
    }

    async fn read(&mut self) -> Result<(), FollowError> {
        loop {
            let events = self.events.events_after(self.seen, BATCH).await?;
            let full = events.len() == BATCH as usize;
            for event in events {
                self.apply(&event);
            }
            if !full {
                return Ok(());
            }
        }
    }

    fn apply(&mut self, event: &Event) {
        if event.seq != self.seen + 1 {
            self.memories.forget_all();
        }
        // Never back: what was applied need not be read again and again.
        self.seen = self.seen.max(event.seq);
        match &event.kind {
            EventKind::Account(id) => self.memories.forget_account(*id),
            EventKind::Credential { id, .. } => self.memories.forget_credential(id),
        }
    }

    /// How long memories may be trusted while the log cannot be read.
    pub const BOUND: Duration = Duration::from_secs(10);

    const EVERY: Duration = Duration::from_millis(400);
}

const BATCH: u32 = 500;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use trackgate_schemes::store::AccountState;
    use trackgate_schemes::{AccountId, Forget, Grants, HashPool, ManualClock, NoGuard, SignIn};

    use super::*;
    use crate::accounts::{Memories, Origin, Registration};
    use crate::stores::MemoryStore;

    /// Keeps what it was told to forget.
    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<String>>);

    impl Told {
        fn tell(&self, what: String) {
            self.0.lock().unwrap().push(what);
        }

        fn take(&self) -> Vec<String> {
            std::mem::take(&mut *self.0.lock().unwrap())
        }
    }

    impl Forget for Told {
        fn forget_account(&self, account: AccountId) {
            self.tell(format!("account {account}"));
        }

        fn forget_credential(&self, id: &str) {
            self.tell(format!("credential {id}"));
        }

        fn forget_all(&self) {
            self.tell("all".to_owned());
        }
    }

    /// Two processes on one store, and the memory of the second.
    fn two() -> (AccountService, AccountService, Arc<Told>) {
        let store = Arc::new(MemoryStore::default());
        let one = || {
            let sign_in = SignIn::new(store.clone(), Arc::new(NoGuard), HashPool::new(1, 1));
            let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_hours(1)));
            AccountService::new(store.clone(), sign_in, Arc::new(Memories::default()), clock)
        };
        let (first, second, told) = (one(), one(), Arc::new(Told::default()));
        second.memories().add(Arc::clone(&told) as _);
        (first, second, told)
    }

    fn rider(n: usize) -> Registration {
        let (email, password, state) = (None, None, AccountState::Active);
        Registration { name: format!("rider{n}"), email, password, state, grants: Grants::EVERYDAY }
    }

    #[tokio::test]
    async fn what_another_process_changes_is_forgotten_however_much_it_is() {
        let (first, second, told) = two();
        first.register(rider(0), &Origin::operator()).await.unwrap();
        let mut follower = second.follow().await.unwrap();
        follower.catch_up().await.unwrap();
        assert_eq!(told.take(), [""; 0], "what came before is known by nobody yet");
        let mut expected = Vec::new();
        for n in 1..=2 * BATCH as usize + 3 {
            let account = first.register(rider(n), &Origin::operator()).await.unwrap();
            expected.push(format!("account {}", account.id));
        }
        follower.catch_up().await.unwrap();
        assert_eq!(told.take(), expected);
        follower.catch_up().await.unwrap();
        assert_eq!(told.take(), [""; 0]);
    }

    #[tokio::test]
    async fn rev_12_a_gap_a_repeat_and_a_step_back_forget_everything() {
        let (_first, second, told) = two();
        let mut follower = second.follow().await.unwrap();
        let event = |seq| Event {
            seq,
            at: SystemTime::UNIX_EPOCH,
            kind: EventKind::Credential { id: format!("{seq}").into(), account: None },
        };
        for (seq, expected) in [
            (1, &["credential 1"][..]),
            (2, &["credential 2"]),
            (4, &["all", "credential 4"]),
            (5, &["credential 5"]),
            (5, &["all", "credential 5"]),
            (3, &["all", "credential 3"]),
            (4, &["credential 4"]),
        ] {
            follower.apply(&event(seq));
            assert_eq!(told.take(), expected, "at {seq}");
        }
    }

    #[tokio::test]
    async fn rev_11_beyond_the_bound_nothing_is_trusted_at_any_try() {
        let (first, second, told) = two();
        let mut follower = second.follow().await.unwrap();
        first.store().close().await.unwrap();
        assert!(follower.catch_up().await.is_err());
        assert_eq!(told.take(), [""; 0], "within the bound memory is trusted");
        follower.read_at = follower.read_at.checked_sub(Follower::BOUND).unwrap();
        for _ in 0..2 {
            assert!(follower.catch_up().await.is_err());
            assert_eq!(told.take(), ["all"]);
        }
    }
}
