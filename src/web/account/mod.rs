//! What people see of their own account.

use std::sync::Arc;

use askama::Template;
use bytes::Bytes;
use http::{Method, Response};

use super::AccountPages;
use super::answer::{Stop, render};
use super::frame::Frame;
use super::visit::Visit;
use crate::endpoint::Endpoint;

pub(super) mod events;
mod links;
mod password;
mod permissions;
pub(super) mod sessions;
mod sharing;
mod tokens;

pub(super) use permissions::{Permission, permissions};

pub(super) fn endpoints(pages: &AccountPages) -> Vec<Endpoint> {
    vec![
        pages.own(Method::GET, "/account", overview),
        pages.own(Method::GET, "/account/tokens", tokens::list),
        pages.own(Method::POST, "/account/tokens", tokens::make),
        pages.own(Method::GET, "/account/tokens/new", tokens::form),
        pages.own(Method::GET, "/account/tokens/{id}", tokens::one),
        pages.own(Method::POST, "/account/tokens/{id}/rotate", tokens::rotate),
        pages.own(Method::POST, "/account/tokens/{id}/revoke", tokens::revoke),
        pages.own(Method::GET, "/account/sessions", sessions::list),
        pages.own(Method::POST, "/account/sessions/end-all", sessions::end_all),
        pages.own(Method::POST, "/account/sessions/{id}/end", sessions::end),
        pages.own(Method::POST, "/account/sessions/signed/{key}/end", sessions::end_signed),
        pages.own(Method::GET, "/account/password", password::form),
        pages.own(Method::POST, "/account/password", password::change),
        pages.own(Method::GET, "/account/sharing", sharing::show),
        pages.own(Method::POST, "/account/sharing/visibility", sharing::set_visibility),
        pages.own(Method::POST, "/account/sharing/links", sharing::make),
        pages.own(Method::POST, "/account/sharing/links/{id}/end", sharing::end),
        pages.own(Method::GET, "/account/links", links::show),
        pages.own(Method::POST, "/account/links/{set}", links::make),
        pages.own(Method::POST, "/account/links/{set}/remove", links::remove),
        pages.own(Method::GET, "/account/events", events::list),
    ]
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    name: Arc<str>,
    email: Option<Arc<str>>,
    permissions: Vec<Permission>,
    tokens: usize,
    sessions: usize,
    is_public: bool,
    links: usize,
    watch: Option<String>,
    recent: Vec<events::Row>,
}

async fn overview(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (shared, words) = (&visit.shared, visit.words());
    let account = visit.account().await?;
    let accounts = &shared.accounts;
    let tokens = accounts.store().list_tokens(Some(account.id)).await?;
    let sessions = sessions::live(shared, account.id, visit.now).await?;
    let links = accounts.shares(account.id).await?;
    let page = OverviewPage {
        frame: visit.frame(words.get("overview.title")).await?.of("overview"),
        permissions: permissions(words, &account.grants),
        tokens: tokens.iter().filter(|token| token.expires_at.is_none_or(|end| end > visit.now)).count(),
        sessions: sessions.len(),
        is_public: sharing::is_public(shared, account.id).await?,
        links: links.iter().filter(|link| link.ends_at > visit.now).count(),
        watch: sharing::watch_url(&visit, &account),
        recent: events::newest(&visit, account.id, RECENT).await?,
        name: account.name,
        email: account.email,
    };
    Ok(render(shared, &page))
}

/// How many events the overview shows.
const RECENT: u32 = 4;
