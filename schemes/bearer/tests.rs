use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::*;
use crate::AccountId;
use crate::store::AccountState;
use crate::testing::{Sample, SchemeUnderTest, TestStore, block_on, scheme_conformance};

struct Case {
    store: Arc<TestStore>,
    account: AccountId,
    bearer: Bearer,
    header: &'static str,
    good: String,
    id: Arc<str>,
}

fn ends_at() -> SystemTime {
    Sample::now() + Duration::from_secs(200)
}

fn case_with(header: &'static str, settings: BearerSettings) -> Case {
    let store = TestStore::new();
    let account = store.put_account("rider", None, None).id;
    let new = store.add_token(account, "points:read points:write".parse().unwrap(), Some(ends_at()));
    let word = if header == "authorization" { "Bearer " } else { "" };
    let good = format!("{word}{}", new.text.expose_text().unwrap());
    Case { bearer: Bearer::new(settings, store.clone()), store, account, header, good, id: new.id }
}

fn case() -> Case {
    case_with("authorization", BearerSettings::new("api"))
}

impl Case {
    fn sample(&self, value: impl AsRef<[u8]>) -> Sample {
        Sample::new().header(self.header, value)
    }

    fn ask(&self, value: impl AsRef<[u8]>, now: SystemTime) -> Verdict {
        block_on(self.sample(value).ask(&self.bearer, now).verdict())
    }

    fn known(&self) -> Identity {
        match self.ask(&self.good, Sample::now()) {
            Verdict::Known(identity) => identity,
            verdict => panic!("{verdict:?}"),
        }
    }

    fn challenge(&self, why: &Rejection) -> String {
        self.bearer.challenge(why).unwrap().to_str().unwrap().to_owned()
    }
}

impl SchemeUnderTest for Case {
    fn scheme(&self) -> &dyn Scheme {
        &self.bearer
    }

    fn good(&self) -> Sample {
        self.sample(&self.good)
    }

    fn malformed(&self) -> Vec<Sample> {
        let mut values = vec![format!("{}x", self.good), format!("{}, {}", self.good, self.good)];
        values.extend([format!("{} x", self.good), format!("{}\"", self.good)]);
        if self.header == "authorization" {
            values.extend(
                ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", "Bearer \"a\"", "Bearer tg_"].map(Into::into),
            );
        }
        let mut samples: Vec<_> = values.iter().map(|value| self.sample(value)).collect();
        samples.push(self.sample(&self.good).header(self.header, &self.good));
        samples
    }

    fn wrong(&self) -> Vec<Sample> {
        let never = NewToken::random();
        let word = if self.header == "authorization" { "Bearer " } else { "" };
        vec![self.sample(format!("{word}{}", never.text.expose_text().unwrap()))]
    }

    fn foreign(&self) -> Vec<Sample> {
        let token = self.good.trim_start_matches("Bearer ");
        let mut samples = vec![
            Sample::new().query(format!("access_token={token}")),
            Sample::new().header("cookie", format!("access_token={token}")),
            Sample::new().header("x-elsewhere", &self.good),
        ];
        if self.header == "authorization" {
            samples.extend(["Basic dTpw", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "Token a", ""].map(|v| self.sample(v)));
        }
        samples
    }

    fn ends_at(&self) -> Option<SystemTime> {
        Some(ends_at())
    }

    fn challenge_word(&self) -> Option<&str> {
        (self.header == "authorization").then_some("Bearer")
    }

    fn memory(&self) -> Option<Arc<dyn Forget>> {
        Some(self.bearer.memory())
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
fn brt_07_conforms_in_a_header_of_its_own_and_looks_nowhere_else() {
    let settings = BearerSettings::new("api").in_header(HeaderName::from_static("x-api-token"));
    block_on(scheme_conformance(&case_with("x-api-token", settings)));
}

#[test]
fn an_identity_is_the_token_s_account_with_what_both_have() {
    let case = case();
    case.store.change_account(case.account, |account| account.grants = "points:read account:admin".parse().unwrap());
    let identity = case.known();
    assert_eq!((identity.account(), identity.name()), (Some(case.account), "rider"));
    assert_eq!(identity.grants().to_string(), "points:read");
    assert_eq!((identity.credential().kind, &*identity.credential().id), (crate::CredentialKind::ApiToken, &*case.id));
    assert_eq!(identity.expires_at(), Some(ends_at()));
}

#[test]
fn brt_04_a_mistyped_token_is_refused_without_asking_the_store() {
    let case = case();
    for place in "Bearer tg_".len()..case.good.len() {
        let mut typed = case.good.clone().into_bytes();
        typed[place] = if typed[place] == b'0' { b'O' } else { b'0' };
        let Verdict::Refused(why) = case.ask(&typed, Sample::now()) else { panic!("{place}") };
        assert_eq!(why, Rejection::new(Reason::Malformed, "api"));
    }
    for place in "Bearer ".len().."Bearer tg_".len() {
        let mut typed = case.good.clone().into_bytes();
        typed[place] = b'x';
        assert_eq!(case.ask(&typed, Sample::now()), Verdict::Absent);
    }
    assert_eq!(case.store.asked(), 0);
}

#[test]
fn brt_09_expired_revoked_and_never_issued_get_one_answer() {
    let case = case();
    let answer = |verdict| match verdict {
        Verdict::Refused(why) => (why.reason.class(), why.by, why.retry_after, case.challenge(&why)),
        verdict => panic!("{verdict:?}"),
    };
    let expired = answer(case.ask(&case.good, ends_at()));
    case.store.change_account(case.account, |account| account.state = AccountState::Unconfirmed);
    let disabled = answer(case.ask(&case.good, Sample::now()));
    case.store.remove_token(&case.id);
    let revoked = answer(case.ask(&case.good, Sample::now()));
    let never = NewToken::random();
    let never = answer(case.ask(format!("Bearer {}", never.text.expose_text().unwrap()), Sample::now()));
    assert_eq!(
        expired,
        (Class::BadCredential, "api", None, "Bearer realm=\"trackgate\", error=\"invalid_token\"".into())
    );
    assert!([disabled, revoked, never].iter().all(|other| *other == expired));
}

#[test]
fn a_token_of_a_known_id_with_another_secret_is_refused() {
    let case = case();
    let mut stored = block_on(case.store.api_token(&case.id)).unwrap().unwrap().0;
    stored.digest = NewToken::random().digest;
    case.store.put_token(stored);
    assert!(matches!(case.ask(&case.good, Sample::now()), Verdict::Refused(why) if why.reason == Reason::Unknown));
}

#[test]
fn brt_10_a_token_is_dead_at_exactly_the_end_also_from_memory() {
    let case = case();
    let just_before = ends_at() - Duration::from_secs(1);
    assert!(matches!(case.ask(&case.good, just_before), Verdict::Known(_)));
    for now in [ends_at(), ends_at() + Duration::from_secs(1)] {
        let Verdict::Refused(why) = case.ask(&case.good, now) else { panic!() };
        assert_eq!(why.reason, Reason::Expired);
    }
    let identity = case.known();
    let late = case.sample(&case.good).show(ends_at(), |head| case.bearer.accept(&identity, head));
    assert_eq!(late, Err(Rejection::new(Reason::Expired, case.bearer.id()).into()));
}

#[test]
fn brt_15_a_use_is_noted_once_for_each_step() {
    let case = case();
    let identity = case.known();
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let sample = case.sample(&case.good).client(client);
    let accept = |now| sample.show(now, |head| case.bearer.accept(&identity, head)).unwrap();
    assert!(case.store.token_uses().is_empty(), "being known is not a use");
    for n in 0..10_000 {
        accept(Sample::now() + Duration::from_millis(6 * n));
    }
    assert_eq!(case.store.token_uses(), [(Arc::clone(&case.id), Sample::now(), Some(client))]);
    let endless = identity.with_expiry(None);
    for seconds in [299, 300, 301, 599, 600] {
        let now = Sample::now() + Duration::from_secs(seconds);
        sample.show(now, |head| case.bearer.accept(&endless, head)).unwrap();
    }
    assert_eq!(case.store.token_uses().len(), 3);
}

#[test]
fn brt_15_of_many_uses_at_once_one_is_noted() {
    let case = case();
    let identity = case.known();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let good = case.good();
                    good.show(Sample::now(), |head| case.bearer.accept(&identity, head)).unwrap();
                }
            });
        }
    });
    assert_eq!(case.store.token_uses().len(), 1);
}

#[test]
fn rev_15_a_token_is_forgotten_when_it_or_its_account_changes() {
    let case = case();
    case.known();
    let asked = case.store.asked();
    case.known();
    assert_eq!(case.store.asked(), asked, "remembered");
    case.store.remove_token(&case.id);
    case.bearer.memory().forget_credential(&case.id);
    assert!(matches!(case.ask(&case.good, Sample::now()), Verdict::Refused(_)));
}

#[test]
fn memory_ends_after_its_time() {
    let case = case_with("authorization", BearerSettings::new("api").with_memory(Duration::from_secs(10), 100));
    case.known();
    case.store.remove_token(&case.id);
    assert!(matches!(case.ask(&case.good, Sample::now() + Duration::from_secs(9)), Verdict::Known(_)));
    assert!(matches!(case.ask(&case.good, Sample::now() + Duration::from_secs(10)), Verdict::Refused(_)));
}

#[test]
fn brt_02_brt_03_and_brt_05_challenges_as_rfc_6750_has_them() {
    let settings = BearerSettings::new("api").with_realm("sessions".parse().unwrap());
    let settings = settings.with_scope("sessions:write".parse().unwrap(), "write").unwrap();
    let case = case_with("authorization", settings);
    let missing = Rejection::new(Reason::Missing, "gate");
    assert_eq!(case.challenge(&missing), "Bearer realm=\"sessions\"");
    for (by, expected) in
        [("api", "Bearer realm=\"sessions\", error=\"invalid_token\""), ("basic", "Bearer realm=\"sessions\"")]
    {
        assert_eq!(case.challenge(&Rejection::new(Reason::Unknown, by)), expected);
        assert_eq!(case.challenge(&Rejection::new(Reason::Malformed, by)), expected);
    }
    let grant = Rejection::new(Reason::Grant, "grant");
    for (wanted, scope) in [
        ("sessions:write", ", scope=\"write\""),
        ("points:read sessions:write", ", scope=\"points:read write\""),
        ("", ""),
    ] {
        let expected = format!("Bearer realm=\"sessions\", error=\"insufficient_scope\"{scope}");
        assert_eq!(case.challenge(&grant.clone().wanting(wanted.parse().unwrap())), expected);
    }
    assert_eq!(case.bearer.challenge(&Rejection::new(Reason::Unavailable, "api")), None);
    for word in ["", "a b", "a\"", "a\\", "\u{e4}"] {
        let refused = BearerSettings::new("api").with_scope("a:b".parse().unwrap(), word);
        assert_eq!(refused.err(), Some(ScopeError), "{word}");
    }
}

#[test]
fn the_header_names_its_carrier() {
    assert_eq!(case().bearer.carrier(), Carrier::Header(AUTHORIZATION));
}
