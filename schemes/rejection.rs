//! Why a request stops: facts, never words.

use std::fmt;
use std::time::Duration;

use crate::Grants;

/// A refused request. Only a dialect turns it into status, headers and body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// Why it stops.
    pub reason: Reason,
    /// Who said so: a scheme's or policy's id, `gate`, `gateway`, `proxy` or a tracker's id.
    pub by: &'static str,
    /// How long to wait before it may succeed; `None` when waiting does not help.
    pub retry_after: Option<Duration>,
    /// The grants that were wanted, when they were missing.
    pub wanted: Option<Grants>,
}

impl Rejection {
    /// A rejection for this reason by the one who says so.
    pub const fn new(reason: Reason, by: &'static str) -> Self {
        Self { reason, by, retry_after: None, wanted: None }
    }

    /// With the time after which a new try may succeed.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// With the grants that were wanted.
    #[must_use]
    pub fn wanting(mut self, grants: Grants) -> Self {
        self.wanted = Some(grants);
        self
    }

    /// The value of `Retry-After` (RFC 9110 §10.2.3): whole seconds, rounded up, at least 1.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }
}

/// What a [`Reason`] amounts to for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The request itself is at fault: 4xx other than those below.
    Request,
    /// No credential was found: 401 without `error`.
    Unauthenticated,
    /// A credential was found and is not good: 401 with `error="invalid_token"`. Dialects must not tell
    /// the reasons of this class apart, save where a contract names them.
    BadCredential,
    /// The identity is known and may not: 403, or 429 for rates.
    Denied,
    /// Ours or an upstream's fault: 5xx.
    Server,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $class:ident;)+) => {
        /// Why a request stops. The code of each is stable: logs, metrics and `explain` show it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable code for logs, metrics and `explain`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status in the plain dialect (RFC 9110).
            pub const fn status(self) -> http::StatusCode {
                let status = match self { $(Self::$name => const { http::StatusCode::from_u16($status) },)+ };
                match status {
                    Ok(status) => status,
                    Err(_) => http::StatusCode::INTERNAL_SERVER_ERROR,
                }
            }

            /// What it amounts to for the client.
            pub const fn class(self) -> Class {
                match self { $(Self::$name => Class::$class,)+ }
            }
        }
    };
}

reasons! {
    /// The identity's address is not one that the rule allows.
    AddressDenied = "address_denied", 403, Denied;
    /// The credential is bound to another address.
    AddressMismatch = "address_mismatch", 401, BadCredential;
    /// Another user is signed in from this address.
    AddressTaken = "address_taken", 403, Denied;
    /// Two credentials that could disagree.
    Ambiguous = "ambiguous_credentials", 400, Request;
    /// Framing or a header is not what HTTP allows.
    BadRequest = "bad_request", 400, Request;
    /// The path has a form that could be read in two ways.
    BadPath = "bad_path", 400, Request;
    /// The body is larger than the route takes.
    BodyTooLarge = "body_too_large", 413, Request;
    /// The body did not arrive in time.
    BodyTimeout = "body_timeout", 408, Request;
    /// The account may not sign in: disabled, unconfirmed or locked by hand.
    Disabled = "account_disabled", 401, BadCredential;
    /// `Expect` with something other than `100-continue`.
    Expectation = "expectation_failed", 417, Request;
    /// The credential's time is over.
    Expired = "expired", 401, BadCredential;
    /// The identity lacks a grant.
    Grant = "insufficient_grant", 403, Denied;
    /// The request head is larger, or has more lines, than the gateway takes.
    HeadTooLarge = "head_too_large", 431, Request;
    /// Something broke here.
    Internal = "internal", 500, Server;
    /// The upstream does not take the secret of the account's link; it is not tried again until it is changed.
    LinkRefused = "link_refused", 403, Denied;
    /// The account's link cannot be opened: the key that sealed it is not here, or it was tampered with.
    LinkUnreadable = "link_unreadable", 500, Server;
    /// Too many wrong guesses: same answer as a wrong password, plus the time to wait.
    Locked = "locked", 401, BadCredential;
    /// A credential was found but cannot be read.
    Malformed = "malformed_credential", 401, BadCredential;
    /// The rule does not allow this method for the identity.
    MethodDenied = "method_denied", 403, Denied;
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, Request;
    /// The host is not one that this gateway answers for.
    Misdirected = "misdirected", 421, Request;
    /// No credential.
    Missing = "no_credential", 401, Unauthenticated;
    /// No such route or object.
    NotFound = "not_found", 404, Request;
    /// The account has no link to an account of the upstream.
    NotLinked = "not_linked", 403, Denied;
    /// A method that no route could take.
    NotImplemented = "not_implemented", 501, Request;
    /// The rule does not allow this time.
    OutsideHours = "outside_hours", 403, Denied;
    /// All workers are busy; nothing was checked.
    Overloaded = "overloaded", 503, Server;
    /// A combination of rules says no.
    Policy = "policy_denied", 403, Denied;
    /// A token for one purpose was used for another.
    Purpose = "wrong_purpose", 401, BadCredential;
    /// Too many requests.
    RateLimited = "rate_limited", 429, Denied;
    /// The credential was signed out or revoked.
    Revoked = "revoked", 401, BadCredential;
    /// The signature is not by the key.
    Signature = "bad_signature", 401, BadCredential;
    /// The target is longer than the gateway takes.
    TargetTooLong = "target_too_long", 414, Request;
    /// It took too long here.
    TimedOut = "timed_out", 503, Server;
    /// The store cannot be asked.
    Unavailable = "store_unavailable", 503, Server;
    /// No such token, session or account.
    Unknown = "unknown_credential", 401, BadCredential;
    /// The upstream has as many requests as it takes, and the line is full or too slow; it was not asked.
    UpstreamBusy = "upstream_busy", 503, Server;
    /// The upstream cannot be reached or broke off.
    UpstreamDown = "upstream_down", 502, Server;
    /// The upstream does not take the credential that the gateway has for it.
    UpstreamRefused = "upstream_refused", 502, Server;
    /// The upstream did not answer in time.
    UpstreamSlow = "upstream_slow", 504, Server;
    /// A wrong password.
    WrongSecret = "wrong_secret", 401, BadCredential;
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unlike_and_status_fits_class() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let fits = match reason.class() {
                Class::BadCredential | Class::Unauthenticated => reason.status() == 401,
                Class::Denied => matches!(reason.status().as_u16(), 403 | 429),
                Class::Request => reason.status().is_client_error() || reason.status() == 501,
                Class::Server => reason.status().is_server_error(),
            };
            assert!(fits, "{reason}");
        }
    }

    #[test]
    fn retry_after_is_rounded_up_and_never_zero() {
        let wait = |d| Rejection::new(Reason::Locked, "t").after(d).retry_after_seconds();
        assert_eq!(wait(Duration::from_millis(1)), Some(1));
        assert_eq!(wait(Duration::ZERO), Some(1));
        assert_eq!(wait(Duration::from_millis(2001)), Some(3));
    }
}
