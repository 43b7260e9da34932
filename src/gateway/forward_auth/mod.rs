//! Forward-auth: other proxies ask whether a request may pass, and are told who is asking.
//!
//! The path of a question says who asks, see [`Asker`]: `/auth/nginx`, `/auth/traefik`, `/auth/caddy`,
//! `/auth/haproxy`, or `/auth/envoy` with the path of the original request behind it. Each asker names the original
//! request in its own way; all other header lines of a question are those of the original request. Envoy may ask
//! over gRPC instead. The original request is judged by the routes of the main listener, whatever their target, and
//! by those that exist for questions alone.
//!
//! A request that may pass is answered with 200, no body, and the header lines of [`proxy::told`]. One that may not
//! is answered as the main listener would, but never with a status that the asker could take for consent. Peers that
//! are not listed get 403, paths without a route are refused, and so is a question that does not name its request in
//! full: nothing is ever read from the question's own path instead.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, header};
use trackgate_schemes::{Reason, Rejection};

use super::connection::unpanicked;
use super::pipeline::{Arrival, Judged, Told, Wanted};
use super::routes::plain_host;
use super::{
    Handle, Limits, Listener, Observer, Peer, Pipeline, Respond, Running, Shutdown, StartError, TlsError, TlsReloader,
    TrustedProxies, start,
};
use crate::layer::{PlainDialect, Refusal};
use crate::message::{self, Body};
use crate::proxy::{self, AssertionKey};

mod asker;
mod grpc;
mod original;

use asker::Asker;
use original::{Fault, Original};

/// A listener for questions that runs.
#[derive(Debug)]
pub struct ForwardAuth {
    answering: Arc<Answering>,
    tls: Option<TlsReloader>,
    handle: Handle,
}

/// Whose questions are answered, and with what; a reload replaces it.
#[derive(Debug)]
pub struct Asking {
    /// Who may ask.
    pub peers: TrustedProxies,
    /// Whose word about the client's address is believed, behind that of whoever asks.
    pub proxies: TrustedProxies,
    /// Signs assertions; `None` when nobody asks for them.
    pub key: Option<Arc<AssertionKey>>,
    /// Whom they are for; `None` for the name of the route.
    pub audience: Option<String>,
}

impl ForwardAuth {
    /// Listens on all of `listeners`, with TLS if there is some, and answers by `pipeline` on so many threads.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing listens then.
    pub fn start(
        listeners: Vec<Listener>,
        tls: Option<TlsReloader>,
        limits: Limits,
        threads: Option<NonZeroUsize>,
        asking: Asking,
        pipeline: Pipeline,
    ) -> Result<Self, StartError> {
        let target_bytes = limits.target_bytes;
        let answering = Arc::new(Answering { asking: ArcSwap::from_pointee(asking), pipeline, target_bytes });
        let with_tls = |listener: Listener| match &tls {
            Some(tls) => listener.with_tls(tls.clone()),
            None => listener,
        };
        let listeners = listeners.into_iter().map(with_tls).collect();
        let respond = Arc::clone(&answering);
        let handle = start(listeners, roomy(limits), threads, move |_core| Arc::clone(&respond))?;
        Ok(Self { answering, tls, handle })
    }

    /// Answers by these from the next question on, and lets `observer` count and keep what is decided.
    pub fn replace(&self, asking: Asking, running: Running, observer: Option<Observer>) {
        self.answering.asking.store(Arc::new(asking));
        self.answering.pipeline.replace(running, observer);
    }

    /// Reads the certificate again.
    ///
    /// # Errors
    ///
    /// [`TlsError`]; the old one goes on then.
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), TlsReloader::reload)
    }

    /// Where it listens, see [`Handle::addresses`].
    pub fn addresses(&self) -> &[std::net::SocketAddr] {
        self.handle.addresses()
    }

    /// See [`Handle::shutdown`].
    pub async fn shutdown(self, grace: Duration) -> Shutdown {
        self.handle.shutdown(grace).await
    }
}

/// A question has the head of the original request, and what names that beside it.
fn roomy(mut limits: Limits) -> Limits {
    limits.head_bytes += limits.target_bytes + ROOM_BYTES;
    limits.head_lines += ROOM_LINES;
    limits.target_bytes += ROOM_BYTES;
    limits
}

/// What answers questions.
#[derive(Debug)]
struct Answering {
    asking: ArcSwap<Asking>,
    pipeline: Pipeline,
    /// The longest target of an original request.
    target_bytes: usize,
}

/// What was said of an original request.
struct Answered {
    /// Why it may not pass; `None` when it may.
    why: Option<Rejection>,
    /// 200 with what goes on to whoever gets the request, or what the client should see.
    response: Response<Body>,
}

impl Answering {
    /// Judges an original request.
    async fn judge(&self, asking: &Asking, original: &Original, peer: &Peer) -> Answered {
        let (arrival, mut told) = self.begin(original.method.clone(), original.client, peer);
        let said = unpanicked(self.decide(asking, original, &arrival, &mut told)).await;
        let response = said.unwrap_or_else(|| told.broken());
        self.end(response, arrival, told)
    }

    async fn decide(&self, asking: &Asking, original: &Original, arrival: &Arrival, told: &mut Told) -> Response<Body> {
        let Original { method, uri, headers, .. } = original;
        let running = self.pipeline.running();
        if let Some(why) = &original.fault {
            let dialect = running.table.nearest_dialect(uri.path(), headers);
            return told.refuse(&Refusal::new(why).with_request(method, None, headers), &*dialect);
        }
        let host = plain_host(&original.host);
        let wanted = Wanted { method, host: Some(&host), headers };
        match told.judge(&running.table, uri, wanted, arrival.at).await {
            Judged::Refused(answer) => answer,
            Judged::Permitted(found, permit) => {
                let audience = asking.audience.as_deref().unwrap_or(&found.route.name);
                let mut response = Response::new(Body::empty());
                *response.headers_mut() =
                    proxy::told(permit.identity(), asking.key.as_deref(), audience, &arrival.id, arrival.at);
                response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
                response
            }
        }
    }

    /// Tells nobody but listed peers anything.
    fn turn_away(&self, peer: &Peer) -> Response<Body> {
        let address = peer.socket.ip();
        tracing::warn!(peer = %address, "a peer that `forward_auth.peers` does not list asked whether a request may pass");
        self.refuse_question(peer, Reason::AddressDenied, "this address may not ask here")
    }

    /// Tells what is wrong with a question, in the answer and in the log.
    fn complain(&self, peer: &Peer, fault: Fault) -> Response<Body> {
        tracing::warn!(peer = %peer.socket.ip(), "a question for forward-auth cannot be answered: {fault}");
        self.refuse_question(peer, Reason::BadRequest, &fault.to_string())
    }

    /// Refuses a question, not the request that it is about: whoever set up the asker reads this.
    fn refuse_question(&self, peer: &Peer, reason: Reason, text: &str) -> Response<Body> {
        let (arrival, mut told) = self.begin(Method::GET, Some(peer.address()), peer);
        let mut response = message::json(reason.status(), serde_json::json!({ "error": text }).to_string() + "\n");
        response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
        told.why = Some(Rejection::new(reason, FORWARD_AUTH));
        self.end(response.map(Body::from), arrival, told).response
    }

    fn begin(&self, method: Method, client: Option<IpAddr>, peer: &Peer) -> (Arrival, Told) {
        let arrival = self.pipeline.arrival(method, peer.local);
        let told = Told::at(FORWARD_AUTH, &arrival, client);
        (arrival, told)
    }

    fn end(&self, response: Response<Body>, arrival: Arrival, told: Told) -> Answered {
        let why = told.why.clone();
        Answered { why, response: self.pipeline.finish(response, arrival, told) }
    }
}

impl Respond for Answering {
    async fn respond(&self, request: Request<Body>, peer: &Peer) -> Response<Body> {
        let asking = self.asking.load_full();
        if !asking.peers.contains(peer.socket.ip()) {
            return self.turn_away(peer);
        }
        if grpc::is_question(&request) {
            return grpc::answer(self, &asking, request, peer).await;
        }
        let (parts, _body) = request.into_parts();
        let Some(asker) = Asker::of(parts.uri.path()) else {
            return self.refuse_question(peer, Reason::NotFound, asker::UNKNOWN);
        };
        match asker.read(parts, &asking.proxies, self.target_bytes) {
            Ok(original) => asker.word(self.judge(&asking, &original, peer).await),
            Err(fault) => self.complain(peer, fault),
        }
    }

    fn refuse(&self, why: &Rejection, head: Option<&Parts>, peer: &Peer) -> Response<Body> {
        let method = head.map_or(Method::GET, |head| head.method.clone());
        let (arrival, mut told) = self.begin(method, Some(peer.address()), peer);
        let response = told.refuse(&Refusal::new(why), &PlainDialect);
        self.end(response, arrival, told).response
    }
}

/// Its name in logs and rejections.
const FORWARD_AUTH: &str = "forward-auth";
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// What the lines that name the original request take beside its target: a host, a method, addresses.
const ROOM_BYTES: usize = 4 * 1024;
const ROOM_LINES: usize = 24;
