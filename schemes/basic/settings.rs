//! How a Basic scheme is set up.

use std::time::Duration;

use http::HeaderValue;

use crate::Realm;

/// Settings of a [`Basic`](super::Basic) scheme.
#[derive(Clone, Debug)]
pub struct BasicSettings {
    pub(super) id: &'static str,
    pub(super) realm: Realm,
    pub(super) charset: Charset,
    pub(super) tokens: Tokens,
    pub(super) remember: Duration,
    pub(super) capacity: usize,
}

/// Whether the challenge says `charset="UTF-8"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    Silent,
    Utf8,
}

/// Whether API tokens may stand in the password's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tokens {
    Accepted,
    Refused,
}

impl BasicSettings {
    /// A scheme of this id whose challenge says `charset="UTF-8"`, which takes API tokens as passwords and
    /// remembers 100 000 verified pairs for 5 minutes.
    pub fn new(id: &'static str) -> Self {
        Self {
            id,
            realm: Realm::default(),
            charset: Charset::Utf8,
            tokens: Tokens::Accepted,
            remember: Duration::from_mins(5),
            capacity: 100_000,
        }
    }

    /// The realm of its challenge.
    #[must_use]
    pub fn with_realm(mut self, realm: Realm) -> Self {
        self.realm = realm;
        self
    }

    /// The challenge holds the realm only, for clients that compare it whole. UTF-8 is read all the same.
    #[must_use]
    pub fn without_charset(mut self) -> Self {
        self.charset = Charset::Silent;
        self
    }

    /// A password that looks like an API token is a password like any other.
    #[must_use]
    pub fn without_api_tokens(mut self) -> Self {
        self.tokens = Tokens::Refused;
        self
    }

    /// How long, from its verification on, and how many good pairs are remembered. Never once the account
    /// or the credential changed.
    #[must_use]
    pub fn with_memory(mut self, remember: Duration, capacity: usize) -> Self {
        self.remember = remember;
        self.capacity = capacity;
        self
    }

    /// RFC 7617 §2 and §2.1.
    pub(super) fn challenge(&self) -> HeaderValue {
        let charset = match self.charset {
            Charset::Silent => "",
            Charset::Utf8 => ", charset=\"UTF-8\"",
        };
        let text = format!("Basic realm=\"{}\"{charset}", self.realm);
        HeaderValue::from_str(&text).expect("a realm is visible ASCII")
    }
}
