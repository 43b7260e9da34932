//! What all cores know of one upstream: how its addresses stand, how much is under way, and what was counted.
//!
//! An address is left out while its health checks say that it is down, and for a time after failures in a row.
//! When all are out, one that only broke off is used all the same, since a request may be to blame; one that could
//! not be reached is not, save by one request now and then: whoever asks is told at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::queue::{Budget, Queue};
use super::settings::{Eject, Settings};
use super::snapshot::{AddressSnapshot, Snapshot};
use crate::config::address::Address;

/// What all cores know of one upstream.
#[derive(Debug)]
pub(in crate::proxy) struct State {
    name: Arc<str>,
    addresses: Box<[Standing]>,
    /// Where the search for the least loaded begins, so that equals come in turn.
    turn: AtomicUsize,
    eject: Option<Eject>,
    started: Instant,
    pub(super) queue: Option<Queue>,
    pub(super) budget: Budget,
}

/// How one address stands.
#[derive(Debug)]
struct Standing {
    address: Address,
    in_flight: AtomicUsize,
    /// What the health checks say.
    is_down: AtomicBool,
    /// Failures in a row.
    failures: AtomicU32,
    /// How often in a row it was left out.
    ejections: AtomicU32,
    /// Milliseconds since the start until which it is left out; 0 if it is in.
    out_until: AtomicU64,
    /// Whether it was out of reach when it failed last.
    is_unreachable: AtomicBool,
    requests: AtomicU64,
    failed: AtomicU64,
    connects: AtomicU64,
    retries: AtomicU64,
}

/// How a request failed that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Failure {
    /// The connection broke, or nothing came on it, or nothing that could be read.
    Broke,
    /// There was no connection.
    Unreachable,
}

/// No address can be asked; the time until it is worth while again, if that is known.
#[derive(Debug)]
pub(super) struct AllOut(pub(super) Option<Duration>);

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        let queue = settings.limits.map(|limits| Queue::new(&limits));
        Self {
            name: Arc::clone(&settings.name),
            addresses: settings.addresses.iter().cloned().map(Standing::new).collect(),
            turn: AtomicUsize::new(0),
            eject: settings.eject,
            started: Instant::now(),
            queue,
            budget: Budget::default(),
        }
    }

    /// The address with the fewest requests under way among those that are in and not yet in `tried`, a set of
    /// bits. The request counts there until what is given ends.
    pub(super) fn choose(self: &Arc<Self>, tried: u64) -> Result<Flight, AllOut> {
        self.choose_at(self.millis(), tried)
    }

    fn choose_at(self: &Arc<Self>, now: u64, mut tried: u64) -> Result<Flight, AllOut> {
        loop {
            let choice = self.look(now, tried)?;
            let trial = match choice.trial {
                None => false,
                Some(until) => {
                    // One request tries whether it is back; the next may a while later.
                    let standing = self.at(choice.index);
                    let later = now + self.eject.map_or(0, |eject| millis(eject.time));
                    if standing.out_until.compare_exchange(until, later, Relaxed, Relaxed).is_err() {
                        tried |= bit(choice.index);
                        continue;
                    }
                    true
                }
            };
            self.at(choice.index).in_flight.fetch_add(1, Relaxed);
            return Ok(Flight { state: Arc::clone(self), index: choice.index, is_trial: trial, slot: None });
        }
    }

    fn look(&self, now: u64, tried: u64) -> Result<Choice, AllOut> {
        let count = self.addresses.len();
        let first = match (count, tried) {
            (1, _) => 0,
            (_, 0) => self.turn.fetch_add(1, Relaxed),
            // Otherwise each request to a pair of which one fails would begin with that one.
            _ => self.turn.load(Relaxed),
        };
        let mut best: Option<(usize, Choice)> = None;
        let mut least_bad: Option<(u64, usize)> = None;
        let mut soonest: Option<u64> = None;
        for offset in 0..count {
            let index = first.wrapping_add(offset) % count;
            let standing = self.at(index);
            if tried & bit(index) != 0 || standing.is_down.load(Relaxed) {
                continue;
            }
            let until = standing.out_until.load(Relaxed);
            if until > now {
                if !standing.is_unreachable.load(Relaxed) && least_bad.is_none_or(|(least, _)| until < least) {
                    least_bad = Some((until, index));
                }
                soonest = Some(soonest.map_or(until, |soonest| soonest.min(until)));
                continue;
            }
            let load = standing.in_flight.load(Relaxed);
            if best.as_ref().is_none_or(|(least, _)| load < *least) {
                best = Some((load, Choice { index, trial: (until > 0).then_some(until) }));
            }
        }
        if let Some((_, choice)) = best {
            return Ok(choice);
        }
        match least_bad {
            Some((_, index)) => Ok(Choice { index, trial: None }),
            None => Err(AllOut(soonest.map(|until| Duration::from_millis(until - now)))),
        }
    }

    /// What a health check says of an address.
    pub(super) fn set_down(&self, index: usize, is_down: bool, why: &str) {
        let standing = self.at(index);
        if standing.is_down.swap(is_down, Relaxed) == is_down {
            return;
        }
        let (upstream, address) = (&*self.name, standing.address.as_str());
        if is_down {
            tracing::warn!(upstream, address, why, "an upstream's health checks fail: it gets no requests");
        } else {
            standing.is_back();
            tracing::info!(upstream, address, "an upstream's health checks succeed again");
        }
    }

    /// A health check reached an address: if it was left out for being out of reach, that is over.
    pub(super) fn is_reached(&self, index: usize) {
        let standing = self.at(index);
        if standing.out_until.load(Relaxed) != 0 && standing.is_unreachable.load(Relaxed) {
            standing.is_back();
        }
    }

    /// Whether settings make the same state, so that it can be taken over.
    pub(super) fn is_of(&self, settings: &Settings) -> bool {
        let same = self.addresses.iter().map(|standing| &standing.address).eq(&settings.addresses);
        let queue = self.queue.as_ref().map(Queue::limits);
        same && self.name == settings.name && self.eject == settings.eject && queue == settings.limits
    }

    /// How it stands now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let now = self.millis();
        let addresses: Vec<_> = self.addresses.iter().map(|standing| standing.snapshot(now)).collect();
        Snapshot {
            name: Arc::clone(&self.name),
            in_flight: addresses.iter().map(|address| address.in_flight).sum(),
            queued: self.queue.as_ref().map_or(0, Queue::waiting),
            limit: self.queue.as_ref().map(|queue| queue.limits().requests),
            refused: self.queue.as_ref().map_or(0, Queue::refused),
            addresses,
        }
    }

    fn at(&self, index: usize) -> &Standing {
        self.addresses.get(index).expect("whoever asks has the index from here")
    }

    fn millis(&self) -> u64 {
        millis(self.started.elapsed()).max(1)
    }
}

struct Choice {
    index: usize,
    /// Until when it was left out, if this is to try whether it is back.
    trial: Option<u64>,
}

impl Standing {
    fn new(address: Address) -> Self {
        Self {
            address,
            in_flight: AtomicUsize::new(0),
            is_down: AtomicBool::new(false),
            failures: AtomicU32::new(0),
            ejections: AtomicU32::new(0),
            out_until: AtomicU64::new(0),
            is_unreachable: AtomicBool::new(false),
            requests: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            connects: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        }
    }

    /// Whether it was away.
    fn is_back(&self) -> bool {
        self.failures.store(0, Relaxed);
        self.ejections.store(0, Relaxed);
        self.out_until.swap(0, Relaxed) != 0
    }

    fn snapshot(&self, now: u64) -> AddressSnapshot {
        AddressSnapshot {
            address: self.address.as_str().into(),
            in_flight: self.in_flight.load(Relaxed),
            is_healthy: !self.is_down.load(Relaxed),
            is_ejected: self.out_until.load(Relaxed) > now,
            failures_in_a_row: self.failures.load(Relaxed),
            requests: self.requests.load(Relaxed),
            failed: self.failed.load(Relaxed),
            connects: self.connects.load(Relaxed),
            retries: self.retries.load(Relaxed),
        }
    }
}

/// A request on its way through an address; it counts there until this is dropped.
#[derive(Debug)]
pub(in crate::proxy) struct Flight {
    state: Arc<State>,
    index: usize,
    is_trial: bool,
    slot: Option<OwnedSemaphorePermit>,
}

impl Flight {
    /// Holds its place among the upstream's requests, too.
    pub(super) fn with_slot(mut self, slot: Option<OwnedSemaphorePermit>) -> Self {
        self.slot = slot;
        self
    }

    /// The place, for the next try.
    pub(super) fn take_slot(&mut self) -> Option<OwnedSemaphorePermit> {
        self.slot.take()
    }

    /// The address, for whoever tells of it.
    pub(super) fn answered_by(&self) -> AnsweredBy {
        AnsweredBy { state: Arc::clone(&self.state), index: self.index }
    }

    /// Which address it goes through.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// A request is sent.
    pub(super) fn begun(&self) {
        self.standing().requests.fetch_add(1, Relaxed);
    }

    /// It needed a new connection.
    pub(super) fn connected(&self) {
        self.standing().connects.fetch_add(1, Relaxed);
    }

    /// It was sent before.
    pub(super) fn is_retry(&self) {
        self.standing().retries.fetch_add(1, Relaxed);
    }

    /// There is an answer.
    pub(in crate::proxy) fn succeeded(&self) {
        let standing = self.standing();
        if standing.failures.load(Relaxed) != 0 && standing.is_back() {
            let (upstream, address) = (&*self.state.name, standing.address.as_str());
            tracing::info!(upstream, address, "an upstream answers again");
        }
    }

    /// There is none. `why` is for the log, in which the first failure in a row stands.
    pub(in crate::proxy) fn failed(&self, how: Failure, why: &dyn std::error::Error) {
        self.failed_at(self.state.millis(), how, why);
    }

    fn failed_at(&self, now: u64, how: Failure, why: &dyn std::error::Error) {
        let (state, standing) = (&*self.state, self.standing());
        standing.failed.fetch_add(1, Relaxed);
        standing.is_unreachable.store(how == Failure::Unreachable, Relaxed);
        let failures = standing.failures.fetch_add(1, Relaxed).saturating_add(1);
        let (upstream, address, error) = (&*state.name, standing.address.as_str(), chain(why));
        if failures == 1 {
            tracing::warn!(upstream, address, error, "an upstream gave no answer");
        } else {
            tracing::debug!(upstream, address, error, failures, "an upstream gave no answer");
        }
        let Some(eject) = state.eject.filter(|eject| failures >= eject.failures.get()) else { return };
        let until = standing.out_until.load(Relaxed);
        // Those that were under way together count once.
        if until > now && !self.is_trial {
            return;
        }
        let times = standing.ejections.fetch_add(1, Relaxed);
        let time = eject.time * 2_u32.pow(times.min(MAX_DOUBLINGS));
        if standing.out_until.compare_exchange(until, now + millis(time), Relaxed, Relaxed).is_ok() {
            tracing::warn!(upstream, address, failures, seconds = time.as_secs_f32(), "an upstream is left out");
        }
    }

    fn standing(&self) -> &Standing {
        self.state.at(self.index)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.standing().in_flight.fetch_sub(1, Relaxed);
    }
}

/// The address that gave an answer: an extension of the answers of an upstream that has several.
#[derive(Clone, Debug)]
pub struct AnsweredBy {
    state: Arc<State>,
    index: usize,
}

impl AnsweredBy {
    /// The address as configured.
    pub fn address(&self) -> &str {
        self.state.at(self.index).address.as_str()
    }
}

/// An error and what led to it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = text + ": " + &error.to_string();
        source = error.source();
    }
    text
}

/// The place of an address in a set of them.
pub(super) fn bit(index: usize) -> u64 {
    1 << (index % 64)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}

/// How often the time is doubled for which an address is left out.
const MAX_DOUBLINGS: u32 = 4;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn state(addresses: usize, failures: u32) -> Arc<State> {
        let mut settings = Settings::new("u", "http://127.0.0.1:1".parse().unwrap());
        settings.addresses = (1..=addresses).map(|n| format!("http://127.0.0.1:{n}").parse().unwrap()).collect();
        settings.eject = NonZeroU32::new(failures).map(|failures| Eject { failures, time: Duration::from_secs(10) });
        Arc::new(State::new(&settings))
    }

    fn fail(state: &Arc<State>, now: u64, index: usize, how: Failure) {
        state.choose_at(now, !bit(index)).unwrap().failed_at(now, how, &std::io::Error::other("test"));
    }

    /// How often the first address is chosen.
    fn picked(state: &Arc<State>, now: u64) -> usize {
        (0..4).filter(|_| state.choose_at(now, 0).unwrap().index == 0).count()
    }

    #[test]
    fn the_least_loaded_is_chosen_and_equals_come_in_turn() {
        let state = state(3, 0);
        let mut flights: Vec<_> = (0..6).map(|_| state.choose(0).unwrap()).collect();
        for index in 0..3 {
            assert_eq!(flights.iter().filter(|flight| flight.index == index).count(), 2, "{index}");
        }
        flights.retain(|flight| flight.index != 1);
        assert_eq!([state.choose(0).unwrap().index, state.choose(0).unwrap().index], [1, 1]);
        assert_eq!(state.snapshot().in_flight, 4);
        assert_ne!(state.choose(bit(1)).unwrap().index, 1, "it was tried before");
        assert!(state.choose(0b111).is_err());
    }

    #[test]
    fn dos_08_an_address_that_fails_is_left_out_for_a_time_that_doubles_up_to_a_bound() {
        let state = state(2, 3);
        for _ in 0..2 {
            fail(&state, 1, 0, Failure::Broke);
        }
        assert_eq!(picked(&state, 1), 2, "not yet");
        fail(&state, 1, 0, Failure::Broke);
        let mut now = 1;
        for seconds in [10, 20, 40, 80, 160, 160] {
            now += seconds * 1000;
            assert_eq!(picked(&state, now - 1), 0, "{seconds}");
            let trial = state.choose_at(now, bit(1)).unwrap();
            assert_eq!((trial.index, picked(&state, now)), (0, 0), "one request tries it alone");
            trial.failed_at(now, Failure::Broke, &std::io::Error::other("test"));
        }
        now += 160_000;
        state.choose_at(now, bit(1)).unwrap().succeeded();
        assert_eq!(picked(&state, now), 2, "it is back");
        for _ in 0..2 {
            fail(&state, now, 0, Failure::Broke);
        }
        assert_eq!(picked(&state, now), 2, "it begins anew");
    }

    #[test]
    fn dos_08_the_circuit_opens_when_no_address_can_be_reached_and_closes_by_one_trial() {
        let state = state(1, 2);
        for _ in 0..2 {
            fail(&state, 1, 0, Failure::Unreachable);
        }
        let AllOut(wait) = state.choose_at(1, 0).unwrap_err();
        assert_eq!(wait, Some(Duration::from_secs(10)));
        let trial = state.choose_at(10_001, 0).unwrap();
        assert!(state.choose_at(10_001, 0).is_err(), "only one tries");
        trial.succeeded();
        assert!(state.choose_at(10_001, 0).is_ok());
    }

    #[test]
    fn a_health_check_that_reaches_an_address_closes_its_circuit() {
        let state = state(1, 1);
        fail(&state, 1, 0, Failure::Unreachable);
        assert!(state.choose_at(2, 0).is_err());
        state.is_reached(0);
        assert!(state.choose_at(2, 0).is_ok());
    }

    #[test]
    fn an_address_that_only_broke_off_is_the_least_bad_when_all_are_out() {
        let state = state(2, 1);
        fail(&state, 1, 0, Failure::Unreachable);
        fail(&state, 1000, 1, Failure::Broke);
        for _ in 0..4 {
            assert_eq!(state.choose_at(1000, 0).unwrap().index, 1);
        }
        state.set_down(1, true, "test");
        assert!(state.choose_at(1000, 0).is_err());
    }

    #[test]
    fn failures_that_were_under_way_together_count_once() {
        let state = state(2, 3);
        let flights: Vec<_> = (0..20).map(|_| state.choose_at(1, bit(1)).unwrap()).collect();
        for flight in flights {
            flight.failed_at(1, Failure::Broke, &std::io::Error::other("test"));
        }
        assert_eq!(picked(&state, 10_000), 0);
        assert!(picked(&state, 10_001) > 0, "it is tried after the shortest time");
    }

    #[test]
    fn what_health_checks_say_holds() {
        let state = state(2, 1);
        state.set_down(0, true, "test");
        assert_eq!(picked(&state, 1), 0);
        assert!(!state.snapshot().addresses[0].is_healthy);
        state.set_down(1, true, "test");
        let AllOut(wait) = state.choose(0).unwrap_err();
        assert_eq!(wait, None);
        state.set_down(0, false, "");
        assert_eq!(state.choose(0).unwrap().index, 0);
    }
}
