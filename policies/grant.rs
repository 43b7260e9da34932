//! Grants: the identity must carry all of a list.

use trackgate_schemes::{Grants, Head, Identity, Reason, Rejection};

use crate::{Decision, Policy};

/// Lets through whoever carries every one of these grants.
///
/// The refusal names all wanted grants, also those that the identity has: RFC 6750 §3 wants the scope
/// of the resource in the challenge. Nobody (a public route) carries none.
///
/// ```
/// use http::{HeaderMap, Method};
/// use trackgate_policies::{Decision, Policy, RequireGrants};
/// use trackgate_schemes::{CanonicalPath, Head, Identity, Reason, Rejection};
///
/// let rule = RequireGrants::new("points:write".parse()?);
/// let (path, headers) = (CanonicalPath::parse("/write")?, HeaderMap::new());
/// let head = Head::new(&Method::POST, &path, &headers);
/// let why = Rejection::new(Reason::Grant, "grants").wanting("points:write".parse()?);
/// assert_eq!(rule.decide(&Identity::anonymous(), &head), Decision::Deny(why));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequireGrants {
    wanted: Grants,
}

impl RequireGrants {
    /// Wants all of these; an empty list lets everybody through.
    pub fn new(wanted: Grants) -> Self {
        Self { wanted }
    }

    /// What it wants.
    pub fn wanted(&self) -> &Grants {
        &self.wanted
    }
}

impl Policy for RequireGrants {
    fn id(&self) -> &'static str {
        ID
    }

    fn decide(&self, who: &Identity, _head: &Head<'_>) -> Decision {
        if who.grants().allow_all(&self.wanted) {
            Decision::Allow
        } else {
            Decision::Deny(Rejection::new(Reason::Grant, ID).wanting(self.wanted.clone()))
        }
    }

    fn describe(&self) -> String {
        self.wanted.to_string()
    }
}

const ID: &str = "grants";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Ask, rider};

    #[test]
    fn all_of_the_wanted_grants_are_needed() {
        let rows = [
            // carried, wanted, goes on
            ("points:write", "points:write", true),
            ("points:read points:write", "points:write", true),
            ("*", "points:write sessions:read", true),
            ("", "", true),
            ("* account:admin", "account:admin", true),
            ("*", "account:admin", false),
            ("points:read", "points:write", false),
            ("points:write", "points:read points:write", false),
            ("", "points:write", false),
            ("points:write", "*", false),
        ];
        for (carried, wanted, allowed) in rows {
            let rule = RequireGrants::new(wanted.parse().unwrap());
            let decision = Ask::new().decide(&rule, &rider(1).with_grants(carried.parse().unwrap()));
            assert_eq!(decision.is_allow(), allowed, "{carried:?} for {wanted:?}");
            if let Decision::Deny(why) = decision {
                assert_eq!(why.reason, Reason::Grant);
                assert_eq!(why.wanted.unwrap().to_string(), wanted);
                assert_eq!(why.by, rule.id());
            }
            assert_eq!(rule.describe(), wanted);
        }
    }
}
