//! A rule about an identity.

use std::fmt;

use trackgate_schemes::{Head, Identity, Rejection};

/// What a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a gate must handle both, and there is no third")]
pub enum Decision {
    /// Go on.
    Allow,
    /// Stop, for this reason.
    Deny(Rejection),
}

impl Decision {
    /// Whether it is to go on.
    pub fn is_allow(&self) -> bool {
        *self == Self::Allow
    }
}

/// A rule about an identity and a request head.
///
/// It decides from memory alone, without waiting and without allocating when it allows.
pub trait Policy: fmt::Debug + Send + Sync + 'static {
    /// Its name in logs and explanations.
    fn id(&self) -> &'static str;

    /// Whether the request may go on.
    fn decide(&self, who: &Identity, head: &Head<'_>) -> Decision;

    /// The rule as the operator wrote it, for explanations: `points:write`, `10.0.0.0/8`.
    fn describe(&self) -> String;

    /// The decision with its parts, for explanations. It counts as a request where the rule counts.
    fn explain(&self, who: &Identity, head: &Head<'_>) -> Term {
        Term { policy: self.id(), rule: self.describe(), decision: self.decide(who, head), parts: Vec::new() }
    }
}

/// One rule of an explanation with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Term {
    /// The policy's id.
    pub policy: &'static str,
    /// The rule as written.
    pub rule: String,
    /// What it said.
    pub decision: Decision,
    /// The rules that it is made of.
    pub parts: Vec<Term>,
}

impl Term {
    /// A term with parts, for policies that combine others.
    pub fn with_parts(policy: &'static str, rule: String, decision: Decision, parts: Vec<Self>) -> Self {
        Self { policy, rule, decision, parts }
    }
}
