//! Where the token stands in a request.

use http::{HeaderMap, HeaderName};

use super::token;
use crate::{Carrier, cookies};

/// Where a sliding scheme's token stands in a request.
///
/// A cookie comes with whatever a browser asks for, on a foreign page's behalf too: whoever asks such a scheme must
/// know by other means that a changing request is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The cookie of this name.
    Cookie(&'static str),
    /// A header line of its own.
    Header(HeaderName),
}

/// What a request has in that place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried<'a> {
    /// Nothing.
    Absent,
    /// Something twice, or nothing that could be a token.
    Broken,
    /// What has the form of a token.
    Token(&'a [u8]),
}

impl Place {
    pub(super) fn carrier(&self) -> Carrier {
        match self {
            Self::Cookie(name) => Carrier::Cookie(name),
            Self::Header(name) => Carrier::Header(name.clone()),
        }
    }

    /// No allocation.
    pub(super) fn token<'a>(&'a self, headers: &'a HeaderMap) -> Carried<'a> {
        match self {
            Self::Cookie(name) => one(cookies::values(headers, name)),
            Self::Header(name) => one(headers.get_all(name).iter().map(http::HeaderValue::as_bytes)),
        }
    }
}

fn one<'a>(mut found: impl Iterator<Item = &'a [u8]>) -> Carried<'a> {
    match (found.next(), found.next()) {
        (None, _) => Carried::Absent,
        (Some(token), None) if token::is_token(token) => Carried::Token(token),
        _ => Carried::Broken,
    }
}
