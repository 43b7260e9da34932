//! A way to prove who is asking.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use http::{HeaderName, HeaderValue};

use crate::{Head, Identity, Rejection, cookies};

/// What a scheme says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a gate must handle each of the three, and there is no fourth")]
pub enum Verdict {
    /// There is no credential of this scheme here: look on.
    Absent,
    /// The credential is good.
    Known(Identity),
    /// The credential is not good: stop.
    Refused(Rejection),
}

/// How a scheme comes to its verdict.
///
/// `Done` costs no allocation; `Ask` is one box, only when memory has not seen the credential.
#[expect(clippy::exhaustive_enums, reason = "a gate must handle both, and there is no third")]
pub enum Step {
    /// At once.
    Done(Verdict),
    /// After asking a store or a hash.
    Ask(Pin<Box<dyn Future<Output = Verdict> + Send>>),
}

impl Step {
    /// Asks by this future.
    pub fn ask(future: impl Future<Output = Verdict> + Send + 'static) -> Self {
        Self::Ask(Box::pin(future))
    }

    /// Absent, at once.
    pub const ABSENT: Self = Self::Done(Verdict::Absent);

    /// Refused, at once.
    pub const fn refused(why: Rejection) -> Self {
        Self::Done(Verdict::Refused(why))
    }

    /// The verdict, whichever way it comes.
    pub async fn verdict(self) -> Verdict {
        match self {
            Self::Done(verdict) => verdict,
            Self::Ask(future) => future.await,
        }
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(verdict) => f.debug_tuple("Done").field(verdict).finish(),
            Self::Ask(_) => f.write_str("Ask(..)"),
        }
    }
}

/// Why a use does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a gate must handle both, and there is no third")]
pub enum Unaccepted {
    /// What the identity was made of may hold no longer. Scheme and policies are to be asked again.
    Changed,
    /// The credential is not good any more.
    Refused(Rejection),
}

impl From<Rejection> for Unaccepted {
    fn from(why: Rejection) -> Self {
        Self::Refused(why)
    }
}

/// The place in a request where a scheme's credential stands.
///
/// A gate refuses a request that fills two places of its schemes, or one place twice, before any
/// scheme runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Carrier {
    /// The cookie of this name. Of a browser's own making: nothing but pages may ask for it.
    Cookie(&'static str),
    /// This header line.
    Header(HeaderName),
    /// This parameter of the query.
    Query(&'static str),
}

impl Carrier {
    /// How often the place is filled in this request.
    pub fn count(&self, head: &Head<'_>) -> usize {
        match self {
            Self::Cookie(name) => cookies::values(head.headers, name).count(),
            Self::Header(name) => head.headers.get_all(name).iter().count(),
            Self::Query(name) => head.query.map_or(0, |query| {
                query.split('&').filter(|pair| pair.split_once('=').map_or(*pair, |(key, _)| key) == *name).count()
            }),
        }
    }
}

/// A way to prove who is asking.
///
/// A scheme looks at the head alone, is asked on every request, and must not block: what takes time
/// goes into [`Step::Ask`].
pub trait Scheme: fmt::Debug + Send + Sync + 'static {
    /// Its name in configuration, logs and identities.
    fn id(&self) -> &'static str;

    /// Where its credential stands.
    fn carrier(&self) -> Carrier;

    /// Whether the request carries a credential of this scheme, and whose it is.
    fn authenticate(&self, head: &Head<'_>) -> Step;

    /// Called once when gate and policies let the identity through, before anything is forwarded:
    /// the moment at which a use counts.
    ///
    /// # Errors
    ///
    /// [`Unaccepted`] when the credential ended, or anything that bears on it changed, between the verdict and now.
    fn accept(&self, _who: &Identity, _head: &Head<'_>) -> Result<(), Unaccepted> {
        Ok(())
    }

    /// The value of `WWW-Authenticate` for this refusal (RFC 9110 §11.6.1), when the scheme has one.
    ///
    /// `why.by` tells whether this scheme's own credential was the bad one.
    fn challenge(&self, _why: &Rejection) -> Option<HeaderValue> {
        None
    }
}
