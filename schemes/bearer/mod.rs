//! Bearer API tokens (RFC 6750 §2.1): `Authorization: Bearer tg_…`, or a header of another name that holds
//! the bare token.
//!
//! ```
//! use trackgate_schemes::bearer::{Bearer, BearerSettings};
//! use trackgate_schemes::testing::{Sample, TestStore, block_on};
//! use trackgate_schemes::{Grants, Step, Verdict};
//!
//! let store = TestStore::new();
//! let account = store.add_account("rider", "opensesame");
//! let token = store.add_token(account.id, "points:read".parse().unwrap(), None);
//! let bearer = Bearer::new(BearerSettings::new("api"), store);
//!
//! let sample = Sample::new().header("authorization", format!("Bearer {}", token.text.expose_text().unwrap()));
//! let Verdict::Known(identity) = block_on(sample.ask(&bearer, Sample::now()).verdict()) else { panic!() };
//! assert_eq!((identity.name(), identity.grants().to_string()), ("rider", "points:read".to_owned()));
//! // Memory knows it now.
//! assert!(matches!(sample.ask(&bearer, Sample::now()), Step::Done(Verdict::Known(_))));
//! ```
//!
//! With settings of its own, as the session tracker wants it:
//!
//! ```
//! use trackgate_schemes::bearer::BearerSettings;
//!
//! let settings = BearerSettings::new("sessions-token")
//!     .with_realm("sessions".parse().unwrap())
//!     .with_scope("sessions:write".parse().unwrap(), "write").unwrap();
//! ```
//!
//! Refused before a store is asked: `Bearer` without a token, with two, or with characters that RFC 6750 does
//! not have; a token whose checksum is wrong. A token that does not start with `tg_` is another scheme's:
//! absent. Unknown, revoked and expired tokens, and those of accounts out of use, get the same answer. A token
//! in a query, a body or a cookie is never looked at (RFC 9700 §4.3.2).

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use crate::authorization::{self, Carried};
use crate::store::ApiTokens;
use crate::{
    Carrier, Class, DigestKey, Forget, Grants, Head, Identity, KeyedDigest, Known, Reason, Rejection, Scheme, Step,
    Unaccepted, Verdict,
};

pub(crate) mod check;
mod settings;
#[cfg(test)]
mod tests;
mod token;
mod uses;

pub use settings::{BearerSettings, ScopeError};
pub use token::{NewToken, TokenText};
pub(crate) use uses::Uses;

/// Accepts the API tokens that its store knows.
#[derive(Debug)]
pub struct Bearer {
    settings: BearerSettings,
    tokens: Arc<dyn ApiTokens>,
    memory: Arc<Known<Identity>>,
    key: DigestKey,
    uses: Uses,
    challenge: Option<Challenge>,
}

/// The challenges that do not depend on what was wanted.
#[derive(Debug)]
struct Challenge {
    plain: HeaderValue,
    invalid: HeaderValue,
}

impl Bearer {
    /// A scheme with these settings over these tokens.
    pub fn new(settings: BearerSettings, tokens: Arc<dyn ApiTokens>) -> Self {
        let challenge = settings.word().map(|word| {
            let plain = format!("{word} realm=\"{}\"", settings.realm);
            Challenge { invalid: value(format!("{plain}, error=\"invalid_token\"")), plain: value(plain) }
        });
        let memory = Arc::new(Known::new(settings.capacity));
        Self { settings, tokens, memory, key: DigestKey::random(), uses: Uses::new(), challenge }
    }

    /// What it remembers, to be made to forget.
    pub fn memory(&self) -> Arc<dyn Forget> {
        Arc::clone(&self.memory) as Arc<dyn Forget>
    }

    fn ask(&self, head: &Head<'_>, token: TokenText<'_>, remembered_as: KeyedDigest) -> Step {
        let ticket = self.memory.ticket();
        let (by, now) = (self.settings.id, head.now);
        let (tokens, memory) = (Arc::clone(&self.tokens), Arc::clone(&self.memory));
        let (id, digest) = (Box::<str>::from(token.id()), token.digest());
        let until = now + self.settings.remember;
        Step::ask(async move {
            let (token, account) = match check::token(by, &*tokens, &id, digest, now).await {
                Ok(good) => good,
                Err(why) => return Verdict::Refused(why),
            };
            let identity = check::identity(by, &token, &account);
            let until = token.expires_at.map_or(until, |end| end.min(until));
            memory.remember(ticket, remembered_as, Some(account.id), &token.id, identity.clone(), now, until);
            Verdict::Known(identity)
        })
    }

    /// `scope` of RFC 6750 §3: the words for the grants that were wanted.
    fn scope(&self, wanted: Option<&Grants>) -> String {
        let mut words: Vec<&str> =
            wanted.iter().flat_map(|grants| grants.listed()).map(|grant| self.settings.scope_word(grant)).collect();
        words.dedup();
        words.join(" ")
    }
}

impl Scheme for Bearer {
    fn id(&self) -> &'static str {
        self.settings.id
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(self.settings.header.clone())
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let malformed = || Step::refused(Rejection::new(Reason::Malformed, self.settings.id));
        let text = match authorization::read(head.headers, &self.settings.header, self.settings.word()) {
            Carried::Absent => return Step::ABSENT,
            Carried::Broken => return malformed(),
            Carried::Text(text) if !text.starts_with(TokenText::PREFIX.as_bytes()) => return Step::ABSENT,
            Carried::Text(text) if text.len() != TokenText::LENGTH => return malformed(),
            Carried::Text(text) => text,
        };
        let digest = self.key.digest(&[text]);
        // What memory knows had a right checksum.
        if let Some(identity) = self.memory.find(&digest, head.now) {
            return Step::Done(Verdict::Known(identity));
        }
        match str::from_utf8(text).ok().and_then(TokenText::parse) {
            Some(token) => self.ask(head, token, digest),
            None => malformed(),
        }
    }

    fn accept(&self, who: &Identity, head: &Head<'_>) -> Result<(), Unaccepted> {
        Ok(self.uses.note(self.settings.id, &*self.tokens, who, head)?)
    }

    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        let challenge = self.challenge.as_ref()?;
        match (why.reason, why.reason.class()) {
            (Reason::Grant, _) => {
                let plain = challenge.plain.to_str().ok()?;
                let scope = match self.scope(why.wanted.as_ref()) {
                    scope if scope.is_empty() => scope,
                    scope => format!(", scope=\"{scope}\""),
                };
                Some(value(format!("{plain}, error=\"insufficient_scope\"{scope}")))
            }
            (_, Class::BadCredential) if why.by == self.settings.id => Some(challenge.invalid.clone()),
            (_, Class::BadCredential | Class::Unauthenticated) => Some(challenge.plain.clone()),
            _ => None,
        }
    }
}

fn value(text: impl fmt::Display) -> HeaderValue {
    HeaderValue::from_str(&text.to_string()).expect("a realm and scope words are visible ASCII")
}
