//! End points: what the gateway answers in-process, as those who answer name it.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use http::{Method, Request, Response};
use trackgate_schemes::{Grant, Identity, Scheme};

use crate::layer::{Dialect, Permit};
use crate::message::Body;

/// One method and path of a tracker, or of the gateway's own pages.
#[derive(Clone)]
pub struct Endpoint {
    /// The method; `HEAD` is answered by `GET` endpoints unless it has one of its own.
    pub method: Method,
    /// The path with parameters in braces: `/user/{username}`, at the end also `/{*rest}`.
    pub path: &'static str,
    /// Whether a credential is asked for.
    pub access: Access,
    /// The schemes that it asks instead of the tracker's own, where a route leaves that to the contract.
    pub schemes: Option<Vec<Arc<dyn Scheme>>>,
    /// Grants that the identity must have, all of them.
    pub grants: Vec<Grant>,
    /// Largest request body in bytes.
    pub max_body_bytes: u64,
    /// The wording of its refusals, where it is not the tracker's own.
    pub dialect: Option<Arc<dyn Dialect>>,
    /// Which requests it answers.
    pub reach: Reach,
    /// What answers.
    pub handler: Arc<dyn Handler>,
}

impl Endpoint {
    /// An endpoint that asks for a credential, takes up to 1 MiB and no special grant.
    pub fn new(method: Method, path: &'static str, handler: impl Handler) -> Self {
        Self {
            method,
            path,
            access: Access::Protected,
            schemes: None,
            grants: Vec::new(),
            max_body_bytes: 1 << 20,
            dialect: None,
            reach: Reach::Path,
            handler: Arc::new(handler),
        }
    }

    /// Open to everybody, for this reason.
    #[must_use]
    pub fn public(mut self, reason: &'static str) -> Self {
        self.access = Access::Public { reason };
        self
    }

    /// Open to everybody as well, who is anonymous then; a bad credential is refused.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.access = Access::Optional;
        self
    }

    /// Asking these schemes, in this order, where a route leaves it to the contract.
    #[must_use]
    pub fn asking(mut self, schemes: Vec<Arc<dyn Scheme>>) -> Self {
        self.schemes = Some(schemes);
        self
    }

    /// Only for identities with this grant too.
    ///
    /// # Panics
    ///
    /// If `grant` is not of the form `area:action`.
    #[must_use]
    pub fn granted(mut self, grant: &'static str) -> Self {
        self.grants.push(grant.parse().expect("a grant is area:action"));
        self
    }

    /// Taking bodies of up to so many bytes.
    #[must_use]
    pub fn max_body(mut self, bytes: u64) -> Self {
        self.max_body_bytes = bytes;
        self
    }

    /// Answering these requests instead of those for its path.
    #[must_use]
    pub fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// Refusing in this wording.
    #[must_use]
    pub fn worded(mut self, dialect: Arc<dyn Dialect>) -> Self {
        self.dialect = Some(dialect);
        self
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.method, self.path, self.access)
    }
}

/// Whether an endpoint asks for a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// A credential is looked at when there is one.
    Optional,
    /// A credential is asked for.
    Protected,
    /// Credentials are neither checked nor counted.
    Public {
        /// Why it is open.
        reason: &'static str,
    },
}

/// Which requests an endpoint answers, among those of its method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Of any method, those whose path holds `//` and would else be nobody's or this tracker's. The parameter
    /// `rest` is the clean path without the slash in front, in its canonical form.
    DoubleSlash,
    /// Those for a path that nobody has; if it answers `GET` or `HEAD`, also those for the paths of trackers that
    /// do not take them. The parameter `rest` is the path without the slash in front, decoded once.
    Elsewhere,
    /// Those for its path.
    Path,
}

/// A request that the gate let through to a tracker.
#[derive(Debug)]
pub struct Call {
    /// What the gate said.
    pub permit: Permit,
    /// The request; its body is limited to the endpoint's size.
    pub request: Request<Body>,
    /// The path's parameters in order, decoded once.
    pub parameters: Vec<(Arc<str>, String)>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The wall clock when it came in.
    pub now: SystemTime,
    /// The id of the request in logs, a UUID.
    pub request_id: Arc<str>,
}

impl Call {
    /// Who is asking.
    pub fn identity(&self) -> &Identity {
        self.permit.identity()
    }

    /// A parameter of the path; empty if the path has none of this name.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(key, _)| **key == *name).map_or("", |(_, value)| value)
    }
}

/// What answers an endpoint's calls.
pub trait Handler: Send + Sync + 'static {
    /// Answers one call. A panic in it is answered by the gateway as an internal fault.
    fn call(&self, call: Call) -> Reply;
}

/// The answer to a call.
pub type Reply = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

impl<F, A> Handler for F
where
    F: Fn(Call) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    fn call(&self, call: Call) -> Reply {
        Box::pin(self(call))
    }
}
