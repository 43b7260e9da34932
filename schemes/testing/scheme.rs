//! What every scheme must hold.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Sample, TestStore};
use crate::store::AccountState;
use crate::{AccountId, Carrier, Class, Forget, Identity, Reason, Rejection, Scheme, Step, Verdict};

/// A scheme with what its author knows of it, for [`scheme_conformance`].
///
/// What has a default need not be given; what is not given is not tested.
pub trait SchemeUnderTest: Sync {
    /// The scheme.
    fn scheme(&self) -> &dyn Scheme;

    /// A request with a good credential; the same each time.
    fn good(&self) -> Sample;

    /// Requests with credentials that are meant for the scheme and cannot be read: refused at once.
    fn malformed(&self) -> Vec<Sample>;

    /// Requests with credentials that can be read and are not good: refused, perhaps by the store.
    fn wrong(&self) -> Vec<Sample> {
        Vec::new()
    }

    /// Requests with other schemes' credentials only: absent.
    fn foreign(&self) -> Vec<Sample> {
        Vec::new()
    }

    /// The instant at which [`good`](Self::good) is good.
    fn now(&self) -> SystemTime {
        Sample::now()
    }

    /// The instant at which it ends by itself, if it is not used before.
    fn ends_at(&self) -> Option<SystemTime> {
        None
    }

    /// The word that its challenges start with; `None` if it has no challenge.
    fn challenge_word(&self) -> Option<&str> {
        None
    }

    /// What the scheme remembers.
    fn memory(&self) -> Option<Arc<dyn Forget>> {
        None
    }

    /// The store that it asks.
    fn store(&self) -> Option<&TestStore> {
        None
    }

    /// The account in that store whose credential [`good`](Self::good) carries. The suite takes it out of use
    /// in the end.
    fn account(&self) -> Option<AccountId> {
        None
    }
}

/// Asserts what every scheme must hold.
///
/// # Panics
///
/// At the first rule that does not hold.
pub async fn scheme_conformance(case: &dyn SchemeUnderTest) {
    absent_when_nothing_or_something_foreign_is_there(case);
    let identity = a_good_credential_is_known(case).await;
    malformed_is_refused_at_once(case);
    wrong_is_refused(case).await;
    arbitrary_bytes_do_no_harm(case, &identity).await;
    challenges_are_valid(case);
    nothing_secret_is_printed(case, &identity);
    a_store_that_is_down_is_not_a_no(case, &identity).await;
    at_its_end_it_is_dead(case, &identity).await;
    an_account_out_of_use_is_refused(case, &identity).await;
}

fn absent_when_nothing_or_something_foreign_is_there(case: &dyn SchemeUnderTest) {
    let mut samples = case.foreign();
    samples.push(Sample::new());
    samples.push(Sample::new().query("q=1&x").header("accept", "*/*").header("x-other", "a"));
    for sample in samples {
        let step = sample.ask(case.scheme(), case.now());
        assert!(matches!(step, Step::Done(Verdict::Absent)), "must be absent, at once: {step:?}");
    }
}

async fn a_good_credential_is_known(case: &dyn SchemeUnderTest) -> Identity {
    let (good, scheme, now) = (case.good(), case.scheme(), case.now());
    let filled = good.show(now, |head| scheme.carrier().count(head));
    assert_eq!(filled, 1, "a good credential stands in the scheme's carrier, once");
    let Verdict::Known(identity) = good.ask(scheme, now).verdict().await else {
        panic!("a good credential must be known");
    };
    assert_eq!(identity.scheme(), scheme.id(), "an identity names its scheme");
    assert!(!identity.is_anonymous(), "a known identity is somebody");
    assert!(!identity.credential().id.is_empty(), "an identity names its credential");
    for _ in 0..2 {
        let step = good.ask(scheme, now);
        let again = matches!(&step, Step::Done(Verdict::Known(again)) if *again == identity);
        assert!(again, "a credential that was seen is known at once, with the same identity: {step:?}");
    }
    let accepted = good.show(now, |head| scheme.accept(&identity, head));
    assert_eq!(accepted, Ok(()), "a good credential is accepted");
    identity
}

fn malformed_is_refused_at_once(case: &dyn SchemeUnderTest) {
    let asked = case.store().map(TestStore::asked);
    for sample in case.malformed() {
        for _ in 0..2 {
            match sample.ask(case.scheme(), case.now()) {
                Step::Done(Verdict::Refused(why)) => assert_refused(case, &why),
                step => panic!("a malformed credential must be refused at once: {step:?} to {sample:?}"),
            }
        }
    }
    assert_eq!(case.store().map(TestStore::asked), asked, "no store is asked about a malformed credential");
}

async fn wrong_is_refused(case: &dyn SchemeUnderTest) {
    for sample in case.wrong() {
        let first = sample.ask(case.scheme(), case.now()).verdict().await;
        match &first {
            Verdict::Refused(why) => assert_refused(case, why),
            verdict => panic!("a wrong credential must be refused: {verdict:?} to {sample:?}"),
        }
        let second = sample.ask(case.scheme(), case.now()).verdict().await;
        assert_eq!(first, second, "the same request gets the same verdict: {sample:?}");
    }
}

/// Refused by this scheme, as a bad credential.
fn assert_refused(case: &dyn SchemeUnderTest, why: &Rejection) {
    assert_eq!(why.reason.class(), Class::BadCredential, "a bad credential, not {why:?}");
    assert_eq!(why.by, case.scheme().id(), "a rejection names its scheme");
}

async fn arbitrary_bytes_do_no_harm(case: &dyn SchemeUnderTest, identity: &Identity) {
    let (good, mut random) = (case.good(), Random(0x2545_f491_4f6c_dd1d));
    let Carrier::Header(name) = case.scheme().carrier() else {
        for _ in 0..RANDOM {
            let query: String = (0..random.below(64)).map(|_| char::from(b'!' + random.byte() % 94)).collect();
            no_harm(case, identity, &good.clone().query(query)).await;
        }
        return;
    };
    let value = good.headers().get(&name).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    let word = value.split(|b| *b == b' ').next().filter(|word| word.len() < value.len()).unwrap_or_default();
    for round in 0..RANDOM {
        let length = random.below(80);
        let mut bytes: Vec<u8> = (0..length).map(|_| random.byte()).collect();
        if round % 2 == 0 {
            bytes = [word, b" ", &bytes].concat();
        }
        no_harm(case, identity, &with(&good, &name, bytes)).await;
    }
    for round in 0..CHANGED {
        let mut bytes = value.clone();
        let place = random.below(bytes.len().max(1));
        match (round % 3, bytes.get_mut(place)) {
            (0, _) => bytes.truncate(place),
            (1, Some(byte)) => *byte = random.byte(),
            _ => bytes.insert(place.min(bytes.len()), random.byte()),
        }
        no_harm(case, identity, &with(&good, &name, bytes)).await;
    }
}

/// No panic, no other identity, the same verdict twice, and no request error for a credential.
async fn no_harm(case: &dyn SchemeUnderTest, identity: &Identity, sample: &Sample) {
    let first = sample.ask(case.scheme(), case.now()).verdict().await;
    match &first {
        Verdict::Absent => {}
        Verdict::Known(who) => assert_eq!(who.subject(), identity.subject(), "another identity by chance: {sample:?}"),
        Verdict::Refused(why) => {
            let class = why.reason.class();
            assert!(matches!(class, Class::BadCredential | Class::Server), "{class:?} to {sample:?}");
        }
    }
    let second = sample.ask(case.scheme(), case.now()).verdict().await;
    assert_eq!(first, second, "the same request gets the same verdict: {sample:?}");
}

fn with(sample: &Sample, name: &HeaderName, mut bytes: Vec<u8>) -> Sample {
    bytes.retain(|b| HeaderValue::from_bytes(&[*b]).is_ok());
    let mut changed = sample.clone();
    let headers: &mut HeaderMap = changed.headers_mut();
    headers.insert(name, HeaderValue::from_bytes(&bytes).expect("bytes that a header may hold"));
    changed
}

fn challenges_are_valid(case: &dyn SchemeUnderTest) {
    let scheme = case.scheme();
    for reason in Reason::ALL {
        for by in [scheme.id(), "gate"] {
            let wanted = "points:read points:write".parse().expect("two grants");
            for why in [Rejection::new(*reason, by), Rejection::new(*reason, by).wanting(wanted)] {
                match (scheme.challenge(&why), case.challenge_word()) {
                    (Some(challenge), Some(word)) => {
                        let text = challenge.to_str().expect("a challenge is visible ASCII");
                        let rest = text.strip_prefix(word).expect("a challenge starts with its word");
                        assert!(rest.is_empty() || rest.starts_with(' '), "a blank follows the word: {text}");
                    }
                    (None, Some(_)) => {
                        let needed = matches!(reason.class(), Class::BadCredential | Class::Unauthenticated);
                        assert!(!needed, "a 401 names the scheme's challenge: {why:?}");
                    }
                    (challenge, None) => assert_eq!(challenge, None, "a challenge that was not named: {why:?}"),
                }
            }
        }
    }
}

fn nothing_secret_is_printed(case: &dyn SchemeUnderTest, identity: &Identity) {
    let Carrier::Header(name) = case.scheme().carrier() else { return };
    let good = case.good();
    let Some(value) = good.headers().get(name) else { return };
    let text = String::from_utf8_lossy(value.as_bytes());
    let tail: String = text.chars().skip(text.chars().count().saturating_sub(12)).collect();
    if tail.chars().count() == 12 {
        let printed = format!("{:?} {identity:?}", case.scheme());
        assert!(!printed.contains(&tail), "a credential is printed by Debug");
    }
}

async fn a_store_that_is_down_is_not_a_no(case: &dyn SchemeUnderTest, identity: &Identity) {
    let (Some(store), Some(memory)) = (case.store(), case.memory()) else { return };
    let (good, scheme, now) = (case.good(), case.scheme(), case.now());
    store.go_down();
    match good.ask(scheme, now).verdict().await {
        Verdict::Known(who) => assert_eq!(who, *identity, "what was remembered is known as before"),
        Verdict::Refused(why) => assert_unavailable(&why),
        Verdict::Absent => panic!("a store that is down makes no credential absent"),
    }
    memory.forget_all();
    match good.ask(scheme, now).verdict().await {
        Verdict::Refused(why) => assert_unavailable(&why),
        verdict => panic!("while the store is down nothing new is decided: {verdict:?}"),
    }
    store.come_back();
    let verdict = good.ask(scheme, now).verdict().await;
    assert_eq!(verdict, Verdict::Known(identity.clone()), "once the store is back, the credential is good again");
}

fn assert_unavailable(why: &Rejection) {
    assert_eq!(why.reason, Reason::Unavailable, "a store that is down is 503, not a no");
    assert!(why.retry_after.is_some(), "and says when to try again");
}

async fn at_its_end_it_is_dead(case: &dyn SchemeUnderTest, identity: &Identity) {
    let Some(end) = case.ends_at() else { return };
    let (good, scheme) = (case.good(), case.scheme());
    let forget = || case.memory().iter().for_each(|memory| memory.forget_all());
    forget();
    // Time runs forward here: a scheme may drop for good what it finds dead.
    let verdict = good.ask(scheme, end - Duration::from_millis(1)).verdict().await;
    let alive = matches!(&verdict, Verdict::Known(who) if who.subject() == identity.subject());
    assert!(alive, "just before its end a credential is good: {verdict:?}");
    for from in ["memory", "the store"] {
        match good.ask(scheme, end).verdict().await {
            Verdict::Refused(why) => assert_refused(case, &why),
            verdict => panic!("at exactly its end a credential is dead, from {from} too: {verdict:?}"),
        }
        forget();
    }
}

async fn an_account_out_of_use_is_refused(case: &dyn SchemeUnderTest, identity: &Identity) {
    let (Some(store), Some(memory), Some(account)) = (case.store(), case.memory(), case.account()) else { return };
    assert_eq!(identity.account(), Some(account), "the identity is the account whose credential it is");
    let (good, scheme, now) = (case.good(), case.scheme(), case.now());
    let set = |state| store.change_account(account, |account| account.state = state);
    let refused =
        |verdict: &Verdict| matches!(verdict, Verdict::Refused(why) if why.reason.class() == Class::BadCredential);
    // A store is asked, the account changes, then the answer comes: that request may still be let in.
    memory.forget_all();
    store.hold_answers();
    let mut step = good.ask(scheme, now);
    if let Step::Ask(pending) = &mut step {
        let waits = pending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        assert!(waits, "a credential that was forgotten is looked up");
    }
    set(AccountState::Disabled);
    memory.forget_account(account);
    store.release_answers();
    step.verdict().await;
    let verdict = good.ask(scheme, now).verdict().await;
    assert!(refused(&verdict), "what was read before a change is not remembered after it: {verdict:?}");
    set(AccountState::Active);
    memory.forget_all();
    let verdict = good.ask(scheme, now).verdict().await;
    assert_eq!(verdict, Verdict::Known(identity.clone()), "an account that is active again is good again");
    set(AccountState::Disabled);
    memory.forget_account(account);
    for _ in 0..2 {
        let verdict = good.ask(scheme, now).verdict().await;
        assert!(refused(&verdict), "an account out of use is refused: {verdict:?}");
    }
}

/// Numbers that are the same in each run (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % limit.max(1)
    }

    fn byte(&mut self) -> u8 {
        let [.., byte] = self.next().to_be_bytes();
        byte
    }
}

const RANDOM: usize = 2_000;
/// Few, for each may cost a password hash.
const CHANGED: usize = 60;
