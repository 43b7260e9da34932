//! One check for all who bring the same pair at the same time.
//!
//! After a start nothing is remembered, and every client of a tracker comes back at once: the same pair must
//! not fill the hash pool. Who comes while it is being checked waits for that verdict, unless something was
//! forgotten since the check began: then what it read may be stale, and the pair is checked anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;

use crate::known::Ticket;
use crate::{KeyedDigest, Verdict};

/// The checks that are running.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<Running>);

/// Who waits, by the pair and the moment since which nothing was forgotten.
type Running = HashMap<(KeyedDigest, Ticket), Vec<oneshot::Sender<Verdict>>>;

/// What whoever brings a pair has to do.
#[derive(Debug)]
pub(super) enum Boarding {
    /// Check it, and tell the others.
    Lead(Lead),
    /// Wait for the verdict; when it is cancelled, the one who led is gone: board again.
    Wait(oneshot::Receiver<Verdict>),
}

/// The check of a pair, which others may wait for. Dropped without a verdict it lets them go on.
#[derive(Debug)]
pub(super) struct Lead {
    flights: Arc<Flights>,
    key: (KeyedDigest, Ticket),
}

impl Flights {
    /// Joins the running check of this pair, or begins one.
    pub(super) fn board(self: &Arc<Self>, digest: KeyedDigest, ticket: Ticket) -> Boarding {
        let key = (digest, ticket);
        let mut running = self.running();
        if let Some(waiting) = running.get_mut(&key) {
            let (told, verdict) = oneshot::channel();
            waiting.push(told);
            return Boarding::Wait(verdict);
        }
        running.insert(key, Vec::new());
        Boarding::Lead(Lead { flights: Arc::clone(self), key })
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lead {
    /// Tells everybody who waits.
    pub(super) fn land(self, verdict: &Verdict) {
        let waiting = self.flights.running().remove(&self.key);
        for told in waiting.into_iter().flatten() {
            // Who is no longer there need not know.
            drop(told.send(verdict.clone()));
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.running().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::known::Known;
    use crate::testing::block_on;
    use crate::{AccountId, DigestKey, Forget as _, Reason, Rejection};

    fn digest(text: &str) -> KeyedDigest {
        static KEY: LazyLock<DigestKey> = LazyLock::new(DigestKey::random);
        KEY.digest(&[text.as_bytes()])
    }

    fn lead(boarding: Boarding) -> Lead {
        match boarding {
            Boarding::Lead(lead) => lead,
            Boarding::Wait(_) => panic!("it waits"),
        }
    }

    fn wait(boarding: Boarding) -> oneshot::Receiver<Verdict> {
        match boarding {
            Boarding::Lead(_) => panic!("it leads"),
            Boarding::Wait(verdict) => verdict,
        }
    }

    #[test]
    fn who_waits_gets_the_verdict_of_who_leads() {
        let flights = Arc::new(Flights::default());
        let ticket = Known::<u8>::new(1).ticket();
        let first = lead(flights.board(digest("a"), ticket));
        let others = [wait(flights.board(digest("a"), ticket)), wait(flights.board(digest("a"), ticket))];
        let other_pair = lead(flights.board(digest("b"), ticket));
        let verdict = Verdict::Refused(Rejection::new(Reason::WrongSecret, "basic"));
        first.land(&verdict);
        assert!(others.into_iter().all(|other| block_on(other) == Ok(verdict.clone())));
        drop(other_pair);
        assert!(flights.running().is_empty());
    }

    #[test]
    fn one_who_leads_and_leaves_makes_room_for_another() {
        let flights = Arc::new(Flights::default());
        let ticket = Known::<u8>::new(1).ticket();
        let first = lead(flights.board(digest("a"), ticket));
        let second = wait(flights.board(digest("a"), ticket));
        drop(first);
        assert!(block_on(second).is_err());
        drop(lead(flights.board(digest("a"), ticket)));
    }

    #[test]
    fn pwd_10_a_check_that_began_before_a_change_is_not_joined_after_it() {
        let flights = Arc::new(Flights::default());
        let memory = Known::<u8>::new(1);
        let before = lead(flights.board(digest("a"), memory.ticket()));
        memory.forget_account(AccountId(1));
        let after = lead(flights.board(digest("a"), memory.ticket()));
        before.land(&Verdict::Absent);
        let joined = wait(flights.board(digest("a"), memory.ticket()));
        after.land(&Verdict::Absent);
        assert_eq!(block_on(joined), Ok(Verdict::Absent));
    }
}
