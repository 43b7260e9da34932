//! A suite that cannot fail says nothing: each of these breaks one rule.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, HeaderValue};

use super::*;
use crate::store::{Account, Accounts, Answer, ApiToken, ApiTokens, Blacklist, OpenSession, Opened, Session, Sessions};
use crate::{
    AccountId, Carrier, Credential, CredentialKind, Digest, DigestKey, Forget, Head, Identity, Known, Reason,
    Rejection, Scheme, Secret, Step, Subject, Verdict,
};

/// What a [`Flawed`] scheme gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    AbsentWhenMalformed,
    AlwaysAsks,
    BlamesAnother,
    DeadALittleLate,
    IgnoresTickets,
    KeepsWhatItKnew,
    NoWhenDown,
    None,
    PrintsTheCredential,
    SilentChallenge,
    TakesAnything,
}

/// Asks a [`TestStore`] for its account 1 by `x-key`, and gets one thing wrong.
struct Flawed {
    flaw: Flaw,
    store: Arc<TestStore>,
    memory: Arc<Known<Identity>>,
    key: DigestKey,
}

const KEY: &str = "a-rather-long-key";

impl std::fmt::Debug for Flawed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = if self.flaw == Flaw::PrintsTheCredential { KEY } else { "[redacted]" };
        f.debug_struct("Flawed").field("key", &key).finish_non_exhaustive()
    }
}

fn end() -> SystemTime {
    Sample::now() + Duration::from_secs(9)
}

impl Scheme for Flawed {
    fn id(&self) -> &'static str {
        "flawed"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(HeaderName::from_static("x-key"))
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let Some(key) = head.headers.get("x-key") else { return Step::ABSENT };
        let by = if self.flaw == Flaw::BlamesAnother { "gate" } else { "flawed" };
        let malformed = key.is_empty();
        if malformed && self.flaw == Flaw::AbsentWhenMalformed {
            return Step::ABSENT;
        }
        if malformed || (key != KEY && self.flaw != Flaw::TakesAnything) {
            return Step::refused(Rejection::new(Reason::Malformed, by));
        }
        let late = Duration::from_millis(u64::from(self.flaw == Flaw::DeadALittleLate));
        if head.now >= end() + late {
            return Step::refused(Rejection::new(Reason::Expired, by));
        }
        let digest = self.key.digest(&[key.as_bytes()]);
        if self.flaw != Flaw::AlwaysAsks
            && let Some(identity) = self.memory.find(&digest, Sample::now())
        {
            return Step::Done(Verdict::Known(identity));
        }
        let ticket = self.memory.ticket();
        let (flaw, store, memory, other) = (self.flaw, self.store.clone(), self.memory.clone(), key != KEY);
        Step::ask(async move {
            let account = match store.account(AccountId(1)).await {
                Ok(Some(account)) if account.is_active() => account,
                Ok(_) => return Verdict::Refused(Rejection::new(Reason::Disabled, by)),
                Err(_down) if flaw == Flaw::NoWhenDown => {
                    return Verdict::Refused(Rejection::new(Reason::Unknown, by));
                }
                Err(_down) => {
                    let wait = Duration::from_secs(1);
                    return Verdict::Refused(Rejection::new(Reason::Unavailable, by).after(wait));
                }
            };
            let id = if other { AccountId(99) } else { account.id };
            let credential = Credential::new(CredentialKind::Other, "key");
            let identity = Identity::new(Subject::Account(id), account.name, "flawed", credential);
            let ticket = if flaw == Flaw::IgnoresTickets { memory.ticket() } else { ticket };
            memory.remember(ticket, digest, Some(id), "key", identity.clone(), Sample::now(), end() + STEP);
            Verdict::Known(identity)
        })
    }

    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        let heard = self.flaw != Flaw::SilentChallenge || why.reason != Reason::Missing;
        heard.then(|| HeaderValue::from_static("Key"))
    }
}

const STEP: Duration = Duration::from_secs(9);

/// A memory that keeps what it knows of an account.
#[derive(Debug)]
struct Stubborn(Arc<Known<Identity>>);

impl Forget for Stubborn {
    fn forget_account(&self, _account: AccountId) {
        self.0.forget_credential("another");
    }
    fn forget_credential(&self, id: &str) {
        self.0.forget_credential(id);
    }
    fn forget_all(&self) {
        self.0.forget_all();
    }
}

impl SchemeUnderTest for Flawed {
    fn scheme(&self) -> &dyn Scheme {
        self
    }
    fn good(&self) -> Sample {
        Sample::new().header("x-key", KEY)
    }
    fn malformed(&self) -> Vec<Sample> {
        vec![Sample::new().header("x-key", "")]
    }
    fn ends_at(&self) -> Option<SystemTime> {
        Some(end())
    }
    fn challenge_word(&self) -> Option<&str> {
        Some("Key")
    }
    fn memory(&self) -> Option<Arc<dyn Forget>> {
        if self.flaw == Flaw::KeepsWhatItKnew {
            return Some(Arc::new(Stubborn(self.memory.clone())));
        }
        Some(self.memory.clone())
    }
    fn store(&self) -> Option<&TestStore> {
        Some(&self.store)
    }
    fn account(&self) -> Option<AccountId> {
        Some(AccountId(1))
    }
}

fn run(flaw: Flaw) {
    let store = TestStore::new();
    store.put_account("rider", None, None);
    block_on(scheme_conformance(&Flawed {
        flaw,
        store,
        memory: Arc::new(Known::new(100_000)),
        key: DigestKey::random(),
    }));
}

#[test]
fn a_scheme_without_flaw_conforms() {
    run(Flaw::None);
}

#[test]
#[should_panic(expected = "a malformed credential must be refused at once")]
fn absent_when_malformed_is_found() {
    run(Flaw::AbsentWhenMalformed);
}

#[test]
#[should_panic(expected = "known at once")]
fn asking_each_time_is_found() {
    run(Flaw::AlwaysAsks);
}

#[test]
#[should_panic(expected = "a rejection names its scheme")]
fn blaming_another_is_found() {
    run(Flaw::BlamesAnother);
}

#[test]
#[should_panic(expected = "at exactly its end a credential is dead")]
fn dying_late_is_found() {
    run(Flaw::DeadALittleLate);
}

#[test]
#[should_panic(expected = "an account out of use is refused")]
fn a_memory_that_keeps_too_much_is_found() {
    run(Flaw::KeepsWhatItKnew);
}

#[test]
#[should_panic(expected = "what was read before a change is not remembered after it")]
fn remembering_what_is_stale_is_found() {
    run(Flaw::IgnoresTickets);
}

#[test]
#[should_panic(expected = "a store that is down is 503")]
fn a_no_while_the_store_is_down_is_found() {
    run(Flaw::NoWhenDown);
}

#[test]
#[should_panic(expected = "a credential is printed by Debug")]
fn a_printed_credential_is_found() {
    run(Flaw::PrintsTheCredential);
}

#[test]
#[should_panic(expected = "a 401 names the scheme's challenge")]
fn a_missing_challenge_is_found() {
    run(Flaw::SilentChallenge);
}

#[test]
#[should_panic(expected = "another identity by chance")]
fn taking_anything_is_found() {
    run(Flaw::TakesAnything);
}

/// What a store gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    ForgetsUnwritten,
    IgnoresScheme,
    KeepsRevoked,
    None,
    UpgradesAnyway,
}

#[derive(Debug)]
struct Faulty {
    fault: Fault,
    store: Arc<TestStore>,
}

impl Accounts for Faulty {
    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>> {
        self.store.account(id)
    }
    fn account_by_login<'a>(&'a self, login: &'a crate::Login) -> Answer<'a, Option<Account>> {
        self.store.account_by_login(login)
    }
    fn upgrade_password<'a>(&'a self, id: AccountId, from: &'a Secret, to: &'a Secret) -> Answer<'a, ()> {
        if self.fault == Fault::UpgradesAnyway {
            self.store.change_account(id, |account| account.password = Some(to.clone()));
        }
        self.store.upgrade_password(id, from, to)
    }
}

impl ApiTokens for Faulty {
    fn api_token<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(ApiToken, Account)>> {
        self.store.api_token(id)
    }
    fn note_token_use(&self, id: &str, at: SystemTime, client: Option<IpAddr>) {
        self.store.note_token_use(id, at, client);
    }
}

impl Sessions for Faulty {
    fn open_session(&self, mut request: OpenSession) -> Answer<'_, Opened> {
        if self.fault == Fault::ForgetsUnwritten {
            request.unwritten.clear();
        }
        self.store.open_session(request)
    }
    fn session<'a>(&'a self, scheme: &'a str, digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>> {
        let scheme = if self.fault == Fault::IgnoresScheme { "lp" } else { scheme };
        self.store.session(scheme, digest)
    }
    fn close_session<'a>(&'a self, id: &'a str) -> Answer<'a, Option<AccountId>> {
        self.store.close_session(id)
    }
    fn note_session_use(&self, id: &str, at: SystemTime) {
        self.store.note_session_use(id, at);
    }
}

impl StoreFixture for Faulty {
    fn accounts(&self) -> &dyn Accounts {
        self
    }
    fn api_tokens(&self) -> &dyn ApiTokens {
        self
    }
    fn sessions(&self) -> &dyn Sessions {
        self
    }
    fn blacklist(&self) -> &dyn Blacklist {
        &*self.store
    }
    fn create_account<'a>(
        &'a self,
        name: &'a str,
        email: Option<&'a str>,
        password: Option<&'a Secret>,
    ) -> Answer<'a, Account> {
        Box::pin(async move { Ok(self.store.put_account(name, email, password.cloned())) })
    }
    fn delete_account(&self, id: AccountId) -> Answer<'_, ()> {
        Box::pin(async move {
            self.store.remove_account(id);
            Ok(())
        })
    }
    fn issue_token(&self, token: ApiToken) -> Answer<'_, ()> {
        Box::pin(async move {
            self.store.put_token(token);
            Ok(())
        })
    }
    fn revoke_token<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            if self.fault != Fault::KeepsRevoked {
                self.store.remove_token(id);
            }
            Ok(())
        })
    }
}

fn run_store(fault: Fault) {
    block_on(store_conformance(&Faulty { fault, store: TestStore::new() }));
}

#[test]
fn the_test_store_conforms() {
    run_store(Fault::None);
}

#[test]
#[should_panic(expected = "what memory knows to be in use is live")]
fn a_store_that_sweeps_sessions_in_use_is_found() {
    run_store(Fault::ForgetsUnwritten);
}

#[test]
#[should_panic(expected = "another scheme has no such token")]
fn a_store_that_mixes_schemes_is_found() {
    run_store(Fault::IgnoresScheme);
}

#[test]
#[should_panic(expected = "a revoked token is not there")]
fn a_store_that_keeps_revoked_tokens_is_found() {
    run_store(Fault::KeepsRevoked);
}

#[test]
#[should_panic(expected = "a form that is no longer there is not replaced")]
fn a_store_that_overwrites_a_newer_password_is_found() {
    run_store(Fault::UpgradesAnyway);
}
