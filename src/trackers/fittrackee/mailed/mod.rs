//! What links in letters lead to, and how to get them: confirmation of accounts and addresses, and new
//! passwords (contract sections 5.2, 5.3 and 5.5 to 5.8).
//!
//! Whoever asks for a letter to an address must not learn whether an account has it. Both ways have the same
//! answer and the same work: a profile is read, a letter written, and the store writes twice; for an unknown
//! address what it wrote is a pretence ([`Desk::pretend`]). The letter is in the durable outbox before the
//! answer goes out, and is sent later.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{EmailAddress, Login, Reason, Rejection};

use super::post::Desk;
use super::profile::Profile;
use super::routes::endpoint;
use super::sign_in::signed_in;
use super::wire::{self, Json, Members, Stop};
use super::{ID, Shared, letters, links, registration};
use crate::accounts::{ChangeError, Origin};
use crate::ports::{AccountChange, Ends, MailedPurpose};
use crate::trackers::json::Scalar;
use crate::trackers::{Call, Endpoint};

#[cfg(test)]
mod tests;

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::POST, CONFIRM, confirm).public("the body holds a mailed token"),
        endpoint(shared, Method::POST, RESEND, resend).public("its owner cannot sign in yet"),
        endpoint(shared, Method::POST, RESET_REQUEST, request_reset).public("its owner has forgotten the password"),
        endpoint(shared, Method::POST, UPDATE_PASSWORD, update_password).public("the body holds a mailed token"),
        endpoint(shared, Method::POST, UPDATE_EMAIL, update_email).public("the body holds a mailed token"),
    ]
}

/// Confirms a new account. An account that an operator took into use or out of it stays as it is.
async fn confirm(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let (now, origin) = (call.now, Origin::nobody(ID, call.client));
    let text = token(&shared, call).await?;
    let store = &**shared.accounts.store();
    let found = links::look_up(store, MailedPurpose::ConfirmAccount, &text, now).await?;
    let token = found.ok_or(Stop::PAYLOAD)?;
    let account = store.account(token.account).await?;
    if account.is_none_or(|account| account.state != AccountState::Unconfirmed) {
        return Err(Stop::PAYLOAD);
    }
    if !links::use_up(store, &token, now).await? {
        return Err(Stop::PAYLOAD);
    }
    let change = AccountChange { state: Some(AccountState::Active), ..AccountChange::default() };
    let changed = shared.accounts.change(token.account, change, Ends::Nothing, &origin).await;
    signed_in(&shared, &changed.map_err(unchanged)?, (now, &origin), "account confirmation successful").await
}

async fn resend(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let wanted = |account: &Account| account.state == AccountState::Unconfirmed;
    write_to_address(&shared, call, MailedPurpose::ConfirmAccount, wanted).await?;
    Ok(done("confirmation email resent"))
}

async fn request_reset(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    write_to_address(&shared, call, MailedPurpose::ResetPassword, |_any| true).await?;
    Ok(done("password reset request processed"))
}

/// Posts a link to whoever has the address of the body, if the account is `wanted`.
async fn write_to_address(
    shared: &Shared,
    call: Call,
    purpose: MailedPurpose,
    wanted: fn(&Account) -> bool,
) -> Result<(), Stop> {
    let headers = call.request.headers().clone();
    let desk = Desk::of(shared, &headers).ok_or_else(|| Rejection::new(Reason::NotFound, ID))?;
    let mut members = wire::members(call.request, shared.settings.max_body_bytes, &["email"]).await?;
    let Scalar::Text(email) = members.take("email") else { return Err(Stop::PAYLOAD) };
    let Some(account) = account_of(shared, &email).await?.filter(wanted) else {
        return desk.pretend(shared, &email).await;
    };
    let profile = Profile::load(&shared.accounts, account.id).await?;
    let token = links::make(&**shared.accounts.store(), account.id, purpose, None, call.now).await?;
    let letter = |reader: &letters::Reader<'_>| match purpose {
        MailedPurpose::ResetPassword => letters::reset_password(reader, &token, links::RESET_LIFE),
        _ => letters::confirm_account(reader, &token),
    };
    Ok(desk.post(&account, &profile, &email, letter).await?)
}

/// The account that has this address, letter case and all.
async fn account_of(shared: &Shared, email: &str) -> Result<Option<Account>, Stop> {
    let Ok(login @ Login::Email(_)) = Login::parse(email) else { return Ok(None) };
    let account = shared.accounts.store().account_by_login(&login).await?;
    Ok(account.filter(|account| account.email.as_deref() == Some(email)))
}

/// Sets a password by a mailed token. Signed tokens and sessions stay, as the contract has it (section 3.2).
async fn update_password(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let (now, origin) = (call.now, Origin::nobody(ID, call.client));
    let headers = call.request.headers().clone();
    let limit = shared.settings.max_body_bytes;
    let mut members = wire::members(call.request, limit, &["token", "password"]).await?;
    let (text, password) = (members.take("token"), members.take("password"));
    if text == Scalar::Null || password == Scalar::Null {
        return Err(Stop::PAYLOAD);
    }
    let Scalar::Text(text) = text else { return Err(DEAD_LINK) };
    let store = &**shared.accounts.store();
    let token = links::look_up(store, MailedPurpose::ResetPassword, &text, now).await?.ok_or(DEAD_LINK)?;
    let Scalar::Text(password) = password else { return Err(Stop::PAYLOAD) };
    let fault = registration::password_fault(&password);
    if !fault.is_empty() {
        return Err(registration::refused(fault));
    }
    // Made before the token is used up: when there is no room to hash, the link still works.
    let hashed = shared.accounts.hash(registration::settable(password)?, &origin).await.map_err(unchanged)?;
    if !links::use_up(store, &token, now).await? {
        return Err(DEAD_LINK);
    }
    let change = AccountChange { password: Some(hashed), ..AccountChange::default() };
    let changed = shared.accounts.change(token.account, change, Ends::Nothing, &origin).await;
    let account = match changed {
        Err(ChangeError::NotFound) => return Err(DEAD_LINK),
        changed => changed.map_err(unchanged)?,
    };
    if let Some(desk) = Desk::of(&shared, &headers) {
        let profile = Profile::load(&shared.accounts, account.id).await.unwrap_or_default();
        desk.notify(&account, &profile, letters::password_changed).await;
    }
    Ok(done("password updated"))
}

/// Makes the pending address the account's, if nobody else has it by now.
async fn update_email(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let (now, origin) = (call.now, Origin::nobody(ID, call.client));
    let text = token(&shared, call).await?;
    let store = &**shared.accounts.store();
    let found = links::look_up(store, MailedPurpose::ChangeEmail, &text, now).await?;
    let token = found.ok_or(Stop::PAYLOAD)?;
    let address = token.about.clone().ok_or(Stop::PAYLOAD)?;
    let compared = EmailAddress::parse(&address).map_err(|_unfit| Stop::PAYLOAD)?;
    let holder = store.account_by_login(&Login::Email(compared.clone())).await?;
    if holder.is_some_and(|holder| holder.id != token.account) || !links::use_up(store, &token, now).await? {
        return Err(Stop::PAYLOAD);
    }
    let change = AccountChange { email: Some((address, compared)), ..AccountChange::default() };
    shared.accounts.change(token.account, change, Ends::Nothing, &origin).await.map_err(unchanged)?;
    Profile::update(&shared.accounts, token.account, Profile::forget_pending_email).await?;
    Ok(done("email updated"))
}

/// The member `token` of the body, not empty.
async fn token(shared: &Shared, call: Call) -> Result<String, Stop> {
    let mut members: Members = wire::members(call.request, shared.settings.max_body_bytes, &["token"]).await?;
    match members.take("token") {
        Scalar::Text(text) if !text.is_empty() => Ok(text),
        _ => Err(Stop::PAYLOAD),
    }
}

/// The answer to a change that was not made.
pub(super) fn unchanged(why: ChangeError) -> Stop {
    match why {
        ChangeError::Stopped(why) => why.into(),
        // Taken meanwhile, or the account is gone.
        _ => Stop::PAYLOAD,
    }
}

fn done(message: &'static str) -> Response<Bytes> {
    wire::success(StatusCode::OK, [("message", Json::Text(message.into())), ("status", Json::Text("success".into()))])
}

const CONFIRM: &str = "/api/auth/account/confirm";
const RESEND: &str = "/api/auth/account/resend-confirmation";
const RESET_REQUEST: &str = "/api/auth/password/reset-request";
const UPDATE_EMAIL: &str = "/api/auth/email/update";
const UPDATE_PASSWORD: &str = "/api/auth/password/update";

/// 401 of a link that is unknown, used, replaced or too old.
const DEAD_LINK: Stop =
    Stop::Message(StatusCode::UNAUTHORIZED, std::borrow::Cow::Borrowed("invalid token, please request a new token"));
