//! From a whole request head to an answer: path, route, gate, target, log.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, header};
use trackgate_schemes::{CanonicalPath, Clock, Head, Identity, Reason, Rejection};

use super::body::Limits as BodyLimits;
use super::client_address::ClientAddress;
use super::log::Logged;
use super::routes::{Found, Route, RouteTable, Target, Unrouted, plain_host};
use super::{Peer, check_request};
use crate::layer::{Dialect, Permit, Refusal};
use crate::message::Body;
use crate::proxy::{self, Forward, Transport};
use crate::telemetry::{AccessLog, AccessRecord};
use crate::trackers::Call;

/// Answers requests by a route table that can be replaced while it runs.
#[derive(Debug)]
pub struct Pipeline {
    now: ArcSwap<Running>,
    clock: Arc<dyn Clock>,
    log: AccessLog,
}

/// What a reload replaces.
#[derive(Debug)]
pub struct Running {
    /// What is answered.
    pub table: RouteTable,
    /// How the client's address is found.
    pub client: ClientAddress,
    /// Limits of size and time of every request.
    pub limits: super::Limits,
}

impl Pipeline {
    /// Answers by `running` and logs to `log`.
    pub fn new(running: Running, clock: Arc<dyn Clock>, log: AccessLog) -> Self {
        Self { now: ArcSwap::from_pointee(running), clock, log }
    }

    /// Answers by `running` from the next request on; those that run go on as they began.
    pub fn replace(&self, running: Running) {
        self.now.store(Arc::new(running));
    }

    /// Answers one request.
    pub async fn respond(&self, request: Request<Body>, peer: &Peer) -> Response<Body> {
        let running = self.now.load_full();
        let arrival = Arrival::new(&*self.clock, request.method().clone());
        let (parts, body) = request.into_parts();
        let asked = Asked { parts: &parts, peer, arrival: &arrival };
        let mut told = Told::default();
        let answered = self.answer(&running, &asked, body, &mut told).await;
        self.finish(answered, arrival, told)
    }

    /// Answers a request whose head could not be read.
    pub fn refuse(&self, why: &Rejection, peer: &Peer) -> Response<Body> {
        let arrival = Arrival::new(&*self.clock, http::Method::GET);
        let told = Told { client: Some(peer.address()), ..Told::default() };
        let dialect = crate::layer::PlainDialect;
        let mut told = told;
        let answered = told.refuse(&Refusal::new(why), &dialect);
        self.finish(answered, arrival, told)
    }

    async fn answer(&self, running: &Running, asked: &Asked<'_>, body: Body, told: &mut Told) -> Response<Body> {
        let Asked { parts, peer, arrival } = *asked;
        let raw_path = parts.uri.path();
        told.client = running.client.of(peer, &parts.headers);
        if let Err(why) = check_request(parts, &running.limits) {
            let dialect = running.table.nearest_dialect(raw_path, &parts.headers);
            return told.refuse(&Refusal::new(&why).with_request(&parts.method, None, &parts.headers), &*dialect);
        }
        let host = authority(parts).map(plain_host);
        let found = match running.table.find(&parts.method, host.as_deref(), raw_path, &parts.headers) {
            Ok(found) => found,
            Err(Unrouted { why, dialect, allow }) => {
                let path = CanonicalPath::parse(raw_path).ok();
                told.path = path.as_ref().map_or_else(String::new, ToString::to_string);
                let refusal = Refusal::new(&why)
                    .with_allow(allow.as_ref())
                    .with_request(&parts.method, path.as_ref().map(CanonicalPath::as_str), &parts.headers);
                return told.refuse(&refusal, &*dialect);
            }
        };
        told.path = found.path.to_string();
        told.route = Some(Arc::clone(&found.route.name));
        let head = Head::new(&parts.method, &found.path, &parts.headers)
            .with_query(parts.uri.query())
            .with_client(told.client)
            .with_now(arrival.at);
        let permit = match found.route.gate.enter(&head).await {
            Ok(permit) => permit,
            Err(why) => return told.refuse_on(&found, parts, &why),
        };
        told.identity = Some(permit.identity().clone());
        match declared_length(parts) {
            Some(length) if length > found.route.max_body_bytes => {
                return told.refuse_on(&found, parts, &Rejection::new(Reason::BodyTooLarge, GATEWAY));
            }
            _ => {}
        }
        let limits = BodyLimits { max_bytes: found.route.max_body_bytes, idle: running.limits.body_idle };
        let body = limits.around(body);
        let answered = match &found.route.target {
            Target::Tracker(handler) => {
                let call = Call {
                    permit,
                    request: Request::from_parts(parts.clone(), body),
                    parameters: found.parameters.clone(),
                    client: told.client,
                    now: arrival.at,
                    request_id: Arc::clone(&arrival.id),
                };
                let handler = Arc::clone(handler);
                caught(async move { Ok(handler.call(call).await) }).await
            }
            Target::Proxy { upstream, sending } => {
                let forward = Forward {
                    parts: parts.clone(),
                    body,
                    path: &found.path,
                    client: told.client,
                    peer: proxy::Peer {
                        transport: if peer.tls { Transport::Tls } else { Transport::Plain },
                        host: authority(parts),
                    },
                    request_id: &arrival.id,
                    now: arrival.at,
                    sending,
                };
                caught(upstream.forward(&permit, forward)).await
            }
        };
        match answered {
            Ok(response) => response,
            Err(why) => told.refuse_on(&found, parts, &why),
        }
    }

    /// Adds what every answer has and logs it when its body ends.
    fn finish(&self, mut response: Response<Body>, arrival: Arrival, told: Told) -> Response<Body> {
        if !response.headers().contains_key(&REQUEST_ID)
            && let Ok(id) = HeaderValue::from_str(&arrival.id)
        {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let identity = told.identity.filter(|identity| !identity.is_anonymous());
        let record = AccessRecord {
            at: arrival.at,
            id: arrival.id,
            client: told.client,
            method: arrival.method,
            path: if told.path.is_empty() { "-".to_owned() } else { told.path },
            route: told.route,
            scheme: identity.as_ref().map(Identity::scheme),
            user: identity.as_ref().map(|identity| identity.name().to_owned()),
            service: identity.as_ref().and_then(|identity| identity.service().map(ToOwned::to_owned)),
            status: response.status().as_u16(),
            reason: told.why.as_ref().map(|why| why.reason.code()),
            by: told.why.as_ref().map(|why| why.by),
            bytes: 0,
            took: arrival.started.elapsed(),
        };
        response.map(|body| Logged::around(body, record, arrival.started, self.log.clone()))
    }
}

/// When a request came in, and the name that it got.
struct Arrival {
    at: SystemTime,
    started: Instant,
    id: Arc<str>,
    method: http::Method,
}

impl Arrival {
    fn new(clock: &dyn Clock, method: http::Method) -> Self {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let id = Arc::from(&*uuid::Uuid::new_v4().hyphenated().encode_lower(&mut text));
        Self { at: clock.now(), started: Instant::now(), id, method }
    }
}

/// A request head with where it came from.
#[derive(Clone, Copy)]
struct Asked<'a> {
    parts: &'a Parts,
    peer: &'a Peer,
    arrival: &'a Arrival,
}

/// What becomes known of a request on its way, for the log.
#[derive(Default)]
struct Told {
    client: Option<IpAddr>,
    path: String,
    route: Option<Arc<str>>,
    identity: Option<Identity>,
    why: Option<Rejection>,
}

impl Told {
    fn refuse(&mut self, refusal: &Refusal<'_>, dialect: &dyn Dialect) -> Response<Body> {
        self.why = Some(refusal.why.clone());
        if refusal.why.reason == Reason::Internal {
            tracing::error!(by = refusal.why.by, path = self.path, "a request broke something here");
        }
        let mut response = dialect.render(refusal).map(Body::from);
        if closes(refusal.why.reason) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn refuse_on(&mut self, found: &Found<'_>, parts: &Parts, why: &Rejection) -> Response<Body> {
        let Route { gate, dialect, .. } = found.route;
        let challenges = gate.challenges(why);
        let refusal = Refusal::new(why)
            .with_challenges(&challenges)
            .with_request(&parts.method, Some(found.path.as_str()), &parts.headers);
        self.refuse(&refusal, &**dialect)
    }
}

/// Runs what answers; a panic in it ends this request alone.
async fn caught(answering: impl Future<Output = Result<Response<Body>, Rejection>>) -> Result<Response<Body>, Rejection> {
    let mut answering = Box::pin(answering);
    let guarded = std::future::poll_fn(move |context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| answering.as_mut().poll(context)));
        polled.unwrap_or_else(|_panic| std::task::Poll::Ready(Err(Rejection::new(Reason::Internal, GATEWAY))))
    });
    guarded.await
}

/// Whether nothing more can be read from the connection after this refusal.
fn closes(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::BadRequest | Reason::BodyTimeout | Reason::BodyTooLarge | Reason::HeadTooLarge | Reason::TargetTooLong
    )
}

fn authority(parts: &Parts) -> Option<&str> {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    parts.uri.authority().map(http::uri::Authority::as_str).or(host)
}

fn declared_length(parts: &Parts) -> Option<u64> {
    parts.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

const GATEWAY: &str = "gateway";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
