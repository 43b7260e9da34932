//! An admitted attempt that is not settled yet, and may outlive the client that made it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::password::Check;
use crate::{Attempt, GuessGuard, Outcome};

/// The side of whoever waits for the answer.
///
/// Dropped before the password is looked at, the attempt does not count, for nothing was tried. Dropped
/// meanwhile, it counts as what it turns out to be.
pub(super) struct Open(Arc<Shared>);

/// The side of the thread that looks at the password.
pub(super) struct Work(Arc<Shared>);

struct Shared {
    guard: Arc<dyn GuessGuard>,
    now: SystemTime,
    state: Mutex<State>,
}

struct State {
    attempt: Option<Attempt>,
    is_looked_at: bool,
    is_awaited: bool,
}

impl Open {
    /// This attempt of `now`.
    pub(super) fn new(guard: Arc<dyn GuessGuard>, attempt: Attempt, now: SystemTime) -> Self {
        let state = State { attempt: Some(attempt), is_looked_at: false, is_awaited: true };
        Self(Arc::new(Shared { guard, now, state: Mutex::new(state) }))
    }

    /// The other side.
    pub(super) fn work(&self) -> Work {
        Work(Arc::clone(&self.0))
    }

    /// Says how it ended.
    pub(super) fn settle(self, outcome: Outcome) {
        let attempt = self.0.state().attempt.take();
        self.0.settle(attempt, outcome);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_awaited = false;
        let untried = if state.is_looked_at { None } else { state.attempt.take() };
        drop(state);
        self.0.settle(untried, Outcome::Undecided);
    }
}

impl Work {
    /// Looks at the password, unless nobody waits any more. `is_of_use` says whether a right one opens anything.
    pub(super) fn look(self, is_of_use: bool, check: impl FnOnce() -> Check) -> Check {
        let mut state = self.0.state();
        if !state.is_awaited {
            return Check::Wrong;
        }
        state.is_looked_at = true;
        drop(state);
        let check = check();
        let mut state = self.0.state();
        let left_behind = if state.is_awaited { None } else { state.attempt.take() };
        drop(state);
        let is_right = is_of_use && check != Check::Wrong;
        self.0.settle(left_behind, if is_right { Outcome::Right } else { Outcome::Wrong });
        check
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, attempt: Option<Attempt>, outcome: Outcome) {
        if let Some(attempt) = attempt {
            self.guard.settle(attempt, outcome, self.now);
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::Admission;
    use crate::testing::Sample;

    /// How attempts ended.
    #[derive(Debug, Default)]
    struct Ended(Mutex<Vec<Outcome>>);

    impl GuessGuard for Ended {
        fn admit(&self, account: &str, client: Option<IpAddr>, _now: SystemTime) -> Admission {
            Admission::Admitted(Attempt::new(account, client))
        }

        fn settle(&self, _attempt: Attempt, outcome: Outcome, _now: SystemTime) {
            self.0.lock().unwrap().push(outcome);
        }
    }

    fn open() -> (Arc<Ended>, Open) {
        let ended = Arc::<Ended>::default();
        (Arc::clone(&ended), Open::new(ended, Attempt::new("rider", None), Sample::now()))
    }

    fn ended(guard: &Ended) -> Vec<Outcome> {
        guard.0.lock().unwrap().clone()
    }

    #[test]
    fn whoever_waits_settles_it_once() {
        let (guard, open) = open();
        assert_eq!(open.work().look(true, || Check::Right), Check::Right);
        assert_eq!(ended(&guard), []);
        open.settle(Outcome::Right);
        assert_eq!(ended(&guard), [Outcome::Right]);
    }

    #[test]
    fn a_client_that_leaves_before_its_turn_has_tried_nothing() {
        let (guard, open) = open();
        let work = open.work();
        drop(open);
        assert_eq!(ended(&guard), [Outcome::Undecided]);
        assert_eq!(work.look(true, || panic!("it is not to be looked at")), Check::Wrong);
        assert_eq!(ended(&guard), [Outcome::Undecided]);
    }

    #[test]
    fn a_client_that_leaves_meanwhile_has_tried_what_it_tried() {
        for (is_of_use, check, outcome) in [
            (true, Check::Right, Outcome::Right),
            (true, Check::RightButWeak, Outcome::Right),
            (true, Check::Wrong, Outcome::Wrong),
            (false, Check::Right, Outcome::Wrong),
        ] {
            let (guard, open) = open();
            open.work().look(is_of_use, || {
                drop(open);
                assert_eq!(ended(&guard), []);
                check
            });
            assert_eq!(ended(&guard), [outcome], "{is_of_use} {check:?}");
        }
    }
}
