//! What a signed payload says (RFC 7519 §4), read by type: a wrong type is never "absent".

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::json::{self, Object};
use super::{Purpose, Settings, SubjectFrom};
use crate::{AccountId, Reason};

/// The claims of a token that is good now, as far as the token itself can tell.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) subject: Subject,
    pub(super) issuer: Option<String>,
    /// From here on it is good, leeway included.
    pub(super) from: Option<SystemTime>,
    /// At exactly this instant it is dead, leeway included.
    pub(super) until: SystemTime,
    pub(super) issued_at: Option<SystemTime>,
    pub(super) jti: Option<String>,
    pub(super) generation: Option<u64>,
    pub(super) purpose: Purpose,
    pub(super) about: Option<String>,
    pub(super) scope: Option<String>,
    /// The whole payload in its one spelling.
    pub(super) canonical: String,
}

/// Whom a token speaks of.
#[derive(Debug)]
pub(super) enum Subject {
    Account(AccountId),
    External(String),
}

impl Claims {
    /// Reads a payload and checks all that needs no store.
    pub(super) fn read(payload: &[u8], settings: &Settings, now: SystemTime) -> Result<Self, Reason> {
        let claims = Self::at_any_time(payload, settings)?;
        if now >= claims.until {
            return Err(Reason::Expired);
        }
        if claims.from.is_some_and(|from| now < from) {
            return Err(Reason::Malformed);
        }
        Ok(claims)
    }

    /// The same, whether it is good now, was or will be.
    pub(super) fn at_any_time(payload: &[u8], settings: &Settings) -> Result<Self, Reason> {
        let claims = json::object(payload).map_err(|_unfit| Reason::Malformed)?;
        let expires_at = date(&claims, "exp", f64::floor)?.ok_or(Reason::Malformed)?;
        let not_before = date(&claims, "nbf", f64::ceil)?;
        let issued_at = date(&claims, "iat", f64::floor)?;
        let issued_until = date(&claims, "iat", f64::ceil)?;
        let issuer = text(&claims, "iss")?;
        let jti = text(&claims, "jti")?;
        if jti.is_some_and(|jti| jti.is_empty() || jti.len() > MAX_NAME_BYTES) {
            return Err(Reason::Malformed);
        }
        check_audience(&claims, settings.audience.as_deref())?;
        if settings.issuer.as_deref().is_some_and(|ours| issuer != Some(ours)) {
            return Err(Reason::Unknown);
        }
        if settings.required.iter().any(|name| claims.get(&**name).is_none_or(Value::is_null)) {
            return Err(Reason::Malformed);
        }
        let until = expires_at.checked_add(settings.leeway).ok_or(Reason::Malformed)?;
        let from = not_before.max(issued_until).map(|start| start - settings.leeway.min(since_1970(start)));
        let subject = text(&claims, "sub")?.ok_or(Reason::Malformed)?;
        let mut read = Self {
            subject: Subject::External(String::new()),
            issuer: issuer.map(Into::into),
            from,
            until,
            issued_at,
            jti: jti.map(Into::into),
            generation: None,
            purpose: Purpose::Access,
            about: None,
            scope: None,
            canonical: json::canonical(&claims),
        };
        match settings.subject {
            SubjectFrom::AccountId => {
                read.subject = Subject::Account(account_id(subject).ok_or(Reason::Malformed)?);
                read.generation = claims.get("gen").map(|value| value.as_u64().ok_or(Reason::Malformed)).transpose()?;
                read.purpose = purpose(&claims)?;
                read.about = text(&claims, "about")?.map(Into::into);
            }
            SubjectFrom::External { .. } => {
                if !is_external_name(subject) {
                    return Err(Reason::Malformed);
                }
                read.subject = Subject::External(subject.into());
                read.scope = text(&claims, "scope")?.map(Into::into);
            }
        }
        Ok(read)
    }
}

/// The one text of an account's number: decimal, no sign, no leading zero, no blank.
fn account_id(text: &str) -> Option<AccountId> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    canonical.then(|| text.parse().ok()).flatten()
}

/// A name that is safe in a log and in a header once it is coded: 1 to 255 bytes, no controls, no
/// blanks at its ends.
fn is_external_name(text: &str) -> bool {
    (1..=MAX_NAME_BYTES).contains(&text.len()) && text.trim() == text && !text.chars().any(char::is_control)
}

/// RFC 7519 §4.1.3: a text or a list of texts. Without an audience of ours, a token that names any is
/// for somebody else.
fn check_audience(claims: &Object, ours: Option<&str>) -> Result<(), Reason> {
    let named = match (claims.get("aud"), ours) {
        (None, None) => true,
        (None, Some(_)) | (Some(Value::String(_)), None) => false,
        (Some(Value::String(one)), Some(ours)) => one == ours,
        (Some(Value::Array(several)), ours) => {
            if !several.iter().all(Value::is_string) {
                return Err(Reason::Malformed);
            }
            ours.is_some_and(|ours| several.iter().any(|one| one == ours))
        }
        (Some(_), _) => return Err(Reason::Malformed),
    };
    named.then_some(()).ok_or(Reason::Purpose)
}

fn purpose(claims: &Object) -> Result<Purpose, Reason> {
    match text(claims, "purpose")? {
        None => Ok(Purpose::Access),
        Some(word) => Purpose::MAILED.into_iter().find(|one| one.claim() == Some(word)).ok_or(Reason::Purpose),
    }
}

fn text<'a>(claims: &'a Object, name: &str) -> Result<Option<&'a str>, Reason> {
    claims.get(name).map(|value| value.as_str().ok_or(Reason::Malformed)).transpose()
}

/// A `NumericDate` (RFC 7519 §2): seconds since 1970, 0 to 2^53. A fraction is allowed there; it is
/// rounded to the side on which the token lives shorter.
fn date(claims: &Object, name: &str, round: fn(f64) -> f64) -> Result<Option<SystemTime>, Reason> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = if let Some(seconds) = value.as_u64() {
        seconds
    } else {
        let float = value.as_f64().filter(|float| float.is_sign_positive()).ok_or(Reason::Malformed)?;
        Duration::try_from_secs_f64(round(float)).map_err(|_huge| Reason::Malformed)?.as_secs()
    };
    if seconds > MAX_SECONDS {
        return Err(Reason::Malformed);
    }
    Ok(Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)))
}

pub(super) fn since_1970(at: SystemTime) -> Duration {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

const MAX_SECONDS: u64 = 1 << 53;
const MAX_NAME_BYTES: usize = 255;
