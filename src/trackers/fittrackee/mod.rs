//! FitTrackee: e-mail and password in, a signed token out, and the account's profile behind it.
//!
//! The wire is that of FitTrackee 0.8.13. Here are registration, sign-in and sign-out, the account, its profile
//! and picture, the links that go out by mail, exports, and the sports, equipment, workouts and statistics that
//! the web application shows; beside them that application itself, and the import from another server. The
//! wording of refusals serves every other path below `/api/` too.
//!
//! Where no source says, or the original crashes, this is what trackgate does:
//!
//! - `NaN` and `Infinity` are not JSON (RFC 8259 §6) and are refused as such. The original's parser takes
//!   them, yet no client can mean them: what writes JSON in a browser writes `null` instead.
//! - UTF-16 is read with or without a byte order mark, as RFC 4627 §3 tells it from UTF-8.
//! - Members that nobody asks for are skipped unread, however deep; of equal names the last wins.
//! - Documents that are true in the original's sense but no objects (`[1]`, `"x"`) are `invalid payload`.
//! - `GET` on a path that has none is 405 while there is no web application behind it. With one (`web_app`), it is
//!   the application's, and what section 2.2 of the contract says holds for every path that is nobody's. What other
//!   trackers answer to `GET` on the same listener is theirs, `/` of the live tracking API too.
//! - An upload that is no picture is 400 `invalid file`, with the status word of all faults of pictures; so are two
//!   files at once. The original stored anything; from 1.2.2 on it refuses, too. What is a picture is drawn anew,
//!   without metadata, at most 4096 pixels wide and high; an animation keeps its frames while they have 8 megapixels
//!   together, or stands still on its first.
//! - A 401 names the challenges of its route, also where the original sends none (RFC 9110 §15.5.2), and
//!   so does the 403 of a token that lacks a grant (RFC 6750 §3.1).
//! - A password of more than 72 bytes cannot be set, since an exported account must still work in the
//!   original. Registration answers `invalid payload` then.
//! - With mail off a new account stays unconfirmed until `trackgate user enable NAME`, and an address is changed
//!   at once.
//! - A mailed token is good for its purpose only, once, and not after a change that makes it stale. An account
//!   that an operator took into use or out of it is no longer confirmed by one.
//! - Where the original sends the same link again, the letter has a new one: of links a digest is kept alone.
//! - Signed tokens stay valid when the password is changed or reset (contract section 3.2); sign-out ends them.
//! - An address that another account has, in whatever case, is `invalid payload` once it would be set.
//! - Sign-out takes a signed token or a sliding session. Nothing else can be signed out. What is for the owner
//!   alone (section 3.3) is refused to API tokens, also to those that stand for the password of HTTP Basic.
//! - An account gets at most 20 letters an hour: who asks for more is answered as ever, and nothing is sent.
//! - Users delete themselves alone (`DELETE /api/users/NAME`), administrators too; an operator has `trackgate user`.
//! - A change of address that waits for its link is off once the address changes by other means or an operator
//!   ends all credentials: whoever asked for it may not have been the owner.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use trackgate_schemes::store::Account;
use trackgate_schemes::{AccountId, Reason, Rejection, Secret};

use super::work::Worker;
use super::{Endpoint, Manual, Services, Tracker};
use crate::accounts::{AccountService, ChangeError, Origin};
use crate::layer::Dialect;
use crate::mail::Outbox;
use crate::ports::{Area, FileName, Files};

mod account;
mod dialect;
mod export;
pub mod import;
mod leftovers;
pub mod letters;
mod links;
mod mailed;
mod objects;
mod operations;
mod picture;
mod post;
mod profile;
mod profile_edit;
mod registration;
mod routes;
mod sign_in;
#[cfg(test)]
mod tests;
mod web_app;
mod wire;

use wire::Stop;

pub use dialect::FitTrackeeDialect;
pub use web_app::{WebApp, WebAppError};

/// The account API of FitTrackee, spoken in-process.
#[derive(Clone, Debug)]
pub struct FitTrackee {
    shared: Arc<Shared>,
}

/// What every handler needs.
#[derive(Debug)]
struct Shared {
    accounts: AccountService,
    files: Arc<dyn Files>,
    outbox: Option<Outbox>,
    tokens: Arc<dyn IssueToken>,
    settings: Settings,
    dialect: Arc<FitTrackeeDialect>,
    export_bell: Notify,
    letter_limit: post::LetterLimit,
    finished: objects::Finished,
    studio: picture::Studio,
}

impl FitTrackee {
    /// Serves these accounts with tokens by `tokens`.
    pub fn new(services: Services, tokens: Arc<dyn IssueToken>, settings: Settings) -> Self {
        let Services { accounts, files, outbox, .. } = services;
        let dialect = Arc::new(FitTrackeeDialect::new(Arc::clone(&settings.rate_limit)));
        let finished = objects::Finished::new(accounts.memories());
        let (studio, export_bell, letter_limit) =
            (picture::Studio::default(), Notify::new(), post::LetterLimit::default());
        let shared =
            Shared { accounts, files, outbox, tokens, settings, dialect, export_bell, letter_limit, finished, studio };
        Self { shared: Arc::new(shared) }
    }
}

/// Removes pictures and tracks that nothing names any more: what a crash left, and those of deleted accounts. Gives
/// how many there were. To be called now and then.
///
/// # Errors
///
/// [`Rejection`] with [`Reason::Unavailable`] if the store or the files
/// cannot be had.
pub async fn sweep_files(accounts: &AccountService, files: &dyn Files, now: SystemTime) -> Result<usize, Rejection> {
    leftovers::sweep(accounts, files, now).await.map_err(rejection)
}

/// Deletes an account with the files that are kept for it. A file that cannot be removed now is swept later.
///
/// # Errors
///
/// Those of [`AccountService::delete`], or what it has cannot be read; nothing is deleted then.
pub async fn delete_account(
    accounts: &AccountService,
    files: &dyn Files,
    id: AccountId,
    origin: &Origin,
) -> Result<Account, ChangeError> {
    let belongings = files_of(accounts, id).await.map_err(|stop| ChangeError::Stopped(rejection(stop)))?;
    let account = accounts.delete(id, origin).await?;
    for (area, name) in belongings {
        leftovers::forget(files, area, Some(name.as_str())).await;
    }
    Ok(account)
}

/// The files of an account: its picture, its tracks, the archive of its data.
async fn files_of(accounts: &AccountService, id: AccountId) -> Result<Vec<(Area, FileName)>, Stop> {
    let mut found = Vec::new();
    for area in [Area::Pictures, Area::Tracks] {
        let names = leftovers::named(accounts, id, area).await?;
        found.extend(names.into_iter().filter_map(|name| Some((area, name.parse().ok()?))));
    }
    found.extend(export::archive_of(accounts, id).await?.map(|name| (Area::Archives, name)));
    Ok(found)
}

fn rejection(stop: Stop) -> Rejection {
    match stop {
        Stop::Rejected(why) => why,
        Stop::Answer(_) | Stop::Message(..) | Stop::Page(_) => Rejection::new(Reason::Internal, ID),
    }
}

impl Tracker for FitTrackee {
    fn id(&self) -> &'static str {
        ID
    }

    fn dialect(&self) -> Arc<dyn Dialect> {
        Arc::clone(&self.shared.dialect) as Arc<dyn Dialect>
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let endpoints = routes::endpoints(&self.shared);
        match &self.shared.settings.web_app {
            Some(app) => web_app::join(app, endpoints),
            None => endpoints,
        }
    }

    fn workers(&self) -> Vec<Arc<dyn Worker>> {
        vec![Arc::new(export::Exporter(Arc::clone(&self.shared)))]
    }

    fn manual(&self) -> Manual {
        operations::manual(&self.shared.settings)
    }
}

/// Issues the token that signing in gives out.
pub trait IssueToken: fmt::Debug + Send + Sync + 'static {
    /// A new access token of this account.
    ///
    /// # Errors
    ///
    /// [`Reason::Internal`] when no key can sign.
    fn issue(&self, account: &Account, now: SystemTime) -> Result<IssuedToken, Rejection>;
}

/// An access token that was just issued.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "built by who issues tokens")]
pub struct IssuedToken {
    /// Its text.
    pub text: Secret,
    /// What it is signed out by: its key in the blacklist.
    pub key: String,
    /// The id of the scheme that issued it.
    pub scheme: &'static str,
    /// When it ends by itself, leeway included.
    pub ends_at: SystemTime,
}

/// What an operator may choose.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "built by configuration from its own fields and these defaults")]
pub struct Settings {
    /// Whether strangers may make accounts.
    pub registration: Registration,
    /// Largest body in bytes; the original's is its archive limit, 10 MiB.
    pub max_body_bytes: u64,
    /// Largest body of a picture's upload in bytes, no larger than the above.
    pub picture_limit: u64,
    /// The original's web application, to be served too.
    pub web_app: Option<Arc<WebApp>>,
    /// The rate limit as clients are told it, such as `300 per 5 minute`.
    pub rate_limit: Arc<str>,
    /// With so many accounts, of whatever state, registration closes; 0 for any number.
    pub max_users: u32,
    /// Where the web application is, for links in letters.
    pub ui_url: Arc<str>,
    /// How long archives of exports are kept.
    pub export_keep: Duration,
    /// The operator's own privacy policy.
    pub privacy_policy: Option<PrivacyPolicy>,
    /// Whom users may ask.
    pub admin_contact: Option<Arc<str>>,
    /// What the operator says about this server.
    pub about: Option<Arc<str>>,
}

/// An operator's own privacy policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "built by configuration")]
pub struct PrivacyPolicy {
    /// What it says, as Markdown.
    pub text: Arc<str>,
    /// Since when: who accepted an earlier one is asked again.
    pub date: SystemTime,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            max_body_bytes: 10 * 1024 * 1024,
            picture_limit: 1024 * 1024,
            web_app: None,
            rate_limit: "300 per 5 minute".into(),
            max_users: 0,
            ui_url: "".into(),
            export_keep: Duration::from_hours(7 * 24),
            privacy_policy: None,
            admin_contact: None,
            about: None,
        }
    }
}

/// Whether strangers may make accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third")]
pub enum Registration {
    /// They may not: 403.
    Closed,
    /// They may.
    Open,
}

/// The tracker's name, also of its documents.
const ID: &str = "fittrackee";
