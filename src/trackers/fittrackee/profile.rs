//! The user object (contract section 4.1) and the document that keeps what only this tracker knows.

use std::collections::BTreeMap;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use trackgate_schemes::AccountId;
use trackgate_schemes::store::Account;
use trackgate_schemes::{Reason, Rejection};

use super::ID;
use super::objects::Summary;
use super::objects::kept::SportPreference;
use super::wire::{Json, Stop};
use crate::accounts::AccountService;

/// What this tracker keeps about an account, as a JSON text in the store.
///
/// A member that is not there has the value of a new account, so that members can be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent switches of the contract")]
pub(super) struct Profile {
    pub(super) accepted_privacy_policy: bool,
    pub(super) bio: Option<String>,
    /// `YYYY-MM-DD`.
    pub(super) birth_date: Option<String>,
    pub(super) date_format: Option<String>,
    pub(super) display_ascent: bool,
    pub(super) email_to_confirm: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) imperial_units: bool,
    /// What it was on another server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) imported_from: Option<ImportedFrom>,
    pub(super) language: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) location: Option<String>,
    /// By the sport's number.
    pub(super) sports: BTreeMap<u8, SportPreference>,
    /// The name of its file.
    pub(super) picture: Option<String>,
    pub(super) start_elevation_at_zero: bool,
    pub(super) timezone: Option<String>,
    pub(super) use_dark_mode: Option<bool>,
    pub(super) use_raw_gpx_speed: bool,
    pub(super) weekm: bool,
}

/// Whom an account was on another server, so that nobody is imported twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ImportedFrom {
    /// When the account was made there, as that server writes it: of two servers with a user of this number,
    /// this tells which.
    pub(super) created_at: String,
    /// Whether pictures were looked for.
    #[serde(default)]
    pub(super) pictures: bool,
    /// The number there.
    pub(super) user: i64,
}

impl Default for Profile {
    /// What an account has that came through another door: it never saw the privacy policy.
    fn default() -> Self {
        Self {
            accepted_privacy_policy: false,
            bio: None,
            birth_date: None,
            date_format: Some("MM/dd/yyyy".into()),
            display_ascent: true,
            email_to_confirm: None,
            first_name: None,
            imperial_units: false,
            imported_from: None,
            language: Some("en".into()),
            last_name: None,
            location: None,
            sports: BTreeMap::new(),
            picture: None,
            start_elevation_at_zero: true,
            timezone: Some("Europe/Paris".into()),
            use_dark_mode: Some(false),
            use_raw_gpx_speed: false,
            weekm: false,
        }
    }
}

impl Profile {
    /// Reads the profile of an account.
    ///
    /// # Errors
    ///
    /// The store is down, or holds something that is no profile.
    pub(super) async fn load(accounts: &AccountService, id: AccountId) -> Result<Self, Stop> {
        Self::parse(accounts.store().document(ID, id).await?.as_deref(), id)
    }

    /// Changes the profile of an account; the answer is the changed one.
    ///
    /// `change` is called again when somebody else changed the profile meanwhile, so that neither change is
    /// lost.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), or others do not stop changing it.
    pub(super) async fn update(
        accounts: &AccountService,
        id: AccountId,
        mut change: impl FnMut(&mut Self),
    ) -> Result<Self, Stop> {
        for _ in 0..TRIES {
            let before = accounts.store().document(ID, id).await?;
            let mut profile = Self::parse(before.as_deref(), id)?;
            change(&mut profile);
            let text = serde_json::to_string(&profile).map_err(|_never| Rejection::new(Reason::Internal, ID))?;
            if accounts.store().replace_document(ID, id, before.as_deref(), &text).await? {
                accounts.memories().forget_documents(id);
                return Ok(profile);
            }
        }
        Err(Rejection::new(Reason::Unavailable, ID).into())
    }

    fn parse(stored: Option<&str>, id: AccountId) -> Result<Self, Stop> {
        let Some(text) = stored else { return Ok(Self::default()) };
        serde_json::from_str(text).map_err(|_unreadable| {
            tracing::error!(account = %id, "the stored profile cannot be read");
            Rejection::new(Reason::Internal, ID).into()
        })
    }

    /// The user object: all 29 members, always.
    pub(super) fn user(&self, account: &Account, summary: &Summary) -> Json {
        Json::object(
            [
                ("accepted_privacy_policy", Json::Bool(self.accepted_privacy_policy)),
                ("admin", Json::Bool(false)),
                ("bio", Json::text(self.bio.as_deref())),
                ("birth_date", self.birth_date.as_deref().map_or(Json::Null, birth_date)),
                ("created_at", Json::Text(date(account.created_at))),
                ("date_format", Json::text(self.date_format.as_deref())),
                ("display_ascent", Json::Bool(self.display_ascent)),
                ("email", Json::Text(account.email.as_deref().unwrap_or_default().to_owned())),
                ("email_to_confirm", Json::text(self.email_to_confirm.as_deref())),
                ("first_name", Json::text(self.first_name.as_deref())),
                ("imperial_units", Json::Bool(self.imperial_units)),
                ("is_active", Json::Bool(account.is_active())),
                ("language", Json::text(self.language.as_deref())),
                ("last_name", Json::text(self.last_name.as_deref())),
                ("location", Json::text(self.location.as_deref())),
                ("picture", Json::Bool(self.picture.is_some())),
                ("start_elevation_at_zero", Json::Bool(self.start_elevation_at_zero)),
                ("timezone", Json::text(self.timezone.as_deref())),
                ("use_dark_mode", self.use_dark_mode.map_or(Json::Null, Json::Bool)),
                ("use_raw_gpx_speed", Json::Bool(self.use_raw_gpx_speed)),
                ("username", Json::Text(account.name.to_string())),
                ("weekm", Json::Bool(self.weekm)),
            ]
            .into_iter()
            .chain(summary.members(&account.name)),
        )
    }
}

/// A date of RFC 1123, its fraction cut.
fn date(at: SystemTime) -> String {
    Timestamp::try_from(at).unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Midnight GMT of a birth date.
fn birth_date(text: &str) -> Json {
    match text.parse::<Date>() {
        Ok(date) => Json::Text(date.strftime("%a, %d %b %Y 00:00:00 GMT").to_string()),
        Err(_unreadable) => Json::Null,
    }
}

/// How often a change is tried while others change the same profile.
const TRIES: u32 = 32;
