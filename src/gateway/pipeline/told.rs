//! What becomes known of a request on its way: where it goes, who asks, why not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use trackgate_schemes::{CanonicalPath, Head, Reason, Rejection};

use super::GATEWAY;
use crate::gateway::explain::{Explanation, Question};
use crate::gateway::observed::Flight;
#[cfg(doc)]
use crate::gateway::plain_host;
use crate::gateway::routes::{Found, Route, RouteTable, Unrouted};
use crate::gateway::trace;
use crate::layer::{Dialect, Permit, PlainDialect, Refusal, Trail};
use crate::message::Body;
use crate::proxy::Upstream;

/// When and where a request came in, and the name that it got.
#[derive(Debug)]
pub(in crate::gateway) struct Arrival {
    pub(in crate::gateway) at: SystemTime,
    pub(super) started: Instant,
    pub(super) listener: SocketAddr,
    pub(in crate::gateway) id: Arc<str>,
    pub(super) method: Method,
    pub(super) flight: Option<Flight>,
}

/// What of a request's head finds its route, beside the path.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct Wanted<'a> {
    pub(in crate::gateway) method: &'a Method,
    /// In the form of [`plain_host`].
    pub(in crate::gateway) host: Option<&'a str>,
    pub(in crate::gateway) headers: &'a HeaderMap,
}

/// What the gate of its route says of a request.
pub(in crate::gateway) enum Judged<'a> {
    Permitted(Found<'a>, Permit),
    Refused(Response<Body>),
}

/// What becomes known of a request on its way, for the log.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Told {
    pub(super) id: Option<Arc<str>>,
    pub(super) client: Option<IpAddr>,
    /// The listener, when it is not the main one.
    pub(super) listener: Option<&'static str>,
    pub(super) path: String,
    pub(super) route: Option<Arc<str>>,
    pub(super) dialect: Option<Arc<dyn Dialect>>,
    pub(super) trail: Trail,
    pub(super) upstream: Option<Upstream>,
    pub(super) trace: Option<Box<Explanation>>,
    pub(in crate::gateway) why: Option<Rejection>,
}

impl Told {
    /// Of a request that came to another listener than the main one.
    pub(in crate::gateway) fn at(listener: &'static str, arrival: &Arrival, client: Option<IpAddr>) -> Self {
        Self { id: Some(Arc::clone(&arrival.id)), client, listener: Some(listener), ..Self::default() }
    }

    /// Finds the route of a request and enters its gate.
    pub(in crate::gateway) async fn judge<'a>(
        &mut self,
        table: &'a RouteTable,
        uri: &'a Uri,
        wanted: Wanted<'_>,
        at: SystemTime,
    ) -> Judged<'a> {
        let Wanted { method, host, headers } = wanted;
        let found = match table.find(method, host, uri.path(), headers) {
            Ok(found) => found,
            Err(unrouted) => return Judged::Refused(self.unrouted(&unrouted, uri.path(), method, headers)),
        };
        self.path = found.path.to_string();
        self.route = Some(Arc::clone(&found.route.name));
        self.dialect = Some(Arc::clone(&found.route.dialect));
        let head = Head::at(method, &found.path, headers, at).with_query(uri.query()).with_client(self.client);
        let entered = found.route.gate.enter_leaving(&mut self.trail, &head).await;
        if trace::is_wanted(headers) && trace::is_for(self.trail.identity()) {
            let mut parts = Request::new(()).into_parts().0;
            (parts.method, parts.uri, parts.headers) = (method.clone(), uri.clone(), headers.clone());
            let question = Question { parts, client: self.client, now: at };
            self.trace = Some(Box::new(table.explain_live(&question, &found, &self.trail)));
        }
        match entered {
            Ok(permit) => Judged::Permitted(found, permit),
            Err(why) => Judged::Refused(self.refuse_on(&found, method, headers, &why)),
        }
    }

    pub(in crate::gateway) fn refuse(&mut self, refusal: &Refusal<'_>, dialect: &dyn Dialect) -> Response<Body> {
        self.why = Some(refusal.why.clone());
        if refusal.why.reason == Reason::Internal {
            tracing::error!(by = refusal.why.by, path = self.path, "a request broke something here");
        }
        let id = self.id.clone();
        let mut response = dialect.render(&refusal.with_request_id(id.as_deref())).map(Body::from);
        if closes(refusal.why.reason) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    pub(super) fn refuse_on(
        &mut self,
        found: &Found<'_>,
        method: &Method,
        headers: &HeaderMap,
        why: &Rejection,
    ) -> Response<Body> {
        let Route { gate, dialect, .. } = found.route;
        let challenges = gate.challenges(why);
        let refusal =
            Refusal::new(why).with_challenges(&challenges).with_request(method, Some(found.path.as_str()), headers);
        self.refuse(&refusal, &**dialect)
    }

    /// Something panicked here: the wording is that of the route, as far as there is one.
    pub(in crate::gateway) fn broken(&mut self) -> Response<Body> {
        let why = Rejection::new(Reason::Internal, GATEWAY);
        let dialect = self.dialect.take().unwrap_or_else(|| Arc::new(PlainDialect));
        let path = self.path.clone();
        let mut refusal = Refusal::new(&why);
        refusal.path = Some(&path).filter(|path| !path.is_empty()).map(String::as_str);
        self.refuse(&refusal, &*dialect)
    }

    fn unrouted(
        &mut self,
        unrouted: &Unrouted,
        raw_path: &str,
        method: &Method,
        headers: &HeaderMap,
    ) -> Response<Body> {
        let path = CanonicalPath::parse(raw_path).ok();
        let path = path.as_ref().map(CanonicalPath::as_str);
        path.unwrap_or_default().clone_into(&mut self.path);
        let refusal =
            Refusal::new(&unrouted.why).with_allow(unrouted.allow.as_ref()).with_request(method, path, headers);
        self.refuse(&refusal, &*unrouted.dialect)
    }
}

/// Whether nothing more can be read from the connection after this refusal.
fn closes(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::BadRequest | Reason::BodyTimeout | Reason::BodyTooLarge | Reason::HeadTooLarge | Reason::TargetTooLong
    )
}
