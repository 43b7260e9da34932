//! Whether a request that got no answer may be sent again.

use http::{Method, Request};
use trackgate_schemes::Reason;

use super::state::Failure;
use crate::proxy::body::Outgoing;
use crate::proxy::connect::ConnectError;
use crate::proxy::pool::SendError;

/// Why a try got no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The answer had begun, or was none.
    #[error("the answer broke off or cannot be read")]
    Begun(#[source] hyper::Error),
    /// Nothing came back; the upstream may have seen the request.
    #[error("the connection ended without an answer")]
    Broken(#[source] hyper::Error),
    /// There is no connection; nobody saw the request.
    #[error("there is no connection")]
    Connect(#[source] ConnectError, Box<Request<Outgoing>>),
    /// The upstream kept silent.
    #[error("there was no answer in time")]
    Slow,
    /// The connection ended before the request was written.
    #[error("the connection ended before the request was sent")]
    Unsent(#[source] hyper::Error, Box<Request<Outgoing>>),
}

impl Fault {
    pub(super) fn of(error: SendError) -> Self {
        match error {
            SendError::Begun(error) => Self::Begun(error),
            SendError::Broken(error) => Self::Broken(error),
            SendError::Unsent(request, error) => Self::Unsent(error, request),
        }
    }

    /// The request, if only a connection that was kept turned out to be closed: that is no fault of the upstream.
    pub(super) fn unsent(self, is_reused: bool) -> Result<Request<Outgoing>, Self> {
        match self {
            Self::Unsent(_, request) if is_reused => Ok(*request),
            other => Err(other),
        }
    }

    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Slow | Self::Connect(ConnectError::TimedOut, _) => Reason::UpstreamSlow,
            _ => Reason::UpstreamDown,
        }
    }

    pub(super) fn how(&self) -> Failure {
        if matches!(self, Self::Connect(..)) { Failure::Unreachable } else { Failure::Broke }
    }

    /// Whether another try at the same address may help: a door that was closed just now still is.
    pub(super) fn may_be_there(&self) -> bool {
        !matches!(self, Self::Connect(..))
    }

    /// The body of the request to send again, if it may be: `may_repeat` says whether also one that the upstream
    /// may have seen.
    pub(super) fn again(self, may_repeat: bool) -> Option<Outgoing> {
        match self {
            Self::Connect(_, request) | Self::Unsent(_, request) => Some(request.into_body()),
            Self::Broken(_) => may_repeat.then(Outgoing::empty),
            Self::Begun(_) | Self::Slow => None,
        }
    }
}

/// Whether a request may be repeated though the upstream may have seen it: one without a body, of a method that is
/// idempotent (RFC 9110 §9.2.2) by its definition.
pub(super) fn may_be_repeated(request: &Request<Outgoing>) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
        && request.body().turn().is_none()
}
