//! Under which key the blacklist knows a token.

use std::time::SystemTime;

use super::claims::{Claims, Subject};
use super::{Settings, compact, json};
use crate::{AccountId, Digest, Reason};

/// A token that was signed out, as the blacklist knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedOut {
    /// What it is stored under.
    pub key: String,
    /// The number of the account that it names.
    pub account: Option<AccountId>,
    /// When it ends by itself, leeway included.
    pub until: SystemTime,
}

impl Settings {
    /// How the blacklist knows this token once it is signed out, whoever signed it: for taking over the list
    /// of another server. Its signature is not looked at, so that the list is right also for a key that is
    /// only given later.
    ///
    /// # Errors
    ///
    /// Why a scheme of these settings refuses the token anyway, by whatever key: it need not be listed.
    pub fn signed_out(&self, token: &str, now: SystemTime) -> Result<SignedOut, Reason> {
        let (header, payload) = compact::unverified(token)?;
        // One that is not good yet will be.
        let claims = Claims::at_any_time(&payload, self)?;
        if now >= claims.until {
            return Err(Reason::Expired);
        }
        let key = key(self.id, &claims, &json::canonical(&header));
        let account = match claims.subject {
            Subject::Account(id) => Some(id),
            Subject::External(_) => None,
        };
        Ok(SignedOut { key, account, until: claims.until })
    }
}

/// What a sign-out of a token is stored under: 64 hex digits.
///
/// It follows from what the token says, never from its text or its signature. It is apart for each
/// issuer, and where none is named, for each scheme: two that count from 1 do not collide.
pub(super) fn key(scheme: &str, claims: &Claims, header: &str) -> String {
    let (kind, whose) = match &claims.issuer {
        Some(issuer) => ("iss", issuer.as_str()),
        None => ("scheme", scheme),
    };
    let parts = match &claims.jti {
        Some(jti) => [kind, whose, "jti", jti, ""],
        None => [kind, whose, "text", header, &claims.canonical],
    };
    let mut all = Vec::new();
    for part in parts {
        all.extend((part.len() as u64).to_le_bytes());
        all.extend(part.bytes());
    }
    let hex = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'));
    Digest::sha256(&all).as_bytes().iter().flat_map(hex).collect()
}
