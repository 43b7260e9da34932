//! Tokens that are signed here by the upstream's own key.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderName, Response, StatusCode};
use serde::Serialize;
use trackgate_schemes::jwt::Keys;
use trackgate_schemes::{DigestKey, Identity, Known, Reason, Rejection};

use super::kept::Kept;
use super::line::{Form, Line};
use super::rejection;
use crate::accounts::Link;
use crate::layer::Permit;
use crate::message::Body;
use crate::proxy::{Forward, Upstream};

/// Signs tokens as the upstream would have, and remembers them until shortly before they end.
#[derive(Debug)]
pub struct Mint {
    settings: MintSettings,
    form: Form,
    known: Known<Minted>,
    digests: DigestKey,
}

/// How tokens are signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MintSettings {
    /// The upstream's key; it can sign.
    pub keys: Keys,
    /// The form of the claims.
    pub claims: Claims,
    /// How long a token lives.
    pub lifetime: Duration,
    /// The issuer that it names.
    pub issuer: Option<Box<str>>,
    /// The audience that it names.
    pub audience: Option<Box<str>>,
    /// The header that carries it.
    pub header: HeaderName,
    /// What stands before it there.
    pub prefix: Box<str>,
}

impl MintSettings {
    /// Generic claims under these keys, for an hour, as a bearer token.
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            claims: Claims::Generic,
            lifetime: Duration::from_hours(1),
            issuer: None,
            audience: None,
            header: http::header::AUTHORIZATION,
            prefix: "Bearer ".into(),
        }
    }
}

/// The form of the claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claims {
    /// `exp`, `iat` and `sub`, the number as text: exactly what FitTrackee signs (contract section 3.2).
    FitTrackee,
    /// `exp`, `iat`, `sub`, `name`, and `iss` and `aud` where they are set.
    Generic,
}

/// In FitTrackee's order.
#[derive(Serialize)]
struct NewClaims<'a> {
    exp: u64,
    iat: u64,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

/// Whom a token names.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    sub: String,
    name: Arc<str>,
}

impl Subject {
    /// The account of the link, by its number, else by its name; without a link, the account's own number.
    pub(super) fn of(who: &Identity, link: Option<&Link>) -> Result<Self, Rejection> {
        let (sub, name) = match link {
            Some(link) => {
                let sub = link.number.map_or_else(|| link.user.to_string(), |number| number.to_string());
                (sub, Arc::clone(&link.user))
            }
            None => (super::own_account(who)?.to_string(), who.name().into()),
        };
        if sub.is_empty() { Err(rejection(Reason::NotLinked)) } else { Ok(Self { sub, name }) }
    }

    fn is_number(&self) -> bool {
        self.sub.bytes().all(|b| b.is_ascii_digit())
    }
}

/// A token that is remembered.
#[derive(Clone, Debug)]
struct Minted {
    line: Line,
    issued_at: u64,
}

impl Mint {
    /// Signs by these settings.
    pub fn new(settings: MintSettings) -> Self {
        let form = Form::Token { header: settings.header.clone(), prefix: settings.prefix.clone() };
        Self { settings, form, known: Known::new(CAPACITY), digests: DigestKey::random() }
    }

    pub(super) fn header(&self) -> &HeaderName {
        &self.settings.header
    }

    /// The line for a subject at `now`.
    #[cfg(test)]
    pub(super) fn line(&self, subject: &Subject, now: SystemTime) -> Result<Line, Rejection> {
        self.token(subject, now, None).map(|minted| minted.line)
    }

    fn token(&self, subject: &Subject, now: SystemTime, older_than: Option<u64>) -> Result<Minted, Rejection> {
        let digest = self.digests.digest(&[subject.sub.as_bytes(), subject.name.as_bytes()]);
        let is_new = |minted: &Minted| older_than.is_none_or(|bad| minted.issued_at > bad);
        if let Some(minted) = self.known.find(&digest, now).filter(is_new) {
            return Ok(minted);
        }
        let settings = &self.settings;
        let iat = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let is_generic = settings.claims == Claims::Generic;
        if !is_generic && !subject.is_number() {
            return Err(rejection(Reason::NotLinked));
        }
        let claims = NewClaims {
            exp: iat + settings.lifetime.as_secs(),
            iat,
            sub: &subject.sub,
            name: is_generic.then_some(&subject.name),
            iss: settings.issuer.as_deref().filter(|_| is_generic),
            aud: settings.audience.as_deref().filter(|_| is_generic),
        };
        let line = settings.keys.sign(&claims, now).and_then(|token| self.form.line("", &token));
        let minted = Minted { line: line.ok_or_else(|| rejection(Reason::Internal))?, issued_at: iat };
        let spare = (settings.lifetime / 10).min(SPARE);
        let ticket = self.known.ticket();
        self.known.remember(ticket, digest, None, "", minted.clone(), now, now + settings.lifetime - spare);
        Ok(minted)
    }
}

/// Sends a request on with a token of its own.
///
/// An upstream can sign a token out: what it refuses with 401 is signed anew and sent once more, where the request has
/// no body and the token is older than this second, so that the new one is another.
pub(super) async fn forward(
    mint: &Mint,
    subject: &Subject,
    upstream: &Upstream,
    permit: &Permit,
    mut request: Forward<'_>,
) -> Result<Response<Body>, Rejection> {
    let now = request.now;
    let minted = mint.token(subject, now, None)?;
    let is_old = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() > minted.issued_at;
    let kept = if is_old { Kept::of(&mut request, 0).await? } else { None };
    request.credential = Some(minted.line);
    let answer = upstream.forward(permit, request).await?;
    if answer.status() != StatusCode::UNAUTHORIZED || !is_old {
        return Ok(answer);
    }
    let fresh = mint.token(subject, now, Some(minted.issued_at))?;
    match kept {
        Some(kept) => upstream.forward(permit, kept.again(fresh.line)).await,
        None => Ok(answer),
    }
}

/// Tokens that are remembered.
const CAPACITY: usize = 100_000;

/// So long before its end a token is no longer sent.
const SPARE: Duration = Duration::from_mins(1);
