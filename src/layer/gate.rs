//! The gate: ordered schemes, then policies, then a permit.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use trackgate_policies::{Decision, Policy};
use trackgate_schemes::{Carrier, Class, Head, Identity, Reason, Rejection, Scheme, Step, Verdict};

/// The only value with which a request can go on. Only a [`Gate`] makes one.
#[derive(Clone, Debug)]
pub struct Permit {
    identity: Identity,
}

impl Permit {
    /// Who was let through; anonymous on a public route.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

/// Whether a gate asks for credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "configuration must choose one of the three")]
pub enum Mode {
    /// A request without a credential goes on as anonymous; a bad credential is refused.
    Optional,
    /// Credentials are neither checked nor counted. The reason is the operator's own words.
    Public {
        /// Why this is open to everybody.
        reason: Arc<str>,
    },
    /// A request without a credential is refused.
    Required,
}

/// What stands before a route: its schemes in order, its mode, its policies.
#[derive(Clone)]
pub struct Gate {
    mode: Mode,
    schemes: Arc<[Arc<dyn Scheme>]>,
    carriers: Arc<[Carrier]>,
    policies: Arc<[Arc<dyn Policy>]>,
}

impl Gate {
    /// A gate that accepts any of these schemes, asked in this order.
    pub fn new(mode: Mode, schemes: Vec<Arc<dyn Scheme>>, policies: Vec<Arc<dyn Policy>>) -> Self {
        let mut carriers: Vec<Carrier> = Vec::new();
        for scheme in &schemes {
            let carrier = scheme.carrier();
            if !carriers.contains(&carrier) {
                carriers.push(carrier);
            }
        }
        Self { mode, schemes: schemes.into(), carriers: carriers.into(), policies: policies.into() }
    }

    /// Lets a request through or says why not.
    ///
    /// A credential that memory knows costs no allocation here, and neither does a refusal.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of the first rule that stops it.
    pub async fn enter(&self, head: &Head<'_>) -> Result<Permit, Rejection> {
        let (identity, scheme) = match &self.mode {
            Mode::Public { .. } => (Identity::anonymous(), None),
            Mode::Optional | Mode::Required => self.authenticate(head).await?,
        };
        for policy in &*self.policies {
            if let Decision::Deny(why) = policy.decide(&identity, head) {
                return Err(why);
            }
        }
        if let Some(scheme) = scheme {
            scheme.accept(&identity, head)?;
        }
        Ok(Permit { identity })
    }

    /// The challenges that go with a refusal: one of each scheme that has one.
    pub fn challenges(&self, why: &Rejection) -> Vec<HeaderValue> {
        let wanted =
            matches!(why.reason.class(), Class::BadCredential | Class::Unauthenticated) || why.reason == Reason::Grant;
        if !wanted || matches!(self.mode, Mode::Public { .. }) {
            return Vec::new();
        }
        let mut challenges = Vec::new();
        for scheme in &*self.schemes {
            if let Some(challenge) = scheme.challenge(why)
                && !challenges.contains(&challenge)
            {
                challenges.push(challenge);
            }
        }
        challenges
    }

    /// Whether it asks for credentials.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// Its schemes in order.
    pub fn schemes(&self) -> &[Arc<dyn Scheme>] {
        &self.schemes
    }

    /// Its policies in order.
    pub fn policies(&self) -> &[Arc<dyn Policy>] {
        &self.policies
    }

    /// How many of its schemes' places the request fills: none or one.
    ///
    /// # Errors
    ///
    /// [`Reason::Ambiguous`] when it fills more, for those could disagree.
    pub fn check_carriers(&self, head: &Head<'_>) -> Result<usize, Rejection> {
        let filled = self.carriers.iter().map(|carrier| carrier.count(head)).sum();
        if filled > 1 { Err(Rejection::new(Reason::Ambiguous, GATE)) } else { Ok(filled) }
    }

    async fn authenticate(&self, head: &Head<'_>) -> Result<(Identity, Option<&Arc<dyn Scheme>>), Rejection> {
        let filled = self.check_carriers(head)?;
        if filled > 0 {
            for scheme in &*self.schemes {
                let verdict = match scheme.authenticate(head) {
                    Step::Done(verdict) => verdict,
                    Step::Ask(future) => future.await,
                };
                match verdict {
                    Verdict::Absent => {}
                    Verdict::Known(identity) => return Ok((identity, Some(scheme))),
                    Verdict::Refused(why) => return Err(why),
                }
            }
        }
        match (filled, &self.mode) {
            (0, Mode::Optional) => Ok((Identity::anonymous(), None)),
            (0, _) => Err(Rejection::new(Reason::Missing, GATE)),
            // There is a credential, and none of the schemes can read it: it is not as if there were none.
            (_, _) => Err(Rejection::new(Reason::Malformed, self.reader(head))),
        }
    }

    /// The last scheme whose place is filled: it answers for a credential that nobody could read.
    fn reader(&self, head: &Head<'_>) -> &'static str {
        self.schemes.iter().rev().find(|scheme| scheme.carrier().count(head) > 0).map_or(GATE, |scheme| scheme.id())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.schemes.iter().map(|scheme| scheme.id()).collect();
        f.debug_struct("Gate")
            .field("mode", &self.mode)
            .field("schemes", &ids)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

const GATE: &str = "gate";
