//! How one JWT scheme works.

use std::time::Duration;

use http::HeaderValue;

use crate::Grants;

/// How one JWT scheme works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its id.
    pub id: &'static str,
    /// What `iss` must be, to the letter; `None` takes any. New tokens carry it.
    pub issuer: Option<Box<str>>,
    /// What `aud` must name. With `None`, a token that has an `aud` is refused. New tokens carry it.
    pub audience: Option<Box<str>>,
    /// How much clocks may differ: a token is dead at exactly `exp` plus this.
    pub leeway: Duration,
    /// Claims that must be there beside `exp` and `sub`; null is not there.
    pub required: Vec<Box<str>>,
    /// Whom `sub` names.
    pub subject: SubjectFrom,
    /// For whom tokens without the claim `gen` are good: those of another server with the same key.
    pub uncounted: Uncounted,
    /// How long a new access token lives, in whole seconds.
    pub lifetime: Duration,
    /// How long a new token of another purpose lives, in whole seconds.
    pub mailed_lifetime: Duration,
    /// The `realm` of the challenge.
    pub realm: Option<Box<str>>,
    /// The `error_description` of the challenge for a bad token.
    pub error_description: Box<str>,
    /// How many tokens are remembered.
    pub capacity: usize,
}

impl Settings {
    /// What the original server of this protocol does: no issuer, audience or leeway, tokens of local
    /// accounts that live for 30 days, mailed ones for an hour.
    pub fn new(id: &'static str) -> Self {
        Self {
            id,
            issuer: None,
            audience: None,
            leeway: Duration::ZERO,
            required: Vec::new(),
            subject: SubjectFrom::AccountId,
            uncounted: Uncounted::ImportedAccounts,
            lifetime: Duration::from_hours(30 * 24),
            mailed_lifetime: Duration::from_hours(1),
            realm: None,
            error_description:
                "The access token provided is expired, revoked, malformed, or invalid for other reasons.".into(),
            capacity: 100_000,
        }
    }

    /// The challenge for a missing token and the one for a bad token (RFC 6750 §3).
    pub(super) fn challenges(&self) -> (HeaderValue, HeaderValue) {
        let realm = self.realm.as_deref().map(|realm| format!("realm=\"{}\"", quotable(realm)));
        let description = quotable(&self.error_description);
        let error = format!("error=\"invalid_token\", error_description=\"{description}\"");
        let missing = realm.as_ref().map_or_else(|| "Bearer".to_owned(), |realm| format!("Bearer {realm}"));
        let bad = realm.map_or_else(|| format!("Bearer {error}"), |realm| format!("Bearer {realm}, {error}"));
        let value = |text: String| HeaderValue::try_from(text).expect("only printable ASCII is left in it");
        (value(missing), value(bad))
    }
}

/// Whom the claim `sub` names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectFrom {
    /// A local account, by its number in decimal. Tokens of these carry our claims: `gen`, `purpose`
    /// and `about`.
    AccountId,
    /// Somebody whom the issuer knows and this gateway does not, by any name.
    External {
        /// What such an identity may do.
        grants: GrantsFrom,
    },
}

/// For which local accounts tokens are good that carry no claim `gen`, which ours all do.
///
/// Another server with the same key counts its accounts by itself: what its token calls 7 need not be what
/// is 7 here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uncounted {
    /// For every account: the other server's numbers are ours. What ends all credentials of an account ends
    /// tokens that were issued up to that second.
    AnyAccount,
    /// For accounts that came from that server under their number there, whose `not_before` is 1970, until
    /// all their credentials end. An account that was made here is safe whatever the other server counts. A
    /// token that lives no longer than [`Settings::mailed_lifetime`] is one that the other server mailed to set
    /// a password, and signs nobody in.
    ImportedAccounts,
}

/// Where the grants of an external identity come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrantsFrom {
    /// From the claim `scope` (RFC 8693 §4.2), as far as they are among these.
    Scope {
        /// The most that a token can bring.
        at_most: Grants,
    },
    /// These, whatever the token says.
    Settings(Grants),
}

/// What a token is for. One for a purpose is good for no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// Requests. It is what a token without the claim `purpose` is for.
    Access,
    /// Taking a new e-mail address into use.
    ChangeEmail,
    /// Confirming a new account.
    ConfirmAccount,
    /// Setting a new password without the old one.
    ResetPassword,
}

impl Purpose {
    pub(super) const MAILED: [Self; 3] = [Self::ChangeEmail, Self::ConfirmAccount, Self::ResetPassword];

    /// The value of the claim `purpose`.
    pub(super) const fn claim(self) -> Option<&'static str> {
        match self {
            Self::Access => None,
            Self::ChangeEmail => Some("change-email"),
            Self::ConfirmAccount => Some("confirm-account"),
            Self::ResetPassword => Some("reset-password"),
        }
    }
}

/// A text for a quoted string (RFC 9110 §5.6.4): quotes and back-slashes escaped, other than printable
/// ASCII left out.
fn quotable(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for letter in text.chars().filter(|letter| matches!(letter, ' '..='~')) {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}
