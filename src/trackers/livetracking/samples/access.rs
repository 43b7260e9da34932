//! Whose samples who may read and write. A database is what one account has recorded.

use std::sync::Arc;

use trackgate_schemes::store::Account;
use trackgate_schemes::{AccountId, AccountName, Identity, Rejection, Subject};

use crate::accounts::Visibility;
use crate::trackers::livetracking::{Directory, ID, State};
use crate::trackers::unavailable;

/// The name by which everybody reads what is not private.
pub(in crate::trackers::livetracking) const READER: &str = "public";

/// Whether somebody may write a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    Denied,
    Granted(AccountId),
    /// There is no such database.
    Unknown,
}

/// Whether `who` may write the database of this name.
///
/// # Errors
///
/// The store is down.
pub(super) async fn writing(state: &State, who: &Identity, database: &str) -> Result<Writing, Rejection> {
    Ok(match (writable(who, database), own(who, database)) {
        (Some(account), _) => Writing::Granted(account),
        (None, Some(_)) => Writing::Denied,
        (None, None) => match owner_of(state, database).await? {
            Some(_) if state.settings.directory == Directory::Open => Writing::Denied,
            _ => Writing::Unknown,
        },
    })
}

/// Whose the database of this name is, if `who` may write it.
pub(super) fn writable(who: &Identity, database: &str) -> Option<AccountId> {
    own(who, database).filter(|_account| grants(who, "points:write"))
}

/// Whose the database of this name is, if `who` may read it.
///
/// # Errors
///
/// The store is down.
pub(super) async fn reading(state: &State, who: &Identity, database: &str) -> Result<Option<AccountId>, Rejection> {
    if !grants(who, "points:read") {
        return Ok(None);
    }
    if let Some(account) = own(who, database) {
        return Ok(Some(account));
    }
    if !is_reader(who) {
        return Ok(None);
    }
    match owner_of(state, database).await? {
        Some(owner) if is_public(state, owner.id).await? => Ok(Some(owner.id)),
        _ => Ok(None),
    }
}

/// The databases that `who` may read, the oldest account first.
///
/// # Errors
///
/// The store is down.
pub(super) async fn readable(state: &State, who: &Identity) -> Result<Vec<Arc<str>>, Rejection> {
    if !grants(who, "points:read") {
        return Ok(Vec::new());
    }
    if !is_reader(who) {
        return Ok(who.account().map(|_account| shown(who).into()).into_iter().collect());
    }
    let mut names = Vec::new();
    let mut after = AccountId(0);
    loop {
        let page = state.accounts.store().list_accounts(after, PAGE).await.map_err(unavailable(ID))?;
        let is_last = page.len() < PAGE as usize;
        after = page.last().map_or(after, |account| account.id);
        for account in page.iter().filter(|account| account.is_active()) {
            if is_public(state, account.id).await?
                && let Ok(name) = AccountName::parse(&account.name)
            {
                names.push(name.as_str().into());
            }
        }
        if is_last || names.len() >= MAX_LISTED {
            names.truncate(MAX_LISTED);
            return Ok(names);
        }
    }
}

/// The account of whoever asks, if the database of this name is theirs.
fn own(who: &Identity, database: &str) -> Option<AccountId> {
    let is_own = AccountName::parse(who.name()).is_ok_and(|name| name.as_str() == database);
    who.account().filter(|_account| is_own)
}

/// The name under which somebody is told what they may not do.
pub(super) fn shown(who: &Identity) -> String {
    AccountName::parse(who.name()).map_or_else(|_| who.name().to_owned(), |name| name.as_str().to_owned())
}

fn grants(who: &Identity, grant: &'static str) -> bool {
    who.grants().allow(&grant.parse().expect("it is area:action"))
}

/// Whether it is the reader of the tracker's own scheme: another issuer may know somebody of that name too.
fn is_reader(who: &Identity) -> bool {
    who.scheme() == ID && matches!(who.subject(), Subject::External(name) if **name == *READER)
}

/// The account that has recorded what is in the database of this name, which is in lower case.
async fn owner_of(state: &State, database: &str) -> Result<Option<Account>, Rejection> {
    if !AccountName::parse(database).is_ok_and(|name| name.as_str() == database) {
        return Ok(None);
    }
    Ok(state.find(database).await?.filter(Account::is_active))
}

async fn is_public(state: &State, account: AccountId) -> Result<bool, Rejection> {
    let chosen = state.accounts.visibility(account).await.map_err(unavailable(ID))?;
    Ok(chosen.unwrap_or(state.settings.visibility) == Visibility::Public)
}

const PAGE: u32 = 500;

/// As many as the user list has; the original lists all.
const MAX_LISTED: usize = 500;
