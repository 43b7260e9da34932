//! The heartbeat of one session: its last accepted use, and whether it is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crate::Reason;
use crate::store::Life;

/// The life of one session, shared by everything in this process that speaks of it.
///
/// Use and death are one word in memory, so that they have one order: no use is accepted after the
/// session was found dead, from whichever thread.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Milliseconds of the last accepted use, or [`EXPIRED`], or [`ENDED`].
    used: AtomicU64,
    /// Milliseconds of the last use that the store was told.
    written: AtomicU64,
    idle: u64,
    /// Milliseconds at which it is over however often it is used.
    last: u64,
}

impl Pulse {
    /// A session as the store knows it.
    pub(super) fn new(life: Life, opened_at: SystemTime, last_used_at: SystemTime) -> Self {
        let used = millis(last_used_at);
        let last = life.absolute.map_or(LATEST, |absolute| millis(opened_at).saturating_add(whole_millis(absolute)));
        Self {
            used: AtomicU64::new(used),
            written: AtomicU64::new(used),
            idle: whole_millis(life.idle),
            last: last.min(LATEST),
        }
    }

    /// Whether it is alive at `now`; a session that is found dead stays dead.
    pub(super) fn check(&self, now: SystemTime) -> Result<(), Reason> {
        self.beat(millis(now), |used, _now| used)
    }

    /// Counts a use at `now`, which is what slides its end.
    pub(super) fn accept(&self, now: SystemTime) -> Result<(), Reason> {
        self.beat(millis(now), u64::max)
    }

    /// Ends it for good: it was signed out or displaced.
    pub(super) fn end(&self) {
        self.used.store(ENDED, Ordering::SeqCst);
    }

    /// The last use, when it is due to be written: a 48th of the life-time after the one written last.
    /// Whoever gets it must write it; nobody else will.
    pub(super) fn due(&self) -> Option<SystemTime> {
        self.unwritten_since(self.idle / STEPS)
    }

    /// The last use, if the store was not told of it yet; now it counts as told.
    pub(super) fn rest(&self) -> Option<SystemTime> {
        self.unwritten_since(1)
    }

    /// The last use, if the store may not have been told of it.
    pub(super) fn unwritten(&self) -> Option<SystemTime> {
        let used = self.used.load(Ordering::SeqCst);
        (used <= LATEST && used > self.written.load(Ordering::SeqCst)).then(|| time(used))
    }

    fn unwritten_since(&self, step: u64) -> Option<SystemTime> {
        let used = self.used.load(Ordering::SeqCst);
        let written = self.written.load(Ordering::SeqCst);
        let due = used <= LATEST && used > written && used - written >= step;
        // Of several threads that see the step, one writes it.
        (due && self.written.compare_exchange(written, used, Ordering::SeqCst, Ordering::SeqCst).is_ok())
            .then(|| time(used))
    }

    fn beat(&self, now: u64, next: impl Fn(u64, u64) -> u64) -> Result<(), Reason> {
        let mut used = self.used.load(Ordering::SeqCst);
        loop {
            let (then, outcome) = match used {
                ENDED => return Err(Reason::Revoked),
                EXPIRED => return Err(Reason::Expired),
                used if now >= self.last.min(used.saturating_add(self.idle)) => (EXPIRED, Err(Reason::Expired)),
                used => (next(used, now), Ok(())),
            };
            if then == used {
                return outcome;
            }
            match self.used.compare_exchange_weak(used, then, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return outcome,
                Err(other) => used = other,
            }
        }
    }
}

/// Whole milliseconds since 1970; what lies before is 1970.
fn millis(at: SystemTime) -> u64 {
    whole_millis(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(LATEST).min(LATEST)
}

fn time(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// Found dead at the end of its life-time.
const EXPIRED: u64 = u64::MAX;
/// Signed out, displaced or revoked.
const ENDED: u64 = u64::MAX - 1;
/// The last instant: later ones are read as this one. Some three million years, which adds to a
/// `SystemTime` without overflow.
const LATEST: u64 = 100_000_000_000_000_000;
/// Uses are written this many times in a life-time at most.
const STEPS: u64 = 48;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    fn pulse(absolute: Option<Duration>) -> Pulse {
        Pulse::new(Life { idle: DAY, absolute }, at(0), at(0))
    }

    #[test]
    fn sld_01_it_is_dead_at_exactly_its_end() {
        let day = 86_400_000;
        let first = pulse(None);
        assert_eq!(first.check(at(day - 1)), Ok(()));
        assert_eq!(first.check(at(day)), Err(Reason::Expired));
        assert_eq!(first.check(at(day - 1)), Err(Reason::Expired), "dead is dead");
        let second = pulse(None);
        assert_eq!(second.accept(at(day - 1)), Ok(()));
        assert_eq!(second.accept(at(2 * day - 2)), Ok(()));
        assert_eq!(second.accept(at(3 * day - 2)), Err(Reason::Expired));
    }

    #[test]
    fn a_use_in_the_past_does_not_pull_the_end_back() {
        let pulse = pulse(None);
        assert_eq!(pulse.accept(at(5_000)), Ok(()));
        assert_eq!(pulse.accept(at(4_000)), Ok(()));
        assert_eq!(pulse.check(at(86_404_999)), Ok(()));
    }

    #[test]
    fn a_use_is_due_once_per_step() {
        let pulse = pulse(None);
        let step = 86_400_000 / 48;
        assert_eq!(pulse.accept(at(step - 1)), Ok(()));
        assert_eq!(pulse.due(), None);
        assert_eq!(pulse.unwritten(), Some(at(step - 1)));
        assert_eq!(pulse.accept(at(step)), Ok(()));
        assert_eq!(pulse.due(), Some(at(step)));
        assert_eq!(pulse.due(), None);
        assert_eq!(pulse.accept(at(step + 1)), Ok(()));
        assert_eq!(pulse.rest(), Some(at(step + 1)));
        assert_eq!(pulse.rest(), None);
    }

    #[test]
    fn the_longest_durations_do_not_overflow() {
        let life = Life { idle: Duration::MAX, absolute: Some(Duration::MAX) };
        let pulse = Pulse::new(life, at(1), at(1));
        assert_eq!(pulse.accept(at(2)), Ok(()));
        assert_eq!(pulse.rest(), Some(at(2)));
    }
}
