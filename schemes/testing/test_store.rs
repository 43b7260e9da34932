//! A store in memory that can fail and counts.

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use super::Sample;
use crate::bearer::NewToken;
use crate::store::{
    Account, AccountState, Accounts, Answer, ApiToken, ApiTokens, Blacklist, OpenSession, Opened, Session, Sessions,
    StoreError, StoreErrorKind,
};
use crate::{AccountId, AccountName, Digest, EmailAddress, Grants, Login, Secret, password};

/// Answers all ports of [`crate::store`] from memory.
#[derive(Debug, Default)]
pub struct TestStore {
    state: Mutex<State>,
    down: AtomicBool,
    asked: AtomicUsize,
    held: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

#[derive(Debug, Default)]
struct State {
    accounts: Vec<Account>,
    made: i64,
    tokens: HashMap<Arc<str>, ApiToken>,
    sessions: Vec<Session>,
    blacklist: HashMap<String, SystemTime>,
    token_uses: Vec<(Arc<str>, SystemTime, Option<IpAddr>)>,
    session_uses: Vec<(Arc<str>, SystemTime)>,
}

impl TestStore {
    /// An empty store.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// An active account with all everyday grants.
    pub fn add_account(&self, name: &str, password: &str) -> Account {
        self.put_account(name, None, Some(password::hash(&Secret::from(password))))
    }

    /// An active account with all everyday grants and this stored form of a password.
    pub fn put_account(&self, name: &str, email: Option<&str>, password: Option<Secret>) -> Account {
        let mut state = self.state();
        state.made += 1;
        let account = Account {
            id: AccountId(state.made),
            name: name.into(),
            email: email.map(Arc::from),
            state: AccountState::Active,
            grants: Grants::EVERYDAY,
            password,
            generation: 0,
            not_before: SystemTime::UNIX_EPOCH,
            created_at: Sample::now(),
        };
        state.accounts.push(account.clone());
        account
    }

    /// Changes an account, if there is one of this number.
    pub fn change_account(&self, id: AccountId, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.state().accounts.iter_mut().find(|account| account.id == id) {
            change(account);
        }
    }

    /// Removes an account with everything that is its own.
    pub fn remove_account(&self, id: AccountId) {
        let mut state = self.state();
        state.accounts.retain(|account| account.id != id);
        state.tokens.retain(|_, token| token.account != id);
        state.sessions.retain(|session| session.account != id);
    }

    /// A new API token of this account.
    pub fn add_token(&self, account: AccountId, grants: Grants, expires_at: Option<SystemTime>) -> NewToken {
        let new = NewToken::random();
        self.put_token(ApiToken {
            id: Arc::clone(&new.id),
            account,
            label: "test".into(),
            digest: new.digest,
            grants,
            created_at: Sample::now(),
            expires_at,
            last_used_at: None,
            last_client: None,
        });
        new
    }

    /// Stores a token as it is.
    pub fn put_token(&self, token: ApiToken) {
        self.state().tokens.insert(Arc::clone(&token.id), token);
    }

    /// Revokes an API token.
    pub fn remove_token(&self, id: &str) {
        self.state().tokens.remove(id);
    }

    /// Stores a session as it is.
    pub fn put_session(&self, session: Session) {
        self.state().sessions.push(session);
    }

    /// From now on every question fails as unavailable.
    pub fn go_down(&self) {
        self.down.store(true, Ordering::SeqCst);
    }

    /// Questions are answered again.
    pub fn come_back(&self) {
        self.down.store(false, Ordering::SeqCst);
    }

    /// From now on answers are made but not handed over: the moment in which something else may change.
    pub fn hold_answers(&self) {
        self.held.store(true, Ordering::SeqCst);
    }

    /// Hands over what was held.
    pub fn release_answers(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.held.store(false, Ordering::SeqCst);
        waiting.drain(..).for_each(Waker::wake);
    }

    /// How many questions were asked so far; notes of a use are none.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// The noted uses of API tokens, in order: public id, when, from where.
    pub fn token_uses(&self) -> Vec<(Arc<str>, SystemTime, Option<IpAddr>)> {
        self.state().token_uses.clone()
    }

    /// The noted uses of sessions, in order: public id, when.
    pub fn session_uses(&self) -> Vec<(Arc<str>, SystemTime)> {
        self.state().session_uses.clone()
    }

    /// The stored sessions, in the order in which they were opened.
    pub fn sessions(&self) -> Vec<Session> {
        self.state().sessions.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<'a, T: Send + 'a>(&'a self, read: impl FnOnce(&mut State) -> T + Send + 'a) -> Answer<'a, T> {
        // As with a real store, nothing happens before the future is polled.
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.down.load(Ordering::SeqCst) {
                return Err(StoreError::new(StoreErrorKind::Unavailable, "made to fail"));
            }
            let answer = read(&mut self.state());
            poll_fn(|context| self.poll_held(context)).await;
            Ok(answer)
        })
    }

    fn poll_held(&self, context: &Context<'_>) -> Poll<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.held.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        waiting.push(context.waker().clone());
        Poll::Pending
    }
}

impl Accounts for TestStore {
    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>> {
        self.answer(move |state| state.account(id))
    }

    fn account_by_login<'a>(&'a self, login: &'a Login) -> Answer<'a, Option<Account>> {
        self.answer(move |state| {
            let meant = |account: &&Account| match login {
                Login::Email(email) => {
                    account.email.as_ref().is_some_and(|own| EmailAddress::parse(own).as_ref() == Ok(email))
                }
                Login::Name(name) => AccountName::parse(&account.name).as_ref() == Ok(name),
            };
            state.accounts.iter().find(meant).cloned()
        })
    }

    fn upgrade_password<'a>(&'a self, id: AccountId, from: &'a Secret, to: &'a Secret) -> Answer<'a, ()> {
        self.answer(move |state| {
            for account in state.accounts.iter_mut().filter(|account| account.id == id) {
                if account.password.as_ref() == Some(from) {
                    account.password = Some(to.clone());
                }
            }
        })
    }
}

impl ApiTokens for TestStore {
    fn api_token<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(ApiToken, Account)>> {
        self.answer(move |state| {
            let token = state.tokens.get(id)?.clone();
            let account = state.account(token.account)?;
            Some((token, account))
        })
    }

    fn note_token_use(&self, id: &str, at: SystemTime, client: Option<IpAddr>) {
        let mut state = self.state();
        state.token_uses.push((id.into(), at, client));
        if let Some(token) = state.tokens.get_mut(id) {
            token.last_used_at = Some(at);
            token.last_client = client;
        }
    }
}

impl Sessions for TestStore {
    fn open_session(&self, request: OpenSession) -> Answer<'_, Opened> {
        Box::pin(async move {
            let opening = self.answer(move |state| {
                let account = state.account(request.session.account);
                let is_current = account.is_some_and(|own| own.is_active() && own.generation == request.generation);
                is_current.then(|| super::sessions::open(&mut state.sessions, request))
            });
            opening.await?.ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable, "the account changed"))
        })
    }

    fn session<'a>(&'a self, scheme: &'a str, digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>> {
        self.answer(move |state| {
            let session = state.sessions.iter().find(|s| &*s.scheme == scheme && s.digest == *digest)?.clone();
            let account = state.account(session.account)?;
            Some((session, account))
        })
    }

    fn close_session<'a>(&'a self, id: &'a str) -> Answer<'a, Option<AccountId>> {
        self.answer(move |state| {
            let place = state.sessions.iter().position(|session| &*session.id == id)?;
            Some(state.sessions.remove(place).account)
        })
    }

    fn note_session_use(&self, id: &str, at: SystemTime) {
        let mut state = self.state();
        state.session_uses.push((id.into(), at));
        for session in state.sessions.iter_mut().filter(|session| &*session.id == id) {
            session.last_used_at = session.last_used_at.max(at);
        }
    }
}

impl Blacklist for TestStore {
    fn blacklisted<'a>(&'a self, key: &'a str) -> Answer<'a, Option<SystemTime>> {
        self.answer(move |state| state.blacklist.get(key).copied())
    }

    fn blacklist<'a>(
        &'a self,
        key: &'a str,
        _account: Option<AccountId>,
        _until: SystemTime,
        now: SystemTime,
    ) -> Answer<'a, ()> {
        self.answer(move |state| {
            state.blacklist.entry(key.to_owned()).or_insert(now);
        })
    }
}

impl State {
    fn account(&self, id: AccountId) -> Option<Account> {
        self.accounts.iter().find(|account| account.id == id).cloned()
    }
}
