//! FitTrackee: e-mail and password in, a signed token out, and the account's profile behind it.
//!
//! The wire is that of FitTrackee 0.8.13. Here are registration, sign-in, the profile and sign-out; the
//! wording of refusals serves every other path below `/api/` too.
//!
//! Where no source says, or the original crashes, this is what trackgate does:
//!
//! - `NaN` and `Infinity` are not JSON (RFC 8259 §6) and are refused as such. The original's parser takes
//!   them, yet no client can mean them: what writes JSON in a browser writes `null` instead.
//! - UTF-16 is read with or without a byte order mark, as RFC 4627 §3 tells it from UTF-8.
//! - Members that nobody asks for are skipped unread, however deep; of equal names the last wins.
//! - Documents that are true in the original's sense but no objects (`[1]`, `"x"`) are `invalid payload`.
//! - `GET` on a path that has none is 405, for there is no web application behind it.
//! - A 401 names the challenges of its route, also where the original sends none (RFC 9110 §15.5.2), and
//!   so does the 403 of a token that lacks a grant (RFC 6750 §3.1).
//! - A password of more than 72 bytes cannot be set, since an exported account must still work in the
//!   original. Registration answers `invalid payload` then.
//! - No mail goes out, so a new account stays unconfirmed until `trackgate user enable NAME`.
//! - Sign-out takes a signed token or a sliding session. Nothing else can be signed out.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::store::Account;
use trackgate_schemes::{Rejection, Secret};

use super::{Endpoint, Tracker};
use crate::accounts::AccountService;
use crate::layer::Dialect;

mod dialect;
pub mod import;
mod objects;
mod profile;
mod registration;
mod routes;
mod sign_in;
#[cfg(test)]
mod tests;
mod wire;

pub use dialect::FitTrackeeDialect;

/// The account API of FitTrackee, spoken in-process.
#[derive(Clone, Debug)]
pub struct FitTrackee {
    shared: Arc<Shared>,
}

/// What every handler needs.
#[derive(Debug)]
struct Shared {
    accounts: AccountService,
    tokens: Arc<dyn IssueToken>,
    settings: Settings,
    dialect: Arc<FitTrackeeDialect>,
    finished: objects::Finished,
}

impl FitTrackee {
    /// Serves these accounts with tokens by `tokens`.
    pub fn new(accounts: AccountService, tokens: Arc<dyn IssueToken>, settings: Settings) -> Self {
        let dialect = Arc::new(FitTrackeeDialect::new(Arc::clone(&settings.rate_limit)));
        let finished = objects::Finished::new(accounts.memories());
        Self { shared: Arc::new(Shared { accounts, tokens, settings, dialect, finished }) }
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
        routes::endpoints(&self.shared)
    }
}

/// Issues the token that signing in gives out.
pub trait IssueToken: fmt::Debug + Send + Sync + 'static {
    /// A new access token of this account, as text.
    ///
    /// # Errors
    ///
    /// [`Reason::Internal`](trackgate_schemes::Reason::Internal) when no key can sign.
    fn issue(&self, account: &Account, now: SystemTime) -> Result<Secret, Rejection>;
}

/// What an operator may choose.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "built by configuration from its own fields and these defaults")]
pub struct Settings {
    /// Whether strangers may make accounts.
    pub registration: Registration,
    /// Largest body in bytes; the original's is its archive limit, 10 MiB.
    pub max_body_bytes: u64,
    /// The rate limit as clients are told it, such as `300 per 5 minute`.
    pub rate_limit: Arc<str>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            registration: Registration::Open,
            max_body_bytes: 10 * 1024 * 1024,
            rate_limit: "300 per 5 minute".into(),
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
