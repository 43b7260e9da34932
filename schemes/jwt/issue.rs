//! Issuing tokens.

use std::time::{Duration, SystemTime};

use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::Serialize;

use super::claims::since_1970;
use super::{Jwt, Purpose, compact};
use crate::store::Account;
use crate::{Reason, Rejection, Secret};

/// The claims in the order in which the original server writes them, then ours.
#[derive(Serialize)]
struct NewClaims<'a> {
    exp: u64,
    iat: u64,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    jti: String,
    r#gen: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'a str>,
}

impl Jwt {
    /// A new token for an account, living from the present whole second on. No two are alike.
    ///
    /// # Errors
    ///
    /// [`Reason::Internal`] if no key of this scheme can sign now.
    pub fn issue(&self, account: &Account, purpose: Purpose, now: SystemTime) -> Result<Secret, Rejection> {
        self.issue_about(account, purpose, None, now)
    }

    /// As [`Jwt::issue`], with something that the token is about, such as the new address that it
    /// confirms: [`Jwt::verify_purpose`] gives it back.
    ///
    /// # Errors
    ///
    /// As [`Jwt::issue`].
    pub fn issue_about(
        &self,
        account: &Account,
        purpose: Purpose,
        about: Option<&str>,
        now: SystemTime,
    ) -> Result<Secret, Rejection> {
        let settings = &self.0.settings;
        let iat = since_1970(now).as_secs();
        let claims = NewClaims {
            exp: iat.saturating_add(self.lifetime(purpose).as_secs()).min(MAX_SECONDS),
            iat,
            sub: account.id.to_string(),
            iss: settings.issuer.as_deref(),
            aud: settings.audience.as_deref(),
            jti: random_id(),
            r#gen: account.generation,
            purpose: purpose.claim(),
            about,
        };
        let token = compact::sign(&self.0.keys, &claims, now);
        token.map(Secret::from).ok_or_else(|| self.0.rejection(Reason::Internal))
    }

    /// How long a token for this purpose lives.
    pub fn lifetime(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Access => self.0.settings.lifetime,
            _ => self.0.settings.mailed_lifetime,
        }
    }
}

/// 128 random bits in hex.
///
/// # Panics
///
/// If the operating system has no random numbers: nothing safe could be done then.
fn random_id() -> String {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system has random numbers");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

const MAX_SECONDS: u64 = 1 << 53;
