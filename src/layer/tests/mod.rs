//! A scheme and a policy that do as they are told and count what they are asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use http::{HeaderName, HeaderValue, header};
use trackgate_policies::{Decision, Policy};
use trackgate_schemes::{
    AccountId, Carrier, Credential, CredentialKind, Head, Identity, Reason, Rejection, Scheme, Step, Subject,
    Unaccepted, Verdict,
};

mod gate;
mod service;

/// What a [`Told`] scheme says of every request that it is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    Absent,
    Known,
    Refused,
}

/// Whether it says so at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    AtOnce,
    Later,
}

#[derive(Debug)]
struct Told {
    id: &'static str,
    carrier: Carrier,
    says: Says,
    when: When,
    ended: Option<Reason>,
    /// How many uses it does not take because something changed.
    changes: usize,
    asked: AtomicUsize,
    accepted: AtomicUsize,
}

impl Told {
    /// A scheme of the line `Authorization` that answers at once.
    fn says(id: &'static str, says: Says) -> Self {
        Self {
            id,
            carrier: Carrier::Header(header::AUTHORIZATION),
            says,
            when: When::AtOnce,
            ended: None,
            changes: 0,
            asked: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
        }
    }

    fn later(mut self) -> Self {
        self.when = When::Later;
        self
    }

    fn in_header(mut self, name: &'static str) -> Self {
        self.carrier = Carrier::Header(HeaderName::from_static(name));
        self
    }

    fn in_query(mut self, name: &'static str) -> Self {
        self.carrier = Carrier::Query(name);
        self
    }

    /// Its credentials end between the verdict and the use.
    fn ending(mut self, reason: Reason) -> Self {
        self.ended = Some(reason);
        self
    }

    /// So many times something changes between the verdict and the use.
    fn changing(mut self, changes: usize) -> Self {
        self.changes = changes;
        self
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Scheme for Told {
    fn id(&self) -> &'static str {
        self.id
    }

    fn carrier(&self) -> Carrier {
        self.carrier.clone()
    }

    fn authenticate(&self, _head: &Head<'_>) -> Step {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let verdict = match self.says {
            Says::Absent => Verdict::Absent,
            Says::Known => Verdict::Known(rider(self.id)),
            Says::Refused => Verdict::Refused(Rejection::new(Reason::WrongSecret, self.id)),
        };
        match self.when {
            When::AtOnce => Step::Done(verdict),
            When::Later => Step::ask(async {
                tokio::task::yield_now().await;
                verdict
            }),
        }
    }

    fn accept(&self, who: &Identity, _head: &Head<'_>) -> Result<(), Unaccepted> {
        assert_eq!(who.scheme(), self.id);
        if self.accepted.fetch_add(1, Ordering::SeqCst) < self.changes {
            return Err(Unaccepted::Changed);
        }
        self.ended.map_or(Ok(()), |reason| Err(Rejection::new(reason, self.id).into()))
    }

    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        let own = if why.by == self.id { "!" } else { "" };
        Some(format!("{}{own}", self.id).parse().unwrap())
    }
}

/// The identity that the scheme of this id knows.
fn rider(scheme: &'static str) -> Identity {
    Identity::new(Subject::Account(AccountId(7)), "rider", scheme, Credential::new(CredentialKind::Other, "1"))
}

/// A policy that lets everything through, or refuses everything for one reason.
#[derive(Debug, Default)]
struct Rule {
    denies: Option<Reason>,
    asked: AtomicUsize,
}

impl Rule {
    fn allows() -> Arc<Self> {
        Arc::default()
    }

    fn denies(reason: Reason) -> Arc<Self> {
        Arc::new(Self { denies: Some(reason), ..Self::default() })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Policy for Rule {
    fn id(&self) -> &'static str {
        "rule"
    }

    fn decide(&self, _who: &Identity, _head: &Head<'_>) -> Decision {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.denies.map_or(Decision::Allow, |reason| Decision::Deny(Rejection::new(reason, "rule")))
    }

    fn describe(&self) -> String {
        format!("{:?}", self.denies)
    }
}

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
