//! Accounts of servers behind the gateway: linked by signing in there once, and let go again.

use askama::Template;
use bytes::Bytes;
use http::{Response, StatusCode};
use trackgate_schemes::Secret;

use crate::accounts::{LinkCheck, LinkError, ListedLink, NewLink};
use crate::web::answer::{Stop, redirect, render};
use crate::web::frame::Frame;
use crate::web::visit::Visit;
use crate::web::words::Words;
use crate::web::{Linked, LinkedServer};

#[derive(Template)]
#[template(path = "links.html")]
struct LinksPage<'a> {
    frame: Frame,
    rows: Vec<Row<'a>>,
}

/// A server.
struct Row<'a> {
    name: &'a str,
    has_user: bool,
    keeps_secret: bool,
    /// How it stands with its link: how it looks, and a word; `None` without one.
    state: Option<(&'static str, &'a str)>,
    about: Option<String>,
    /// What was typed.
    user: &'a str,
    error: Option<&'a str>,
}

/// What is wrong with what was typed for a server.
struct Wrong<'a> {
    set: &'a str,
    user: &'a str,
    key: &'static str,
}

impl<'a> Row<'a> {
    fn new(words: &'a Words, set: &'a LinkedServer, listed: Option<&ListedLink>, wrong: Option<&Wrong<'a>>) -> Self {
        let wrong = wrong.filter(|wrong| wrong.set == set.name);
        let state = listed.map(|listed| match &listed.link {
            None => ("bad", words.get("links.unreadable")),
            Some(link) if link.is_refused => ("bad", words.get("links.refused")),
            Some(_) => ("good", words.get("links.linked")),
        });
        let user = listed.and_then(|listed| listed.link.as_ref()).map(|link| &*link.user);
        let about = user.filter(|user| !user.is_empty()).map(|user| words.with("links.as", "name", user));
        Self {
            name: &set.name,
            has_user: set.has_user,
            keeps_secret: set.keeps_secret,
            state,
            about,
            user: wrong.map_or("", |wrong| wrong.user),
            error: wrong.map(|wrong| words.get(wrong.key)),
        }
    }
}

/// All servers, with what is linked.
pub(super) async fn show(visit: Visit) -> Result<Response<Bytes>, Stop> {
    page(&visit, None).await
}

async fn page(visit: &Visit, wrong: Option<&Wrong<'_>>) -> Result<Response<Bytes>, Stop> {
    let linked = linked(visit)?;
    let account = visit.account().await?;
    let listed = linked.links.list(account.id).await?;
    let words = visit.words();
    let rows = linked.sets.iter().map(|set| {
        let listed = listed.iter().find(|listed| listed.set == set.name);
        Row::new(words, set, listed, wrong)
    });
    let rows = rows.collect();
    let page = LinksPage { frame: visit.frame(words.get("links.title")).await?.of("links"), rows };
    let mut response = render(&visit.shared, &page);
    if wrong.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// Links an account, if the server takes name and password.
pub(super) async fn make(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (linked, set) = (linked(&visit)?, server(&visit)?);
    let account = visit.account().await?;
    let user = if set.has_user { visit.fields.trimmed("user") } else { "" };
    let secret = Secret::from(visit.fields.get("secret"));
    let wrong = |key| Wrong { set: &set.name, user, key };
    if secret.expose().is_empty() || (set.has_user && user.is_empty()) {
        return page(&visit, Some(&wrong("links.empty"))).await;
    }
    let number = match &set.check {
        None => None,
        Some(check) => match check.check(account.id, user, &secret, visit.now).await {
            // The gateway signs for a number: without one there is nothing to keep.
            LinkCheck::Right(None) if !set.keeps_secret => return page(&visit, Some(&wrong("links.down"))).await,
            LinkCheck::Right(number) => number,
            LinkCheck::Wrong => return page(&visit, Some(&wrong("links.wrong"))).await,
            LinkCheck::TooOften => return page(&visit, Some(&wrong("links.too_often"))).await,
            LinkCheck::Down => return page(&visit, Some(&wrong("links.down"))).await,
        },
    };
    let new = NewLink { user: user.to_owned(), secret: set.keeps_secret.then_some(secret), number };
    match linked.links.set(&account, &set.name, new, &visit.origin()).await {
        Ok(()) => Ok(redirect(&visit.shared, "/account/links?done=account_linked")),
        Err(LinkError::Unfit(_)) => page(&visit, Some(&wrong("links.unfit"))).await,
        Err(LinkError::Change(error)) => Err(error.into()),
        Err(_other) => Err(Stop::Failed(trackgate_schemes::Reason::Internal, None)),
    }
}

/// Lets the linked account go.
pub(super) async fn remove(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (linked, set) = (linked(&visit)?, server(&visit)?);
    let account = visit.account().await?;
    linked.links.remove(&account, &set.name, &visit.origin()).await?;
    Ok(redirect(&visit.shared, "/account/links?done=account_unlinked"))
}

fn linked(visit: &Visit) -> Result<&Linked, Stop> {
    visit.shared.settings.linked.as_ref().ok_or(Stop::NotFound)
}

/// The server that the path names.
fn server(visit: &Visit) -> Result<&LinkedServer, Stop> {
    let name = visit.parameter("set");
    linked(visit)?.sets.iter().find(|set| set.name == name).ok_or(Stop::NotFound)
}
