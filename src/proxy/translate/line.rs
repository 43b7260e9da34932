//! The header line that carries a credential.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue, header};
use trackgate_schemes::Secret;

/// A header's name and value; the value is marked as sensitive.
pub(super) type Line = (HeaderName, HeaderValue);

/// How a name and a secret stand in a header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// HTTP Basic (RFC 7617), in UTF-8.
    Basic,
    /// The secret alone.
    Token {
        /// The header.
        header: HeaderName,
        /// What stands before it.
        prefix: Box<str>,
    },
}

impl Form {
    /// The header.
    pub fn header(&self) -> &HeaderName {
        match self {
            Self::Basic => &header::AUTHORIZATION,
            Self::Token { header, .. } => header,
        }
    }

    /// The line; `None` if the credential cannot stand in one.
    pub(super) fn line(&self, account: &str, secret: &Secret) -> Option<Line> {
        let mut text = match self {
            Self::Basic if account.contains(':') => return None,
            Self::Token { .. } if secret.expose().is_empty() => return None,
            Self::Basic => {
                let pair = Secret::new([account.as_bytes(), b":", secret.expose()].concat());
                let mut text = b"Basic ".to_vec();
                text.extend_from_slice(STANDARD.encode(pair.expose()).as_bytes());
                text
            }
            Self::Token { prefix, .. } => prefix.as_bytes().to_vec(),
        };
        if let Self::Token { .. } = self {
            text.extend_from_slice(secret.expose());
        }
        if !text.iter().all(|b| *b == b' ' || b.is_ascii_graphic()) || text.last() == Some(&b' ') {
            return None;
        }
        let mut value = HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()?;
        value.set_sensitive(true);
        Some((self.header().clone(), value))
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic => f.write_str("basic"),
            Self::Token { header, prefix } if *header == header::AUTHORIZATION && &**prefix == "Bearer " => {
                f.write_str("bearer")
            }
            Self::Token { header, .. } => write!(f, "header {header}"),
        }
    }
}
