//! What every store that schemes ask must hold.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Sample;
use crate::bearer::NewToken;
use crate::store::{
    Account, Accounts, AddressRule, Answer, ApiToken, ApiTokens, Blacklist, Life, OpenSession, Opened, Session,
    Sessions,
};
use crate::{AccountId, Digest, Grants, Login, Secret};

/// An empty store, with the few writes that the ports of [`crate::store`] do not have.
///
/// ```
/// use std::sync::Arc;
///
/// use trackgate_schemes::store::{Account, Accounts, Answer, ApiToken, ApiTokens, Blacklist, Sessions};
/// use trackgate_schemes::testing::{StoreFixture, TestStore, block_on, store_conformance};
/// use trackgate_schemes::{AccountId, Secret};
///
/// struct Fixture(Arc<TestStore>);
///
/// impl StoreFixture for Fixture {
///     fn accounts(&self) -> &dyn Accounts { &*self.0 }
///     fn api_tokens(&self) -> &dyn ApiTokens { &*self.0 }
///     fn sessions(&self) -> &dyn Sessions { &*self.0 }
///     fn blacklist(&self) -> &dyn Blacklist { &*self.0 }
///
///     fn create_account<'a>(
///         &'a self,
///         name: &'a str,
///         email: Option<&'a str>,
///         password: Option<&'a Secret>,
///     ) -> Answer<'a, Account> {
///         Box::pin(async move { Ok(self.0.put_account(name, email, password.cloned())) })
///     }
///
///     fn delete_account(&self, id: AccountId) -> Answer<'_, ()> {
///         Box::pin(async move { Ok(self.0.remove_account(id)) })
///     }
///
///     fn issue_token(&self, token: ApiToken) -> Answer<'_, ()> {
///         Box::pin(async move { Ok(self.0.put_token(token)) })
///     }
///
///     fn revoke_token<'a>(&'a self, id: &'a str) -> Answer<'a, ()> {
///         Box::pin(async move { Ok(self.0.remove_token(id)) })
///     }
/// }
///
/// block_on(store_conformance(&Fixture(TestStore::new())));
/// ```
pub trait StoreFixture: Sync {
    /// The accounts.
    fn accounts(&self) -> &dyn Accounts;

    /// The API tokens.
    fn api_tokens(&self) -> &dyn ApiTokens;

    /// The sliding sessions.
    fn sessions(&self) -> &dyn Sessions;

    /// The signed tokens that were signed out.
    fn blacklist(&self) -> &dyn Blacklist;

    /// Makes an active account.
    fn create_account<'a>(
        &'a self,
        name: &'a str,
        email: Option<&'a str>,
        password: Option<&'a Secret>,
    ) -> Answer<'a, Account>;

    /// Deletes an account with everything that is its own.
    fn delete_account(&self, id: AccountId) -> Answer<'_, ()>;

    /// Stores an API token.
    fn issue_token(&self, token: ApiToken) -> Answer<'_, ()>;

    /// Revokes an API token.
    fn revoke_token<'a>(&'a self, id: &'a str) -> Answer<'a, ()>;

    /// Waits until what was only noted can be read.
    fn settle(&self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// Asserts what every store that schemes ask must hold. The fixture is empty before; all instants that it is
/// given are whole seconds.
///
/// # Panics
///
/// At the first rule that does not hold.
pub async fn store_conformance(fixture: &dyn StoreFixture) {
    accounts_are_found_by_every_spelling(fixture).await;
    a_password_is_upgraded_only_from_what_it_was(fixture).await;
    api_tokens_come_with_their_account_until_they_are_revoked(fixture).await;
    sessions_are_opened_found_and_closed(fixture).await;
    the_address_rule_holds(fixture).await;
    the_oldest_sessions_leave(fixture).await;
    signing_out_twice_is_one_effect(fixture).await;
    what_is_an_accounts_own_goes_with_it(fixture).await;
}

async fn account(fixture: &dyn StoreFixture, name: &str) -> Account {
    ok(fixture.create_account(name, None, None)).await
}

/// The answer of a store that is up.
async fn ok<T>(answer: Answer<'_, T>) -> T {
    match answer.await {
        Ok(answer) => answer,
        Err(error) => panic!("the store must answer: {error}"),
    }
}

async fn accounts_are_found_by_every_spelling(fixture: &dyn StoreFixture) {
    let password = Secret::from("$argon2id$…");
    let made = ok(fixture.create_account("Zo\u{eb}_1", Some("Zoe@Example.org"), Some(&password))).await;
    assert!(made.is_active(), "a new account is active");
    assert_eq!(made.password, Some(password), "the stored form comes back byte for byte");
    assert_eq!(&*made.name, "Zo\u{eb}_1", "the name comes back as it was registered");
    assert_eq!(ok(fixture.accounts().account(made.id)).await.as_ref(), Some(&made), "found by number");
    for typed in ["Zo\u{eb}_1", "zo\u{eb}_1", "ZO\u{cb}_1", "zoe\u{308}_1", "zoe@example.org", "ZOE@EXAMPLE.ORG"] {
        let login = Login::parse(typed).expect("a login");
        assert_eq!(ok(fixture.accounts().account_by_login(&login)).await.as_ref(), Some(&made), "found as {typed:?}");
    }
    for typed in ["zoe_1", "zo\u{eb}", "zo\u{eb}_12", "zoe@example.com", "%", "zo\u{eb}__"] {
        let login = Login::parse(typed).expect("a login");
        assert_eq!(ok(fixture.accounts().account_by_login(&login)).await, None, "nobody is {typed:?}");
    }
    assert_eq!(ok(fixture.accounts().account(AccountId(i64::MAX))).await, None, "no such number");
}

async fn a_password_is_upgraded_only_from_what_it_was(fixture: &dyn StoreFixture) {
    let (weak, strong) = (Secret::from("weak form"), Secret::from("strong form"));
    let made = ok(fixture.create_account("upgrade", None, Some(&weak))).await;
    let accounts = fixture.accounts();
    ok(accounts.upgrade_password(made.id, &strong, &Secret::from("never"))).await;
    let now = ok(accounts.account(made.id)).await.and_then(|account| account.password);
    assert_eq!(now, Some(weak.clone()), "a form that is no longer there is not replaced");
    ok(accounts.upgrade_password(made.id, &weak, &strong)).await;
    let now = ok(accounts.account(made.id)).await.expect("it is there");
    assert_eq!(now.password, Some(strong), "the stronger form is stored");
    assert_eq!((now.generation, now.not_before), (made.generation, made.not_before), "an upgrade ends nothing");
}

async fn api_tokens_come_with_their_account_until_they_are_revoked(fixture: &dyn StoreFixture) {
    let owner = account(fixture, "token_owner").await;
    let (new, other) = (NewToken::random(), NewToken::random());
    let token = ApiToken {
        id: Arc::clone(&new.id),
        account: owner.id,
        label: "bridge \u{2713}".into(),
        digest: new.digest,
        grants: "points:read points:write".parse().expect("grants"),
        created_at: Sample::now(),
        expires_at: Some(Sample::now() + Duration::from_hours(1)),
        last_used_at: None,
        last_client: None,
    };
    let endless =
        ApiToken { id: other.id, digest: other.digest, grants: Grants::EVERYDAY, expires_at: None, ..token.clone() };
    for token in [&token, &endless] {
        ok(fixture.issue_token(token.clone())).await;
        let found = ok(fixture.api_tokens().api_token(&token.id)).await;
        assert_eq!(found, Some((token.clone(), owner.clone())), "a token comes back as it was issued");
    }
    assert_eq!(ok(fixture.api_tokens().api_token("nosuchtoken0")).await, None, "no such token");
    let (at, client) = (Sample::now() + Duration::from_mins(1), Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))));
    fixture.api_tokens().note_token_use(&token.id, at, client);
    ok(fixture.settle()).await;
    let found = ok(fixture.api_tokens().api_token(&token.id)).await.map(|(token, _)| token);
    let used = ApiToken { last_used_at: Some(at), last_client: client, ..token.clone() };
    assert_eq!(found, Some(used), "a use that was noted is known");
    ok(fixture.revoke_token(&token.id)).await;
    assert_eq!(ok(fixture.api_tokens().api_token(&token.id)).await, None, "a revoked token is not there");
    assert!(ok(fixture.api_tokens().api_token(&endless.id)).await.is_some(), "the other one is");
}

/// A session of the scheme `lp`, opened and last used at `at` seconds.
fn session(id: &str, account: &Account, client: Option<u8>, at: u64) -> Session {
    let at = second(at);
    Session {
        id: id.into(),
        digest: Digest::sha256(id.as_bytes()),
        scheme: "lp".into(),
        account: account.id,
        service: "watch".into(),
        client: client.map(|last| IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))),
        opened_at: at,
        last_used_at: at,
    }
}

fn second(at: u64) -> SystemTime {
    Sample::now() + Duration::from_secs(at)
}

fn opening(session: Session, rule: AddressRule, per_account: u32) -> OpenSession {
    let life = Life { idle: Duration::from_secs(100), absolute: Some(Duration::from_secs(1_000)) };
    OpenSession { session, generation: 0, life, unwritten: Vec::new(), rule, per_account }
}

/// Opens it and gives the ids of those that ended for it; `None` if the address was taken.
async fn open(fixture: &dyn StoreFixture, request: OpenSession) -> Option<Vec<Arc<str>>> {
    match ok(fixture.sessions().open_session(request)).await {
        Opened::AddressTaken => None,
        Opened::Opened { mut ended } => {
            ended.sort();
            Some(ended)
        }
    }
}

async fn is_stored(fixture: &dyn StoreFixture, id: &str) -> bool {
    ok(fixture.sessions().session("lp", &Digest::sha256(id.as_bytes()))).await.is_some()
}

async fn sessions_are_opened_found_and_closed(fixture: &dyn StoreFixture) {
    let owner = account(fixture, "session_owner").await;
    let first = session("first", &owner, Some(1), 0);
    assert_eq!(open(fixture, opening(first.clone(), AddressRule::Any, 9)).await, Some(Vec::new()));
    let sessions = fixture.sessions();
    let found = ok(sessions.session("lp", &first.digest)).await;
    assert_eq!(found, Some((first.clone(), owner.clone())), "a session comes back as it was opened");
    assert_eq!(ok(sessions.session("other", &first.digest)).await, None, "another scheme has no such token");
    assert_eq!(ok(sessions.session("lp", &Digest::sha256(b"x"))).await, None, "no such token");
    sessions.note_session_use(&first.id, second(50));
    ok(fixture.settle()).await;
    let found = ok(sessions.session("lp", &first.digest)).await.map(|(session, _)| session.last_used_at);
    assert_eq!(found, Some(second(50)), "a use that was noted is known");
    let stale = opening(session("stale", &owner, Some(1), 0), AddressRule::Any, 9);
    let stale = OpenSession { generation: owner.generation + 1, ..stale };
    assert!(fixture.sessions().open_session(stale).await.is_err(), "all credentials ended while somebody signed in");
    assert!(!is_stored(fixture, "stale").await);
    // Dead by now, but used later than the store knows: it is not swept away.
    let request = opening(session("second", &owner, Some(1), 200), AddressRule::Any, 9);
    let unwritten = vec![(Arc::clone(&first.id), second(150))];
    assert_eq!(open(fixture, OpenSession { unwritten, ..request }).await, Some(Vec::new()));
    assert!(is_stored(fixture, "first").await, "what memory knows to be in use is live");
    assert_eq!(ok(sessions.close_session("first")).await, Some(owner.id));
    assert_eq!(ok(sessions.close_session("first")).await, None, "closed once");
    assert!(!is_stored(fixture, "first").await && is_stored(fixture, "second").await);
}

async fn the_address_rule_holds(fixture: &dyn StoreFixture) {
    let (holder, rival) = (account(fixture, "holder").await, account(fixture, "rival").await);
    let refuse = |session| opening(session, AddressRule::OneUserRefuse, 9);
    assert_eq!(open(fixture, refuse(session("held", &holder, Some(2), 0))).await, Some(Vec::new()));
    assert_eq!(open(fixture, refuse(session("again", &holder, Some(2), 1))).await, Some(Vec::new()), "any number");
    assert_eq!(open(fixture, refuse(session("late", &rival, Some(2), 99))).await, None, "taken by another user");
    assert!(!is_stored(fixture, "late").await && is_stored(fixture, "held").await, "nothing was changed");
    assert_eq!(open(fixture, refuse(session("far", &rival, Some(3), 99))).await, Some(Vec::new()), "another address");
    let elsewhere = Session { scheme: "other".into(), ..session("scheme", &rival, Some(2), 99) };
    assert_eq!(open(fixture, refuse(elsewhere)).await, Some(Vec::new()), "another scheme");
    assert_eq!(open(fixture, refuse(session("nowhere", &rival, None, 99))).await, Some(Vec::new()), "no address");
    let displace = opening(session("push", &rival, Some(2), 99), AddressRule::OneUserDisplace, 9);
    assert_eq!(open(fixture, displace).await, Some(vec!["again".into(), "held".into()]), "displaced, by name");
    assert!(!is_stored(fixture, "held").await && is_stored(fixture, "far").await);
    // At exactly its end the rival's session is dead and holds no address.
    let taken = refuse(session("early", &holder, Some(2), 198));
    assert_eq!(open(fixture, taken).await, None, "live until just before its end");
    assert_eq!(
        open(fixture, refuse(session("free", &holder, Some(2), 199))).await,
        Some(Vec::new()),
        "dead at its end"
    );
    assert!(!is_stored(fixture, "push").await, "expired ones leave");
}

async fn the_oldest_sessions_leave(fixture: &dyn StoreFixture) {
    let (owner, other) = (account(fixture, "many").await, account(fixture, "few").await);
    assert_eq!(open(fixture, opening(session("few", &other, Some(4), 0), AddressRule::Any, 2)).await, Some(Vec::new()));
    for (id, at, ended) in [("m1", 10, None), ("m2", 11, None), ("m3", 12, Some("m1")), ("m4", 13, Some("m2"))] {
        let request = opening(session(id, &owner, Some(4), at), AddressRule::Any, 2);
        let expected: Vec<Arc<str>> = ended.into_iter().map(Arc::from).collect();
        assert_eq!(open(fixture, request).await, Some(expected), "{id}");
    }
    assert!(is_stored(fixture, "few").await, "another account's sessions are not counted");
    assert!(!is_stored(fixture, "m2").await && is_stored(fixture, "m3").await && is_stored(fixture, "m4").await);
}

async fn signing_out_twice_is_one_effect(fixture: &dyn StoreFixture) {
    let list = fixture.blacklist();
    assert_eq!(ok(list.blacklisted("jti-1")).await, None);
    ok(list.blacklist("jti-1", None, second(500), second(1))).await;
    ok(list.blacklist("jti-1", None, second(500), second(2))).await;
    assert_eq!(ok(list.blacklisted("jti-1")).await, Some(second(1)), "signed out once, at the first time");
    assert_eq!(ok(list.blacklisted("jti-2")).await, None, "another token is not");
    let owner = account(fixture, "signed_out").await;
    ok(list.blacklist("jti-3", Some(owner.id), second(500), second(3))).await;
    assert_eq!(ok(list.blacklisted("jti-3")).await, Some(second(3)));
}

async fn what_is_an_accounts_own_goes_with_it(fixture: &dyn StoreFixture) {
    let leaver = account(fixture, "leaver").await;
    let new = NewToken::random();
    let token = ApiToken {
        id: Arc::clone(&new.id),
        account: leaver.id,
        label: "t".into(),
        digest: new.digest,
        grants: Grants::EVERYDAY,
        created_at: Sample::now(),
        expires_at: None,
        last_used_at: None,
        last_client: None,
    };
    ok(fixture.issue_token(token)).await;
    assert!(open(fixture, opening(session("leaving", &leaver, None, 0), AddressRule::Any, 9)).await.is_some());
    ok(fixture.delete_account(leaver.id)).await;
    assert_eq!(ok(fixture.accounts().account(leaver.id)).await, None);
    let login = Login::parse("leaver").expect("a login");
    assert_eq!(ok(fixture.accounts().account_by_login(&login)).await, None);
    assert_eq!(ok(fixture.api_tokens().api_token(&new.id)).await, None, "its tokens are gone");
    assert!(!is_stored(fixture, "leaving").await, "its sessions are gone");
    let next = account(fixture, "leaver").await;
    assert!(next.id > leaver.id, "a number is never used again");
}
