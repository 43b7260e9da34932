//! Whether a name and a password are right at a server behind the gateway, before they are linked.

use std::fmt;
use std::pin::Pin;
use std::time::SystemTime;

use trackgate_schemes::{AccountId, Secret};

/// What came of a sign-in that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever asks must tell each of them")]
pub enum LinkCheck {
    /// The server cannot be asked now.
    Down,
    /// Name and password are right; the account's number there, where the server says it.
    Right(Option<i64>),
    /// So many were wrong that no more are tried for a while.
    TooOften,
    /// They are not right.
    Wrong,
}

/// The answer of a [`CheckLink`].
pub type Checking<'a> = Pin<Box<dyn Future<Output = LinkCheck> + Send + 'a>>;

/// Asks a server behind the gateway.
pub trait CheckLink: fmt::Debug + Send + Sync + 'static {
    /// Whether this name and password are right there; `by` is who asks.
    fn check<'a>(&'a self, by: AccountId, user: &'a str, secret: &'a Secret, now: SystemTime) -> Checking<'a>;
}
