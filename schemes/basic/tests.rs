#![expect(clippy::string_slice, reason = "a token is ASCII")]

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::store::AccountState;
use crate::testing::{Occupied, Sample, SchemeUnderTest, TestStore, block_on, scheme_conformance};
use crate::{AccountId, Admission, Attempt, GuessGuard, HashPool, NoGuard, Outcome, password};

/// Hashed once for all tests.
static STORED: LazyLock<Secret> = LazyLock::new(|| password::hash(&Secret::from("open:sesame")));

struct Case {
    store: Arc<TestStore>,
    account: AccountId,
    basic: Basic,
}

fn case_with(settings: BasicSettings, guard: Arc<dyn GuessGuard>) -> Case {
    let store = TestStore::new();
    let account = store.put_account("Rider", Some("rider@example.org"), Some(STORED.clone())).id;
    let sign_in = SignIn::new(store.clone(), guard, HashPool::new(1, 100));
    Case { basic: Basic::new(settings, sign_in, store.clone()), store, account }
}

fn case() -> Case {
    case_with(BasicSettings::new("basic"), Arc::new(NoGuard))
}

fn sample(pair: impl AsRef<[u8]>) -> Sample {
    Sample::new().header("authorization", format!("Basic {}", STANDARD.encode(pair)))
}

impl Case {
    fn ask(&self, pair: impl AsRef<[u8]>, now: SystemTime) -> Verdict {
        block_on(sample(pair).ask(&self.basic, now).verdict())
    }

    fn known(&self, pair: &str) -> Identity {
        match self.ask(pair, Sample::now()) {
            Verdict::Known(identity) => identity,
            verdict => panic!("{pair}: {verdict:?}"),
        }
    }

    fn refused(&self, pair: impl AsRef<[u8]>) -> Reason {
        match self.ask(pair, Sample::now()) {
            Verdict::Refused(why) => why.reason,
            verdict => panic!("{verdict:?}"),
        }
    }

    fn token(&self, grants: &str) -> String {
        let new = self.store.add_token(self.account, grants.parse().unwrap(), None);
        new.text.expose_text().unwrap().to_owned()
    }
}

impl SchemeUnderTest for Case {
    fn scheme(&self) -> &dyn Scheme {
        &self.basic
    }

    fn good(&self) -> Sample {
        sample("rider:open:sesame")
    }

    fn malformed(&self) -> Vec<Sample> {
        let header = |value: &str| Sample::new().header("authorization", value);
        let good = "Basic cmlkZXI6b3BlbjpzZXNhbWU=";
        let mut samples = vec![sample("rider"), sample(":x"), sample("x:"), sample("a\nb:c"), sample(b"a\xff:b")];
        samples.extend(["Basic", "Basic ", "Basic cmlkZXI6b3BlbjpzZXNhbWU", "Basic a b", "Basic !"].map(header));
        samples.extend([header(&format!("{good} x")), header(&format!("{good},{good}"))]);
        samples.push(header(good).header("authorization", good));
        samples.push(sample(format!("rider:{}", "x".repeat(6200))));
        samples
    }

    fn wrong(&self) -> Vec<Sample> {
        ["rider:open:sesamf", "nobody:open:sesame", "a b:open:sesame", "rider:Open:sesame"].map(sample).into()
    }

    fn foreign(&self) -> Vec<Sample> {
        ["Bearer tg_x", "Digest username=\"rider\"", "Token rider:open:sesame", "cmlkZXI6b3BlbjpzZXNhbWU="]
            .map(|value| Sample::new().header("authorization", value))
            .into()
    }

    fn challenge_word(&self) -> Option<&str> {
        Some("Basic")
    }

    fn memory(&self) -> Option<Arc<dyn Forget>> {
        Some(self.basic.memory())
    }

    fn store(&self) -> Option<&TestStore> {
        Some(&self.store)
    }

    fn account(&self) -> Option<AccountId> {
        Some(self.account)
    }
}

#[test]
fn conforms() {
    block_on(scheme_conformance(&case()));
}

#[test]
fn conforms_with_an_api_token_as_password() {
    struct WithToken(Case, String);
    impl SchemeUnderTest for WithToken {
        fn scheme(&self) -> &dyn Scheme {
            self.0.scheme()
        }
        fn good(&self) -> Sample {
            sample(format!("rider:{}", self.1))
        }
        fn malformed(&self) -> Vec<Sample> {
            vec![sample(format!("rider:{}x", self.1)), sample(format!("rider:{}", &self.1.replace("tg_", "tg_0")))]
        }
        fn challenge_word(&self) -> Option<&str> {
            Some("Basic")
        }
        fn memory(&self) -> Option<Arc<dyn Forget>> {
            self.0.memory()
        }
        fn store(&self) -> Option<&TestStore> {
            self.0.store()
        }
        fn account(&self) -> Option<AccountId> {
            Some(self.0.account)
        }
    }
    let case = case();
    let token = case.token("points:read");
    block_on(scheme_conformance(&WithToken(case, token)));
}

#[test]
fn bas_01_the_challenge_names_realm_and_charset() {
    let challenge =
        |settings| case_with(settings, Arc::new(NoGuard)).basic.challenge(&Rejection::new(Reason::Missing, "gate"));
    let realm = "Protected".parse().unwrap();
    assert_eq!(challenge(BasicSettings::new("b")).unwrap(), "Basic realm=\"trackgate\", charset=\"UTF-8\"");
    let settings = BasicSettings::new("b").with_realm(realm).without_charset();
    assert_eq!(challenge(settings).unwrap(), "Basic realm=\"Protected\"");
    assert_eq!(case().basic.challenge(&Rejection::new(Reason::Grant, "grant")), None);
}

#[test]
fn bas_02_a_password_may_hold_colons() {
    let identity = case().known("rider:open:sesame");
    assert_eq!((identity.name(), identity.scheme()), ("Rider", "basic"));
    assert_eq!((identity.credential().kind, &*identity.credential().id), (CredentialKind::Password, "1"));
    assert!(identity.expires_at().is_none() && identity.grants().to_string() == "*");
}

#[test]
fn bas_04_an_account_without_password_is_not_opened_by_the_empty_one() {
    let case = case();
    case.store.put_account("empty", None, Some(password::hash(&Secret::from(""))));
    case.store.put_account("none", None, None);
    for pair in ["empty:", "none:", ":", ":open:sesame"] {
        assert_eq!(case.refused(pair), Reason::WrongSecret, "{pair}");
    }
    assert_eq!(case.store.asked(), 0);
    assert_eq!(case.refused("none:none"), Reason::Unknown);
}

#[test]
fn bas_07_other_spellings_of_a_name_are_the_same_account() {
    let case = case();
    let zoe = case.store.put_account("Zo\u{eb}", None, Some(STORED.clone()));
    for name in ["zo\u{eb}", "ZO\u{cb}", "zoe\u{308}"] {
        let identity = case.known(&format!("{name}:open:sesame"));
        assert_eq!((identity.account(), identity.name()), (Some(zoe.id), "Zo\u{eb}"), "{name}");
    }
    assert_eq!(case.known("rider@example.org:open:sesame").account(), Some(case.account));
}

#[test]
fn bas_09_the_scheme_word_is_matched_in_any_case() {
    let case = case();
    let good = STANDARD.encode("rider:open:sesame");
    for word in ["basic ", "BASIC ", "bAsIc   "] {
        let sample = Sample::new().header("authorization", format!("{word}{good}"));
        assert!(matches!(block_on(sample.ask(&case.basic, Sample::now()).verdict()), Verdict::Known(_)), "{word}");
    }
}

#[test]
fn bas_12_the_longest_password_is_checked_and_one_byte_more_is_not() {
    let case = case();
    let longest = "p".repeat(password::MAX_BYTES);
    case.store.put_account("long", None, Some(password::hash(&Secret::from(longest.as_str()))));
    case.known(&format!("long:{longest}"));
    let asked = case.store.asked();
    assert_eq!(case.refused(format!("long:{longest}p")), Reason::WrongSecret);
    assert_eq!(case.store.asked(), asked);
}

#[test]
fn bas_14_an_account_out_of_use_is_refused_like_a_wrong_password() {
    let case = case();
    case.store.change_account(case.account, |account| account.state = AccountState::Disabled);
    let (right, wrong) = (case.refused("rider:open:sesame"), case.refused("rider:wrong"));
    assert_eq!((right.class(), right.status()), (wrong.class(), wrong.status()));
    assert_eq!(right, Reason::Disabled);
}

#[test]
fn bas_15_an_api_token_works_for_its_account_with_its_grants_only() {
    let case = case();
    let token = case.token("points:read account:admin");
    for name in ["rider", "RIDER", "rider@example.org"] {
        let identity = case.known(&format!("{name}:{token}"));
        assert_eq!((identity.grants().to_string(), identity.name()), ("points:read".into(), "Rider"));
        assert_eq!(identity.credential().kind, CredentialKind::ApiToken);
    }
    case.store.put_account("other", None, None);
    for name in ["other", "nobody", "a b", "other@example.org"] {
        assert_eq!(case.refused(format!("{name}:{token}")), Reason::WrongSecret, "{name}");
    }
    let id = TokenText::parse(&token).unwrap().id().to_owned();
    case.store.remove_token(&id);
    case.basic.memory().forget_credential(&id);
    assert_eq!(case.refused(format!("rider:{token}")), Reason::Unknown);
}

#[test]
fn bas_15_a_mistyped_token_asks_no_store_and_a_short_one_is_a_password() {
    let case = case();
    let token = case.token("points:read");
    for typed in [format!("{token}x"), token.replace("tg_", "tg_0"), token.chars().take(50).collect()] {
        assert_eq!(case.refused(format!("rider:{typed}")), Reason::WrongSecret, "{typed}");
    }
    assert_eq!(case.store.asked(), 0);
    case.store.put_account("typist", None, Some(password::hash(&Secret::from("tg_my_password"))));
    case.known("typist:tg_my_password");
}

#[test]
fn api_tokens_can_be_kept_out() {
    let case = case_with(BasicSettings::new("basic").without_api_tokens(), Arc::new(NoGuard));
    let token = case.token("points:read");
    assert_eq!(case.refused(format!("rider:{token}")), Reason::WrongSecret);
}

#[test]
fn a_token_used_as_password_is_noted_in_steps() {
    let case = case();
    let pair = format!("rider:{}", case.token("points:read"));
    let (by_token, by_password) = (case.known(&pair), case.known("rider:open:sesame"));
    for identity in [&by_token, &by_token, &by_password] {
        sample(&pair).show(Sample::now(), |head| case.basic.accept(identity, head)).unwrap();
    }
    assert_eq!(case.store.token_uses().len(), 1);
}

#[test]
fn bas_16_an_old_password_is_refused_once_its_account_was_changed() {
    let case = case();
    case.known("rider:open:sesame");
    case.store.change_account(case.account, |account| account.password = Some(password::hash(&Secret::from("new"))));
    case.basic.memory().forget_account(case.account);
    assert_eq!(case.refused("rider:open:sesame"), Reason::WrongSecret);
    case.known("rider:new");
}

#[test]
fn a_verified_pair_is_remembered_from_its_verification_on() {
    let case = case_with(BasicSettings::new("basic").with_memory(Duration::from_mins(1), 10), Arc::new(NoGuard));
    case.known("rider:open:sesame");
    case.store.change_account(case.account, |account| account.password = None);
    let asked = case.store.asked();
    for seconds in [0, 30, 59] {
        let now = Sample::now() + Duration::from_secs(seconds);
        assert!(matches!(case.ask("rider:open:sesame", now), Verdict::Known(_)), "{seconds}");
    }
    assert_eq!(case.store.asked(), asked);
    let over = case.ask("rider:open:sesame", Sample::now() + Duration::from_mins(1));
    assert!(matches!(over, Verdict::Refused(_)), "uses in between do not prolong it");
}

/// Admits three attempts and keeps what it was told.
#[derive(Debug, Default)]
struct Three(Mutex<Vec<(String, Option<Outcome>)>>);

impl GuessGuard for Three {
    fn admit(&self, account: &str, client: Option<std::net::IpAddr>, _now: SystemTime) -> Admission {
        let mut told = self.0.lock().unwrap();
        told.push((account.to_owned(), None));
        if told.len() > 3 {
            return Admission::Locked { retry_after: Duration::from_secs(30) };
        }
        Admission::Admitted(Attempt::new(account, client))
    }

    fn settle(&self, _attempt: Attempt, outcome: Outcome, _now: SystemTime) {
        let mut told = self.0.lock().unwrap();
        if let Some(open) = told.iter_mut().find(|(_, outcome)| outcome.is_none()) {
            open.1 = Some(outcome);
        }
    }
}

#[test]
fn rlk_01_while_locked_the_right_password_is_refused_with_the_time_to_wait() {
    let guard = Arc::new(Three::default());
    let case = case_with(BasicSettings::new("basic"), guard.clone());
    for pair in ["RIDER:a", "rider:b", "rider@example.org:c"] {
        assert_eq!(case.refused(pair), Reason::WrongSecret);
    }
    let Verdict::Refused(locked) = case.ask("rider:open:sesame", Sample::now()) else { panic!() };
    assert_eq!((locked.reason, locked.retry_after), (Reason::Locked, Some(Duration::from_secs(30))));
    let told = guard.0.lock().unwrap();
    assert!(told.iter().all(|(account, _)| account == "rider"), "one name for all spellings: {told:?}");
    assert!(told.iter().take(3).all(|(_, outcome)| *outcome == Some(Outcome::Wrong)));
}

#[test]
fn a_pair_that_many_bring_at_once_is_hashed_once() {
    let guard = Arc::new(Three::default());
    let store = TestStore::new();
    store.put_account("Rider", None, Some(STORED.clone()));
    let pool = HashPool::new(1, 1);
    let busy = Occupied::thread_of(&pool);
    let basic = Basic::new(BasicSettings::new("basic"), SignIn::new(store.clone(), guard.clone(), pool), store);
    let mut waiting: Vec<_> = (0..64)
        .map(|_| match sample("rider:open:sesame").ask(&basic, Sample::now()) {
            Step::Ask(verdict) => verdict,
            Step::Done(verdict) => panic!("{verdict:?}"),
        })
        .collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for each in &mut waiting {
        assert!(each.as_mut().poll(&mut context).is_pending());
    }
    block_on(busy.let_go());
    for each in waiting {
        let verdict = block_on(each);
        assert!(matches!(verdict, Verdict::Known(_)), "{verdict:?}");
    }
    let decided = guard.0.lock().unwrap().iter().filter(|(_, outcome)| *outcome == Some(Outcome::Right)).count();
    assert_eq!(decided, 1);
}

#[test]
fn a_remembered_pair_is_no_guess() {
    let guard = Arc::new(Three::default());
    let case = case_with(BasicSettings::new("basic"), guard.clone());
    for _ in 0..10 {
        case.known("rider:open:sesame");
    }
    assert_eq!(guard.0.lock().unwrap().len(), 1);
}

#[test]
fn rlk_01_what_one_network_may_is_no_answer_to_a_guess_from_another() {
    let case = case_with(BasicSettings::new("basic"), Arc::new(Three::default()));
    let from = |client: &str, pair: &str| {
        let sample = sample(pair).client(client.parse().unwrap());
        block_on(sample.ask(&case.basic, Sample::now()).verdict())
    };
    assert!(matches!(from("2001:db8::1", "rider:open:sesame"), Verdict::Known(_)));
    assert!(matches!(from("2001:db8:0:1::1", "rider:a"), Verdict::Refused(_)));
    assert!(matches!(from("192.0.2.1", "rider:b"), Verdict::Refused(_)));
    for stranger in ["2001:db8:0:1::1", "192.0.2.1", "::ffff:192.0.2.1", "2001:db9::1"] {
        let Verdict::Refused(why) = from(stranger, "rider:open:sesame") else { panic!("{stranger}") };
        assert_eq!(why.reason, Reason::Locked, "{stranger}");
    }
    for owner in ["2001:db8::1", "2001:db8::2:3:4:5"] {
        assert!(matches!(from(owner, "rider:open:sesame"), Verdict::Known(_)), "{owner}");
    }
}

#[test]
fn log_05_nothing_prints_a_password_or_a_token() {
    let case = case();
    let token = case.token("points:read");
    case.known("rider:open:sesame");
    case.known(&format!("rider:{token}"));
    let pending = sample("rider:another secret").ask(&case.basic, Sample::now());
    let printed = format!("{:?} {:?} {pending:?}", case.basic, case.store);
    assert!(!printed.contains("sesame") && !printed.contains("another secret") && !printed.contains(&token[20..]));
    assert!(!printed.contains("$argon2"), "the stored form is a secret too");
}
