//! A user of the other server as an account here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use trackgate_schemes::store::AccountState;
use trackgate_schemes::{AccountId, AccountName, Digest, EmailAddress, Grants, password};

use super::Admins;
use crate::ports::{ForeignUser, MailedPurpose, NewAccount};
use crate::trackers::fittrackee::profile::{ImportedFrom, Profile};
use crate::trackers::fittrackee::registration;

/// A user who can come.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) number: AccountId,
    pub(super) account: NewAccount,
    pub(super) profile: Profile,
    pub(super) mailed: Option<Mailed>,
    /// The picture's path on the other server.
    pub(super) picture: Option<String>,
    pub(super) left_out: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// A token that the other server mailed and that was not used yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mailed {
    pub(super) purpose: MailedPurpose,
    pub(super) digest: Digest,
    pub(super) about: Option<Arc<str>>,
}

impl Arrival {
    /// Reads a user.
    ///
    /// # Errors
    ///
    /// In words, why nobody could sign in to an account of it.
    pub(super) fn of(number: i64, user: ForeignUser, policy: &Policy, admins: Admins) -> Result<Self, String> {
        if number < 1 {
            return Err("a number is 1 or more".into());
        }
        let canonical =
            AccountName::parse(&user.username).map_err(|why| format!("the name cannot be one here: {why}"))?;
        let email = EmailAddress::parse(&user.email).map_err(|_why| NO_ADDRESS)?;
        let made = user.created_at.clone().unwrap_or_default();
        let created_at = instant(&made).filter(|at| *at > SystemTime::UNIX_EPOCH);
        let created_at = created_at.ok_or("the date of its making cannot be read, or lies before 1970")?;

        let mut left_out = Vec::new();
        let mut notes = Vec::new();
        let stored = user.password.clone().filter(password::is_readable);
        if stored.is_none() {
            left_out.push("the password is stored in a form that cannot be read: a new one must be set".into());
        }
        let (state, mailed) = pending(&user, &mut left_out, &mut notes);
        let grants = match (user.admin, admins) {
            (false, _) => Grants::EVERYDAY,
            (true, Admins::Keep) => {
                notes.push("is an administrator, and is one here (`account:admin`)".into());
                "* account:admin".parse().expect("both are grants")
            }
            (true, Admins::MakeUsers) => {
                notes.push("was an administrator, and is a user like others here".into());
                Grants::EVERYDAY
            }
        };
        let picture = user.picture.clone().filter(|path| !path.is_empty());
        let account = NewAccount {
            name: user.username.as_str().into(),
            canonical,
            email: Some((user.email.as_str().into(), email)),
            state,
            grants,
            password: stored,
            created_at,
        };
        let profile = profile(number, made, user, policy, mailed.as_ref(), &mut left_out);
        Ok(Self { number: AccountId(number), account, profile, mailed, picture, left_out, notes })
    }
}

/// The privacy policy of the other server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// It has none of its own: whoever accepted at any time has accepted.
    Default,
    /// It has one since then.
    Since(SystemTime),
    /// It has one, and nobody knows since when: nobody has accepted.
    Unknown,
}

impl Policy {
    pub(super) fn of(since: Option<&str>) -> Self {
        match since.map(instant) {
            None => Self::Default,
            Some(Some(since)) => Self::Since(since),
            Some(None) => Self::Unknown,
        }
    }

    fn is_accepted(self, at: Option<&str>) -> bool {
        match (self, at.and_then(instant)) {
            (_, None) | (Self::Unknown, _) => false,
            (Self::Default, Some(_)) => true,
            (Self::Since(since), Some(at)) => since < at,
        }
    }
}

/// Whether the account may sign in, and what was mailed to its owner (contract section 5.8). The other
/// server has one column for both kinds of token; what else stands in the row tells which it is.
fn pending(user: &ForeignUser, left_out: &mut Vec<String>, notes: &mut Vec<String>) -> (AccountState, Option<Mailed>) {
    let address = user.email_to_confirm.as_deref().filter(|text| !text.is_empty());
    let digest = user.confirmation_token.as_ref().filter(|token| !token.expose().is_empty());
    let digest = digest.map(|token| Digest::sha256(token.expose()));
    let state = match (user.is_active, address.is_some() || digest.is_some()) {
        (true, _) => AccountState::Active,
        (false, true) => AccountState::Unconfirmed,
        (false, false) => {
            notes.push("was put out of use, and is disabled here: `trackgate user enable` lets it sign in".into());
            AccountState::Disabled
        }
    };
    let mailed = match (address, digest) {
        (Some(address), Some(_)) if EmailAddress::parse(address).is_err() => {
            left_out.push("the new e-mail address that waits for being confirmed cannot be one".into());
            None
        }
        (Some(address), Some(digest)) => {
            Some(Mailed { purpose: MailedPurpose::ChangeEmail, digest, about: Some(address.into()) })
        }
        (None, Some(digest)) if !user.is_active => {
            Some(Mailed { purpose: MailedPurpose::ConfirmAccount, digest, about: None })
        }
        _ => None,
    };
    (state, mailed)
}

fn profile(
    number: i64,
    created_at: String,
    user: ForeignUser,
    policy: &Policy,
    mailed: Option<&Mailed>,
    left_out: &mut Vec<String>,
) -> Profile {
    let mut cut = |what: &str, text: Option<String>, most: usize| {
        let text = text?;
        let Some((end, _)) = text.char_indices().nth(most) else { return Some(text) };
        left_out.push(format!("the {what} is longer than {most} characters and was cut"));
        Some(text.get(..end).unwrap_or_default().to_owned())
    };
    let bio = cut("biography", user.bio, 200);
    let date_format = cut("date format", user.date_format, 50);
    let first_name = cut("first name", user.first_name, 80);
    let last_name = cut("last name", user.last_name, 80);
    let location = cut("location", user.location, 80);
    let timezone = cut("time zone", user.timezone, 50);
    let birth_date = user.birth_date.and_then(|text| match text.parse::<DateTime>() {
        Ok(date) => Some(date.date().to_string()),
        Err(_unreadable) => {
            left_out.push("the date of birth cannot be read".into());
            None
        }
    });
    let accepted_privacy_policy = policy.is_accepted(user.accepted_policy_date.as_deref());
    let accepted_at = user.accepted_policy_date.as_deref().filter(|_| accepted_privacy_policy).and_then(instant);
    let seconds = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs().try_into().ok();
    Profile {
        accepted_policy_at: accepted_at.and_then(seconds),
        accepted_privacy_policy,
        bio,
        birth_date,
        date_format,
        display_ascent: user.display_ascent,
        email_to_confirm: mailed.and_then(|mailed| mailed.about.as_deref()).map(ToOwned::to_owned),
        email_to_confirm_at: None,
        first_name,
        imperial_units: user.imperial_units,
        imported_from: Some(ImportedFrom { created_at, pictures: false, user: number }),
        language: Some(registration::language(user.language.as_deref()).to_owned()),
        last_name,
        location,
        picture: None,
        sports: BTreeMap::new(),
        start_elevation_at_zero: user.start_elevation_at_zero,
        timezone,
        use_dark_mode: user.use_dark_mode,
        use_raw_gpx_speed: user.use_raw_gpx_speed,
        weekm: user.weekm,
    }
}

const NO_ADDRESS: &str = "the e-mail address cannot be one here";

/// The instant of a date and time in UTC, to the microsecond.
pub(super) fn instant(text: &str) -> Option<SystemTime> {
    let date = text.parse::<DateTime>().ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
}
