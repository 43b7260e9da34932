use std::collections::BTreeMap;
use std::future::Future;
use std::net::Ipv6Addr;
use std::pin::pin;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use trackgate_schemes::store::{Answer, StoreErrorKind};

use super::*;
use crate::testing::{at, seconds};

const START: &str = "2026-06-01T12:00:00Z";
const LOCK: u64 = 15 * 60;

/// A lock-out with the default limits and a wall clock.
struct Door {
    lockout: Lockout,
    now: SystemTime,
}

impl Door {
    fn new() -> Self {
        Self { lockout: Lockout::new(GuessLimits::default()), now: at(START) }
    }

    fn small(capacity: usize) -> Self {
        Self { lockout: Lockout::new(GuessLimits { capacity, ..GuessLimits::default() }), ..Self::new() }
    }

    fn admit(&self, account: &str, client: &str) -> Result<Attempt, u64> {
        match self.lockout.admit(account, client.parse().ok(), self.now) {
            Admission::Admitted(attempt) => Ok(attempt),
            Admission::Locked { retry_after } => Err(retry_after.as_secs()),
        }
    }

    /// Tries and settles; says how long to wait when it is locked.
    fn try_as(&self, account: &str, client: &str, outcome: Outcome) -> Result<(), u64> {
        let attempt = self.admit(account, client)?;
        self.lockout.settle(attempt, outcome, self.now);
        Ok(())
    }

    fn wrong(&self, account: &str, client: &str) -> Result<(), u64> {
        self.try_as(account, client, Outcome::Wrong)
    }

    fn right(&self, account: &str, client: &str) -> Result<(), u64> {
        self.try_as(account, client, Outcome::Right)
    }

    /// Guesses until it is locked; says how many were tried.
    fn exhaust(&self, account: &str, client: &str) -> u32 {
        let mut tried = 0;
        while self.wrong(account, client).is_ok() {
            tried += 1;
            assert!(tried < 1000, "it never locks");
        }
        tried
    }
}

#[test]
fn rlk_01_past_the_limit_no_attempt_is_admitted_until_the_lock_ends() {
    let mut door = Door::new();
    for n in 1..=10 {
        assert_eq!(door.wrong("rider", "192.0.2.1"), Ok(()), "{n}");
    }
    assert_eq!(door.right("rider", "192.0.2.1"), Err(LOCK), "not even with the right password");
    assert_eq!(door.right("rider", "198.51.100.1"), Err(LOCK), "nor from elsewhere");
    assert_eq!(door.right("other", "192.0.2.1"), Ok(()), "others are free");
    door.now += seconds(LOCK - 1);
    assert_eq!(door.right("rider", "192.0.2.1"), Err(1));
    door.now += seconds(1);
    assert_eq!(door.exhaust("rider", "192.0.2.1"), 10, "then it starts anew");
}

#[test]
fn a_window_forgets_what_lies_before_it() {
    let mut door = Door::new();
    for _ in 0..9 {
        assert_eq!(door.wrong("rider", "192.0.2.1"), Ok(()));
    }
    door.now += seconds(LOCK);
    assert_eq!(door.exhaust("rider", "192.0.2.1"), 10);
}

#[test]
fn rlk_04_one_network_over_many_accounts_is_caught() {
    let door = Door::new();
    let tried = (0..10_000).filter(|n| door.wrong(&format!("rider{n}"), "192.0.2.1").is_ok()).count();
    assert_eq!(tried, 50);
    assert_eq!(door.right("rider10000", "192.0.2.1"), Err(LOCK));
    assert_eq!(door.right("rider10000", "192.0.2.2"), Ok(()));
}

#[test]
fn rlk_05_the_owners_network_still_gets_in() {
    let mut door = Door::new();
    let (home, attacker) = ("192.0.2.1", "198.51.100.1");
    assert_eq!(door.right("rider", home), Ok(()));
    assert_eq!(door.exhaust("rider", attacker), 10);
    assert_eq!(door.right("rider", "203.0.113.1"), Err(LOCK), "strangers are locked");
    assert_eq!(door.right("rider", home), Ok(()), "home is not");
    // A neighbour who guesses at other accounts from the owner's network does not lock the owner out either.
    let tried = (0..100).filter(|n| door.wrong(&format!("victim{n}"), home).is_ok()).count();
    assert_eq!(tried, 50);
    assert_eq!(door.right("rider", home), Ok(()));
    // The known network has a limit of its own.
    assert_eq!(door.exhaust("rider", home), 10);
    assert_eq!(door.right("rider", home), Err(LOCK));
    door.now += seconds(LOCK);
    assert_eq!(door.right("rider", home), Ok(()));
    // After 30 days without use it is a stranger again.
    door.now += seconds(30 * 86_400);
    assert_eq!(door.exhaust("rider", attacker), 10);
    assert_eq!(door.right("rider", home), Err(LOCK));
}

#[test]
fn rlk_05_an_unknown_address_is_never_a_known_network() {
    let door = Door::new();
    assert_eq!(door.right("rider", "unknown"), Ok(()));
    door.exhaust("rider", "198.51.100.1");
    assert_eq!(door.right("rider", "unknown"), Err(LOCK));
}

#[test]
fn a_good_sign_in_gives_an_attacker_no_free_guesses() {
    let door = Door::new();
    let (home, attacker) = ("192.0.2.1", "198.51.100.1");
    // The owner signs in between any two guesses from elsewhere.
    let tried = (0..100).filter(|_| door.right("rider", home).is_ok() && door.wrong("rider", attacker).is_ok()).count();
    assert_eq!(tried, 10);
    // The attacker signs in to an account of his own between any two guesses.
    let door = Door::new();
    let tried = (0..100)
        .filter(|n| {
            assert_eq!(door.right("mine", attacker), Ok(()));
            door.wrong(&format!("victim{n}"), attacker).is_ok()
        })
        .count();
    assert_eq!(tried, 50);
}

#[test]
fn a_good_sign_in_clears_the_count_for_its_network() {
    let door = Door::new();
    assert_eq!(door.right("rider", "192.0.2.1"), Ok(()));
    for _ in 0..5 {
        for _ in 0..9 {
            assert_eq!(door.wrong("rider", "192.0.2.1"), Ok(()));
        }
        assert_eq!(door.right("rider", "192.0.2.1"), Ok(()));
    }
    assert_eq!(door.exhaust("rider", "192.0.2.1"), 10);
}

#[test]
fn undecided_and_right_attempts_leave_no_trace() {
    let door = Door::new();
    for outcome in [Outcome::Undecided, Outcome::Right] {
        for n in 0..200 {
            assert_eq!(door.try_as("rider", "unknown", outcome), Ok(()), "{n} {outcome:?}");
        }
    }
    assert_eq!(door.lockout.state().sizes(), [0, 0, 0]);
    assert_eq!(door.exhaust("rider", "unknown"), 10);
}

#[test]
fn rlk_08_parallel_guesses_never_pass_the_limit() {
    for known in [false, true] {
        let door = Door::new();
        if known {
            assert_eq!(door.right("rider", "192.0.2.1"), Ok(()));
        }
        let (start, settled, tried) = (Barrier::new(64), Barrier::new(64), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..64 {
                scope.spawn(|| {
                    start.wait();
                    let attempt = door.admit("rider", "192.0.2.1");
                    settled.wait();
                    match attempt {
                        Ok(attempt) => {
                            tried.fetch_add(1, Ordering::SeqCst);
                            door.lockout.settle(attempt, Outcome::Wrong, door.now);
                        }
                        Err(wait) => assert_eq!(wait, 1, "the others may still turn out to be right"),
                    }
                });
            }
        });
        assert_eq!(tried.into_inner(), 10);
        assert_eq!(door.wrong("rider", "192.0.2.1"), Err(LOCK));
    }
}

#[test]
fn rlk_08_parallel_guesses_over_many_accounts_never_pass_the_networks_limit() {
    let door = Door::new();
    let attempts: Vec<_> = (0..64).filter_map(|n| door.admit(&format!("rider{n}"), "192.0.2.1").ok()).collect();
    assert_eq!(attempts.len(), 50);
    for attempt in attempts {
        door.lockout.settle(attempt, Outcome::Right, door.now);
    }
    assert_eq!(door.wrong("rider99", "192.0.2.1"), Ok(()), "they were right after all");
}

#[test]
fn an_attempt_that_nobody_settles_stays_wrong() {
    let mut door = Door::new();
    let lost: Vec<_> = (0..10).filter_map(|_| door.admit("rider", "192.0.2.1").ok()).collect();
    assert_eq!(door.wrong("rider", "192.0.2.1"), Err(1));
    door.now += seconds(60);
    assert_eq!(door.wrong("rider", "192.0.2.1"), Err(LOCK));
    for attempt in lost {
        door.lockout.settle(attempt, Outcome::Undecided, door.now);
    }
    assert_eq!(door.wrong("rider", "192.0.2.1"), Err(LOCK), "giving back comes too late");
}

#[test]
fn an_attempt_of_the_last_window_gives_nothing_back_in_this_one() {
    let mut door = Door::new();
    let old: Vec<_> = (0..9).filter_map(|_| door.admit("rider", "192.0.2.1").ok()).collect();
    assert_eq!(old.len(), 9);
    door.now += seconds(LOCK);
    let new: Vec<_> = (0..10).filter_map(|_| door.admit("rider", "192.0.2.1").ok()).collect();
    for attempt in old {
        door.lockout.settle(attempt, Outcome::Undecided, door.now);
    }
    assert_eq!(door.wrong("rider", "192.0.2.1"), Err(1));
    for attempt in new {
        door.lockout.settle(attempt, Outcome::Wrong, door.now);
    }
    assert_eq!(door.wrong("rider", "192.0.2.1"), Err(LOCK));
}

#[test]
fn rlk_06_addresses_of_one_64_are_one_network_and_one_of_many_is_not() {
    let door = Door::new();
    let tried = (0..100).filter(|n| door.wrong(&format!("r{n}"), &format!("2001:db8::{n:x}")).is_ok()).count();
    assert_eq!(tried, 50);
    assert_eq!(door.wrong("other", "2001:db8:0:1::1"), Ok(()));
    assert_eq!(door.wrong("other", "::ffff:192.0.2.1"), Ok(()));
    assert_eq!(door.exhaust("another", "192.0.2.1"), 10);
}

#[test]
fn rlk_06_a_flood_of_networks_stays_within_the_table_and_frees_no_lock() {
    let mut door = Door::small(1000);
    assert_eq!(door.right("rider", "192.0.2.1"), Ok(()));
    assert_eq!(door.exhaust("victim", "198.51.100.1"), 10);
    for n in 0..50 {
        door.wrong(&format!("a{n}"), "203.0.113.1").ok();
    }
    for n in 0..100_000_u128 {
        let address = Ipv6Addr::from_bits(0x2001_0db8 << 96 | n << 64);
        door.now += Duration::from_millis(1);
        assert_eq!(door.wrong(&format!("name{n}"), &address.to_string()), Ok(()));
    }
    let [accounts, networks, known] = door.lockout.state().sizes();
    assert!((500..=1000).contains(&accounts) && (500..=1000).contains(&networks), "{accounts} {networks}");
    assert_eq!(known, 1);
    assert_eq!(door.wrong("victim", "192.0.2.9"), Err(LOCK - 100), "the account's lock stands");
    assert_eq!(door.wrong("other", "203.0.113.1"), Err(LOCK - 100), "the network's lock stands");
    // The oldest left: of the newest one guess is remembered.
    let wrong_left = |n: u32| door.exhaust(&format!("name{n}"), "192.0.2.77");
    assert_eq!((wrong_left(0), wrong_left(99_999)), (10, 9));
}

#[test]
fn one_account_knows_only_its_last_networks() {
    let mut door = Door::small(4);
    assert_eq!(door.right("rider", "192.0.2.1"), Ok(()));
    for n in 0..1000 {
        door.now += seconds(1);
        assert_eq!(door.right("mine", &format!("2001:db8:0:{n:x}::1")), Ok(()));
    }
    door.exhaust("rider", "198.51.100.1");
    assert_eq!(door.right("rider", "192.0.2.1"), Ok(()), "another account's networks drive out none of ours");
    door.exhaust("mine", "198.51.100.1");
    assert_eq!(door.right("mine", "2001:db8:0:3e7::1"), Ok(()));
    assert_eq!(door.right("mine", "2001:db8:0:3e0::1"), Ok(()));
    assert!(door.right("mine", "2001:db8:0:3df::1").is_err());
}

#[test]
fn clk_02_a_clock_that_is_stepped_back_locks_nobody_for_ever() {
    for back in ["2026-06-01T11:00:00Z", "2026-05-31T12:00:00Z", "1970-01-01T00:00:00Z"] {
        let mut door = Door::new();
        assert_eq!(door.right("owner", "192.0.2.1"), Ok(()));
        door.exhaust("rider", "192.0.2.1");
        door.now = at(back);
        assert_eq!(door.wrong("rider", "192.0.2.1"), Err(LOCK), "{back}");
        let [lock] = &*door.lockout.locked(door.now) else { panic!("one account is locked") };
        assert_eq!(lock.until, at(back) + seconds(LOCK));
        door.now += seconds(LOCK);
        assert_eq!(door.right("rider", "192.0.2.1"), Ok(()), "{back}");
        door.exhaust("owner", "198.51.100.1");
        assert_eq!(door.right("owner", "192.0.2.1"), Ok(()), "known from before the step");
    }
}

#[test]
fn clk_02_a_clock_that_is_stepped_back_keeps_no_network_known_for_ever() {
    let mut door = Door::new();
    assert_eq!(door.right("rider", "192.0.2.1"), Ok(()));
    door.now = at("2025-06-01T12:00:00Z");
    assert_eq!(door.try_as("rider", "192.0.2.1", Outcome::Undecided), Ok(()));
    door.now += seconds(30 * 86_400);
    door.exhaust("rider", "198.51.100.1");
    assert_eq!(door.right("rider", "192.0.2.1"), Err(LOCK));
}

#[test]
fn further_guesses_do_not_draw_a_lock_out() {
    let mut door = Door::new();
    assert_eq!(door.right("owner", "192.0.2.1"), Ok(()));
    for n in 0..50 {
        door.wrong(&format!("r{n}"), "192.0.2.1").unwrap();
    }
    door.now += seconds(LOCK / 2);
    assert_eq!(door.wrong("owner", "192.0.2.1"), Ok(()), "it is known, so it goes on, and counts for the network");
    door.now += seconds(LOCK / 2);
    assert_eq!(door.right("other", "192.0.2.1"), Ok(()));
}

#[test]
fn operators_see_and_end_locks() {
    let mut door = Door::new();
    door.right("rider", "192.0.2.1").unwrap();
    door.exhaust("rider", "192.0.2.1");
    door.now += seconds(1);
    door.exhaust("rider", "198.51.100.1");
    door.now += seconds(1);
    for n in 0..50 {
        door.wrong(&format!("r{n}"), "2001:db8::1").unwrap();
    }
    let locks: Vec<_> = door.lockout.locked(door.now).into_iter().map(|l| (l.what.to_string(), l.wrong)).collect();
    let told = [("network:2001:db8::/64", 50), ("account:rider", 10), ("known:192.0.2.1 rider", 10)];
    assert_eq!(locks, told.map(|(what, wrong)| (what.to_owned(), wrong)));

    assert!(door.lockout.unlock("rider", door.now));
    assert!(!door.lockout.unlock("rider", door.now));
    assert!(!door.lockout.unlock("nobody", door.now));
    assert_eq!(door.exhaust("rider", "192.0.2.1"), 10, "known, and with a fresh count");
    assert_eq!(door.wrong("rider", "198.51.100.1"), Ok(()));
    assert!(door.lockout.unlock_network("2001:db8::/64".parse().unwrap(), door.now));
    assert!(!door.lockout.unlock_network("2001:db8::/64".parse().unwrap(), door.now));
    assert_eq!(door.wrong("fresh", "2001:db8::1"), Ok(()));
    door.lockout.forget("rider", door.now);
    assert_eq!(door.exhaust("rider", "198.51.100.1"), 10);
    assert_eq!(door.right("rider", "192.0.2.1"), Err(LOCK), "it knows no network any more");
}

#[test]
fn debug_names_nobody() {
    let door = Door::new();
    door.wrong("rider", "192.0.2.1").unwrap();
    assert_eq!(format!("{:?}", door.lockout), "Lockout { accounts: 1, networks: 1, known: 0, .. }");
}

/// Keeps records as a store would.
#[derive(Debug, Default)]
struct Kept(Mutex<BTreeMap<Box<str>, GuessCounter>>);

impl GuessCounters for Kept {
    fn load_guesses(&self, now: SystemTime) -> Answer<'_, Vec<GuessCounter>> {
        let kept: Vec<_> = self.0.lock().unwrap().values().filter(|kept| kept.expires_at > now).cloned().collect();
        Box::pin(std::future::ready(Ok(kept)))
    }

    fn note_guess(&self, counter: GuessCounter) {
        self.0.lock().unwrap().insert(counter.key.clone(), counter);
    }
}

/// The store of `Door::restart` answers at once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits"),
    }
}

fn restart(store: &Arc<Kept>, now: SystemTime, limits: GuessLimits) -> Door {
    Door { lockout: at_once(Lockout::load(limits, Arc::clone(store) as _, now)).unwrap(), now }
}

#[test]
fn rlk_09_locks_counts_and_known_networks_outlive_a_restart() {
    let store = Arc::new(Kept::default());
    let (start, limits) = (at(START), GuessLimits::default());
    let mut door = restart(&store, start, limits);
    door.right("owner", "192.0.2.1").unwrap();
    door.exhaust("owner", "198.51.100.1");
    for _ in 0..9 {
        door.wrong("half", "198.51.100.2").unwrap();
    }
    for n in 0..50 {
        door.wrong(&format!("r{n}"), "2001:db8::1").unwrap();
    }
    door.now += seconds(100);
    door = restart(&store, door.now, limits);
    assert_eq!(door.right("owner", "203.0.113.1"), Err(LOCK - 100));
    assert_eq!(door.right("owner", "192.0.2.1"), Ok(()));
    assert_eq!(door.exhaust("half", "203.0.113.1"), 1);
    assert_eq!(door.wrong("fresh", "2001:db8::2"), Err(LOCK - 100));
    // What was ended by an operator stays ended, what is forgotten stays forgotten.
    assert!(door.lockout.unlock("owner", door.now));
    assert!(door.lockout.unlock_network("2001:db8::/64".parse().unwrap(), door.now));
    door = restart(&store, door.now, limits);
    assert_eq!(door.wrong("fresh", "2001:db8::2"), Ok(()));
    assert_eq!(door.exhaust("owner", "203.0.113.1"), 10);
    assert_eq!(door.right("owner", "192.0.2.1"), Ok(()));
    door.lockout.forget("owner", door.now);
    door = restart(&store, door.now, limits);
    assert_eq!(door.exhaust("owner", "203.0.113.1"), 10);
    assert_eq!(door.right("owner", "192.0.2.1"), Err(LOCK));
}

#[test]
fn rlk_09_what_a_store_holds_never_passes_the_bound() {
    let (now, far) = (at(START), at("9999-01-01T00:00:00Z"));
    let record =
        |key: &str, wrong, locked_until| GuessCounter { key: key.into(), wrong, locked_until, expires_at: far };
    let store = Arc::new(Kept::default());
    store.note_guess(record("account:locked", 10, far));
    store.note_guess(record("account:full", 4_000_000_000, SystemTime::UNIX_EPOCH));
    store.note_guess(record("account:nearly", 9, SystemTime::UNIX_EPOCH));
    store.note_guess(record("network:192.0.2.0/24", 50, far));
    store.note_guess(record("", 50, far));
    store.note_guess(record("known:192.0.2.7 owner", 0, SystemTime::UNIX_EPOCH));
    store.note_guess(record("known:192.0.2.7 quiet", 0, SystemTime::UNIX_EPOCH));
    let mut door = restart(&store, now, GuessLimits::default());
    assert_eq!(door.right("locked", "192.0.2.1"), Err(LOCK));
    assert_eq!(door.right("full", "192.0.2.1"), Err(LOCK));
    assert_eq!(door.exhaust("nearly", "192.0.2.1"), 1);
    door.exhaust("owner", "198.51.100.1");
    assert_eq!(door.right("owner", "192.0.2.7"), Ok(()));
    door.now += seconds(LOCK);
    assert_eq!(door.right("locked", "192.0.2.1"), Ok(()));
    assert_eq!(door.right("full", "192.0.2.1"), Ok(()));
    door.now += seconds(30 * 86_400);
    for name in ["owner", "quiet"] {
        door.exhaust(name, "198.51.100.1");
        assert_eq!(door.right(name, "192.0.2.7"), Err(LOCK), "known for thirty days, not for ever");
    }
}

#[test]
fn rlk_09_what_is_over_is_not_taken_over() {
    let (now, mut state) = (at(START), State::new(GuessLimits::default()));
    let locked_until = now + seconds(60);
    for key in ["account:rider", "network:192.0.2.1", "known:192.0.2.1 rider"] {
        state.take_over(&GuessCounter { key: key.into(), wrong: 10, locked_until, expires_at: now }, now);
    }
    assert_eq!(state.sizes(), [0, 0, 0]);
}

#[test]
fn a_store_that_is_down_is_told() {
    #[derive(Debug)]
    struct Down;
    impl GuessCounters for Down {
        fn load_guesses(&self, _now: SystemTime) -> Answer<'_, Vec<GuessCounter>> {
            Box::pin(std::future::ready(Err(StoreError::new(StoreErrorKind::Unavailable, "test"))))
        }
        fn note_guess(&self, _counter: GuessCounter) {}
    }
    let why = at_once(Lockout::load(GuessLimits::default(), Arc::new(Down), at(START))).unwrap_err();
    assert_eq!(why.kind(), StoreErrorKind::Unavailable);
}

#[test]
fn a_store_hears_of_few_sign_ins_and_of_no_odd_names() {
    let store = Arc::new(Kept::default());
    let mut door = restart(&store, at(START), GuessLimits::default());
    door.right("rider", "192.0.2.1").unwrap();
    let first = store.0.lock().unwrap().clone();
    assert_eq!(first.keys().map(|key| &**key).collect::<Vec<_>>(), ["known:192.0.2.1 rider"]);
    for _ in 0..10 {
        door.now += seconds(3600);
        door.right("rider", "192.0.2.1").unwrap();
    }
    assert_eq!(*store.0.lock().unwrap(), first);
    door.now += seconds(86_400);
    door.right("rider", "192.0.2.1").unwrap();
    assert_ne!(*store.0.lock().unwrap(), first);
    door.exhaust("\0unfit", "unknown");
    assert!(!store.0.lock().unwrap().keys().any(|key| key.contains('\0')));
}

#[test]
fn over_long_names_are_counted_by_their_beginning() {
    let (door, long) = (Door::new(), "ä".repeat(5000));
    for n in 0..10 {
        assert_eq!(door.wrong(&format!("{long}{n}"), "192.0.2.1"), Ok(()));
    }
    assert_eq!(door.wrong(&long, "192.0.2.1"), Err(LOCK));
}

#[derive(Clone, Debug)]
enum Step {
    Admit { account: u8, network: u8 },
    Settle { which: usize, outcome: Outcome },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![3 => Just(Outcome::Wrong), 1 => Just(Outcome::Undecided)];
    let step = prop_oneof![
        (0..3_u8, 0..3_u8).prop_map(|(account, network)| Step::Admit { account, network }),
        (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Settle { which, outcome }),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    /// While no time goes by and nobody is known, what is wrong and what is open never pass a limit,
    /// and nothing below both limits is refused.
    #[test]
    fn strangers_are_admitted_exactly_up_to_the_limits(steps in steps()) {
        let (per_account, per_network) = (NonZeroU32::new(5).unwrap(), NonZeroU32::new(7).unwrap());
        let door = Door {
            lockout: Lockout::new(GuessLimits { per_account, per_network, ..GuessLimits::default() }),
            ..Door::new()
        };
        let (mut by_account, mut by_network, mut open) = ([0; 3], [0; 3], Vec::new());
        for step in steps {
            match step {
                Step::Admit { account, network } => {
                    let (a, n) = (usize::from(account), usize::from(network));
                    let admitted = door.admit(&format!("r{account}"), &format!("192.0.2.{network}"));
                    prop_assert_eq!(admitted.is_ok(), by_account[a] < 5 && by_network[n] < 7);
                    match admitted {
                        Ok(attempt) => {
                            by_account[a] += 1;
                            by_network[n] += 1;
                            open.push((a, n, attempt));
                        }
                        Err(wait) => prop_assert!(wait == 1 || wait == LOCK),
                    }
                }
                Step::Settle { which, outcome } if !open.is_empty() => {
                    let (a, n, attempt) = open.swap_remove(which % open.len());
                    if outcome == Outcome::Undecided {
                        by_account[a] -= 1;
                        by_network[n] -= 1;
                    }
                    door.lockout.settle(attempt, outcome, door.now);
                }
                Step::Settle { .. } => {}
            }
        }
    }
}
