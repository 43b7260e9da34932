//! Signing in and out, and choosing a language.

use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use trackgate_schemes::store::Account;
use trackgate_schemes::{CanonicalPath, Class, Head, Identity, Reason, Rejection, Scheme as _, Secret, Verdict};

use super::answer::{Stop, add_wait, redirect, render};
use super::dialect::SIGN_IN;
use super::frame::Frame;
use super::visit::Visit;
use super::words::Language;
use super::{ID, cookies};
use crate::accounts::{ChangeError, Origin};
use crate::message::because;

#[derive(Template)]
#[template(path = "sign-in.html")]
struct SignInPage<'a> {
    frame: Frame,
    login: &'a str,
    next: &'a str,
    error: Option<String>,
}

/// The form; who is signed in goes on.
pub(super) async fn form(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let next = own_path(visit.query.get("next")).unwrap_or_default();
    if signed_in(&visit).await.is_some() {
        return Ok(redirect(&visit.shared, if next.is_empty() { "/account" } else { next }));
    }
    let mut frame = Frame::bare(&visit.shared, &visit.around, visit.words().get("sign_in.title"));
    if visit.query.get("ended") == "1" {
        frame = frame.saying("note", visit.words().get("sign_in.ended"));
    }
    frame = frame.flash_of(&visit.query);
    Ok(render(&visit.shared, &SignInPage { frame, login: "", next, error: None }))
}

/// Checks name and password, and opens a session.
pub(super) async fn sign_in(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (shared, words) = (&visit.shared, visit.words());
    let (login, next) = (visit.fields.trimmed("login"), own_path(visit.fields.get("next")).unwrap_or_default());
    let password = Secret::from(visit.fields.get("password"));
    let service = service(&visit);
    let checked = shared.accounts.sign_in(ID, login, password, &Origin::nobody(&service, visit.client)).await;
    let why = match checked {
        Ok(account) => {
            let mut response = redirect(shared, if next.is_empty() { "/account" } else { next });
            let before = signed_in(&visit).await;
            open_session(&visit, &account, &mut response).await?;
            if let Some(before) = before {
                // The cookie of the session before is gone; nobody could end it by hand.
                end(&visit, &before).await?;
            }
            return Ok(response);
        }
        Err(why) if why.reason.class() == Class::BadCredential => why,
        Err(why) => return Err(why.into()),
    };
    // Unknown, wrong and out of use are one answer; a lock only adds when to try again.
    let error = match (why.reason, why.retry_after) {
        (Reason::Locked, Some(wait)) => words.with("sign_in.locked", "minutes", &minutes(wait).to_string()),
        _ => words.get("sign_in.wrong").to_owned(),
    };
    let frame = Frame::bare(shared, &visit.around, words.get("sign_in.title"));
    let mut response = render(shared, &SignInPage { frame, login, next, error: Some(error) });
    *response.status_mut() = StatusCode::FORBIDDEN;
    add_wait(response.headers_mut(), why.retry_after);
    Ok(because(&why, response))
}

/// Ends the session and removes its cookie.
pub(super) async fn sign_out(visit: Visit) -> Result<Response<Bytes>, Stop> {
    end(&visit, &visit.who).await?;
    let mut response = redirect(&visit.shared, &format!("{SIGN_IN}?done=signed_out"));
    let line = cookies::no_session(visit.shared.settings.account.reached_by);
    response.headers_mut().append(header::SET_COOKIE, line);
    Ok(response)
}

/// Keeps the language that a link names, and goes back.
pub(super) async fn language(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let language = Language::from_code(visit.query.get("to")).ok_or(Stop::NotFound)?;
    let mut response = redirect(&visit.shared, own_path(visit.query.get("next")).unwrap_or("/account"));
    let line = cookies::language(visit.shared.settings.account.reached_by, language);
    response.headers_mut().append(header::SET_COOKIE, line);
    Ok(response)
}

/// Opens a session for an account whose password was checked just now, and hands its cookie out.
///
/// # Errors
///
/// It cannot be opened.
pub(super) async fn open_session(visit: &Visit, account: &Account, response: &mut Response<Bytes>) -> Result<(), Stop> {
    let shared = &visit.shared;
    // Not when the request came in: what ended all credentials meanwhile must not end this one.
    let now = shared.accounts.clock().now();
    let opened = shared.sessions.open(account, &service(visit), visit.client, now).await?;
    let settings = &shared.settings.account;
    let line = cookies::session(settings.reached_by, &opened.token, settings.absolute);
    response.headers_mut().append(header::SET_COOKIE, line);
    Ok(())
}

async fn end(visit: &Visit, who: &Identity) -> Result<(), Stop> {
    let origin = Origin::of(who, ID, visit.client);
    match visit.shared.accounts.end_session(&who.credential().id, &origin).await {
        Ok(()) | Err(ChangeError::NotFound) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Who is signed in already, on a page that does not ask.
async fn signed_in(visit: &Visit) -> Option<Identity> {
    let path = CanonicalPath::parse(SIGN_IN).expect("it is a plain path");
    let head = Head::new(&Method::GET, &path, &visit.headers).with_client(visit.client).with_now(visit.now);
    match visit.shared.sessions.authenticate(&head).verdict().await {
        Verdict::Known(who) => Some(who),
        Verdict::Absent | Verdict::Refused(_) => None,
    }
}

/// What the session is called in lists: the browser and system, as far as known names go.
fn service(visit: &Visit) -> String {
    let agent = visit.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let agent: String = agent.chars().take(MAX_AGENT_LETTERS).collect();
    let parser = woothee::parser::Parser::new();
    match parser.parse(&agent).filter(|read| matches!(read.category, "pc" | "smartphone" | "mobilephone")) {
        Some(read) => format!("{SERVICE} ({}, {})", read.name, read.os),
        None => SERVICE.to_owned(),
    }
}

/// A path of this server to go on to: never another server's.
fn own_path(path: &str) -> Option<&str> {
    let rest = path.strip_prefix('/')?;
    let is_own = !rest.starts_with(['/', '\\']) && path.len() <= MAX_PATH_BYTES;
    (is_own && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')).then_some(path)
}

pub(super) fn minutes(wait: Duration) -> u64 {
    let seconds = Rejection::new(Reason::Locked, ID).after(wait).retry_after_seconds();
    seconds.unwrap_or(60).div_ceil(60)
}

/// What signs what is done on these pages.
const SERVICE: &str = "Account pages";
const MAX_AGENT_LETTERS: usize = 512;
const MAX_PATH_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pth_13_who_signs_in_goes_on_to_a_path_of_this_server_alone() {
        for path in ["/account", "/account/tokens?x=1", "/watch/rider", "/"] {
            assert_eq!(own_path(path), Some(path));
        }
        for path in ["", "account", "//evil.example", "/\\evil.example", "https://evil.example", "/a\\b", "/a b", "/\n"]
        {
            assert_eq!(own_path(path), None, "{path:?}");
        }
        assert_eq!(own_path(&format!("/{}", "a".repeat(MAX_PATH_BYTES))), None);
    }
}
