//! Ports: what schemes ask of storage.
//!
//! An adapter that answers them runs the suite of the feature `testing`. Every change of an account or a
//! credential is durable before the answer says so. Nothing here knows a runtime: an answer is a future.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::{AccountId, Digest, Grants, Login, Secret};

/// A store's answer, boxed so that ports can be trait objects.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store that could not answer.
#[derive(Debug, thiserror::Error)]
#[error("the store {kind}: {detail}")]
pub struct StoreError {
    kind: StoreErrorKind,
    detail: String,
}

impl StoreError {
    /// A failure of this kind; `detail` is for the operator's log and must hold no secret.
    pub fn new(kind: StoreErrorKind, detail: impl fmt::Display) -> Self {
        Self { kind, detail: detail.to_string() }
    }

    /// What happened.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

/// What kept a store from answering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// What is stored cannot be read.
    Corrupt,
    /// It cannot be asked now.
    Unavailable,
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Corrupt => "holds something unreadable",
            Self::Unavailable => "is not available",
        })
    }
}

/// An account as schemes see it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that adapters build")]
pub struct Account {
    /// Its number, never used twice.
    pub id: AccountId,
    /// Its name as it was registered; found by its canonical form.
    pub name: Arc<str>,
    /// Its e-mail address as it was given; found without regard to letter case.
    pub email: Option<Arc<str>>,
    /// Whether it may sign in.
    pub state: AccountState,
    /// What it may do.
    pub grants: Grants,
    /// The stored form of its password, in PHC or a legacy format; `None` when it cannot sign in by one.
    pub password: Option<Secret>,
    /// Grows by one whenever all its credentials end (password change, "end all").
    pub generation: u64,
    /// Credentials issued before this instant that carry no generation are dead.
    pub not_before: SystemTime,
    /// When it was made.
    pub created_at: SystemTime,
}

impl Account {
    /// Whether it may sign in.
    pub fn is_active(&self) -> bool {
        self.state == AccountState::Active
    }
}

/// Whether an account may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "stores write each of them")]
pub enum AccountState {
    /// It may.
    Active,
    /// An operator took it out of use.
    Disabled,
    /// Its address was not confirmed yet.
    Unconfirmed,
}

/// Reads accounts.
pub trait Accounts: fmt::Debug + Send + Sync + 'static {
    /// The account of this number.
    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>>;

    /// The account that somebody means who types this to sign in.
    fn account_by_login<'a>(&'a self, login: &'a Login) -> Answer<'a, Option<Account>>;

    /// Replaces the stored password form `from` by the stronger form `to` of the same password. Does
    /// nothing if it is no longer `from`. Ends no credential.
    fn upgrade_password<'a>(&'a self, id: AccountId, from: &'a Secret, to: &'a Secret) -> Answer<'a, ()>;
}

/// A stored API token; its text is not among what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that adapters build")]
pub struct ApiToken {
    /// Its public id, part of its text.
    pub id: Arc<str>,
    /// Whose it is.
    pub account: AccountId,
    /// The name that its owner gave it.
    pub label: Arc<str>,
    /// SHA-256 of its whole text.
    pub digest: Digest,
    /// What it was issued for; used as far as the account still has it.
    pub grants: Grants,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it ends: at exactly this instant it is dead. `None` for never.
    pub expires_at: Option<SystemTime>,
    /// When it was last used, to one step.
    pub last_used_at: Option<SystemTime>,
    /// From where it was last used.
    pub last_client: Option<IpAddr>,
}

/// Reads API tokens and notes their use.
pub trait ApiTokens: fmt::Debug + Send + Sync + 'static {
    /// The live token of this public id with its account; revoked ones are not there.
    fn api_token<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(ApiToken, Account)>>;

    /// Notes that the token was used. Never blocks; may be written later, and may be lost in a crash.
    fn note_token_use(&self, id: &str, at: SystemTime, client: Option<IpAddr>);
}

/// A sliding session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that adapters build")]
pub struct Session {
    /// Its public id.
    pub id: Arc<str>,
    /// SHA-256 of its token.
    pub digest: Digest,
    /// The id of the scheme that opened it: tokens of one scheme are not good for another.
    pub scheme: Arc<str>,
    /// Whose it is.
    pub account: AccountId,
    /// The service that signs its actions.
    pub service: Arc<str>,
    /// The address that opened it.
    pub client: Option<IpAddr>,
    /// When it was opened.
    pub opened_at: SystemTime,
    /// Its last accepted use, as far as it was written.
    pub last_used_at: SystemTime,
}

impl Session {
    /// Whether it is alive at `now` under these life-times. At exactly the end it is dead.
    pub fn is_live(&self, life: Life, now: SystemTime) -> bool {
        now < life.end(self.opened_at, self.last_used_at)
    }
}

/// How long a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "two durations")]
pub struct Life {
    /// Since its last accepted use.
    pub idle: Duration,
    /// Since it was opened, used or not.
    pub absolute: Option<Duration>,
}

impl Life {
    /// The instant at which a session that was opened and last used then is dead.
    pub fn end(self, opened_at: SystemTime, last_used_at: SystemTime) -> SystemTime {
        let idle = last_used_at + self.idle;
        self.absolute.map_or(idle, |absolute| idle.min(opened_at + absolute))
    }
}

/// A sign-in that asks for a session.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record that the scheme builds")]
pub struct OpenSession {
    /// The session as it shall be stored; `last_used_at` is now.
    pub session: Session,
    /// The generation of the account as it was when its password was checked.
    pub generation: u64,
    /// Which of the stored sessions count as live.
    pub life: Life,
    /// Uses that memory knows and the store may not: `(session id, last use)`.
    pub unwritten: Vec<(Arc<str>, SystemTime)>,
    /// The rule about the client's address.
    pub rule: AddressRule,
    /// How many live sessions of this scheme one account may have; the oldest leave.
    pub per_account: u32,
}

/// What happens when the address is held by another user's live session of the same scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "stores must act on each of them")]
pub enum AddressRule {
    /// Nothing: addresses do not matter.
    Any,
    /// The other user's sessions from this address end.
    OneUserDisplace,
    /// The sign-in is refused.
    OneUserRefuse,
}

/// How an [`OpenSession`] ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a sign-in must handle both, and there is no third")]
pub enum Opened {
    /// Another user is signed in from that address; nothing was changed.
    AddressTaken,
    /// It is open; these sessions ended for it.
    Opened {
        /// Ids of the sessions that were displaced.
        ended: Vec<Arc<str>>,
    },
}

/// Keeps sliding sessions.
pub trait Sessions: fmt::Debug + Send + Sync + 'static {
    /// Opens a session in one step: expired ones of the account and address leave, the address rule is
    /// checked against those that are live, the new one is stored. Two at once cannot both win.
    ///
    /// Fails as unavailable when the account is gone, out of use or of another generation by now: all its
    /// credentials ended after the password was checked, and this one must not outlive them.
    fn open_session(&self, request: OpenSession) -> Answer<'_, Opened>;

    /// The session of this scheme and token digest with its account, live or not.
    fn session<'a>(&'a self, scheme: &'a str, digest: &'a Digest) -> Answer<'a, Option<(Session, Account)>>;

    /// Ends a session; `None` if there was none of this id.
    fn close_session<'a>(&'a self, id: &'a str) -> Answer<'a, Option<AccountId>>;

    /// Notes the last accepted use. Never blocks; may be written later, and may be lost in a crash.
    fn note_session_use(&self, id: &str, at: SystemTime);
}

/// Signed tokens that were signed out.
pub trait Blacklist: fmt::Debug + Send + Sync + 'static {
    /// When the token of this key was signed out; `None` if it was not.
    fn blacklisted<'a>(&'a self, key: &'a str) -> Answer<'a, Option<SystemTime>>;

    /// Signs out the token of this key. The entry may leave once `until` has passed, when the token is
    /// dead by itself. Doing it twice is one effect.
    fn blacklist<'a>(
        &'a self,
        key: &'a str,
        account: Option<AccountId>,
        until: SystemTime,
        now: SystemTime,
    ) -> Answer<'a, ()>;

    /// Notes that the token of this key was used. Never blocks; may be written later, and may be lost in a
    /// crash. A store that keeps no list of issued tokens does nothing.
    fn note_signed_use(&self, _key: &str, _at: SystemTime, _client: Option<IpAddr>) {}
}
