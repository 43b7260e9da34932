//! Who may watch whom, at the door and as long as a stream lasts.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use trackgate_schemes::store::{Account, StoreError};
use trackgate_schemes::{
    AccountId, AccountName, DigestKey, Forget, Grant, Identity, KeyedDigest, Known, Login, Reason, Rejection,
};

use super::share;
use crate::accounts::{AccountService, Visibility};
use crate::trackers::livetracking::ID;
use crate::trackers::unavailable;

/// Says who may watch an account.
///
/// What it remembers are facts about the account; every change of them makes it forget, in this process at once
/// and in others as soon as they read of it.
#[derive(Debug)]
pub(super) struct Door {
    accounts: AccountService,
    /// What holds for those who never said.
    by_default: Visibility,
    known: Arc<Known<Facts>>,
    key: DigestKey,
    /// What the owner's credential must be good for.
    wanted: Grant,
}

/// What decides about an account.
#[derive(Clone, Debug)]
struct Facts {
    is_active: bool,
    visibility: Visibility,
    /// The links by id, with their ends.
    links: Arc<[(Arc<str>, SystemTime)]>,
}

/// Why somebody may not watch, or no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// The credential's time is over.
    Expired,
    /// The account is not in use any more.
    Gone,
    /// The rider lets nobody watch whom they did not tell.
    Private,
    /// The link ended.
    Unshared,
}

impl Closed {
    /// Its word on the wire.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Gone => "gone",
            Self::Private => "private",
            Self::Unshared => "unshared",
        }
    }
}

impl Door {
    /// Over these accounts; those who never said are public or private `by_default`.
    pub(super) fn new(accounts: AccountService, by_default: Visibility) -> Self {
        let known = Arc::new(Known::new(CAPACITY));
        accounts.memories().add_of_documents(&(Arc::clone(&known) as Arc<dyn Forget>));
        let wanted = "points:read".parse().expect("it is area:action");
        Self { accounts, by_default, known, key: DigestKey::random(), wanted }
    }

    /// The account of this name, if this identity may watch it now.
    ///
    /// # Errors
    ///
    /// The same rejection for whoever may not, whether there is such an account or not; another if the store is
    /// down.
    pub(super) async fn enter(&self, name: &str, who: &Identity, now: SystemTime) -> Result<AccountId, Rejection> {
        let name = AccountName::parse(name).map_err(|_other| CLOSED)?;
        let found = self.accounts.store().account_by_login(&Login::Name(name)).await.map_err(unavailable(ID))?;
        let account = found.filter(Account::is_active).ok_or(CLOSED)?;
        match self.check(account.id, who, now).await.map_err(unavailable(ID))? {
            Ok(()) => Ok(account.id),
            Err(_closed) => Err(CLOSED),
        }
    }

    /// Whether this identity may watch this account at `now`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store is down and memory does not know.
    pub(super) async fn check(
        &self,
        account: AccountId,
        who: &Identity,
        now: SystemTime,
    ) -> Result<Result<(), Closed>, StoreError> {
        if who.expires_at().is_some_and(|end| now >= end) {
            let is_link = who.scheme() == share::ID;
            return Ok(Err(if is_link { Closed::Unshared } else { Closed::Expired }));
        }
        if let Some(facts) = self.known.find(&self.digest(account), now) {
            let judged = self.judge(&facts, account, who, now);
            // A link may be younger than what is remembered.
            if judged != Err(Closed::Unshared) {
                return Ok(judged);
            }
        }
        let facts = self.read(account, now).await?;
        Ok(self.judge(&facts, account, who, now))
    }

    fn judge(&self, facts: &Facts, account: AccountId, who: &Identity, now: SystemTime) -> Result<(), Closed> {
        if !facts.is_active {
            return Err(Closed::Gone);
        }
        if facts.visibility == Visibility::Public {
            return Ok(());
        }
        if who.scheme() == share::ID {
            let is_live = |(id, ends_at): &(Arc<str>, SystemTime)| **id == *who.credential().id && now < *ends_at;
            return if facts.links.iter().any(is_live) { Ok(()) } else { Err(Closed::Unshared) };
        }
        if who.account() == Some(account) && who.grants().allow(&self.wanted) { Ok(()) } else { Err(Closed::Private) }
    }

    /// Reads what decides about an account, and remembers it.
    async fn read(&self, id: AccountId, now: SystemTime) -> Result<Facts, StoreError> {
        let ticket = self.known.ticket();
        let account = self.accounts.store().account(id).await?;
        let links = self.accounts.shares(id).await?;
        let facts = Facts {
            is_active: account.as_ref().is_some_and(Account::is_active),
            visibility: self.accounts.visibility(id).await?.unwrap_or(self.by_default),
            links: links.into_iter().map(|link| (link.id, link.ends_at)).collect(),
        };
        self.known.remember(ticket, self.digest(id), Some(id), "", facts.clone(), now, now + REMEMBER);
        Ok(facts)
    }

    fn digest(&self, id: AccountId) -> KeyedDigest {
        self.key.digest(&[&id.0.to_be_bytes()])
    }
}

const CLOSED: Rejection = Rejection::new(Reason::Policy, ID);

const CAPACITY: usize = 10_000;

/// Nothing depends on it but the room of those whom nobody watches.
const REMEMBER: Duration = Duration::from_mins(10);
