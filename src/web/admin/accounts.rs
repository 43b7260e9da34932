//! All accounts: searched, taken out of use, signed out, unlocked.

use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use http::Response;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Account, AccountState};

use crate::ports::{AccountChange, Ends};
use crate::web::account::{Permission, events, permissions, sessions};
use crate::web::answer::{Stop, redirect, render};
use crate::web::form::encode;
use crate::web::frame::{Frame, When};
use crate::web::visit::Visit;
use crate::web::words::Words;

#[derive(Template)]
#[template(path = "admin-accounts.html")]
struct AccountsPage<'a> {
    frame: Frame,
    search: &'a str,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

/// An account as the list shows it.
struct Row {
    id: i64,
    name: Arc<str>,
    email: Option<Arc<str>>,
    made: When,
    state: &'static str,
    state_kind: &'static str,
    is_locked: bool,
}

impl Row {
    fn new(visit: &Visit, account: Account) -> Self {
        let is_locked = visit.shared.accounts.locked_until(&account).is_some();
        let (state, state_kind) = state(visit.words(), account.state);
        Self {
            id: account.id.0,
            made: When(account.created_at),
            name: account.name,
            email: account.email,
            state,
            state_kind,
            is_locked,
        }
    }
}

/// A state in plain words, and how its badge looks.
fn state(words: &'static Words, state: AccountState) -> (&'static str, &'static str) {
    match state {
        AccountState::Active => (words.get("admin.active"), "good"),
        AccountState::Disabled => (words.get("admin.disabled"), "bad"),
        AccountState::Unconfirmed => (words.get("admin.unconfirmed"), "warn"),
    }
}

/// Accounts by number, or those with a text in name or address, page by page.
pub(super) async fn list(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let search = visit.query.trimmed("q");
    let wanted = search.to_lowercase();
    let after = AccountId(visit.query.get("after").parse().unwrap_or(0));
    let store = visit.shared.accounts.store();
    let (mut place, mut found, mut looked, mut is_end) = (after, Vec::new(), 0, false);
    while found.len() <= PAGE && looked < MOST_LOOKED && !is_end {
        let some = store.list_accounts(place, STEP).await?;
        is_end = some.len() < STEP as usize;
        looked += some.len();
        place = some.last().map_or(place, |account| account.id);
        found.extend(some.into_iter().filter(|account| holds(account, &wanted)));
    }
    let is_more = found.len() > PAGE || !is_end;
    found.truncate(PAGE);
    // Without a full page the search goes on where it stopped.
    let last = if found.len() == PAGE { found.last().map_or(place, |account| account.id) } else { place };
    let kept = if search.is_empty() { String::new() } else { format!("q={}&", encode(search)) };
    let page = AccountsPage {
        frame: visit.frame(visit.words().get("admin.accounts_title")).await?.of("admin"),
        search,
        rows: found.into_iter().map(|account| Row::new(&visit, account)).collect(),
        first: (after.0 > 0).then(|| format!("/account/admin?{kept}")),
        next: is_more.then(|| format!("/account/admin?{kept}after={last}")),
    };
    Ok(render(&visit.shared, &page))
}

fn holds(account: &Account, wanted: &str) -> bool {
    let email = account.email.as_deref().unwrap_or_default();
    account.name.to_lowercase().contains(wanted) || email.to_lowercase().contains(wanted)
}

#[derive(Template)]
#[template(path = "admin-account.html")]
struct AccountPage {
    frame: Frame,
    account: Row,
    permissions: Vec<Permission>,
    is_active: bool,
    is_self: bool,
    locked_until: Option<When>,
    sessions: usize,
    tokens: usize,
    events: Vec<events::Row>,
    trail: String,
}

/// One account.
pub(super) async fn one(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = named(&visit).await?;
    let accounts = &visit.shared.accounts;
    let page = AccountPage {
        frame: visit.frame(&account.name).await?.of("admin"),
        permissions: permissions(visit.words(), &account.grants),
        is_active: account.is_active(),
        is_self: visit.who.account() == Some(account.id),
        locked_until: accounts.locked_until(&account).map(When),
        sessions: sessions::live(&visit.shared, account.id, visit.now).await?.len(),
        tokens: accounts.store().list_tokens(Some(account.id)).await?.len(),
        events: events::newest(&visit, account.id, RECENT).await?,
        trail: format!("/account/admin/audit?who={}", encode(&account.name)),
        account: Row::new(&visit, account),
    };
    Ok(render(&visit.shared, &page))
}

/// Takes an account out of use; its sessions end.
pub(super) async fn disable(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = named(&visit).await?;
    // Nobody saws off the branch that they sit on.
    if visit.who.account() == Some(account.id) {
        return Err(Stop::BadRequest);
    }
    set_state(&visit, &account, AccountState::Disabled, "account_disabled").await
}

/// Takes an account into use again.
pub(super) async fn enable(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = named(&visit).await?;
    set_state(&visit, &account, AccountState::Active, "account_enabled").await
}

async fn set_state(visit: &Visit, account: &Account, state: AccountState, done: &str) -> Result<Response<Bytes>, Stop> {
    if account.state != state {
        let change = AccountChange { state: Some(state), ..AccountChange::default() };
        visit.shared.accounts.change(account.id, change, Ends::Nothing, &visit.origin()).await?;
    }
    Ok(back(visit, account, done))
}

/// Ends every session and signed token of an account.
pub(super) async fn end_sessions(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = named(&visit).await?;
    visit.shared.accounts.end_credentials(account.id, &visit.origin()).await?;
    Ok(back(&visit, &account, "sessions_ended"))
}

/// Forgets the wrong guesses at an account.
pub(super) async fn unlock(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = named(&visit).await?;
    visit.shared.accounts.unlock(&account, &visit.origin()).await?;
    Ok(back(&visit, &account, "account_unlocked"))
}

fn back(visit: &Visit, account: &Account, done: &str) -> Response<Bytes> {
    redirect(&visit.shared, &format!("/account/admin/accounts/{}?done={done}", account.id))
}

/// The account that the path names.
async fn named(visit: &Visit) -> Result<Account, Stop> {
    let id: AccountId = visit.parameter("id").parse().map_err(|_unread| Stop::NotFound)?;
    visit.shared.accounts.store().account(id).await?.ok_or(Stop::NotFound)
}

const PAGE: usize = 25;
const RECENT: u32 = 10;
/// How many accounts are read at once, and how many are looked at for one page.
const STEP: u32 = 500;
const MOST_LOOKED: usize = 20_000;
