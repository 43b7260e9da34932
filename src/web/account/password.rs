//! Changing the password, which ends every other session.

use askama::Template;
use bytes::Bytes;
use http::{Response, StatusCode};
use trackgate_schemes::{Class, Reason, Secret};

use crate::ports::Ends;
use crate::web::ID;
use crate::web::answer::{Stop, add_wait, redirect, render};
use crate::web::frame::Frame;
use crate::web::sign_in::{minutes, open_session};
use crate::web::visit::Visit;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage<'a> {
    frame: Frame,
    present_error: Option<String>,
    new_error: Option<&'a str>,
    repeat_error: Option<&'a str>,
}

#[derive(Default)]
struct Faults {
    present: Option<String>,
    new: Option<&'static str>,
    repeat: Option<&'static str>,
}

/// The form.
pub(super) async fn form(visit: Visit) -> Result<Response<Bytes>, Stop> {
    page(&visit, Faults::default()).await
}

async fn page(visit: &Visit, faults: Faults) -> Result<Response<Bytes>, Stop> {
    let words = visit.words();
    let page = PasswordPage {
        frame: visit.frame(words.get("password.title")).await?.of("password"),
        present_error: faults.present,
        new_error: faults.new.map(|key| words.get(key)),
        repeat_error: faults.repeat.map(|key| words.get(key)),
    };
    Ok(render(&visit.shared, &page))
}

/// Changes it, if the present one is right.
pub(super) async fn change(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (words, fields) = (visit.words(), &visit.fields);
    let (new, repeat) = (fields.get("new"), fields.get("repeat"));
    let mut faults =
        Faults { present: None, new: new_fault(new), repeat: (new != repeat).then_some("password.not_repeated") };
    // Looked at first, so that a slip costs no guess.
    if faults.new.is_some() || faults.repeat.is_some() {
        let mut response = page(&visit, faults).await?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let accounts = &visit.shared.accounts;
    let present = Secret::from(fields.get("present"));
    let account = match accounts.check_password(ID, &visit.who, present, &visit.origin()).await {
        Ok(account) => account,
        Err(why) if why.reason.class() == Class::BadCredential => {
            faults.present = Some(match (why.reason, why.retry_after) {
                (Reason::Locked, Some(wait)) => words.with("sign_in.locked", "minutes", &minutes(wait).to_string()),
                _ => words.get("password.wrong").to_owned(),
            });
            let mut response = page(&visit, faults).await?;
            *response.status_mut() = StatusCode::FORBIDDEN;
            add_wait(response.headers_mut(), why.retry_after);
            return Ok(response);
        }
        Err(why) => return Err(why.into()),
    };
    let new = Secret::from(new);
    let account = accounts.change_password(account.id, new, Ends::Credentials, &visit.origin()).await?;
    let mut response = redirect(&visit.shared, "/account/password?done=password_changed");
    open_session(&visit, &account, &mut response).await?;
    Ok(response)
}

fn new_fault(new: &str) -> Option<&'static str> {
    if new.chars().count() < LEAST_LETTERS {
        Some("password.short")
    } else if new.len() > trackgate_schemes::password::MAX_BYTES {
        Some("password.long")
    } else {
        None
    }
}

/// NIST SP 800-63B §3.1.1.2.
const LEAST_LETTERS: usize = 8;
