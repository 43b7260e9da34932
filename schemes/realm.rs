//! The name of a protected space in a challenge.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The realm of a challenge (RFC 9110 §11.5): 1 to 64 visible ASCII characters and blanks, without `"` and
/// `\`, so that it needs no escapes, which old clients do not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(Arc<str>);

impl Realm {
    /// The text between the quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Realm {
    fn default() -> Self {
        Self("trackgate".into())
    }
}

impl FromStr for Realm {
    type Err = RealmError;

    fn from_str(text: &str) -> Result<Self, RealmError> {
        let fits = |b: u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\');
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) { Ok(Self(text.into())) } else { Err(RealmError) }
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that cannot be a realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a realm is 1 to 64 visible ASCII characters without quotes and back-slashes")]
pub struct RealmError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_cannot_break_out_of_its_quotes() {
        for text in ["Protected", "session tracker", "a"] {
            assert_eq!(text.parse::<Realm>().unwrap().as_str(), text);
        }
        for text in ["", "a\"b", "a\\b", "a\nb", "a\0", "ä", &"a".repeat(65)] {
            assert_eq!(text.parse::<Realm>(), Err(RealmError), "{text:?}");
        }
    }
}
