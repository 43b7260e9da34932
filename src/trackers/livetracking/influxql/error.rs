//! Why a text is no query.

use std::fmt;

use super::reader::Place;

/// Why a text is no query: what stands behind `error parsing query: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ParseError(String);

impl ParseError {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn at(text: impl fmt::Display, place: Place) -> Self {
        Self(format!("{text} at {place}"))
    }

    pub(super) fn unsupported(what: &str) -> Self {
        Self(format!("{what} is not supported"))
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}
