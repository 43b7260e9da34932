//! The gate: ordered schemes, then policies, then a permit.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use trackgate_policies::{Decision, Policy};
use trackgate_schemes::{Carrier, Class, Head, Identity, Reason, Rejection, Scheme, Step, Unaccepted, Verdict};

use super::trail::Trail;

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

/// How far a request got without waiting.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller must handle both, and there is no third")]
pub enum Entry {
    /// It is decided.
    Decided(Result<Permit, Rejection>),
    /// A scheme must ask somebody first.
    Waiting(Waiting),
}

/// The question of a scheme, to be awaited and handed to [`Gate::resume`].
pub struct Waiting {
    /// Whose turn it is.
    pub turn: Turn,
    /// The question.
    pub question: Pin<Box<dyn Future<Output = Verdict> + Send>>,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("turn", &self.turn).finish_non_exhaustive()
    }
}

/// Which of a gate's schemes is asked, and how often the request was judged before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn {
    scheme: usize,
    judged: u8,
}

impl Turn {
    fn next(self) -> Self {
        Self { scheme: self.scheme + 1, ..self }
    }
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
    /// A credential that memory knows costs no allocation here, and neither does a refusal. If an account or a
    /// credential changes while its request is here, scheme and policies are asked again.
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of the first rule that stops it.
    pub async fn enter(&self, head: &Head<'_>) -> Result<Permit, Rejection> {
        self.enter_leaving(&mut Trail::default(), head).await
    }

    /// The same, leaving behind what each scheme and policy said that was asked. No allocation for that either.
    ///
    /// # Errors
    ///
    /// As of [`enter`](Self::enter).
    pub async fn enter_leaving(&self, trail: &mut Trail, head: &Head<'_>) -> Result<Permit, Rejection> {
        let mut entry = self.begin(trail, head);
        loop {
            match entry {
                Entry::Decided(decided) => return decided,
                Entry::Waiting(waiting) => {
                    let verdict = waiting.question.await;
                    entry = self.go_on(waiting.turn, verdict, trail, head);
                }
            }
        }
    }

    /// The same as far as memory goes: without waiting, unless a scheme must ask.
    pub fn try_enter(&self, head: &Head<'_>) -> Entry {
        self.begin(&mut Trail::default(), head)
    }

    /// Goes on after a question that [`try_enter`](Self::try_enter) left open was answered.
    pub fn resume(&self, turn: Turn, verdict: Verdict, head: &Head<'_>) -> Entry {
        self.go_on(turn, verdict, &mut Trail::default(), head)
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

    /// What it says of a request that none of its schemes knows: anonymous where it may be.
    ///
    /// # Errors
    ///
    /// [`Reason::Missing`] when there is no credential, [`Reason::Malformed`] when there is one that none
    /// of the schemes can read: that is not as if there were none.
    pub fn unknown(&self, head: &Head<'_>) -> Result<Identity, Rejection> {
        let is_public = matches!(self.mode, Mode::Public { .. });
        if !is_public && self.check_carriers(head)? > 0 {
            return Err(Rejection::new(Reason::Malformed, self.reader(head)));
        }
        match self.mode {
            Mode::Optional | Mode::Public { .. } => Ok(Identity::anonymous()),
            Mode::Required => Err(Rejection::new(Reason::Missing, GATE)),
        }
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

    fn begin(&self, trail: &mut Trail, head: &Head<'_>) -> Entry {
        match &self.mode {
            Mode::Public { .. } => Entry::Decided(self.let_in(Identity::anonymous(), trail, head)),
            Mode::Optional | Mode::Required => match self.check_carriers(head) {
                Err(why) => Entry::Decided(Err(why)),
                Ok(0) => Entry::Decided(self.nobody(trail, head)),
                Ok(_one) => self.ask_from(Turn::default(), trail, head),
            },
        }
    }

    fn go_on(&self, turn: Turn, verdict: Verdict, trail: &mut Trail, head: &Head<'_>) -> Entry {
        let Some(scheme) = self.schemes.get(turn.scheme) else { return Entry::Decided(self.nobody(trail, head)) };
        trail.scheme(scheme.id(), &verdict);
        match verdict {
            Verdict::Absent => self.ask_from(turn.next(), trail, head),
            Verdict::Known(identity) => self.decide(identity, turn, &**scheme, trail, head),
            Verdict::Refused(why) => Entry::Decided(Err(why)),
        }
    }

    fn ask_from(&self, mut turn: Turn, trail: &mut Trail, head: &Head<'_>) -> Entry {
        while let Some(scheme) = self.schemes.get(turn.scheme) {
            let verdict = match scheme.authenticate(head) {
                Step::Ask(question) => return Entry::Waiting(Waiting { turn, question }),
                Step::Done(verdict) => verdict,
            };
            trail.scheme(scheme.id(), &verdict);
            match verdict {
                Verdict::Absent => turn = turn.next(),
                Verdict::Known(identity) => return self.decide(identity, turn, &**scheme, trail, head),
                Verdict::Refused(why) => return Entry::Decided(Err(why)),
            }
        }
        Entry::Decided(self.nobody(trail, head))
    }

    fn nobody(&self, trail: &mut Trail, head: &Head<'_>) -> Result<Permit, Rejection> {
        self.unknown(head).and_then(|nobody| self.let_in(nobody, trail, head))
    }

    fn decide(&self, who: Identity, turn: Turn, scheme: &dyn Scheme, trail: &mut Trail, head: &Head<'_>) -> Entry {
        let permit = match self.let_in(who, trail, head) {
            Ok(permit) => permit,
            Err(why) => return Entry::Decided(Err(why)),
        };
        match scheme.accept(permit.identity(), head) {
            Ok(()) => Entry::Decided(Ok(permit)),
            Err(Unaccepted::Refused(why)) => Entry::Decided(Err(why)),
            Err(Unaccepted::Changed) => self.judge_again(turn, scheme, trail, head),
        }
    }

    #[cold]
    fn judge_again(&self, turn: Turn, scheme: &dyn Scheme, trail: &mut Trail, head: &Head<'_>) -> Entry {
        if turn.judged == AGAIN {
            return Entry::Decided(Err(Rejection::new(Reason::Unavailable, scheme.id()).after(RETRY)));
        }
        trail.take_back(scheme.id());
        self.ask_from(Turn { judged: turn.judged + 1, ..turn }, trail, head)
    }

    /// What the policies say.
    fn let_in(&self, identity: Identity, trail: &mut Trail, head: &Head<'_>) -> Result<Permit, Rejection> {
        trail.identity = Some(identity.clone());
        for policy in &*self.policies {
            let decision = policy.decide(&identity, head);
            trail.policy(policy.id(), &decision);
            if let Decision::Deny(why) = decision {
                return Err(why);
            }
        }
        Ok(Permit { identity })
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

/// How often a request is judged again because something changed meanwhile.
const AGAIN: u8 = 4;
const RETRY: Duration = Duration::from_secs(1);
