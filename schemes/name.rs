//! Names under which accounts are found: one canonical form for look-up, counting and bans.

use std::fmt;
use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;

/// An account name in its canonical form: NFC, lower case, without blanks, controls, `:` or `@`.
///
/// Names that differ only in letter case or Unicode composition are one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

impl AccountName {
    /// The canonical form of a name as typed.
    ///
    /// # Errors
    ///
    /// [`NameError`] if no account could have that name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let canonical = canonical(text);
        let taken = |c: char| c.is_control() || c.is_whitespace() || matches!(c, ':' | '@' | '/' | '\\' | '\u{FFFD}');
        if canonical.is_empty() || canonical.len() > Self::MAX_BYTES {
            return Err(NameError::Length);
        }
        if canonical.chars().any(taken) {
            return Err(NameError::Character);
        }
        Ok(Self(canonical.into()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Longest canonical name in bytes.
    pub const MAX_BYTES: usize = 128;
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An e-mail address in the form in which it is compared: NFC, lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(Arc<str>);

impl EmailAddress {
    /// The compared form of an address as typed: one `@`, something before it, a dot behind it.
    ///
    /// # Errors
    ///
    /// [`NameError`] if it cannot be an address.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let folded = canonical(text);
        if folded.is_empty() || folded.len() > Self::MAX_BYTES {
            return Err(NameError::Length);
        }
        let unfit =
            |c: char| c.is_control() || c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"' | '(' | ')');
        match folded.split_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && !local.starts_with('-')
                    && domain.contains('.')
                    && !domain.starts_with('.')
                    && !domain.contains('@')
                    && !folded.chars().any(unfit) =>
            {
                Ok(Self(folded.into()))
            }
            _ => Err(NameError::Character),
        }
    }

    /// The compared text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Longest address in bytes (RFC 5321 §4.5.3.1 allows 254 in a path).
    pub const MAX_BYTES: usize = 255;
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What somebody typed to sign in: a name or an e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "stores must find an account by either")]
pub enum Login {
    /// An e-mail address: it has an `@`.
    Email(EmailAddress),
    /// An account name.
    Name(AccountName),
}

impl Login {
    /// Reads what was typed.
    ///
    /// # Errors
    ///
    /// [`NameError`] if it can be neither.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.contains('@') {
            EmailAddress::parse(text).map(Self::Email)
        } else {
            AccountName::parse(text).map(Self::Name)
        }
    }

    /// The canonical text, under which guesses at unknown accounts are counted.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Name(name) => name.as_str(),
        }
    }
}

/// A text that cannot name an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A character that must not stand in it, or a shape that does not fit.
    #[error("the name holds a character that is not allowed there")]
    Character,
    /// Empty or too long.
    #[error("the name is empty or too long")]
    Length,
}

/// NFC, lower case, NFC again, since lowering can decompose.
fn canonical(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bas_07_composition_and_case_make_one_account() {
        let composed = AccountName::parse("J\u{00C9}r\u{00F4}me").unwrap();
        let decomposed = AccountName::parse("je\u{0301}ro\u{0302}me").unwrap();
        assert_eq!(composed, decomposed);
        assert_eq!(AccountName::parse("TestRider").unwrap().as_str(), "testrider");
    }

    #[test]
    fn bas_03_and_bas_05_unfit_names_are_refused() {
        for text in ["", "a:b", "a b", "a\0", "a\nb", "a\tb", "a\u{7f}", "a@b", "a/b", &"x".repeat(129)] {
            assert!(AccountName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn eml_02_addresses_have_one_shape() {
        for text in ["a@b.c", "A.b+c@Example.org"] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
        for text in ["a@b", "@b.c", "a@@b.c", "a@b@c.d", "a b@c.d", "-a@b.c", "\"a\"@b.c", "a@b.c,d@e.f", "a@b.c\n"] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
    }
}
