//! JSON web tokens (RFC 7519) in `Authorization: Bearer`, with a blacklist for those that signed out.
//!
//! The algorithm comes from the key, never from the token. Parsing is strict: three parts, base64url
//! without padding or spare bits, no member name twice, no `crit`, no key in the header. `exp` is
//! required; `exp`, `nbf` and `iat` must be numbers. A signed-out token is known by its `jti`, else by a
//! digest of what it says, so that no other spelling of it is alive. A token for one purpose is not
//! accepted for another. What was verified is remembered until it ends.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use trackgate_schemes::Secret;
//! use trackgate_schemes::jwt::{Algorithm, Jwt, KeyError, Keys, Settings};
//! use trackgate_schemes::store::{Accounts, Blacklist};
//!
//! fn fittrackee(
//!     secret: &Secret,
//!     accounts: Arc<dyn Accounts>,
//!     blacklist: Arc<dyn Blacklist>,
//! ) -> Result<Jwt, KeyError> {
//!     let keys = Keys::secret(Algorithm::HS256, secret)?;
//!     let settings = Settings { lifetime: Duration::from_hours(30 * 24), ..Settings::new("fit") };
//!     Ok(Jwt::new(settings, keys, accounts, blacklist))
//! }
//! ```

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, header};

use crate::bearer::Uses;
use crate::store::{Account, AccountState, Accounts, Blacklist};
use crate::{
    Carrier, Class, Credential, CredentialKind, DigestKey, Forget, Grant, Grants, Head, Identity, KeyedDigest, Known,
    Reason, Rejection, Scheme, Secret, Step, Unaccepted, Verdict,
};

mod claims;
pub(crate) mod compact;
mod issue;
mod json;
mod key;
mod keys;
mod settings;
mod sign_out;
#[cfg(test)]
mod tests;

pub use jsonwebtoken::Algorithm;
pub use keys::{KeyError, Keys};
pub use settings::{GrantsFrom, Purpose, Settings, SubjectFrom, Uncounted};
pub use sign_out::SignedOut;

use claims::{Claims, Subject};

/// The scheme of JSON web tokens. Cloning shares its memory.
#[derive(Clone, Debug)]
pub struct Jwt(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    keys: Keys,
    accounts: Arc<dyn Accounts>,
    blacklist: Arc<dyn Blacklist>,
    known: Arc<Known<Arc<Facts>>>,
    digests: DigestKey,
    uses: Uses,
    challenge: HeaderValue,
    challenge_bad: HeaderValue,
}

/// What is remembered of a token.
#[derive(Debug)]
struct Facts {
    identity: Identity,
    from: Option<SystemTime>,
    until: SystemTime,
}

/// A token that was good for its purpose.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// Whose it is. Its credential's id is what signs it out once it was used.
    pub identity: Identity,
    /// What it was issued about, such as a new address.
    pub about: Option<Box<str>>,
}

impl Jwt {
    /// The scheme of these settings and keys, over these accounts and this blacklist.
    pub fn new(settings: Settings, keys: Keys, accounts: Arc<dyn Accounts>, blacklist: Arc<dyn Blacklist>) -> Self {
        let known = Arc::new(Known::new(settings.capacity));
        let (challenge, challenge_bad) = settings.challenges();
        let digests = DigestKey::random();
        let uses = Uses::new();
        Self(Arc::new(Inner { settings, keys, accounts, blacklist, known, digests, uses, challenge, challenge_bad }))
    }

    /// Its memory, to be told of changes.
    pub fn memory(&self) -> Arc<dyn Forget> {
        Arc::clone(&self.0.known) as Arc<dyn Forget>
    }

    /// How the blacklist knows a token that this scheme issued.
    ///
    /// # Errors
    ///
    /// Why this scheme refuses the token anyway.
    pub fn signed_out(&self, token: &Secret, now: SystemTime) -> Result<SignedOut, Reason> {
        self.0.settings.signed_out(token.expose_text().ok_or(Reason::Malformed)?, now)
    }

    /// Checks a token for a purpose that is not access: one that was mailed.
    ///
    /// It is not used up: whoever acts on it signs it out by its credential's id, or ends all
    /// credentials of the account, which ends it too.
    ///
    /// # Errors
    ///
    /// [`Reason::Purpose`] for a token of another purpose, and the reasons of any bad token.
    pub async fn verify_purpose(&self, token: &str, purpose: Purpose, now: SystemTime) -> Result<Checked, Rejection> {
        let (facts, about) = self.0.judge(token, purpose, now).await?;
        Ok(Checked { identity: facts.identity.clone(), about })
    }
}

impl Scheme for Jwt {
    fn id(&self) -> &'static str {
        self.0.settings.id
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(header::AUTHORIZATION)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let malformed = || Step::refused(self.0.rejection(Reason::Malformed));
        let mut lines = head.headers.get_all(header::AUTHORIZATION).iter();
        let Some(line) = lines.next() else { return Step::ABSENT };
        if lines.next().is_some() {
            return malformed();
        }
        let token = match bearer(line.as_bytes()) {
            Bearer::Other => return Step::ABSENT,
            Bearer::Token(token) => token,
            Bearer::Unreadable => return malformed(),
        };
        let digest = self.0.digests.digest(&[token]);
        if let Some(facts) = self.0.known.find(&digest, head.now) {
            return Step::Done(self.0.recall(&facts, head.now));
        }
        let Some(token) = str::from_utf8(token).ok().filter(|token| compact::is_compact(token)) else {
            return malformed();
        };
        let (inner, token, now) = (Arc::clone(&self.0), Secret::from(token), head.now);
        Step::ask(async move { inner.ask(&token, digest, now).await })
    }

    fn accept(&self, who: &Identity, head: &Head<'_>) -> Result<(), Unaccepted> {
        let credential = who.credential();
        if who.account().is_some() && self.0.uses.is_due(&credential.id, head.now) {
            self.0.blacklist.note_signed_use(&credential.id, head.now, head.client);
        }
        Ok(())
    }

    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        let bad = why.by == self.0.settings.id && why.reason.class() == Class::BadCredential;
        Some(if bad { self.0.challenge_bad.clone() } else { self.0.challenge.clone() })
    }
}

impl Inner {
    async fn ask(&self, token: &Secret, digest: KeyedDigest, now: SystemTime) -> Verdict {
        let ticket = self.known.ticket();
        let Some(text) = token.expose_text() else {
            return Verdict::Refused(self.rejection(Reason::Malformed));
        };
        match self.judge(text, Purpose::Access, now).await {
            Ok((facts, _about)) => {
                let facts = Arc::new(facts);
                let who = &facts.identity;
                let credential = &who.credential().id;
                self.known.remember(ticket, digest, who.account(), credential, Arc::clone(&facts), now, facts.until);
                Verdict::Known(who.clone())
            }
            Err(why) => Verdict::Refused(why),
        }
    }

    /// A remembered token, at another time. No allocation.
    fn recall(&self, facts: &Facts, now: SystemTime) -> Verdict {
        if now >= facts.until {
            return Verdict::Refused(self.rejection(Reason::Expired));
        }
        if facts.from.is_some_and(|from| now < from) {
            return Verdict::Refused(self.rejection(Reason::Malformed));
        }
        Verdict::Known(facts.identity.clone())
    }

    /// The whole of it: signature, claims, blacklist, account; in this order, so that nobody's name is
    /// looked up before the signature is good.
    async fn judge(
        &self,
        token: &str,
        purpose: Purpose,
        now: SystemTime,
    ) -> Result<(Facts, Option<Box<str>>), Rejection> {
        let reject = |reason| self.rejection(reason);
        let verified = compact::verify(&self.keys, token, now).map_err(reject)?;
        let claims = Claims::read(&verified.payload, &self.settings, now).map_err(reject)?;
        if claims.purpose != purpose {
            return Err(reject(Reason::Purpose));
        }
        let key = sign_out::key(self.settings.id, &claims, &json::canonical(&verified.header));
        match self.blacklist.blacklisted(&key).await {
            Ok(None) => {}
            Ok(Some(_since)) => return Err(reject(Reason::Revoked)),
            Err(_down) => return Err(self.unavailable()),
        }
        let credential = Credential::new(CredentialKind::Jwt, key);
        let identity = match &claims.subject {
            Subject::Account(id) => match self.accounts.account(*id).await {
                Ok(Some(account)) => {
                    check_account(&account, &claims, &self.settings).map_err(reject)?;
                    let subject = crate::Subject::Account(account.id);
                    Identity::new(subject, account.name, self.settings.id, credential).with_grants(account.grants)
                }
                Ok(None) => return Err(reject(Reason::Unknown)),
                Err(_down) => return Err(self.unavailable()),
            },
            Subject::External(name) => {
                let name: Arc<str> = name.as_str().into();
                let subject = crate::Subject::External(Arc::clone(&name));
                let grants = external_grants(&self.settings.subject, claims.scope.as_deref());
                Identity::new(subject, name, self.settings.id, credential).with_grants(grants)
            }
        };
        let identity = identity.with_expiry(Some(claims.until));
        let until = verified.key_until.map_or(claims.until, |key| key.min(claims.until));
        let facts = Facts { identity, from: claims.from, until };
        Ok((facts, claims.about.map(Into::into)))
    }

    fn rejection(&self, reason: Reason) -> Rejection {
        Rejection::new(reason, self.settings.id)
    }

    fn unavailable(&self) -> Rejection {
        self.rejection(Reason::Unavailable).after(Duration::from_secs(5))
    }
}

/// Whether the account is still the one that the token was issued to.
fn check_account(account: &Account, claims: &Claims, settings: &Settings) -> Result<(), Reason> {
    let may = match claims.purpose {
        Purpose::Access => account.is_active(),
        // Confirming is what makes an account active.
        _ => account.state != AccountState::Disabled,
    };
    if !may {
        return Err(Reason::Disabled);
    }
    let imported = account.not_before == SystemTime::UNIX_EPOCH;
    let current = match (claims.generation, claims.issued_at, settings.uncounted) {
        (Some(generation), _, _) => generation == account.generation,
        // `iat` counts whole seconds: one from the very second in which all ended may be from before.
        (None, Some(issued_at), Uncounted::AnyAccount) => {
            imported || claims::since_1970(issued_at).as_secs() > claims::since_1970(account.not_before).as_secs()
        }
        // The old server marks the tokens that it mails by nothing but their short life.
        (None, Some(issued_at), Uncounted::ImportedAccounts)
            if claims.until.duration_since(issued_at).unwrap_or_default()
                <= settings.mailed_lifetime.saturating_add(settings.leeway) =>
        {
            return Err(Reason::Purpose);
        }
        (None, _, _) => imported,
    };
    current.then_some(()).ok_or(Reason::Revoked)
}

/// The grants of somebody without an account here. Words of a scope that are no grants mean nothing
/// here; `*` is such a word.
fn external_grants(from: &SubjectFrom, scope: Option<&str>) -> Grants {
    match from {
        SubjectFrom::AccountId => Grants::NONE,
        SubjectFrom::External { grants: GrantsFrom::Settings(grants) } => grants.clone(),
        SubjectFrom::External { grants: GrantsFrom::Scope { at_most } } => {
            let words = scope.unwrap_or_default().split_ascii_whitespace();
            Grants::of(words.filter_map(|word| word.parse::<Grant>().ok())).intersection(at_most)
        }
    }
}

/// What an `Authorization` line holds for this scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bearer<'a> {
    /// Another scheme's: another word, or an API token.
    Other,
    Token(&'a [u8]),
    /// The word `Bearer` with nothing behind it that could be read.
    Unreadable,
}

/// Reads `Bearer <token>` (RFC 6750 §2.1): the word in any case, one blank; what stands behind a second
/// blank is not looked at, as the original server does.
fn bearer(line: &[u8]) -> Bearer<'_> {
    let word = line.iter().take_while(|byte| !matches!(byte, b' ' | b'\t')).count();
    let Some((word, rest)) = line.split_at_checked(word) else { return Bearer::Other };
    if !word.eq_ignore_ascii_case(b"bearer") {
        return Bearer::Other;
    }
    let Some((b' ', rest)) = rest.split_first() else { return Bearer::Unreadable };
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let token = rest.get(..end).unwrap_or_default();
    match token {
        [] => Bearer::Unreadable,
        [b't', b'g', b'_', ..] => Bearer::Other,
        token => Bearer::Token(token),
    }
}
