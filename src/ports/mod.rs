//! What the gateway asks of storage beyond the ports of the schemes and policies.
//!
//! A store answers all of them: [`Store`] is the sum. Each change of an account or credential is written
//! together with an entry of the ordered event log, in one transaction, before the answer says so.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use trackgate_policies::store::GuessCounters;
use trackgate_schemes::store::{
    Account, AccountState, Accounts, Answer, ApiToken, ApiTokens, Blacklist, Session, Sessions,
};
use trackgate_schemes::{AccountId, AccountName, EmailAddress, Grants, Secret};

mod audit;
mod events;
mod figures;
mod files;
mod fittrackee;
mod items;
mod jobs;
mod mailed;
mod points;
mod signed;
mod tracking;

pub use audit::{Audit, AuditAction, AuditEntry, AuditFilter, AuditOutcome, DONE};
pub use events::{Event, EventKind, Events};
pub use figures::{PointsFigures, StoreFigures};
pub use files::{Area, Contents, FileName, Files, Listed, NewFile, NoFileName, OpenFile};
pub use fittrackee::{
    FitTrackeeSource, Foreign, ForeignEquipment, ForeignSport, ForeignToken, ForeignUser, ForeignWorkout,
};
pub use items::{Documents, Item, ItemFilter, Items};
pub use jobs::{Job, JobState, Jobs, NewJob};
pub use mailed::{MailedPurpose, MailedToken, MailedTokens};
pub use points::{
    Batch, Conflict, FieldType, FieldValue, Points, PointsView, PointsWritten, Row, ScanOrder, SeriesId, SeriesKey,
    Slice, Values,
};
pub use signed::{MOST_SIGNED, SignedToken, SignedTokens};
pub use tracking::{Added, NewTracked, Tracked, TrackedFilter, TrackedPage, TrackedSessions};

/// Everything that one store answers.
pub trait Store:
    Accounts
    + AccountWrites
    + ApiTokens
    + Audit
    + Blacklist
    + Documents
    + Events
    + GuessCounters
    + Items
    + Jobs
    + Keys
    + MailedTokens
    + Sessions
    + SessionLists
    + SignedTokens
    + TokenWrites
    + TrackedSessions
{
    /// Writes out what was only noted (last uses) and closes; later calls fail as unavailable.
    fn close(&self) -> Answer<'_, ()>;

    /// How it fares; nothing where it does not count.
    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }
}

/// An account as it shall be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Its name as registered; its canonical form must be free.
    pub name: Arc<str>,
    /// The canonical form of that name.
    pub canonical: AccountName,
    /// Its e-mail address as given, with the form in which it is compared, which must be free.
    pub email: Option<(Arc<str>, EmailAddress)>,
    /// Whether it may sign in at once.
    pub state: AccountState,
    /// What it may do.
    pub grants: Grants,
    /// The stored form of its password.
    pub password: Option<Secret>,
    /// Now.
    pub created_at: SystemTime,
}

/// How making or changing an account ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Written {
    /// It is done; this is the account afterwards.
    Done(Account),
    /// Another account has that e-mail address.
    EmailTaken,
    /// Another account has that name.
    NameTaken,
    /// There is no such account.
    NotFound,
    /// Another account has that number, or had it.
    NumberTaken,
}

/// Which credentials a change of an account ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ends {
    /// All: sessions are closed, `generation` grows and `not_before` becomes now; API tokens stay.
    Credentials,
    /// All, API tokens too.
    CredentialsAndTokens,
    /// None.
    Nothing,
}

/// A change of one account; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// The new e-mail address as given and as compared.
    pub email: Option<(Arc<str>, EmailAddress)>,
    /// The new grants.
    pub grants: Option<Grants>,
    /// The new stored form of the password.
    pub password: Option<Secret>,
    /// The new state; anything but active closes the account's sessions.
    pub state: Option<AccountState>,
}

/// Makes and changes accounts.
pub trait AccountWrites: fmt::Debug + Send + Sync + 'static {
    /// Makes an account, if its name and address are free.
    fn create_account(&self, new: NewAccount) -> Answer<'_, Written>;

    /// Makes an account that comes from another server, under its number there, if that is free and was never
    /// used. Signed tokens that its old server issued stay good, since they name that number: its `not_before`
    /// is 1970.
    fn import_account(&self, number: AccountId, new: NewAccount) -> Answer<'_, Written>;

    /// Changes an account and ends what must end, in one step.
    fn change_account(&self, id: AccountId, change: AccountChange, ends: Ends, now: SystemTime) -> Answer<'_, Written>;

    /// Deletes an account with everything that is its own; `None` if there is none of this number.
    fn delete_account(&self, id: AccountId, now: SystemTime) -> Answer<'_, Option<Account>>;

    /// Up to `limit` accounts with numbers above `after`, in order.
    fn list_accounts(&self, after: AccountId, limit: u32) -> Answer<'_, Vec<Account>>;
}

/// Issues and revokes API tokens.
pub trait TokenWrites: fmt::Debug + Send + Sync + 'static {
    /// Stores a new token; its public id is random and therefore free.
    fn issue_token(&self, token: ApiToken) -> Answer<'_, ()>;

    /// Stores `successor` and lets the token `id` end at `old_ends_at` at the latest, in one step. The
    /// answer is the old token as it was, `None` (and nothing is stored) if there is none.
    fn rotate_token<'a>(
        &'a self,
        id: &'a str,
        successor: ApiToken,
        old_ends_at: SystemTime,
    ) -> Answer<'a, Option<ApiToken>>;

    /// Revokes a token for good; `None` if there is none of this id.
    fn revoke_token<'a>(&'a self, id: &'a str, now: SystemTime) -> Answer<'a, Option<ApiToken>>;

    /// The tokens of an account, or of all, in the order in which they were made.
    fn list_tokens(&self, account: Option<AccountId>) -> Answer<'_, Vec<ApiToken>>;
}

/// Lists and ends sliding sessions.
pub trait SessionLists: fmt::Debug + Send + Sync + 'static {
    /// The stored sessions of an account, or of all, in the order in which they were opened.
    fn list_sessions(&self, account: Option<AccountId>) -> Answer<'_, Vec<Session>>;
}

/// Signing keys that the gateway makes for itself.
pub trait Keys: fmt::Debug + Send + Sync + 'static {
    /// The key of this name; stores and answers `fresh` if there is none yet. Of two at once one wins.
    fn key_or_insert<'a>(&'a self, name: &'a str, fresh: &'a Secret) -> Answer<'a, Secret>;
}

/// Where something was done from, for audit entries and last uses.
pub type ClientAddress = Option<IpAddr>;
