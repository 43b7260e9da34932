//! How a bearer scheme is set up.

use std::time::Duration;

use http::HeaderName;
use http::header::AUTHORIZATION;

use crate::{Grant, Realm};

/// Settings of a [`Bearer`](super::Bearer) scheme.
#[derive(Clone, Debug)]
pub struct BearerSettings {
    pub(super) id: &'static str,
    pub(super) header: HeaderName,
    pub(super) realm: Realm,
    pub(super) remember: Duration,
    pub(super) capacity: usize,
    scopes: Vec<(Grant, Box<str>)>,
}

impl BearerSettings {
    /// A scheme of this id that reads `Authorization: Bearer …` and remembers 100 000 tokens for 5 minutes.
    pub fn new(id: &'static str) -> Self {
        Self {
            id,
            header: AUTHORIZATION,
            realm: Realm::default(),
            remember: Duration::from_mins(5),
            capacity: 100_000,
            scopes: Vec::new(),
        }
    }

    /// The bare token stands in this header, without a word before it. Such a scheme has no challenge, for
    /// `WWW-Authenticate` has no form for it. `Authorization` keeps its word.
    #[must_use]
    pub fn in_header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// The realm of its challenge.
    #[must_use]
    pub fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = realm;
        self
    }

    /// How long, from the answer of the store on, and how many good tokens are remembered. Never beyond
    /// a token's expiry, and never once the account or the token changed.
    #[must_use]
    pub fn with_memory(mut self, remember: Duration, capacity: usize) -> Self {
        self.remember = remember;
        self.capacity = capacity;
        self
    }

    /// The word by which the challenge names this grant when it is missing (`scope`, RFC 6750 §3). Without
    /// one, a grant is named as it is.
    ///
    /// # Errors
    ///
    /// [`ScopeError`] if the word is no `scope-token` (RFC 6749 §3.3).
    pub fn with_scope(mut self, grant: Grant, word: &str) -> Result<Self, ScopeError> {
        let fits = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if word.is_empty() || !word.bytes().all(fits) {
            return Err(ScopeError);
        }
        self.scopes.push((grant, word.into()));
        Ok(self)
    }

    /// The word before the token; none in a header of its own.
    pub(super) fn word(&self) -> Option<&'static str> {
        (self.header == AUTHORIZATION).then_some("Bearer")
    }

    pub(super) fn scope_word<'a>(&'a self, grant: &'a Grant) -> &'a str {
        self.scopes.iter().find(|(named, _)| named == grant).map_or(grant.as_str(), |(_, word)| word)
    }
}

/// A text that cannot be a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is visible ASCII without blanks, quotes and back-slashes")]
pub struct ScopeError;
