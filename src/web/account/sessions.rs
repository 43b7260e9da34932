//! Sessions and signed tokens: listed, and ended one by one or all at once.

use std::sync::Arc;
use std::time::SystemTime;

use askama::Template;
use bytes::Bytes;
use http::Response;
use trackgate_schemes::AccountId;
use trackgate_schemes::store::{Session, StoreError};

use super::events::said;
use crate::accounts::ChangeError;
use crate::web::Shared;
use crate::web::answer::{Stop, redirect, render};
use crate::web::frame::{Frame, When, address};
use crate::web::sign_in::open_session;
use crate::web::visit::Visit;
use crate::web::words::Words;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    sessions: Vec<Row>,
    signed: Vec<Signed>,
}

/// A session as pages show it.
pub(in crate::web) struct Row {
    id: Arc<str>,
    service: String,
    door: String,
    address: String,
    opened: When,
    used: When,
    is_this: bool,
}

/// A signed token that is out.
struct Signed {
    key: Arc<str>,
    service: String,
    address: String,
    at: When,
    used: Option<When>,
    ends: When,
}

/// What a scheme of sessions is called.
fn door(words: &Words, scheme: &str) -> String {
    words.find(&["doors.", scheme].concat()).map_or_else(|| scheme.to_owned(), ToOwned::to_owned)
}

/// The live sessions of an account, the one that was used last first.
///
/// # Errors
///
/// The store is down.
pub(in crate::web) async fn live(
    shared: &Shared,
    account: AccountId,
    now: SystemTime,
) -> Result<Vec<Session>, StoreError> {
    let mut sessions = shared.accounts.store().list_sessions(Some(account)).await?;
    let lives = &shared.settings.sessions;
    sessions
        .retain(|session| lives.iter().any(|(scheme, life)| *scheme == *session.scheme && session.is_live(*life, now)));
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
    Ok(sessions)
}

/// The sessions of the account, and its signed tokens that are out.
pub(super) async fn list(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (shared, words) = (&visit.shared, visit.words());
    let account = visit.account().await?;
    let sessions = live(shared, account.id, visit.now).await?;
    let this = visit.session();
    let mut rows: Vec<Row> = sessions
        .into_iter()
        .map(|session| Row {
            is_this: *session.id == *this,
            door: door(words, &session.scheme),
            address: address(session.client),
            opened: When(session.opened_at),
            // Uses are written in steps; of this one the newest is known.
            used: When(if *session.id == *this { visit.now } else { session.last_used_at }),
            service: said(words, "services.", &session.service),
            id: session.id,
        })
        .collect();
    rows.sort_by_key(|row| !row.is_this);
    let signed = shared.accounts.signed_tokens(account.id).await?.into_iter().map(|token| Signed {
        service: said(words, "services.", &token.service),
        address: address(token.last_client.or(token.client)),
        at: When(token.issued_at),
        used: token.last_used_at.map(When),
        ends: When(token.ends_at),
        key: token.key,
    });
    let signed = signed.collect();
    let frame = visit.frame(words.get("sessions.title")).await?.of("sessions");
    Ok(render(shared, &SessionsPage { frame, sessions: rows, signed }))
}

/// Ends one session of the account.
pub(super) async fn end(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    let sessions = visit.shared.accounts.store().list_sessions(Some(account.id)).await?;
    let session = sessions.iter().find(|session| *session.id == *visit.parameter("id")).ok_or(Stop::NotFound)?;
    match visit.shared.accounts.end_session(&session.id, &visit.origin()).await {
        Ok(()) | Err(ChangeError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(redirect(&visit.shared, "/account/sessions?done=session_ended"))
}

/// Ends one signed token of the account.
pub(super) async fn end_signed(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    match visit.shared.accounts.end_signed(account.id, visit.parameter("key"), &visit.origin()).await {
        Ok(()) => Ok(redirect(&visit.shared, "/account/sessions?done=token_ended")),
        Err(ChangeError::NotFound) => Err(Stop::NotFound),
        Err(error) => Err(error.into()),
    }
}

/// Ends every session and signed token of the account, and opens one anew for this browser.
pub(super) async fn end_all(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    let account = visit.shared.accounts.end_credentials(account.id, &visit.origin()).await?;
    let mut response = redirect(&visit.shared, "/account/sessions?done=all_ended");
    open_session(&visit, &account, &mut response).await?;
    Ok(response)
}
