//! What a gate was told on the way to its decision, for logs and explanations.

use trackgate_policies::Decision;
use trackgate_schemes::{Class, Identity, Reason, Verdict};

/// Which schemes and policies a gate asked, what each said, and whom it saw.
///
/// It takes no memory from the heap: of more than [`Trail::ROOM`] schemes or policies the later ones are left out.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    schemes: Few<Said>,
    policies: Few<Said>,
    pub(super) identity: Option<Identity>,
}

/// What one of them said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Said {
    /// Its id.
    pub id: &'static str,
    /// What it said.
    pub word: Word,
    /// Why, if it refused.
    pub reason: Option<Reason>,
}

/// What a scheme or a policy can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Word {
    /// A scheme: there is no credential of mine.
    Absent,
    /// A policy: go on.
    Allow,
    /// A policy: stop.
    Deny,
    /// A scheme: nothing was decided, for something here did not work.
    Failed,
    /// A scheme: the credential is good.
    Known,
    /// A scheme: the credential is not good.
    Refused,
}

impl Word {
    /// The word in logs, metrics and explanations.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Failed => "failed",
            Self::Known => "known",
            Self::Refused => "refused",
        }
    }
}

impl Trail {
    /// What the schemes said that were asked, in order.
    pub fn schemes(&self) -> impl Iterator<Item = &Said> {
        self.schemes.iter()
    }

    /// What the policies said that were asked, in order.
    pub fn policies(&self) -> impl Iterator<Item = &Said> {
        self.policies.iter()
    }

    /// Whom the policies were asked about; `None` when it did not come so far.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    pub(super) fn scheme(&mut self, id: &'static str, verdict: &Verdict) {
        let (word, reason) = match verdict {
            Verdict::Absent => (Word::Absent, None),
            Verdict::Known(_) => (Word::Known, None),
            Verdict::Refused(why) if why.reason.class() == Class::Server => (Word::Failed, Some(why.reason)),
            Verdict::Refused(why) => (Word::Refused, Some(why.reason)),
        };
        self.schemes.push(Said { id, word, reason });
    }

    pub(super) fn policy(&mut self, id: &'static str, decision: &Decision) {
        let (word, reason) = match decision {
            Decision::Allow => (Word::Allow, None),
            Decision::Deny(why) => (Word::Deny, Some(why.reason)),
        };
        self.policies.push(Said { id, word, reason });
    }

    /// This scheme and the policies are asked again: what they said is void.
    pub(super) fn take_back(&mut self, scheme: &'static str) {
        self.schemes.pop_if(|last| last.id == scheme);
        self.policies = Few::default();
        self.identity = None;
    }

    /// How many schemes, and how many policies, it holds.
    pub const ROOM: usize = 8;
}

/// A short list in place.
#[derive(Clone, Copy, Debug)]
struct Few<T> {
    items: [Option<T>; Trail::ROOM],
    length: usize,
}

impl<T: Copy> Few<T> {
    fn push(&mut self, item: T) {
        if let Some(place) = self.items.get_mut(self.length) {
            *place = Some(item);
            self.length += 1;
        }
    }

    fn pop_if(&mut self, unwanted: impl FnOnce(&T) -> bool) {
        let Some(last) = self.length.checked_sub(1) else { return };
        if let Some(place) = self.items.get_mut(last)
            && place.as_ref().is_some_and(unwanted)
        {
            *place = None;
            self.length = last;
        }
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().take(self.length).flatten()
    }
}

impl<T: Copy> Default for Few<T> {
    fn default() -> Self {
        Self { items: [None; Trail::ROOM], length: 0 }
    }
}

#[cfg(test)]
mod tests {
    use trackgate_schemes::Rejection;

    use super::*;

    #[test]
    fn what_was_said_stands_in_order_and_no_more_than_fits() {
        let mut trail = Trail::default();
        trail.scheme("lp", &Verdict::Absent);
        trail.scheme("basic", &Verdict::Refused(Rejection::new(Reason::Unavailable, "basic")));
        for _ in 0..20 {
            trail.policy("grants", &Decision::Deny(Rejection::new(Reason::Grant, "grants")));
        }
        let said: Vec<_> = trail.schemes().map(|said| (said.id, said.word.as_str(), said.reason)).collect();
        assert_eq!(said, [("lp", "absent", None), ("basic", "failed", Some(Reason::Unavailable))]);
        assert_eq!(trail.policies().count(), Trail::ROOM);
        assert!(trail.policies().all(|said| said.word == Word::Deny && said.reason == Some(Reason::Grant)));
        assert!(trail.identity().is_none());
    }
}
