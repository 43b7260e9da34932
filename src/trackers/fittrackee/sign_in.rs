//! Registration, sign-in, the profile and sign-out (contract sections 5.1, 5.4, 6.1 and 6.9).

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use trackgate_schemes::store::AccountState;
use trackgate_schemes::{CredentialKind, Grants, Login, Reason, Rejection, Secret};

use super::profile::Profile;
use super::registration::{self, Form};
use super::routes::endpoint;
use super::wire::{self, Json, Stop};
use super::{ID, Registration, Shared};
use crate::accounts::{self, ChangeError, Origin};
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
    if shared.settings.registration == Registration::Closed {
        return Err(Stop::Message(StatusCode::FORBIDDEN, "error, registration is disabled".into()));
    }
    let origin = Origin::nobody(ID, call.client);
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
    // A known address takes the same way up to the store, the hash of the password included, and gets
    // the same answer: whoever asks must not learn who is registered.
    match shared.accounts.register(wanted, &origin).await {
        Ok(account) => {
            Profile::update(&shared.accounts, account.id, |profile| {
                profile.accepted_privacy_policy = true;
                profile.language = Some(language.into());
            })
            .await?;
        }
        Err(ChangeError::EmailTaken) => {}
        Err(ChangeError::NameTaken) => return Err(registration::refused(NAME_TAKEN)),
        Err(ChangeError::Stopped(why)) => return Err(why.into()),
        Err(_unfit) => return Err(Stop::PAYLOAD),
    }
    Ok(wire::success(StatusCode::OK, [("status", Json::Text("success".into()))]))
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
        Err(why) => {
            return match (why.reason, why.retry_after_seconds()) {
                (Reason::Locked, Some(seconds)) => {
                    let mut response = wire::error_message(StatusCode::UNAUTHORIZED, "invalid credentials");
                    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                    Ok(response)
                }
                (Reason::Overloaded | Reason::Unavailable | Reason::Internal, _) => Err(why.into()),
                _ => Err(Stop::CREDENTIALS),
            };
        }
    };
    let token = shared.tokens.issue(&account, call.now)?;
    let Some(text) = token.expose_text() else {
        return Err(Rejection::new(Reason::Internal, ID).into());
    };
    let mut response = wire::success(
        StatusCode::OK,
        [
            ("auth_token", Json::Text(text.to_owned())),
            ("message", Json::Text("successfully logged in".into())),
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
