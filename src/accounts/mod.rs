//! The one account base behind every door: making, changing and ending accounts and their credentials.
//!
//! Every change goes to the store first, then out of every memory of this process, then back to the
//! caller; other processes learn of it from the event log, which [`follow`](AccountService::follow) reads.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use trackgate_schemes::bearer::NewToken;
use trackgate_schemes::store::{Account, AccountState, ApiToken, StoreError};
use trackgate_schemes::{
    AccountId, AccountName, Clock, EmailAddress, Grants, HashPoolError, Identity, Login, NameError, Reason, Rejection,
    Secret, SignIn, password,
};

use crate::ports::{AccountChange, AuditAction, AuditEntry, Ends, MailedPurpose, NewAccount, Store, Written};

mod follow;
mod import;
mod links;
mod locks;
mod memories;
mod presence;
mod reserved;
mod sharing;
mod signed;
#[cfg(test)]
mod tests;

pub use follow::{FollowError, Follower, Progress};
pub use import::NumberHere;
pub use links::{CheckLink, Checking, Link, LinkCheck, LinkError, LinkKeyError, LinkKeys, Links, ListedLink, NewLink};
pub use memories::Memories;
pub use presence::Presence;
pub use reserved::is_reserved;
pub use sharing::{IssuedShare, ShareLink, Visibility};
pub use signed::NewSigned;

use presence::while_awaited;

/// Makes, changes and ends accounts and credentials; every door and the command line call it.
#[derive(Clone, Debug)]
pub struct AccountService {
    store: Arc<dyn Store>,
    sign_in: SignIn,
    memories: Arc<Memories>,
    clock: Arc<dyn Clock>,
}

/// Where a change comes from, for the audit trail.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Who does it: an account's name, or `operator`.
    pub actor: Arc<str>,
    /// The service that signs it: as named at sign-in, else the tracker's id or `command-line`.
    pub service: Arc<str>,
    /// From where.
    pub client: Option<IpAddr>,
    /// Names alone do not show it: somebody may be called so.
    is_operator: bool,
}

impl Origin {
    /// Somebody who has not signed in, at the door of this tracker or by a service of this name.
    pub fn nobody(tracker: &str, client: Option<IpAddr>) -> Self {
        Self { actor: "".into(), service: tracker.into(), client, is_operator: false }
    }

    /// This identity, at the door of this tracker.
    pub fn of(identity: &Identity, tracker: &str, client: Option<IpAddr>) -> Self {
        let service = identity.service().unwrap_or(tracker).into();
        Self { actor: identity.name().into(), service, client, is_operator: false }
    }

    /// The operator at the command line.
    pub fn operator() -> Self {
        Self { actor: "operator".into(), service: "command-line".into(), client: None, is_operator: true }
    }
}

/// An account as somebody asks for it.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its name as typed.
    pub name: String,
    /// Its e-mail address as typed.
    pub email: Option<String>,
    /// Its password; `None` for an account that signs in by tokens alone.
    pub password: Option<Secret>,
    /// Whether it may sign in at once.
    pub state: AccountState,
    /// What it may do.
    pub grants: Grants,
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The e-mail address cannot be one.
    #[error("that is not an e-mail address")]
    BadEmail(#[source] NameError),
    /// The name cannot be one.
    #[error("that name cannot be used")]
    BadName(#[source] NameError),
    /// The password is empty or longer than 1 KiB.
    #[error("the password is empty or longer than 1 KiB")]
    BadPassword,
    /// Another account has the address.
    #[error("that e-mail address is taken")]
    EmailTaken,
    /// The account has not got a grant that the token should carry.
    #[error("the account does not have all of these grants")]
    Grants,
    /// Another account has the name, or only the operator may give it ([`is_reserved`]).
    #[error("that name is taken")]
    NameTaken,
    /// There is no such account, token or session.
    #[error("there is none of that name")]
    NotFound,
    /// Another account has the number, or had it.
    #[error("that number is taken")]
    NumberTaken,
    /// It could not be done now.
    #[error("it cannot be done now ({})", .0.reason)]
    Stopped(Rejection),
}

impl ChangeError {
    /// The rejection behind it, when it is one.
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Stopped(why) => Some(why),
            _ => None,
        }
    }
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "a change was not stored");
        Self::Stopped(unavailable())
    }
}

/// A token that was just issued: the only moment at which its text is known.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// What is stored of it.
    pub token: ApiToken,
    /// Its text, to be shown once.
    pub text: Secret,
}

impl AccountService {
    /// Changes accounts in `store`, signs in by `sign_in`, forgets in `memories`.
    pub fn new(store: Arc<dyn Store>, sign_in: SignIn, memories: Arc<Memories>, clock: Arc<dyn Clock>) -> Self {
        Self { store, sign_in, memories, clock }
    }

    /// The store behind it.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The memories that it makes forget.
    pub fn memories(&self) -> &Arc<Memories> {
        &self.memories
    }

    /// The wall clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Makes an account.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if name, address or password do not fit or are taken, or the store is down.
    pub async fn register(&self, new: Registration, origin: &Origin) -> Result<Account, ChangeError> {
        let canonical = AccountName::parse(&new.name).map_err(ChangeError::BadName)?;
        if !origin.is_operator && is_reserved(&new.name) {
            return Err(ChangeError::NameTaken);
        }
        let email = match new.email {
            None => None,
            Some(text) => {
                let compared = EmailAddress::parse(&text).map_err(ChangeError::BadEmail)?;
                Some((Arc::from(text), compared))
            }
        };
        let password = match new.password {
            None => None,
            Some(password) => Some(self.hash(password, origin).await?),
        };
        let account = NewAccount {
            name: new.name.into(),
            canonical,
            email,
            state: new.state,
            grants: new.grants,
            password,
            created_at: self.clock.now(),
        };
        let account = written(self.store.create_account(account).await?)?;
        self.note(AuditAction::AccountCreate, &account, origin, "").await?;
        Ok(account)
    }

    /// The account whose password this is, through the guess guard and the hash pool; audited.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of [`SignIn::check`]; one with [`Reason::Overloaded`] is not audited.
    pub async fn sign_in(
        &self,
        by: &'static str,
        login: &str,
        password: Secret,
        origin: &Origin,
    ) -> Result<Account, Rejection> {
        let checked = self.checked(by, login, password, origin).await;
        if let Err(why) = &checked
            && why.reason == Reason::Overloaded
        {
            // Nothing happened. To write that down for each of a storm would cost more than to turn it away.
            return checked;
        }
        let outcome = checked.as_ref().map_or_else(|why| why.reason.code(), |_account| "done");
        // What was typed where no such account is may be a password: only names of accounts are kept.
        let named = match &checked {
            Ok(account) => Some((account.id, Arc::clone(&account.name))),
            Err(_refused) => self.named(login).await,
        };
        let (account, name) = named.map_or((None, "".into()), |(id, name)| (Some(id), name));
        self.record(AuditEntry {
            at: self.clock.now(),
            action: AuditAction::SignIn,
            account,
            actor: Arc::clone(&name),
            name,
            service: Arc::clone(&origin.service),
            client: origin.client,
            outcome: outcome.into(),
            target: by.into(),
        })
        .await;
        checked
    }

    /// Checks the present password of an account before a change that asks for it.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of [`SignIn::check`].
    pub async fn check_password(
        &self,
        by: &'static str,
        who: &Identity,
        password: Secret,
        origin: &Origin,
    ) -> Result<Account, Rejection> {
        self.checked(by, who.name(), password, origin).await
    }

    async fn checked(
        &self,
        by: &'static str,
        login: &str,
        password: Secret,
        origin: &Origin,
    ) -> Result<Account, Rejection> {
        let check = self.sign_in.check(by, login, password, origin.client, self.clock.now());
        // Whoever left reads no answer.
        while_awaited(check).await.unwrap_or_else(|| Err(Rejection::new(Reason::Overloaded, by)))
    }

    /// Sets a new password and ends what must end.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if the password does not fit or the store is down.
    pub async fn change_password(
        &self,
        id: AccountId,
        new: Secret,
        ends: Ends,
        origin: &Origin,
    ) -> Result<Account, ChangeError> {
        let password = Some(self.hash(new, origin).await?);
        self.change(id, AccountChange { password, ..AccountChange::default() }, ends, origin).await
    }

    /// Changes an account and ends what must end.
    ///
    /// Links that were mailed before are dead afterwards where the change makes them stale: those that confirm
    /// an account once its state is set, those that set a password or an address once either is set.
    ///
    /// # Errors
    ///
    /// [`ChangeError`] if the address is taken, there is no such account, or the store is down.
    pub async fn change(
        &self,
        id: AccountId,
        change: AccountChange,
        ends: Ends,
        origin: &Origin,
    ) -> Result<Account, ChangeError> {
        let is_password = change.password.is_some();
        let is_more = change.email.is_some() || change.grants.is_some() || change.state.is_some();
        let actions = match (is_password, is_more) {
            (true, true) => &[AuditAction::AccountChange, AuditAction::PasswordChange][..],
            (true, false) => &[AuditAction::PasswordChange],
            (false, _) => &[AuditAction::AccountChange],
        };
        self.write(id, change, ends, actions, origin).await
    }

    /// Ends every session and signed token of an account; API tokens stay.
    ///
    /// # Errors
    ///
    /// [`ChangeError::NotFound`], or the store is down.
    pub async fn end_credentials(&self, id: AccountId, origin: &Origin) -> Result<Account, ChangeError> {
        self.write(id, AccountChange::default(), Ends::Credentials, &[AuditAction::SessionEnd], origin).await
    }

    /// Deletes an account with everything that is its own.
    ///
    /// # Errors
    ///
    /// [`ChangeError::NotFound`], or the store is down.
    pub async fn delete(&self, id: AccountId, origin: &Origin) -> Result<Account, ChangeError> {
        let deleted = self.store.delete_account(id, self.clock.now()).await?;
        self.memories.forget_account(id);
        let account = deleted.ok_or(ChangeError::NotFound)?;
        self.note(AuditAction::AccountDelete, &account, origin, "").await?;
        Ok(account)
    }

    /// Issues an API token with some of the account's grants.
    ///
    /// # Errors
    ///
    /// [`ChangeError::Grants`] if the account has not got them all, or the store is down.
    pub async fn issue_token(
        &self,
        account: &Account,
        label: &str,
        grants: Grants,
        expires_at: Option<SystemTime>,
        origin: &Origin,
    ) -> Result<IssuedToken, ChangeError> {
        if !account.grants.allow_all(&grants) {
            return Err(ChangeError::Grants);
        }
        let issued = self.fresh_token(account.id, label.into(), grants, expires_at);
        self.store.issue_token(issued.token.clone()).await?;
        self.note(AuditAction::TokenIssue, account, origin, &issued.token.id).await?;
        Ok(issued)
    }

    /// Issues a successor with the same name, grants and expiry; the old one works for `overlap` more.
    ///
    /// # Errors
    ///
    /// [`ChangeError::NotFound`], or the store is down.
    pub async fn rotate_token(&self, id: &str, overlap: Duration, origin: &Origin) -> Result<IssuedToken, ChangeError> {
        let old = self.token(id).await?;
        let issued = self.fresh_token(old.account, old.label, old.grants, old.expires_at);
        let old_ends_at = self.clock.now() + overlap;
        self.store.rotate_token(id, issued.token.clone(), old_ends_at).await?.ok_or(ChangeError::NotFound)?;
        self.memories.forget_credential(id);
        self.note_token(AuditAction::TokenRevoke, &issued.token, origin).await?;
        Ok(issued)
    }

    /// Revokes an API token for good.
    ///
    /// # Errors
    ///
    /// [`ChangeError::NotFound`], or the store is down.
    pub async fn revoke_token(&self, id: &str, origin: &Origin) -> Result<ApiToken, ChangeError> {
        let revoked = self.store.revoke_token(id, self.clock.now()).await?;
        self.memories.forget_credential(id);
        let token = revoked.ok_or(ChangeError::NotFound)?;
        self.note_token(AuditAction::TokenRevoke, &token, origin).await?;
        Ok(token)
    }

    /// Ends a sliding session.
    ///
    /// # Errors
    ///
    /// [`ChangeError::NotFound`], or the store is down.
    pub async fn end_session(&self, id: &str, origin: &Origin) -> Result<(), ChangeError> {
        let closed = self.store.close_session(id).await?;
        // Also when another process ended it: its word may not have come here yet.
        self.memories.forget_credential(id);
        let account = closed.ok_or(ChangeError::NotFound)?;
        self.note_end(Some(account), id, origin).await;
        Ok(())
    }

    /// Signs a JWT out, by its blacklist key, until it would end by itself.
    ///
    /// # Errors
    ///
    /// The store is down: it is not signed out then.
    pub async fn end_jwt(&self, who: &Identity, origin: &Origin) -> Result<(), ChangeError> {
        let ends_at = who.expires_at().unwrap_or(SystemTime::UNIX_EPOCH);
        self.sign_out(&who.credential().id, who.account(), ends_at, origin).await
    }

    async fn sign_out(
        &self,
        key: &str,
        account: Option<AccountId>,
        ends_at: SystemTime,
        origin: &Origin,
    ) -> Result<(), ChangeError> {
        let until = (ends_at + BLACKLIST_SLACK).min(SystemTime::UNIX_EPOCH + FOR_EVER);
        self.store.blacklist(key, account, until, self.clock.now()).await?;
        self.memories.forget_credential(key);
        self.note_end(account, key, origin).await;
        Ok(())
    }

    /// Tells the audit trail that the gateway runs by another configuration.
    pub async fn note_reload(&self, origin: &Origin, what: &str) {
        self.record(AuditEntry {
            at: self.clock.now(),
            action: AuditAction::Reload,
            account: None,
            name: "".into(),
            actor: Arc::clone(&origin.actor),
            service: Arc::clone(&origin.service),
            client: origin.client,
            outcome: "done".into(),
            target: what.into(),
        })
        .await;
    }

    /// Adds to the audit trail; a failure is logged and does not stop what is being told.
    pub async fn record(&self, entry: AuditEntry) {
        if let Err(error) = self.store.record(entry).await {
            tracing::error!(%error, "an audit entry was not stored");
        }
    }

    async fn write(
        &self,
        id: AccountId,
        change: AccountChange,
        ends: Ends,
        actions: &[AuditAction],
        origin: &Origin,
    ) -> Result<Account, ChangeError> {
        // Before the change, so that a crash between the two leaves no link that undoes it.
        for purpose in stale(&change, ends) {
            self.store.delete_mailed_token(id, *purpose).await?;
        }
        let changed = self.store.change_account(id, change, ends, self.clock.now()).await?;
        self.memories.forget_account(id);
        let account = written(changed)?;
        for action in actions {
            self.note(*action, &account, origin, "").await?;
        }
        Ok(account)
    }

    /// The stored form of a new password, made in the pool: for [`AccountChange::password`].
    ///
    /// # Errors
    ///
    /// [`ChangeError::BadPassword`], or the pool is full.
    pub async fn hash(&self, password: Secret, origin: &Origin) -> Result<Secret, ChangeError> {
        if password.expose().is_empty() || password.expose().len() > password::MAX_BYTES {
            return Err(ChangeError::BadPassword);
        }
        let hashed = while_awaited(self.sign_in.pool().run(origin.client, move || password::hash(&password))).await;
        hashed.unwrap_or(Err(HashPoolError::Full)).map_err(|why| {
            ChangeError::Stopped(match why {
                HashPoolError::Full => Rejection::new(Reason::Overloaded, ACCOUNTS).after(Duration::from_secs(1)),
                _ => Rejection::new(Reason::Internal, ACCOUNTS),
            })
        })
    }

    fn fresh_token(
        &self,
        account: AccountId,
        label: Arc<str>,
        grants: Grants,
        expires_at: Option<SystemTime>,
    ) -> IssuedToken {
        let NewToken { id, digest, text } = NewToken::random();
        let created_at = self.clock.now();
        let token = ApiToken {
            id,
            account,
            label,
            digest,
            grants,
            created_at,
            expires_at,
            last_used_at: None,
            last_client: None,
        };
        IssuedToken { token, text }
    }

    /// The account that somebody means who types this.
    async fn named(&self, login: &str) -> Option<(AccountId, Arc<str>)> {
        let account = self.store.account_by_login(&Login::parse(login).ok()?).await.ok()??;
        Some((account.id, account.name))
    }

    async fn token(&self, id: &str) -> Result<ApiToken, ChangeError> {
        self.store.api_token(id).await?.map(|(token, _account)| token).ok_or(ChangeError::NotFound)
    }

    async fn note(
        &self,
        action: AuditAction,
        account: &Account,
        origin: &Origin,
        target: &str,
    ) -> Result<(), ChangeError> {
        let entry = AuditEntry {
            at: self.clock.now(),
            action,
            account: Some(account.id),
            name: Arc::clone(&account.name),
            actor: if origin.actor.is_empty() { Arc::clone(&account.name) } else { Arc::clone(&origin.actor) },
            service: Arc::clone(&origin.service),
            client: origin.client,
            outcome: "done".into(),
            target: target.into(),
        };
        Ok(self.store.record(entry).await?)
    }

    async fn note_token(&self, action: AuditAction, token: &ApiToken, origin: &Origin) -> Result<(), ChangeError> {
        match self.store.account(token.account).await? {
            Some(account) => self.note(action, &account, origin, &token.id).await,
            None => Ok(()),
        }
    }

    async fn note_end(&self, account: Option<AccountId>, target: &str, origin: &Origin) {
        let Some(id) = account else { return };
        if let Ok(Some(account)) = self.store.account(id).await
            && let Err(error) = self.note(AuditAction::SessionEnd, &account, origin, target).await
        {
            tracing::error!(%error, "an audit entry was not stored");
        }
    }
}

/// The mailed links that must not outlive a change.
fn stale(change: &AccountChange, ends: Ends) -> &'static [MailedPurpose] {
    let is_address = change.email.is_some() || ends != Ends::Nothing;
    match (is_address, change.password.is_some(), change.state.is_some()) {
        (true, _, true) => MailedPurpose::ALL,
        (true, _, false) => &[MailedPurpose::ChangeEmail, MailedPurpose::ResetPassword],
        (false, true, true) => &[MailedPurpose::ConfirmAccount, MailedPurpose::ResetPassword],
        (false, true, false) => &[MailedPurpose::ResetPassword],
        (false, false, true) => &[MailedPurpose::ConfirmAccount],
        (false, false, false) => &[],
    }
}

fn written(written: Written) -> Result<Account, ChangeError> {
    match written {
        Written::Done(account) => Ok(account),
        Written::EmailTaken => Err(ChangeError::EmailTaken),
        Written::NameTaken => Err(ChangeError::NameTaken),
        Written::NotFound => Err(ChangeError::NotFound),
        Written::NumberTaken => Err(ChangeError::NumberTaken),
    }
}

fn unavailable() -> Rejection {
    Rejection::new(Reason::Unavailable, ACCOUNTS).after(Duration::from_secs(5))
}

const ACCOUNTS: &str = "accounts";

/// A blacklist entry outlives its token by this much, so that no leeway of a clock revives it.
const BLACKLIST_SLACK: Duration = Duration::from_hours(1);

/// From 1970 on: later than any clock will show, and yet a time that stores can keep. Of an issuer that
/// counts in microseconds a token must be signed out as well.
const FOR_EVER: Duration = Duration::from_secs(1 << 40);
