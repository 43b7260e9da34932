//! Registration, sign-in, the profile and sign-out (contract sections 5.1, 5.4, 6.1 and 6.9).

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{AccountId, CredentialKind, Grants, Login, Reason, Rejection, Secret};

use super::post::{Desk, pretend_to_write};
use super::profile::Profile;
use super::registration::{self, Form};
use super::routes::endpoint;
use super::wire::{self, Json, Stop};
use super::{ID, IssuedToken, Registration, Shared, letters, links};
use crate::accounts::{self, ChangeError, NewSigned, Origin};
use crate::message;
use crate::ports::MailedPurpose;
use crate::trackers::json::Scalar;
use crate::trackers::{Call, Endpoint};

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::POST, REGISTER, register).public("strangers make their accounts"),
        endpoint(shared, Method::POST, LOGIN, login).public("the body holds the password"),
        endpoint(shared, Method::GET, PROFILE, profile).granted("profile:read"),
        endpoint(shared, Method::POST, LOGOUT, logout),
    ]
}

async fn register(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    if !is_open(&shared).await? {
        return Err(Stop::Message(StatusCode::FORBIDDEN, "error, registration is disabled".into()));
    }
    let (now, origin) = (call.now, Origin::nobody(ID, call.client));
    let headers = call.request.headers().clone();
    let desk = Desk::of(&shared, &headers);
    let members = wire::members(call.request, shared.settings.max_body_bytes, REGISTER_MEMBERS).await?;
    let Form { username, email, password, language } = Form::read(members)?;
    let login = Login::parse(&username).map_err(|_unfit| Stop::PAYLOAD)?;
    if shared.accounts.store().account_by_login(&login).await?.is_some() {
        return Err(registration::refused(NAME_TAKEN));
    }
    let wanted = accounts::Registration {
        name: username,
        email: Some(email),
        password: Some(password),
        state: AccountState::Unconfirmed,
        grants: Grants::EVERYDAY,
    };
    // A known address takes the same way, the hash of the password and the writing of the store included,
    // and gets the same answer: whoever asks must not learn who is registered.
    match shared.accounts.register(wanted, &origin).await {
        Ok(account) => {
            let profile = Profile::update(&shared.accounts, account.id, |profile| {
                profile.accept_policy(now);
                profile.language = Some(language.into());
            })
            .await?;
            if let (Some(desk), Some(to)) = (&desk, &account.email) {
                let store = &**shared.accounts.store();
                let token = links::make(store, account.id, MailedPurpose::ConfirmAccount, None, now).await?;
                desk.post(&account, &profile, to, |reader| letters::confirm_account(reader, &token)).await?;
            }
        }
        // Four or six times for the account, its audit entry and profile, the link and the letter.
        Err(ChangeError::EmailTaken) => pretend_to_write(&shared, if desk.is_some() { 3 } else { 2 }, "").await?,
        Err(ChangeError::NameTaken) => return Err(registration::refused(NAME_TAKEN)),
        Err(ChangeError::Stopped(why)) => return Err(why.into()),
        Err(_unfit) => return Err(Stop::PAYLOAD),
    }
    Ok(wire::success(StatusCode::OK, [("status", Json::Text("success".into()))]))
}

/// Whether strangers may make accounts now; those that are not confirmed take a place too.
///
/// # Errors
///
/// The store is down.
pub(super) async fn is_open(shared: &Shared) -> Result<bool, Stop> {
    let places = shared.settings.max_users;
    match shared.settings.registration {
        Registration::Closed => Ok(false),
        Registration::Open if places == 0 => Ok(true),
        Registration::Open => {
            let taken = shared.accounts.store().list_accounts(AccountId(0), places).await?;
            Ok(taken.len() < usize::try_from(places).unwrap_or(usize::MAX))
        }
    }
}

async fn login(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let origin = Origin::nobody(ID, call.client);
    let mut members = wire::members(call.request, shared.settings.max_body_bytes, LOGIN_MEMBERS).await?;
    // What is no address or no password goes the same way as what is wrong, and costs the same.
    let email = match members.take("email") {
        Scalar::Text(text) if text.contains('@') => text,
        _ => NO_ADDRESS.to_owned(),
    };
    let password = match members.take("password") {
        Scalar::Text(text) => Secret::from(text),
        _ => Secret::from(""),
    };
    let account = match shared.accounts.sign_in(ID, &email, password, &origin).await {
        Ok(account) => account,
        Err(why) => return wrong_password(why),
    };
    signed_in(&shared, &account, (call.now, &origin), "successfully logged in").await
}

/// The answer to a password that was not taken: a locked account looks like a wrong one, but for the time
/// after which trying again makes sense.
///
/// # Errors
///
/// What was not decided at all.
pub(super) fn wrong_password(why: Rejection) -> Result<Response<Bytes>, Stop> {
    if matches!(why.reason, Reason::Overloaded | Reason::Unavailable | Reason::Internal) {
        return Err(why.into());
    }
    let mut response = wire::error_message(StatusCode::UNAUTHORIZED, "invalid credentials");
    if let (Reason::Locked, Some(seconds)) = (why.reason, why.retry_after_seconds()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    Ok(message::because(&why, response))
}

/// The answer that carries a new access token.
///
/// # Errors
///
/// No key can sign, or the store is down: a token that is not listed could not be ended by itself.
pub(super) async fn signed_in(
    shared: &Shared,
    account: &Account,
    (now, origin): (SystemTime, &Origin),
    message: &'static str,
) -> Result<Response<Bytes>, Stop> {
    let IssuedToken { text, key, scheme, ends_at } = shared.tokens.issue(account, now)?;
    let Some(text) = text.expose_text() else {
        return Err(Rejection::new(Reason::Internal, ID).into());
    };
    let new = NewSigned { key: &key, scheme, ends_at };
    match shared.accounts.note_signed(account, new, origin).await {
        Ok(()) => {}
        Err(ChangeError::Stopped(why)) => return Err(why.into()),
        Err(_other) => return Err(Rejection::new(Reason::Internal, ID).into()),
    }
    let mut response = wire::success(
        StatusCode::OK,
        [
            ("auth_token", Json::Text(text.to_owned())),
            ("message", Json::Text(message.into())),
            ("status", Json::Text("success".into())),
        ],
    );
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn profile(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let id = call.identity().account().ok_or(Stop::TOKEN)?;
    shared.finished.profile(&shared, id, call.now).await
}

/// Twice at once has one effect and one answer: what is signed out already stays so.
async fn logout(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let who = call.identity();
    let origin = Origin::of(who, ID, call.client);
    let ended = match who.credential().kind {
        CredentialKind::Jwt => shared.accounts.end_jwt(who, &origin).await,
        CredentialKind::Session => shared.accounts.end_session(&who.credential().id, &origin).await,
        _ => return Err(Stop::TOKEN),
    };
    let (status, message, outcome) = match ended {
        Ok(()) | Err(ChangeError::NotFound) => (StatusCode::OK, "successfully logged out", "success"),
        Err(ChangeError::Stopped(why)) if why.reason != Reason::Internal => return Err(why.into()),
        Err(_failed) => (StatusCode::INTERNAL_SERVER_ERROR, "error on token blacklist", "error"),
    };
    Ok(wire::success(status, [("message", Json::Text(message.into())), ("status", Json::Text(outcome.into()))]))
}

const LOGIN: &str = "/api/auth/login";
const LOGOUT: &str = "/api/auth/logout";
const PROFILE: &str = "/api/auth/profile";
const REGISTER: &str = "/api/auth/register";

const LOGIN_MEMBERS: &[&str] = &["email", "password"];
const REGISTER_MEMBERS: &[&str] = &["username", "email", "password", "accepted_policy", "language", "lang"];

const NAME_TAKEN: &str = "sorry, that username is already taken";

/// Has an `@`, so that it is not taken for a user name, and is no address.
const NO_ADDRESS: &str = "@";
