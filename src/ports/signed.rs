//! Signed tokens that were issued here, so that their owners can see and end them one by one.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Answer;

/// A signed token that was issued; its text is not among what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that adapters build")]
pub struct SignedToken {
    /// What it is signed out by: its key in the blacklist.
    pub key: Arc<str>,
    /// Whose it is.
    pub account: AccountId,
    /// The generation of the account for which it is good.
    pub generation: u64,
    /// The id of the scheme that issued it.
    pub scheme: Arc<str>,
    /// The service that asked for it.
    pub service: Arc<str>,
    /// The address that asked for it.
    pub client: Option<IpAddr>,
    /// When it was issued.
    pub issued_at: SystemTime,
    /// When it ends by itself, leeway included.
    pub ends_at: SystemTime,
    /// When it was last used, to one step.
    pub last_used_at: Option<SystemTime>,
    /// From where it was last used.
    pub last_client: Option<IpAddr>,
}

/// Keeps which signed tokens are out. Signing one out ([`Blacklist`](trackgate_schemes::store::Blacklist)) takes
/// it off the list.
pub trait SignedTokens: fmt::Debug + Send + Sync + 'static {
    /// Adds a token to the list of its account; doing it twice is one effect. The list keeps the newest
    /// [`MOST_SIGNED`] of those that live. One that leaves the list for a newer one is still good: only ending all ends it.
    fn add_signed(&self, token: SignedToken) -> Answer<'_, ()>;

    /// The tokens of an account that are good at `now`, newest first: neither at their end, nor signed out, nor
    /// of an earlier generation.
    fn signed_tokens(&self, account: AccountId, now: SystemTime) -> Answer<'_, Vec<SignedToken>>;
}

/// So many signed tokens of one account are listed.
pub const MOST_SIGNED: usize = 200;
