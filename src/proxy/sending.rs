//! What goes on to an upstream with a request, as routes set it and as the pipeline knows it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::request::Parts;
use http::{HeaderName, HeaderValue};
use trackgate_schemes::{CanonicalPath, Carrier};

use super::{AssertionKey, Translator};
use crate::config::checked::Rewrite;
use crate::message::Body;

/// What a route sends on besides the request itself.
///
/// The default withholds the client's credentials and asserts the identity in plain header lines.
#[derive(Clone, Debug, Default)]
pub struct Sending {
    /// What becomes of the credentials that the client sent.
    pub credentials: Credentials,
    /// Where the route's schemes look for credentials; `Authorization` counts among them always.
    pub carriers: Arc<[Carrier]>,
    /// Names of the gateway's own cookies: they stay here in any case, other cookies go on.
    pub own_cookies: Arc<[Box<str>]>,
    /// Names with `_` or `.` that go on all the same, unless they could be read as a withheld name.
    pub odd_names: Arc<[HeaderName]>,
    /// How the identity is told.
    pub identity: IdentityForm,
    /// Protocols to which a request may ask to switch; of others the upstream hears nothing.
    pub upgrades: Arc<[HeaderValue]>,
    /// What goes instead of the client's credentials; `None` for nothing.
    pub translator: Option<Arc<Translator>>,
    /// What the upstream gets in place of the path; `None` for the path as it is.
    pub rewrite: Option<Arc<Rewrite>>,
    /// Whether the answer says how long the gateway itself took.
    pub server_timing: bool,
}

/// How long a request waited for its upstream, its turn in the line included: an extension of answers on routes
/// with `server_timing`.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamTime(pub Duration);

/// What becomes of the client's own credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// The upstream does not see them.
    #[default]
    Drop,
    /// They go on as they came: the upstream checks them itself.
    Pass,
}

/// How an upstream is told who is asking.
///
/// `X-Trackgate-User`, `-Subject`, `-Grants`, `-Scheme` and `-Service` are sent either way, each exactly
/// once. In all but `-Grants`, a byte that is not visible ASCII, and `%`, is written as `%` and two
/// upper-case hex digits (RFC 3986 §2.1, over UTF-8); `-Grants` is a list parted by blanks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum IdentityForm {
    /// In those header lines alone: for an upstream that only the gateway can reach.
    #[default]
    Plain,
    /// In those and in `X-Trackgate-Assertion`, signed with this key.
    Signed(Arc<AssertionKey>),
}

/// A request on its way to an upstream.
#[derive(Debug)]
pub struct Forward<'a, B = Body> {
    /// Its head as received.
    pub parts: Parts,
    /// Its body, with the route's limits of size and time already around it.
    pub body: B,
    /// The path by which it was matched and judged: the one that the upstream gets.
    pub path: &'a CanonicalPath<'a>,
    /// The client's address; `None` when it cannot be known.
    pub client: Option<IpAddr>,
    /// How it came in.
    pub peer: Peer<'a>,
    /// Its id in logs.
    pub request_id: &'a str,
    /// The wall clock when it came in.
    pub now: SystemTime,
    /// What its route sends on.
    pub sending: &'a Sending,
    /// The credential that the upstream gets, whatever the client sent under that name.
    pub credential: Option<(HeaderName, HeaderValue)>,
}

impl<'a> Forward<'a> {
    /// All but the body, and the body.
    pub(super) fn split(self) -> (Forward<'a, ()>, Body) {
        let Self { parts, body, path, client, peer, request_id, now, sending, credential } = self;
        (Forward { parts, body: (), path, client, peer, request_id, now, sending, credential }, body)
    }
}

/// How a request came in.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// What carried it, as seen by the client.
    pub transport: Transport,
    /// The host that the client asked for, with its port if it named one; already checked.
    pub host: Option<&'a str>,
}

/// What carried a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "HTTP has these two schemes")]
pub enum Transport {
    /// `http`.
    Plain,
    /// `https`.
    Tls,
}
