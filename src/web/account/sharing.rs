//! Who may watch: everybody or nobody, and links for a time.

use std::time::{Duration, SystemTime};

use askama::Template;
use bytes::Bytes;
use http::{Response, StatusCode};
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Account, StoreError};

use crate::accounts::{ChangeError, ShareLink, Visibility};
use crate::web::Shared;
use crate::web::answer::{Stop, redirect, render};
use crate::web::form::encode;
use crate::web::frame::{Frame, When};
use crate::web::visit::Visit;
use crate::web::words::Words;

#[derive(Template)]
#[template(path = "sharing.html")]
struct SharingPage<'a> {
    frame: Frame,
    is_public: bool,
    watch: Option<String>,
    links: Vec<Row>,
    label: &'a str,
    label_error: Option<&'a str>,
    can_add: bool,
}

/// A link as pages show it.
struct Row {
    id: String,
    label: String,
    made: When,
    ends: When,
    is_over: bool,
}

impl Row {
    fn new(words: &Words, link: &ShareLink, now: SystemTime) -> Self {
        Self {
            id: link.id.to_string(),
            label: label(words, link),
            made: When(link.created_at),
            ends: When(link.ends_at),
            is_over: link.ends_at <= now,
        }
    }
}

fn label(words: &Words, link: &ShareLink) -> String {
    if link.label.is_empty() { words.get("sharing.unnamed").to_owned() } else { link.label.clone() }
}

/// Whether everybody may watch an account.
///
/// # Errors
///
/// The store is down.
pub(super) async fn is_public(shared: &Shared, account: AccountId) -> Result<bool, StoreError> {
    let chosen = shared.accounts.visibility(account).await?;
    Ok(chosen.unwrap_or(shared.settings.visibility) == Visibility::Public)
}

/// Where an account's rides are watched; `None` if nothing shows them here.
pub(super) fn watch_url(visit: &Visit, account: &Account) -> Option<String> {
    let is_there = visit.shared.settings.trackers.iter().any(|tracker| tracker == "livetracking");
    is_there.then(|| format!("{}/watch/{}", visit.around.origin, encode(&account.name.to_lowercase())))
}

/// The switch and the links.
pub(super) async fn show(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    page(&visit, &account, None).await
}

async fn page(visit: &Visit, account: &Account, label_error: Option<&str>) -> Result<Response<Bytes>, Stop> {
    let words = visit.words();
    let accounts = &visit.shared.accounts;
    let links = accounts.shares(account.id).await?;
    let page = SharingPage {
        frame: visit.frame(words.get("sharing.title")).await?.of("sharing"),
        is_public: is_public(&visit.shared, account.id).await?,
        watch: watch_url(visit, account),
        can_add: live(&links, visit.now) < MOST_LINKS,
        links: links.iter().rev().map(|link| Row::new(words, link, visit.now)).collect(),
        label: visit.fields.get("label"),
        label_error,
    };
    Ok(render(&visit.shared, &page))
}

/// Sets the switch.
pub(super) async fn set_visibility(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let visibility = match visit.fields.get("visibility") {
        "private" => Visibility::Private,
        "public" => Visibility::Public,
        _ => return Err(Stop::BadRequest),
    };
    let account = visit.account().await?;
    visit.shared.accounts.set_visibility(&account, visibility, &visit.origin()).await?;
    Ok(redirect(&visit.shared, "/account/sharing?done=visibility_set"))
}

#[derive(Template)]
#[template(path = "link-shown.html")]
struct ShownPage {
    frame: Frame,
    label: String,
    url: String,
    ends: When,
}

/// Makes a link, and shows it this once.
pub(super) async fn make(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    let words = visit.words();
    let text = visit.fields.trimmed("label");
    let (_, life) = LIVES.into_iter().find(|(code, _)| *code == visit.fields.get("life")).ok_or(Stop::BadRequest)?;
    let is_unfit = text.chars().count() > MAX_LABEL || text.chars().any(char::is_control);
    let links = visit.shared.accounts.shares(account.id).await?;
    if is_unfit || live(&links, visit.now) >= MOST_LINKS {
        let error = if is_unfit { "sharing.label_long" } else { "sharing.too_many" };
        let mut response = page(&visit, &account, Some(words.get(error))).await?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let issued = visit.shared.accounts.share(&account, text, visit.now + life, &visit.origin()).await?;
    let token = issued.token.expose_text().unwrap_or_default();
    let watch = watch_url(&visit, &account).unwrap_or_else(|| visit.around.origin.clone());
    let page = ShownPage {
        frame: visit.frame(words.get("sharing.shown_title")).await?.of("sharing"),
        label: label(words, &issued.link),
        // A fragment: it reaches no server and no log.
        url: format!("{watch}#share={token}"),
        ends: When(issued.link.ends_at),
    };
    Ok(render(&visit.shared, &page))
}

/// Ends a link of the account.
pub(super) async fn end(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    match visit.shared.accounts.end_share(&account, visit.parameter("id"), &visit.origin()).await {
        Ok(()) => Ok(redirect(&visit.shared, "/account/sharing?done=link_ended")),
        Err(ChangeError::NotFound) => Err(Stop::NotFound),
        Err(error) => Err(error.into()),
    }
}

fn live(links: &[ShareLink], now: SystemTime) -> usize {
    links.iter().filter(|link| link.ends_at > now).count()
}

/// How long a link lives, by the code of the choice.
const LIVES: [(&str, Duration); 5] = [
    ("1h", Duration::from_hours(1)),
    ("8h", Duration::from_hours(8)),
    ("1d", Duration::from_hours(24)),
    ("7d", Duration::from_hours(7 * 24)),
    ("30d", Duration::from_hours(30 * 24)),
];
const MAX_LABEL: usize = 64;
const MOST_LINKS: usize = 100;
