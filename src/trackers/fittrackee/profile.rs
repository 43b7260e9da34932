//! The user object (contract section 4.1) and the document that keeps what only this tracker knows.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use trackgate_schemes::AccountId;
use trackgate_schemes::store::Account;
use trackgate_schemes::{Reason, Rejection};

use super::objects::kept::SportPreference;
use super::objects::{self, Summary};
use super::wire::{self, Json, Stop};
use super::{ID, Shared};
use crate::accounts::AccountService;

/// What this tracker keeps about an account, as a JSON text in the store.
///
/// A member that is not there has the value of a new account, so that members can be added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent switches of the contract")]
pub(super) struct Profile {
    /// When the privacy policy was accepted last, in seconds since 1970.
    pub(super) accepted_policy_at: Option<i64>,
    /// Older documents only: it was accepted when the account was made.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) accepted_privacy_policy: bool,
    pub(super) bio: Option<String>,
    /// `YYYY-MM-DD`.
    pub(super) birth_date: Option<String>,
    pub(super) date_format: Option<String>,
    pub(super) display_ascent: bool,
    /// The address that a mailed link would make the account's; ask [`pending_email`](Self::pending_email).
    pub(super) email_to_confirm: Option<String>,
    /// How the account was when the change was asked for.
    pub(super) email_to_confirm_at: Option<Asked>,
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

/// How an account was when a change of its address was asked for.
///
/// Once its address was changed by other means, or all its credentials ended, the change is off: whoever
/// asked for it may not have been the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    email: Option<String>,
    generation: u64,
}

impl Asked {
    pub(super) fn of(account: &Account) -> Self {
        Self { email: account.email.as_deref().map(ToOwned::to_owned), generation: account.generation }
    }
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
            accepted_policy_at: None,
            accepted_privacy_policy: false,
            bio: None,
            birth_date: None,
            date_format: Some("MM/dd/yyyy".into()),
            display_ascent: true,
            email_to_confirm: None,
            email_to_confirm_at: None,
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

    /// The privacy policy was accepted now.
    pub(super) fn accept_policy(&mut self, now: SystemTime) {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.accepted_policy_at = i64::try_from(since.as_secs()).ok();
        self.accepted_privacy_policy = false;
    }

    /// Whether the policy of this date was accepted, or any if there is none of one's own.
    fn accepts_policy(&self, account: &Account, since: Option<SystemTime>) -> bool {
        let accepted = match (self.accepted_policy_at, self.accepted_privacy_policy) {
            (Some(at), _) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at.unsigned_abs())),
            (None, true) => Some(account.created_at),
            (None, false) => None,
        };
        accepted.is_some_and(|accepted| since.is_none_or(|since| since <= accepted))
    }

    /// From now on this address awaits its confirmation.
    pub(super) fn await_email(&mut self, account: &Account, address: &str) {
        self.email_to_confirm = Some(address.to_owned());
        self.email_to_confirm_at = Some(Asked::of(account));
    }

    /// No address awaits its confirmation any more.
    pub(super) fn forget_pending_email(&mut self) {
        (self.email_to_confirm, self.email_to_confirm_at) = (None, None);
    }

    /// The address that awaits its confirmation.
    pub(super) fn pending_email(&self, account: &Account) -> Option<&str> {
        let address = self.email_to_confirm.as_deref()?;
        let is_on = self.email_to_confirm_at.as_ref().is_none_or(|asked| *asked == Asked::of(account));
        (is_on && account.email.as_deref() != Some(address)).then_some(address)
    }

    /// The user object: all 29 members, always.
    pub(super) fn user(&self, account: &Account, shared: &Shared, summary: &Summary) -> Json {
        let policy = shared.settings.privacy_policy.as_ref().map(|policy| policy.date);
        Json::object(
            [
                ("accepted_privacy_policy", Json::Bool(self.accepts_policy(account, policy))),
                ("admin", Json::Bool(false)),
                ("bio", Json::text(self.bio.as_deref())),
                ("birth_date", self.birth_date.as_deref().map_or(Json::Null, birth_date)),
                ("created_at", Json::Date(microseconds(account.created_at))),
                ("date_format", Json::text(self.date_format.as_deref())),
                ("display_ascent", Json::Bool(self.display_ascent)),
                ("email", Json::Text(account.email.as_deref().unwrap_or_default().to_owned())),
                ("email_to_confirm", Json::text(self.pending_email(account))),
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

/// The answer to a change of the profile.
///
/// # Errors
///
/// The store is down, or holds workouts that cannot be read.
pub(super) async fn changed(
    shared: &Shared,
    account: &Account,
    profile: &Profile,
    message: &'static str,
) -> Result<Response<Bytes>, Stop> {
    let data = objects::user(shared, account, profile).await?;
    let message = Json::Text(message.into());
    Ok(wire::success(StatusCode::OK, [("data", data), ("message", message), ("status", Json::Text("success".into()))]))
}

fn microseconds(at: SystemTime) -> i64 {
    Timestamp::try_from(at).unwrap_or_default().as_microsecond()
}

/// Midnight GMT of a birth date.
fn birth_date(text: &str) -> Json {
    let midnight = text.parse::<Date>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    midnight.map_or(Json::Null, |midnight| Json::Date(midnight.timestamp().as_microsecond()))
}

/// How often a change is tried while others change the same profile.
const TRIES: u32 = 32;

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};

    use tokio::task::JoinSet;
    use trackgate_schemes::Forget;

    use super::*;
    use crate::ports::Store;
    use crate::trackers::testing::Stage;

    #[derive(Debug, Default)]
    struct Forgotten(Mutex<Vec<AccountId>>);

    impl Forget for Forgotten {
        fn forget_account(&self, account: AccountId) {
            self.0.lock().unwrap().push(account);
        }

        fn forget_credential(&self, id: &str) {
            panic!("{id} is no document");
        }

        fn forget_all(&self) {
            panic!("too much");
        }
    }

    const NOW: &str = "2026-11-22T01:43:09Z";

    /// Somebody else replaces the profile, now.
    fn meddle(store: &dyn Store, id: AccountId, text: &str) {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(before) = store.document(ID, id).as_mut().poll(&mut context) else { panic!("memory waits") };
        let before = before.unwrap();
        let mut replacing = store.replace_document(ID, id, before.as_deref(), text);
        assert!(matches!(replacing.as_mut().poll(&mut context), Poll::Ready(Ok(true))));
    }

    #[tokio::test]
    async fn a_change_that_loses_a_race_is_made_again_on_what_won() {
        let stage = Stage::at(NOW);
        let rider = stage.account("rider").await.id;
        let forgotten = Arc::new(Forgotten::default());
        let held: Arc<dyn Forget> = Arc::clone(&forgotten) as _;
        stage.accounts.memories().add_of_documents(&held);
        let mut calls = 0;
        let profile = Profile::update(&stage.accounts, rider, |profile| {
            calls += 1;
            if calls == 1 {
                meddle(&*stage.store, rider, r#"{"location":"Lyon"}"#);
            }
            profile.bio = Some("rides".into());
        });
        let profile = profile.await.unwrap();
        assert_eq!((profile.bio.as_deref(), profile.location.as_deref()), (Some("rides"), Some("Lyon")));
        assert_eq!(Profile::load(&stage.accounts, rider).await.unwrap(), profile);
        assert_eq!(calls, 2);
        assert_eq!(*forgotten.0.lock().unwrap(), [rider], "once, after the change");
    }

    #[tokio::test]
    async fn a_profile_that_others_never_stop_changing_is_unavailable() {
        let stage = Stage::at(NOW);
        let rider = stage.account("rider").await.id;
        let mut calls = 0;
        let stopped = Profile::update(&stage.accounts, rider, |_| {
            calls += 1;
            meddle(&*stage.store, rider, &format!(r#"{{"bio":"{calls}"}}"#));
        });
        let Err(Stop::Rejected(why)) = stopped.await else { panic!("it ends") };
        assert_eq!((why.reason, calls), (Reason::Unavailable, TRIES));
        assert_eq!(Profile::load(&stage.accounts, rider).await.unwrap().bio.as_deref(), Some("32"));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_changes_at_once_none_is_lost() {
        let stage = Stage::at(NOW);
        let rider = stage.account("rider").await.id;
        let mut changes = JoinSet::new();
        for n in 0..8 {
            let accounts = stage.accounts.clone();
            changes.spawn(async move {
                let change = |profile: &mut Profile| profile.bio.get_or_insert_default().push(char::from(b'a' + n));
                Profile::update(&accounts, rider, change).await.unwrap()
            });
        }
        changes.join_all().await;
        let bio = Profile::load(&stage.accounts, rider).await.unwrap().bio.unwrap();
        let mut all: Vec<char> = bio.chars().collect();
        all.sort_unstable();
        assert_eq!(all, ('a'..='h').collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_profile_that_cannot_be_read_is_not_written_over() {
        let stage = Stage::at(NOW);
        let rider = stage.account("rider").await.id;
        meddle(&*stage.store, rider, "no JSON");
        let stopped = Profile::update(&stage.accounts, rider, |profile| profile.weekm = true).await;
        assert!(matches!(stopped, Err(Stop::Rejected(why)) if why.reason == Reason::Internal));
        assert_eq!(stage.store.document(ID, rider).await.unwrap().as_deref(), Some("no JSON"));
    }
}
