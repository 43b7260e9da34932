//! Address and password, changed by their owner, and the privacy policy (contract sections 6.8 and 6.10).
//!
//! Where mail is on, a new address waits until its owner follows a link. While it waits, every change sends
//! both letters again, as in the original; since only a digest of a link is kept, they carry a new one, and
//! the one before is dead.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use trackgate_schemes::store::Account;
use trackgate_schemes::{EmailAddress, Secret};

use super::mailed::unchanged;
use super::post::Desk;
use super::profile::{self, Profile};
use super::registration::{self, is_address};
use super::routes::{endpoint, first_party};
use super::sign_in::wrong_password;
use super::wire::{self, Json, Stop};
use super::{ID, Shared, letters, links};
use crate::accounts::Origin;
use crate::ports::{AccountChange, Ends, MailedPurpose};
use crate::trackers::json::Scalar;
use crate::trackers::{Call, Endpoint};

#[cfg(test)]
mod tests;

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::PATCH, EDIT, edit).granted("profile:write"),
        endpoint(shared, Method::POST, PRIVACY_POLICY, privacy_policy),
    ]
}

async fn edit(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let who = call.identity().clone();
    who.account().ok_or(Stop::TOKEN)?;
    let (now, origin) = (call.now, Origin::of(&who, ID, call.client));
    let headers = call.request.headers().clone();
    let mut members = wire::members(call.request, shared.settings.max_body_bytes, EDIT_MEMBERS).await?;
    let (email, password) = (members.take("email"), members.take("password"));
    if is_false(&email) {
        return Err(registration::refused("email is missing"));
    }
    if is_false(&password) {
        return Err(registration::refused("current password is missing"));
    }
    let Scalar::Text(password) = password else { return Err(Stop::PAYLOAD) };
    let before = match shared.accounts.check_password(ID, &who, password.into(), &origin).await {
        Ok(account) => account,
        Err(why) => return wrong_password(why),
    };
    let wanted = Wanted::read(email, members.take("new_password"), &before)?;
    let account = wanted.change_account(&shared, &before, &origin).await?;
    let profile = match Desk::of(&shared, &headers) {
        Some(desk) => wanted.change_by_mail(&shared, &desk, &account, now).await?,
        None => wanted.change_without_mail(&shared, &account).await?,
    };
    profile::changed(&shared, &account, &profile, "user account updated").await
}

/// What shall change.
#[derive(Debug)]
struct Wanted {
    /// An address other than the present one, letter case counted.
    email: Option<(Arc<str>, EmailAddress)>,
    new_password: Option<Secret>,
}

impl Wanted {
    /// Reads what the request wants of this account.
    ///
    /// # Errors
    ///
    /// 400; faults of shape are told together.
    fn read(email: Scalar, new_password: Scalar, present: &Account) -> Result<Self, Stop> {
        let Scalar::Text(email) = email else { return Err(Stop::PAYLOAD) };
        let new_password = match new_password {
            Scalar::Null => None,
            Scalar::Text(text) => Some(text),
            _ => return Err(Stop::PAYLOAD),
        };
        let is_new = present.email.as_deref() != Some(&*email);
        let mut faults = String::new();
        if is_new && !is_address(&email) {
            faults.push_str(registration::BAD_EMAIL);
        }
        faults.push_str(new_password.as_deref().map_or("", registration::password_fault));
        if !faults.is_empty() {
            return Err(Stop::Message(StatusCode::BAD_REQUEST, faults.into()));
        }
        let new_password = new_password.map(registration::settable).transpose()?;
        let email = match EmailAddress::parse(&email) {
            Ok(compared) if is_new => Some((email.into(), compared)),
            _ => None,
        };
        Ok(Self { email, new_password })
    }

    /// Changes at once what does not wait for a link, in one step.
    async fn change_account(&self, shared: &Shared, before: &Account, origin: &Origin) -> Result<Account, Stop> {
        let password = match &self.new_password {
            Some(new) => Some(shared.accounts.hash(new.clone(), origin).await.map_err(unchanged)?),
            None => None,
        };
        let email = if shared.outbox.is_none() { self.email.clone() } else { None };
        if password.is_none() && email.is_none() {
            return Ok(before.clone());
        }
        let change = AccountChange { email, password, ..AccountChange::default() };
        shared.accounts.change(before.id, change, Ends::Nothing, origin).await.map_err(unchanged)
    }

    /// Lets a new address wait for its link, and writes the letters.
    async fn change_by_mail(
        &self,
        shared: &Shared,
        desk: &Desk<'_>,
        account: &Account,
        now: SystemTime,
    ) -> Result<Profile, Stop> {
        let profile = match &self.email {
            Some((address, _)) => {
                Profile::update(&shared.accounts, account.id, |profile| profile.await_email(account, address)).await?
            }
            None => Profile::load(&shared.accounts, account.id).await?,
        };
        if self.new_password.is_some() {
            desk.notify(account, &profile, letters::password_changed).await;
        }
        if let Some(address) = profile.pending_email(account) {
            let store = &**shared.accounts.store();
            let token = links::make(store, account.id, MailedPurpose::ChangeEmail, Some(address), now).await?;
            if let Some(present) = &account.email {
                desk.post(account, &profile, present, |reader| letters::email_changed(reader, address)).await?;
            }
            let letter = |reader: &letters::Reader<'_>| letters::confirm_email_change(reader, &token);
            desk.post(account, &profile, address, letter).await?;
        }
        Ok(profile)
    }

    /// A new address is the account's by now, so none waits.
    async fn change_without_mail(&self, shared: &Shared, account: &Account) -> Result<Profile, Stop> {
        let profile = Profile::load(&shared.accounts, account.id).await?;
        if self.email.is_none() || profile.email_to_confirm.is_none() {
            return Ok(profile);
        }
        Profile::update(&shared.accounts, account.id, Profile::forget_pending_email).await
    }
}

async fn privacy_policy(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let id = first_party(&call)?;
    let mut members = wire::members(call.request, shared.settings.max_body_bytes, &["accepted_policy"]).await?;
    if members.take("accepted_policy") != Scalar::Bool(true) {
        return Err(Stop::PAYLOAD);
    }
    Profile::update(&shared.accounts, id, |profile| profile.accept_policy(call.now)).await?;
    Ok(wire::success(StatusCode::OK, [("status", Json::Text("success".into()))]))
}

/// False in a condition of the original.
fn is_false(value: &Scalar) -> bool {
    match value {
        Scalar::Null | Scalar::Bool(false) | Scalar::Whole(0) => true,
        Scalar::Text(text) => text.is_empty(),
        Scalar::Number(number) => *number == 0.0,
        Scalar::List(values) => values.is_empty(),
        Scalar::Bool(true) | Scalar::Whole(_) | Scalar::Other => false,
    }
}

const EDIT: &str = "/api/auth/profile/edit/account";
const PRIVACY_POLICY: &str = "/api/auth/account/privacy-policy";

const EDIT_MEMBERS: &[&str] = &["email", "password", "new_password"];
