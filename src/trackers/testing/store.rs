//! A store in memory for the trackers' tests: what they ask of it, and nothing durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use trackgate_policies::store::{GuessCounter, GuessCounters};
use trackgate_schemes::store::{
    Account, Accounts, AddressRule, Answer, ApiToken, ApiTokens, Blacklist, OpenSession, Opened, Session, Sessions,
    StoreError, StoreErrorKind,
};
use trackgate_schemes::{AccountId, AccountName, Digest, EmailAddress, Login, Secret};

use crate::ports::{
    AccountChange, AccountWrites, Added, Audit, AuditEntry, AuditFilter, ClientAddress, Documents, Ends, Event, Events,
    Keys, NewAccount, NewTracked, SessionLists, Store, TokenWrites, Tracked, TrackedFilter, TrackedPage,
    TrackedSessions, Written,
};

/// A fresh store.
pub(crate) fn test_store() -> Arc<dyn Store> {
    Arc::new(TestStore::default())
}

#[derive(Debug, Default)]
struct TestStore(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_closed: bool,
    newest: i64,
    accounts: BTreeMap<AccountId, Account>,
    sessions: Vec<Session>,
    audit: Vec<AuditEntry>,
}

impl TestStore {
    fn with<'a, T: Send + 'a>(&self, act: impl FnOnce(MutexGuard<'_, Inner>) -> T) -> Answer<'a, T> {
        let inner = self.0.lock().unwrap();
        let answer = if inner.is_closed { Err(unavailable()) } else { Ok(act(inner)) };
        Box::pin(async { answer })
    }
}

fn unavailable() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "closed, or not kept by this store")
}

fn not_kept<'a, T: Send + 'a>() -> Answer<'a, T> {
    Box::pin(async { Err(unavailable()) })
}

impl Inner {
    fn named(&self, login: &Login) -> Option<&Account> {
        self.accounts.values().find(|account| match login {
            Login::Email(wanted) => account.email.as_deref().map(EmailAddress::parse) == Some(Ok(wanted.clone())),
            Login::Name(wanted) => AccountName::parse(&account.name).as_ref() == Ok(wanted),
        })
    }
}

impl Store for TestStore {
    fn close(&self) -> Answer<'_, ()> {
        self.with(|mut inner| inner.is_closed = true)
    }
}

impl Accounts for TestStore {
    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>> {
        self.with(|inner| inner.accounts.get(&id).cloned())
    }

    fn account_by_login<'a>(&'a self, login: &'a Login) -> Answer<'a, Option<Account>> {
        self.with(|inner| inner.named(login).cloned())
    }

    fn upgrade_password<'a>(&'a self, _id: AccountId, _from: &'a Secret, _to: &'a Secret) -> Answer<'a, ()> {
        not_kept()
    }
}

impl AccountWrites for TestStore {
    fn create_account(&self, new: NewAccount) -> Answer<'_, Written> {
        self.with(|mut inner| {
            if inner.named(&Login::Name(new.canonical.clone())).is_some() {
                return Written::NameTaken;
            }
            if new.email.as_ref().is_some_and(|(_, email)| inner.named(&Login::Email(email.clone())).is_some()) {
                return Written::EmailTaken;
            }
            inner.newest += 1;
            let account = Account {
                id: AccountId(inner.newest),
                name: new.name,
                email: new.email.map(|(typed, _)| typed),
                state: new.state,
                grants: new.grants,
                password: new.password,
                generation: 0,
                not_before: SystemTime::UNIX_EPOCH,
                created_at: new.created_at,
            };
            inner.accounts.insert(account.id, account.clone());
            Written::Done(account)
        })
    }

    fn change_account(&self, id: AccountId, change: AccountChange, ends: Ends, now: SystemTime) -> Answer<'_, Written> {
        self.with(|mut inner| {
            let inner = &mut *inner;
            let Some(account) = inner.accounts.get_mut(&id) else { return Written::NotFound };
            account.password = change.password.or(account.password.take());
            account.state = change.state.unwrap_or(account.state);
            if ends != Ends::Nothing {
                account.generation += 1;
                account.not_before = now;
                inner.sessions.retain(|session| session.account != id);
            }
            Written::Done(account.clone())
        })
    }

    fn delete_account(&self, id: AccountId, _now: SystemTime) -> Answer<'_, Option<Account>> {
        self.with(|mut inner| {
            inner.sessions.retain(|session| session.account != id);
            inner.accounts.remove(&id)
        })
    }

    fn list_accounts(&self, after: AccountId, limit: u32) -> Answer<'_, Vec<Account>> {
        self.with(|inner| {
            inner.accounts.values().filter(|account| account.id > after).take(limit as usize).cloned().collect()
        })
    }
}

impl Sessions for TestStore {
    fn open_session(&self, request: OpenSession) -> Answer<'_, Opened> {
        self.with(|mut inner| {
            let OpenSession { session: new, life, rule, .. } = request;
            inner.sessions.retain(|session| session.is_live(life, new.opened_at));
            let is_foreign = |old: &Session| old.client == new.client && old.account != new.account;
            if rule == AddressRule::OneUserRefuse && inner.sessions.iter().any(is_foreign) {
                return Opened::AddressTaken;
            }
            inner.sessions.push(new);
            Opened::Opened { ended: Vec::new() }
        })
    }

    fn session<'a>(&'a self, scheme: &'a str, digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>> {
        self.with(|inner| {
            let found =
                inner.sessions.iter().find(|session| *session.scheme == *scheme && session.digest == *digest)?;
            Some((found.clone(), inner.accounts.get(&found.account)?.clone()))
        })
    }

    fn close_session<'a>(&'a self, id: &'a str) -> Answer<'a, Option<AccountId>> {
        self.with(|mut inner| {
            let at = inner.sessions.iter().position(|session| *session.id == *id)?;
            Some(inner.sessions.remove(at).account)
        })
    }

    fn note_session_use(&self, _id: &str, _at: SystemTime) {}
}

impl SessionLists for TestStore {
    fn list_sessions(&self, account: Option<AccountId>) -> Answer<'_, Vec<Session>> {
        self.with(|inner| {
            inner.sessions.iter().filter(|session| account.is_none_or(|id| session.account == id)).cloned().collect()
        })
    }
}

impl Audit for TestStore {
    fn record(&self, entry: AuditEntry) -> Answer<'_, ()> {
        self.with(|mut inner| inner.audit.push(entry))
    }

    fn audit(&self, filter: AuditFilter) -> Answer<'_, Vec<AuditEntry>> {
        self.with(|inner| inner.audit.iter().rev().take(filter.limit as usize).cloned().collect())
    }
}

impl Events for TestStore {
    fn newest_event(&self) -> Answer<'_, u64> {
        self.with(|_inner| 0)
    }

    fn events_after(&self, _after: u64, _limit: u32) -> Answer<'_, Vec<Event>> {
        not_kept()
    }
}

impl ApiTokens for TestStore {
    fn api_token<'a>(&'a self, _id: &'a str) -> Answer<'a, Option<(ApiToken, Account)>> {
        not_kept()
    }

    fn note_token_use(&self, _id: &str, _at: SystemTime, _client: ClientAddress) {}
}

impl TokenWrites for TestStore {
    fn issue_token(&self, _token: ApiToken) -> Answer<'_, ()> {
        not_kept()
    }

    fn rotate_token<'a>(
        &'a self,
        _id: &'a str,
        _successor: ApiToken,
        _old_ends_at: SystemTime,
    ) -> Answer<'a, Option<ApiToken>> {
        not_kept()
    }

    fn revoke_token<'a>(&'a self, _id: &'a str, _now: SystemTime) -> Answer<'a, Option<ApiToken>> {
        not_kept()
    }

    fn list_tokens(&self, _account: Option<AccountId>) -> Answer<'_, Vec<ApiToken>> {
        not_kept()
    }
}

impl Blacklist for TestStore {
    fn blacklisted<'a>(&'a self, _key: &'a str) -> Answer<'a, Option<SystemTime>> {
        not_kept()
    }

    fn blacklist<'a>(
        &'a self,
        _key: &'a str,
        _account: Option<AccountId>,
        _until: SystemTime,
        _now: SystemTime,
    ) -> Answer<'a, ()> {
        not_kept()
    }
}

impl Documents for TestStore {
    fn document<'a>(&'a self, _tracker: &'a str, _account: AccountId) -> Answer<'a, Option<String>> {
        not_kept()
    }

    fn put_document<'a>(&'a self, _tracker: &'a str, _account: AccountId, _text: &'a str) -> Answer<'a, ()> {
        not_kept()
    }
}

impl GuessCounters for TestStore {
    fn load_guesses(&self, _now: SystemTime) -> Answer<'_, Vec<GuessCounter>> {
        not_kept()
    }

    fn note_guess(&self, _counter: GuessCounter) {}
}

impl Keys for TestStore {
    fn key_or_insert<'a>(&'a self, _name: &'a str, _fresh: &'a Secret) -> Answer<'a, Secret> {
        not_kept()
    }
}

impl TrackedSessions for TestStore {
    fn add_tracked(&self, _account: AccountId, _new: NewTracked, _now: SystemTime) -> Answer<'_, Added> {
        not_kept()
    }

    fn list_tracked(&self, _account: AccountId, _filter: TrackedFilter) -> Answer<'_, TrackedPage> {
        not_kept()
    }

    fn tracked(&self, _account: AccountId, _id: i64) -> Answer<'_, Option<Tracked>> {
        not_kept()
    }
}
