//! From a whole request head to an answer: path, route, gate, target, log.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use trackgate_schemes::{CanonicalPath, Clock, Identity, Reason, Rejection};

use super::connection::unpanicked;
use super::log::{Line, Logged};
use super::observed::Observer;
use super::routes::{RouteTable, Target, plain_host};
use super::streams::{Streams, Watch};
use super::timing;
use super::tunnel::Opening;
use super::{Peer, Respond, TrustedProxies, check_server_name, limited, trace};
use crate::accounts::Presence;
use crate::layer::{PlainDialect, Refusal};
use crate::message::Body;
use crate::proxy::{self, AnsweredBy, Forward, Transport, Upstream};
use crate::telemetry::decisions::Noted;
use crate::telemetry::{AccessLog, AccessRecord};
use crate::trackers::{Call, Reply};

#[cfg(test)]
mod tests;
mod told;

pub(super) use told::{Arrival, Judged, Told, Wanted};

/// Answers requests by a route table that can be replaced while it runs.
#[derive(Debug)]
pub struct Pipeline {
    now: ArcSwap<Now>,
    streams: Arc<Streams>,
    clock: Arc<dyn Clock>,
    log: AccessLog,
}

/// What a reload replaces.
#[derive(Debug)]
pub struct Running {
    /// What is answered.
    pub table: RouteTable,
    /// Whose word about the client's address is believed.
    pub proxies: TrustedProxies,
}

#[derive(Debug)]
struct Now {
    running: Arc<Running>,
    observer: Option<Observer>,
}

impl Pipeline {
    /// Answers by `running`, ends answers with their credential by `streams`, and logs to `log`.
    pub fn new(running: Running, streams: Arc<Streams>, clock: Arc<dyn Clock>, log: AccessLog) -> Self {
        let now = Now { running: Arc::new(running), observer: None };
        Self { now: ArcSwap::from_pointee(now), streams, clock, log }
    }

    /// The same, with what is decided counted and kept by `observer`.
    #[must_use]
    pub fn with_observer(self, observer: Option<Observer>) -> Self {
        let running = Arc::clone(&self.now.load().running);
        self.now.store(Arc::new(Now { running, observer }));
        self
    }

    /// Answers by `running` from the next request on, and lets `observer` count and keep what is decided; those that
    /// run go on as they began.
    pub fn replace(&self, running: Running, observer: Option<Observer>) {
        self.now.store(Arc::new(Now { running: Arc::new(running), observer }));
    }

    async fn answer(
        &self,
        running: &Running,
        request: Request<Body>,
        asked: &Asked<'_>,
        told: &mut Told,
    ) -> Response<Body> {
        told.client = running.proxies.client_of(asked.peer, request.headers());
        // A proxy that speaks TLS to us may ask for a name of its own.
        let named = if running.proxies.contains(asked.peer.address()) {
            Ok(())
        } else {
            check_server_name(&request, asked.peer)
        };
        let (parts, body) = request.into_parts();
        let uri = parts.uri.clone();
        if let Err(why) = named {
            let dialect = running.table.nearest_dialect(uri.path(), &parts.headers);
            return told.refuse(&Refusal::new(&why).with_request(&parts.method, None, &parts.headers), &*dialect);
        }
        let named_host = authority(&parts).map(ToOwned::to_owned);
        let host = named_host.as_deref().map(plain_host);
        let wanted = Wanted { method: &parts.method, host: host.as_deref(), headers: &parts.headers };
        let (found, permit) = match told.judge(&running.table, &uri, wanted, asked.arrival.at).await {
            Judged::Permitted(found, permit) => (found, permit),
            Judged::Refused(answer) => return answer,
        };
        if declared_length(&parts).is_some_and(|length| length > found.route.max_body_bytes) {
            let why = Rejection::new(Reason::BodyTooLarge, GATEWAY);
            return told.refuse_on(&found, &parts.method, &parts.headers, &why);
        }
        let body = limited(body, found.route.max_body_bytes);
        match &found.route.target {
            Target::ForwardAuth => {
                let why = Rejection::new(Reason::NotFound, GATEWAY);
                told.refuse_on(&found, &parts.method, &parts.headers, &why)
            }
            Target::Tracker(handler) => {
                let is_safe = parts.method.is_safe();
                // What a tracker sends piece by piece, it sends to a `GET`.
                let watch = if parts.method == Method::GET { self.streams.watch(permit.identity()) } else { None };
                let call = Call {
                    permit,
                    request: Request::from_parts(parts, body),
                    parameters: found.parameters,
                    client: told.client,
                    now: asked.arrival.at,
                    request_id: Arc::clone(&asked.arrival.id),
                };
                let reply = handler.call(call);
                let answer = if is_safe { reply.await } else { to_its_end(reply).await };
                answer.map(|body| around(watch, body))
            }
            Target::Proxy { upstream, sending } => {
                told.upstream = Some(upstream.clone());
                // What a dialect may echo in a refusal, should the upstream fail.
                let (method, origin) = (parts.method.clone(), parts.headers.get(header::ORIGIN).cloned());
                let tunnel =
                    if sending.upgrades.is_empty() { None } else { parts.extensions.get::<OnUpgrade>().cloned() };
                let forward = Forward {
                    parts,
                    body,
                    path: &found.path,
                    client: told.client,
                    peer: proxy::Peer {
                        transport: if asked.peer.tls { Transport::Tls } else { Transport::Plain },
                        host: named_host.as_deref(),
                    },
                    request_id: &asked.arrival.id,
                    now: asked.arrival.at,
                    sending,
                    credential: None,
                };
                let watch = self.streams.watch(permit.identity());
                // On the heap, or every request's future would have the size of this one.
                match Box::pin(proxy::translate::forward(upstream, &permit, forward)).await {
                    Ok(response) => match tunnel.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
                        Some(client) => Opening::between(client, response, watch, &self.streams),
                        None => timing::told(response, asked.arrival.started).map(|body| around(watch, body)),
                    },
                    Err(why) => {
                        let headers = origin.into_iter().map(|origin| (header::ORIGIN, origin)).collect();
                        told.refuse_on(&found, &method, &headers, &why)
                    }
                }
            }
        }
    }

    /// By what it answers now.
    pub(super) fn running(&self) -> Arc<Running> {
        Arc::clone(&self.now.load().running)
    }

    /// A request that comes in now, at this address of ours.
    pub(super) fn arrival(&self, method: Method, listener: SocketAddr) -> Arrival {
        self.arrived(&self.now.load(), method, listener)
    }

    fn arrived(&self, now: &Now, method: Method, listener: SocketAddr) -> Arrival {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let id = Arc::from(&*uuid::Uuid::new_v4().hyphenated().encode_lower(&mut text));
        let flight = now.observer.as_ref().map(Observer::begin);
        Arrival { at: self.clock.now(), started: Instant::now(), listener, id, method, flight }
    }

    /// Adds what every answer has, counts and keeps what was decided, and logs it when its body ends.
    pub(super) fn finish(&self, mut response: Response<Body>, arrival: Arrival, told: Told) -> Response<Body> {
        let mut flight = arrival.flight;
        // Also where an upstream has ids of its own: by this one the decision is found.
        if let Ok(id) = HeaderValue::from_str(&arrival.id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        // A tracker that refuses says so in its own words, and leaves the reason for us.
        let why = told.why.or_else(|| response.extensions_mut().remove::<Rejection>());
        if let Some(explanation) = told.trace {
            trace::add_to(&mut response, *explanation, why.as_ref());
        }
        let answered_by = response.extensions_mut().remove::<AnsweredBy>();
        let identity = told.trail.identity().filter(|identity| !identity.is_anonymous());
        let (status, took) = (response.status().as_u16(), arrival.started.elapsed());
        if let Some(flight) = &mut flight {
            let noted = Noted {
                id: &arrival.id,
                at: arrival.at,
                listener: arrival.listener,
                method: &arrival.method,
                path: &told.path,
                route: told.route.as_ref(),
                client: told.client,
                identity,
                upstream: told.upstream.as_ref().map(Upstream::name),
                address: answered_by.as_ref().map(AnsweredBy::address),
                status,
                refused: why.as_ref().map(|why| (why.reason, why.by)),
                took,
            };
            flight.answered(&noted, &told.trail);
        }
        let record = AccessRecord {
            at: arrival.at,
            id: arrival.id,
            client: told.client,
            method: arrival.method,
            scheme: identity.map(Identity::scheme),
            user: identity.map(|identity| identity.name().to_owned()),
            service: identity.and_then(|identity| identity.service().map(ToOwned::to_owned)),
            listener: told.listener,
            path: if told.path.is_empty() { "-".to_owned() } else { told.path },
            route: told.route,
            status,
            reason: why.as_ref().map(|why| why.reason.code()),
            by: why.as_ref().map(|why| why.by),
            bytes: 0,
            took,
        };
        let line = Line::new(record, arrival.started, self.log.clone(), flight);
        if let Some(opening) = response.extensions().get::<Opening>() {
            opening.log(line);
            return response;
        }
        response.map(|body| Logged::around(body, line))
    }
}

impl Respond for Pipeline {
    async fn respond(&self, request: Request<Body>, peer: &Peer) -> Response<Body> {
        let now = self.now.load_full();
        let arrival = self.arrived(&now, request.method().clone(), peer.local);
        let mut told = Told { id: Some(Arc::clone(&arrival.id)), ..Told::default() };
        let asked = Asked { peer, arrival: &arrival };
        let answered = match unpanicked(self.answer(&now.running, request, &asked, &mut told)).await {
            Some(answered) => answered,
            None => told.broken(),
        };
        self.finish(answered, arrival, told)
    }

    fn refuse(&self, why: &Rejection, head: Option<&Parts>, peer: &Peer) -> Response<Body> {
        let method = head.map_or(Method::GET, |head| head.method.clone());
        let now = self.now.load();
        let arrival = self.arrived(&now, method, peer.local);
        let mut told = Told { id: Some(Arc::clone(&arrival.id)), client: Some(peer.address()), ..Told::default() };
        let answered = match head {
            None => told.refuse(&Refusal::new(why), &PlainDialect),
            Some(head) => {
                let running = &now.running;
                told.client = running.proxies.client_of(peer, &head.headers);
                let dialect = running.table.nearest_dialect(head.uri.path(), &head.headers);
                let path = CanonicalPath::parse(head.uri.path()).ok();
                let path = path.as_ref().map(CanonicalPath::as_str);
                path.unwrap_or_default().clone_into(&mut told.path);
                let allow = (why.reason == Reason::MethodNotAllowed).then(|| {
                    let host = authority(head).map(plain_host);
                    running.table.methods_at(host.as_deref(), head.uri.path())
                });
                let refusal = Refusal::new(why).with_allow(allow.as_ref());
                told.refuse(&refusal.with_request(&head.method, path, &head.headers), &*dialect)
            }
        };
        self.finish(answered, arrival, told)
    }
}

/// Where and when a request came in.
#[derive(Clone, Copy)]
struct Asked<'a> {
    peer: &'a Peer,
    arrival: &'a Arrival,
}

fn around(watch: Option<Watch>, body: Body) -> Body {
    match watch {
        Some(watch) => watch.around(body),
        None => body,
    }
}

/// Answers in a task of its own: when the client leaves in the middle of a change, what follows the store's
/// answer (memories that must forget, the audit trail) is done all the same. What waits for its turn before
/// that hears of it.
async fn to_its_end(reply: Reply) -> Response<Body> {
    let presence = Presence::new();
    match tokio::spawn(presence.with(reply)).await {
        Ok(response) => response,
        // The connection side answers a panic, in the wording of the route.
        Err(broken) => std::panic::resume_unwind(broken.into_panic()),
    }
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
