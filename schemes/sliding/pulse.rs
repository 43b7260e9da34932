//! The heartbeat of one session: its last accepted use, and whether it is over.

use std::time::{Duration, SystemTime};

use crate::Reason;
use crate::clock::{LATEST, millis, whole_millis};
use crate::store::Life;

/// The life of one session, which memory changes under a lock: no use is accepted after the session was found
/// dead, from whichever thread.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    /// Milliseconds of the last accepted use, with [`DEAD`] set once it was found dead.
    used: u64,
    /// Milliseconds of the last use that the store was told.
    written: u64,
    /// Microseconds.
    opened: u64,
}

/// How long the sessions of a scheme live, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) idle: u64,
    pub(super) absolute: Option<u64>,
}

impl Limits {
    pub(super) fn of(life: Life) -> Self {
        Self { idle: whole_millis(life.idle), absolute: life.absolute.map(whole_millis) }
    }
}

impl Pulse {
    /// A session as the store knows it.
    pub(super) fn new(opened_at: SystemTime, last_used_at: SystemTime) -> Self {
        let used = millis(last_used_at);
        Self { used, written: used, opened: micros(opened_at) }
    }

    /// Whether it is alive at `now`; a session that is found dead stays dead.
    pub(super) fn check(&mut self, limits: Limits, now: SystemTime) -> Result<(), Reason> {
        if self.is_dead() || millis(now) >= self.end(limits) {
            self.used |= DEAD;
            return Err(Reason::Expired);
        }
        Ok(())
    }

    /// Counts a use at `now`, which is what slides its end.
    pub(super) fn accept(&mut self, limits: Limits, now: SystemTime) -> Result<(), Reason> {
        self.check(limits, now)?;
        self.used = self.used.max(millis(now));
        Ok(())
    }

    /// The last use, when it is due to be written: a 48th of the life-time after the one written last.
    /// Whoever gets it must write it; nobody else will.
    pub(super) fn due(&mut self, limits: Limits) -> Option<SystemTime> {
        self.unwritten_since(limits.idle / STEPS)
    }

    /// The last use, if the store was not told of it yet; now it counts as told.
    pub(super) fn rest(&mut self) -> Option<SystemTime> {
        self.unwritten_since(1)
    }

    /// The last use, if the store may not have been told of it.
    pub(super) fn unwritten(&self) -> Option<SystemTime> {
        (!self.is_dead() && self.used > self.written).then(|| time(self.used))
    }

    /// The millisecond at which it is over unless it is used again.
    pub(super) fn end(&self, limits: Limits) -> u64 {
        let idle = (self.used & !DEAD).saturating_add(limits.idle);
        limits.absolute.map_or(idle, |absolute| idle.min((self.opened / 1000).saturating_add(absolute))).min(LATEST)
    }

    /// The instant at which it is over however often it is used, to the microsecond.
    pub(super) fn expires_at(&self, life: Life) -> Option<SystemTime> {
        life.absolute
            .and_then(|absolute| (SystemTime::UNIX_EPOCH + Duration::from_micros(self.opened)).checked_add(absolute))
    }

    fn is_dead(&self) -> bool {
        self.used >= DEAD
    }

    fn unwritten_since(&mut self, step: u64) -> Option<SystemTime> {
        let used = self.unwritten()?;
        (self.used - self.written >= step).then(|| {
            self.written = self.used;
            used
        })
    }
}

/// Whole microseconds since 1970; what lies before is 1970.
fn micros(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(LATEST).min(LATEST)
}

fn time(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// Found dead at the end of its life-time: a bit that no time has.
const DEAD: u64 = 1 << 63;
/// Uses are written this many times in a life-time at most.
const STEPS: u64 = 48;

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    fn limits() -> Limits {
        Limits::of(Life { idle: DAY, absolute: None })
    }

    fn pulse() -> Pulse {
        Pulse::new(at(0), at(0))
    }

    #[test]
    fn sld_01_it_is_dead_at_exactly_its_end() {
        let day = 86_400_000;
        let mut first = pulse();
        assert_eq!(first.check(limits(), at(day - 1)), Ok(()));
        assert_eq!(first.check(limits(), at(day)), Err(Reason::Expired));
        assert_eq!(first.check(limits(), at(day - 1)), Err(Reason::Expired), "dead is dead");
        let mut second = pulse();
        assert_eq!(second.accept(limits(), at(day - 1)), Ok(()));
        assert_eq!(second.accept(limits(), at(2 * day - 2)), Ok(()));
        assert_eq!(second.accept(limits(), at(3 * day - 2)), Err(Reason::Expired));
    }

    #[test]
    fn a_use_in_the_past_does_not_pull_the_end_back() {
        let mut pulse = pulse();
        assert_eq!(pulse.accept(limits(), at(5_000)), Ok(()));
        assert_eq!(pulse.accept(limits(), at(4_000)), Ok(()));
        assert_eq!(pulse.check(limits(), at(86_404_999)), Ok(()));
    }

    #[test]
    fn a_use_is_due_once_per_step() {
        let mut pulse = pulse();
        let step = 86_400_000 / 48;
        assert_eq!(pulse.accept(limits(), at(step - 1)), Ok(()));
        assert_eq!(pulse.due(limits()), None);
        assert_eq!(pulse.unwritten(), Some(at(step - 1)));
        assert_eq!(pulse.accept(limits(), at(step)), Ok(()));
        assert_eq!(pulse.due(limits()), Some(at(step)));
        assert_eq!(pulse.due(limits()), None);
        assert_eq!(pulse.accept(limits(), at(step + 1)), Ok(()));
        assert_eq!(pulse.rest(), Some(at(step + 1)));
        assert_eq!(pulse.rest(), None);
    }

    #[test]
    fn the_longest_durations_do_not_overflow() {
        let life = Life { idle: Duration::MAX, absolute: Some(Duration::MAX) };
        let mut pulse = Pulse::new(at(1), at(1));
        assert_eq!(pulse.accept(Limits::of(life), at(2)), Ok(()));
        assert_eq!(pulse.expires_at(life), None);
        assert_eq!(pulse.rest(), Some(at(2)));
    }
}
