//! One count of wrong guesses.

use std::num::NonZeroU32;
use std::time::{Duration, SystemTime};

use trackgate_schemes::Outcome;

use super::GuessLimits;

/// The limits that hold for one kind of counter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    limit: NonZeroU32,
    window: Duration,
    lock: Duration,
}

impl Rules {
    pub(super) fn of_accounts(limits: &GuessLimits) -> Self {
        Self { limit: limits.per_account, window: limits.window, lock: limits.lock }
    }

    pub(super) fn of_networks(limits: &GuessLimits) -> Self {
        Self { limit: limits.per_network, ..Self::of_accounts(limits) }
    }
}

/// Wrong guesses of one window, with those that are still being checked.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    wrong: u32,
    pending: u32,
    /// The number of the attempt with which this count began: earlier ones are no part of it.
    since: u64,
    last_admitted: SystemTime,
    counts_until: SystemTime,
    locked_until: Option<SystemTime>,
}

impl Counter {
    /// A count that begins with this attempt.
    pub(super) fn new(number: u64, rules: Rules, now: SystemTime) -> Self {
        let counts_until = later(now, rules.window);
        Self { wrong: 0, pending: 0, since: number, last_admitted: now, counts_until, locked_until: None }
    }

    /// A count as a store kept it, cut to what `rules` allow.
    pub(super) fn kept(
        wrong: u32,
        locked_until: SystemTime,
        expires_at: SystemTime,
        rules: Rules,
        now: SystemTime,
    ) -> Self {
        let mut counter = Self::new(0, rules, now);
        counter.wrong = wrong;
        counter.counts_until = counter.counts_until.min(expires_at);
        counter.locked_until = (locked_until > now).then(|| locked_until.min(later(now, rules.lock)));
        counter
    }

    /// Ends what is over at `now`, and sees to it that nothing ends later than the rules allow: the
    /// clock may have been stepped back.
    pub(super) fn refresh(&mut self, number: u64, rules: Rules, now: SystemTime) {
        self.counts_until = self.counts_until.min(later(now, rules.window));
        self.locked_until = self.locked_until.map(|until| until.min(later(now, rules.lock)));
        if self.until() <= now {
            *self = Self::new(number, rules, now);
        } else if self.pending > 0 && now >= later(self.last_admitted, ABANDONED) {
            self.wrong = self.wrong.saturating_add(self.pending);
            self.pending = 0;
            self.since = number;
            self.lock_if_full(rules, now);
        }
    }

    /// How long until another attempt may be admitted, if none may now.
    pub(super) fn wait(&self, rules: Rules, now: SystemTime) -> Option<Duration> {
        let full = self.wrong.saturating_add(self.pending) >= rules.limit.get();
        if self.locked_until.is_some() || (full && self.pending == 0) {
            return Some(self.until().duration_since(now).unwrap_or_default());
        }
        // The others may turn out to be right.
        full.then_some(WHILE_OTHERS_ARE_CHECKED)
    }

    /// Counts an attempt that is being checked.
    pub(super) fn reserve(&mut self, now: SystemTime) {
        self.pending = self.pending.saturating_add(1);
        self.last_admitted = now;
    }

    /// Ends the attempt of this number, if it is part of this count.
    pub(super) fn settle(&mut self, number: u64, outcome: Outcome, rules: Rules, now: SystemTime) {
        if number < self.since {
            return;
        }
        self.pending = self.pending.saturating_sub(1);
        if outcome == Outcome::Wrong {
            self.wrong = self.wrong.saturating_add(1);
            self.lock_if_full(rules, now);
        }
    }

    /// Forgives what was wrong; what is being checked still counts.
    pub(super) fn forgive(&mut self) {
        self.wrong = 0;
        self.locked_until = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wrong == 0 && self.pending == 0
    }

    pub(super) fn wrong(&self) -> u32 {
        self.wrong
    }

    /// Until when it is locked, if it is at `now`.
    pub(super) fn locked_until(&self, rules: Rules, now: SystemTime) -> Option<SystemTime> {
        self.locked_until.map(|until| until.min(later(now, rules.lock))).filter(|until| *until > now)
    }

    /// Whether it is locked, and until when it is of use: those that sort first are missed the least.
    pub(super) fn rank(&self, now: SystemTime) -> (bool, SystemTime) {
        (self.locked_until.is_some_and(|until| until > now), self.until())
    }

    /// From this instant on it is of no more use.
    pub(super) fn until(&self) -> SystemTime {
        self.locked_until.unwrap_or(self.counts_until)
    }

    /// A lock that stands is not drawn out by further guesses.
    fn lock_if_full(&mut self, rules: Rules, now: SystemTime) {
        if self.wrong >= rules.limit.get() && self.locked_until.is_none() {
            self.locked_until = Some(later(now, rules.lock));
        }
    }
}

/// `now + wait`, or `now` at the end of time.
pub(super) fn later(now: SystemTime, wait: Duration) -> SystemTime {
    now.checked_add(wait).unwrap_or(now)
}

/// Nobody waits that long for a hash: whoever tried is gone, and so is the answer.
const ABANDONED: Duration = Duration::from_mins(1);
const WHILE_OTHERS_ARE_CHECKED: Duration = Duration::from_secs(1);
