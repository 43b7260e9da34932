//! What an identity may do: grants of the form `area:action`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// One permission, `area:action`, such as `points:write`.
///
/// Both parts are 1 to 32 of `a-z`, `0-9`, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant(Arc<str>);

impl Grant {
    /// The grant as written, `area:action`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the colon.
    pub fn area(&self) -> &str {
        self.0.split_once(':').map_or("", |(area, _)| area)
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let part = |part: &str| {
            (1..=32).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        };
        match text.split_once(':') {
            Some((area, action)) if part(area) && part(action) => Ok(Self(text.into())),
            _ => Err(GrantError),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not `area:action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a grant is area:action, each of a-z, 0-9, - and _, at most 32 long")]
pub struct GrantError;

/// The grants that an identity or a stored credential carries.
///
/// `everyday` stands for every grant except those of the area `account`, which must always be named:
/// it is what an ordinary account has. Written as a list parted by blanks, `everyday` as `*`.
/// Cloning costs no allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    everyday: bool,
    listed: Option<Arc<[Grant]>>,
}

impl Grants {
    /// No grant at all.
    pub const NONE: Self = Self { everyday: false, listed: None };

    /// All grants but those of the area `account`.
    pub const EVERYDAY: Self = Self { everyday: true, listed: None };

    /// Exactly these.
    pub fn of(grants: impl IntoIterator<Item = Grant>) -> Self {
        Self::NONE.with(grants)
    }

    /// These too.
    #[must_use]
    pub fn with(&self, grants: impl IntoIterator<Item = Grant>) -> Self {
        let mut all: Vec<Grant> = self.listed().iter().cloned().chain(grants).collect();
        all.sort();
        all.dedup();
        Self { everyday: self.everyday, listed: (!all.is_empty()).then(|| all.into()) }
    }

    /// Whether `grant` is among them.
    pub fn allow(&self, grant: &Grant) -> bool {
        (self.everyday && grant.area() != "account") || self.listed().binary_search(grant).is_ok()
    }

    /// Whether each of `wanted` is among them.
    pub fn allow_all(&self, wanted: &Self) -> bool {
        (!wanted.everyday || self.everyday) && wanted.listed().iter().all(|grant| self.allow(grant))
    }

    /// What both carry: a token's grants as far as its account still has them.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let both =
            self.listed().iter().filter(|g| other.allow(g)).chain(other.listed().iter().filter(|g| self.allow(g)));
        Self { everyday: self.everyday && other.everyday, ..Self::of(both.cloned()) }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        !self.everyday && self.listed.is_none()
    }

    /// The named ones, in order; `everyday` is not among them.
    pub fn listed(&self) -> &[Grant] {
        self.listed.as_deref().unwrap_or_default()
    }
}

impl FromStr for Grants {
    type Err = GrantError;

    /// Reads what `Display` writes; an empty text is no grant.
    fn from_str(text: &str) -> Result<Self, GrantError> {
        let mut all = Self::NONE;
        let mut named = Vec::new();
        for word in text.split_ascii_whitespace() {
            match word {
                "*" => all.everyday = true,
                word => named.push(word.parse()?),
            }
        }
        Ok(all.with(named))
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = self.everyday.then_some("*");
        for (n, word) in star.into_iter().chain(self.listed().iter().map(Grant::as_str)).enumerate() {
            write!(f, "{}{word}", if n == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> Grant {
        text.parse().unwrap()
    }

    #[test]
    fn everyday_holds_all_but_the_account_area() {
        assert!(Grants::EVERYDAY.allow(&grant("points:write")));
        assert!(!Grants::EVERYDAY.allow(&grant("account:admin")));
        assert!("* account:admin".parse::<Grants>().unwrap().allow(&grant("account:admin")));
    }

    #[test]
    fn a_token_keeps_only_what_its_account_still_has() {
        let token: Grants = "account:admin points:read".parse().unwrap();
        assert_eq!(token.intersection(&Grants::EVERYDAY).to_string(), "points:read");
        assert_eq!(Grants::EVERYDAY.intersection(&token).to_string(), "points:read");
        assert!(!token.allow_all(&Grants::EVERYDAY));
    }

    #[test]
    fn writing_and_reading_round_trips() {
        for text in ["", "*", "* account:admin", "points:read points:write"] {
            assert_eq!(text.parse::<Grants>().unwrap().to_string(), text);
        }
        for text in ["points", ":", "a:", ":b", "A:b", "a:b:c", "a:ä"] {
            assert!(text.parse::<Grants>().is_err(), "{text}");
        }
    }
}
