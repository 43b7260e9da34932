//! From a whole request head to an answer: path, route, gate, target, log.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use trackgate_schemes::{CanonicalPath, Clock, Head, Identity, Reason, Rejection};

use super::connection::unpanicked;
use super::log::Logged;
use super::routes::{Found, Route, RouteTable, Target, Unrouted, plain_host};
use super::streams::{Streams, Watch};
use super::timing;
use super::{Peer, Respond, TrustedProxies, check_server_name, limited};
use crate::layer::{Dialect, PlainDialect, Refusal};
use crate::message::Body;
use crate::proxy::{self, Forward, Transport};
use crate::telemetry::{AccessLog, AccessRecord};
use crate::trackers::{Call, Reply};

/// Answers requests by a route table that can be replaced while it runs.
#[derive(Debug)]
pub struct Pipeline {
    now: ArcSwap<Running>,
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

impl Pipeline {
    /// Answers by `running`, ends answers with their credential by `streams`, and logs to `log`.
    pub fn new(running: Running, streams: Arc<Streams>, clock: Arc<dyn Clock>, log: AccessLog) -> Self {
        Self { now: ArcSwap::from_pointee(running), streams, clock, log }
    }

    /// Answers by `running` from the next request on; those that run go on as they began.
    pub fn replace(&self, running: Running) {
        self.now.store(Arc::new(running));
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
        let found = match running.table.find(&parts.method, host.as_deref(), uri.path(), &parts.headers) {
            Ok(found) => found,
            Err(unrouted) => return told.unrouted(&unrouted, &parts),
        };
        told.path = found.path.to_string();
        told.route = Some(Arc::clone(&found.route.name));
        told.dialect = Some(Arc::clone(&found.route.dialect));
        let head = Head::new(&parts.method, &found.path, &parts.headers)
            .with_query(uri.query())
            .with_client(told.client)
            .with_now(asked.arrival.at);
        let permit = match found.route.gate.enter(&head).await {
            Ok(permit) => permit,
            Err(why) => return told.refuse_on(&found, &parts.method, &parts.headers, &why),
        };
        told.identity = Some(permit.identity().clone());
        if declared_length(&parts).is_some_and(|length| length > found.route.max_body_bytes) {
            let why = Rejection::new(Reason::BodyTooLarge, GATEWAY);
            return told.refuse_on(&found, &parts.method, &parts.headers, &why);
        }
        let body = limited(body, found.route.max_body_bytes);
        match &found.route.target {
            Target::Tracker(handler) => {
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
                to_its_end(handler.call(call)).await.map(|body| around(watch, body))
            }
            Target::Proxy { upstream, sending } => {
                // What a dialect may echo in a refusal, should the upstream fail.
                let (method, origin) = (parts.method.clone(), parts.headers.get(header::ORIGIN).cloned());
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
                };
                let watch = self.streams.watch(permit.identity());
                match upstream.forward(&permit, forward).await {
                    Ok(response) => timing::told(response, asked.arrival.started).map(|body| around(watch, body)),
                    Err(why) => {
                        let headers = origin.into_iter().map(|origin| (header::ORIGIN, origin)).collect();
                        told.refuse_on(&found, &method, &headers, &why)
                    }
                }
            }
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

impl Respond for Pipeline {
    async fn respond(&self, request: Request<Body>, peer: &Peer) -> Response<Body> {
        let running = self.now.load_full();
        let arrival = Arrival::new(&*self.clock, request.method().clone());
        let mut told = Told { id: Some(Arc::clone(&arrival.id)), ..Told::default() };
        let asked = Asked { peer, arrival: &arrival };
        let answered = match unpanicked(self.answer(&running, request, &asked, &mut told)).await {
            Some(answered) => answered,
            None => told.broken(),
        };
        self.finish(answered, arrival, told)
    }

    fn refuse(&self, why: &Rejection, head: Option<&Parts>, peer: &Peer) -> Response<Body> {
        let method = head.map_or(Method::GET, |head| head.method.clone());
        let arrival = Arrival::new(&*self.clock, method);
        let mut told = Told { id: Some(Arc::clone(&arrival.id)), client: Some(peer.address()), ..Told::default() };
        let answered = match head {
            None => told.refuse(&Refusal::new(why), &PlainDialect),
            Some(head) => {
                let running = self.now.load();
                told.client = running.proxies.client_of(peer, &head.headers);
                let dialect = running.table.nearest_dialect(head.uri.path(), &head.headers);
                let path = CanonicalPath::parse(head.uri.path()).ok();
                let path = path.as_ref().map(CanonicalPath::as_str);
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

/// When a request came in, and the name that it got.
#[derive(Debug)]
struct Arrival {
    at: SystemTime,
    started: Instant,
    id: Arc<str>,
    method: Method,
}

impl Arrival {
    fn new(clock: &dyn Clock, method: Method) -> Self {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let id = Arc::from(&*uuid::Uuid::new_v4().hyphenated().encode_lower(&mut text));
        Self { at: clock.now(), started: Instant::now(), id, method }
    }
}

/// Where and when a request came in.
#[derive(Clone, Copy)]
struct Asked<'a> {
    peer: &'a Peer,
    arrival: &'a Arrival,
}

/// What becomes known of a request on its way, for the log.
#[derive(Debug, Default)]
struct Told {
    id: Option<Arc<str>>,
    client: Option<IpAddr>,
    path: String,
    route: Option<Arc<str>>,
    dialect: Option<Arc<dyn Dialect>>,
    identity: Option<Identity>,
    why: Option<Rejection>,
}

impl Told {
    fn refuse(&mut self, refusal: &Refusal<'_>, dialect: &dyn Dialect) -> Response<Body> {
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

    fn refuse_on(
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
    fn broken(&mut self) -> Response<Body> {
        let why = Rejection::new(Reason::Internal, GATEWAY);
        let dialect = self.dialect.take().unwrap_or_else(|| Arc::new(PlainDialect));
        let path = self.path.clone();
        let mut refusal = Refusal::new(&why);
        refusal.path = Some(&path).filter(|path| !path.is_empty()).map(String::as_str);
        self.refuse(&refusal, &*dialect)
    }

    fn unrouted(&mut self, unrouted: &Unrouted, parts: &Parts) -> Response<Body> {
        let path = CanonicalPath::parse(parts.uri.path()).ok();
        let path = path.as_ref().map(CanonicalPath::as_str);
        path.unwrap_or_default().clone_into(&mut self.path);
        let refusal = Refusal::new(&unrouted.why).with_allow(unrouted.allow.as_ref()).with_request(
            &parts.method,
            path,
            &parts.headers,
        );
        self.refuse(&refusal, &*unrouted.dialect)
    }
}

fn around(watch: Option<Watch>, body: Body) -> Body {
    match watch {
        Some(watch) => watch.around(body),
        None => body,
    }
}

/// Answers in a task of its own: when the client leaves in the middle of a change, what follows the store's
/// answer (memories that must forget, the audit trail) is done all the same.
async fn to_its_end(reply: Reply) -> Response<Body> {
    match tokio::spawn(reply).await {
        Ok(response) => response,
        // The connection side answers a panic, in the wording of the route.
        Err(broken) => std::panic::resume_unwind(broken.into_panic()),
    }
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use bytes::Bytes;
    use http_body::Frame;
    use http_body_util::BodyExt as _;
    use trackgate_schemes::{
        AccountId, Carrier, Credential, CredentialKind, Forget as _, ManualClock, Scheme, Step, Subject, Verdict,
    };

    use super::super::TrustedProxies;
    use super::*;
    use crate::gateway::ForwardedHeader;
    use crate::layer::{Gate, Mode};
    use crate::message::BodyError;

    /// Knows everybody as one account.
    #[derive(Debug)]
    struct One;

    impl Scheme for One {
        fn id(&self) -> &'static str {
            "one"
        }

        fn carrier(&self) -> Carrier {
            Carrier::Header(header::AUTHORIZATION)
        }

        fn authenticate(&self, _head: &Head<'_>) -> Step {
            let credential = Credential::new(CredentialKind::ApiToken, "token");
            let who = Identity::new(Subject::Account(AccountId(7)), "anna", "one", credential);
            Step::Done(Verdict::Known(who))
        }
    }

    /// One piece, and another that never comes.
    struct Endless(Option<Bytes>);

    impl http_body::Body for Endless {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            self.0.take().map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(Frame::data(piece)))))
        }
    }

    #[tokio::test]
    async fn exp_05_what_a_tracker_streams_ends_with_its_credential() {
        let route = Route {
            name: "one".into(),
            methods: vec![Method::GET],
            path: "/archive".to_owned(),
            hosts: Vec::new(),
            gate: Gate::new(Mode::Required, vec![Arc::new(One)], Vec::new()),
            target: Target::Tracker(Arc::new(async |_call: Call| {
                Response::new(Body::stream(Endless(Some("first".into()))))
            })),
            dialect: Arc::new(PlainDialect),
            max_body_bytes: 0,
            raw_path: false,
        };
        let table = RouteTable::new(vec![route], Vec::new()).unwrap();
        let proxies = TrustedProxies::new(Vec::new(), ForwardedHeader::XForwardedFor).unwrap();
        let (streams, clock) = (Arc::<Streams>::default(), Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH)));
        let running = Running { table, proxies };
        let pipeline = Pipeline::new(running, Arc::clone(&streams), clock, AccessLog::off());
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let request = Request::get("/archive").header("authorization", "One x").body(Body::empty()).unwrap();
        let mut body = pipeline.respond(request, &Peer::new(here, here)).await.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
        assert_eq!(streams.len(), 1);
        streams.forget_credential("another");
        assert!(tokio::time::timeout(Duration::from_millis(5), body.frame()).await.is_err(), "it goes on");
        streams.forget_credential("token");
        let ended = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap();
        assert!(ended.unwrap().is_err());
        drop(body);
        assert!(streams.is_empty());
    }

    #[tokio::test]
    async fn rev_14_a_change_comes_to_its_end_though_its_client_leaves() {
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (done, is_done) = tokio::sync::oneshot::channel();
        let reply: Reply = Box::pin(async move {
            begun.send(()).unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            done.send(()).unwrap();
            Response::new(Body::empty())
        });
        let mut answering = Box::pin(to_its_end(reply));
        tokio::select! {
            _ = answering.as_mut() => panic!("it ended before the client could leave"),
            begun = has_begun => begun.unwrap(),
        }
        drop(answering);
        tokio::time::timeout(Duration::from_secs(5), is_done).await.unwrap().unwrap();
    }
}
