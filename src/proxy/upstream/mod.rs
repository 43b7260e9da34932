//! One upstream: its addresses, their connections, and the way of a request through them.

use std::error::Error;
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body as _;
use tokio::time::{Instant, timeout_at};
use trackgate_schemes::{Identity, Reason, Rejection};

use super::body::{Outgoing, Turn};
use super::connect::{Connector, TlsClient, Wanted};
use super::pool::{Answer, Pool, PoolLimits};
#[cfg(doc)]
use super::sending::Sending;
use super::sending::{Forward, UpstreamTime};
use super::trailers::Trailers;
use super::{PROXY, answer, headers, target, upgrade};
use crate::config::address::{Address, Place};
use crate::layer::Permit;
use crate::message::Body;

mod health;
mod queue;
mod retry;
mod settings;
mod snapshot;
mod state;

pub use health::{Checkup, Health};
pub use settings::{Eject, HostHeader, RequestLimits, Settings, SettingsError};
pub use snapshot::{AddressSnapshot, Snapshot};
pub use state::AnsweredBy;
pub(in crate::proxy) use state::{Failure, Flight};

use queue::Busy;
use retry::{Fault, may_be_repeated};
use state::{AllOut, State, bit};

/// A server, at one or several addresses, to which requests are sent on. Clones share its connections.
///
/// Each request goes to the address with the fewest under way. It is sent again, to another address where there is
/// one, before a byte of an answer came and only if nobody saw it, or if its method may be repeated (RFC 9110
/// §9.2.2) and it has no body; never after a time-out of the answer.
///
/// Connections belong to the runtime on which they are first used: make them anew for each by
/// [`with_own_connections`](Self::with_own_connections). What is counted is common to all of these.
#[derive(Clone)]
pub struct Upstream {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<Settings>,
    state: Arc<State>,
    tls: Option<TlsClient>,
    pools: Box<[Pool]>,
}

/// What the requests to each address are built of.
#[derive(Clone, Copy)]
struct Draft<'a> {
    who: &'a Identity,
    request: &'a Forward<'a, ()>,
    /// To switch to.
    protocol: Option<&'a HeaderValue>,
}

impl Upstream {
    /// An upstream with these settings. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if it has no addresses, or TLS cannot be set up.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        if settings.addresses.is_empty() || settings.addresses.len() > MAX_ADDRESSES {
            return Err(SettingsError::AddressCount);
        }
        let has_tls = settings.addresses.iter().any(|address| matches!(address.place(), Place::Tls(_)));
        let tls = if has_tls { Some(TlsClient::new(&settings.tls, settings.protocol)?) } else { None };
        let state = Arc::new(State::new(&settings));
        Ok(Self::of(Arc::new(settings), state, tls))
    }

    fn of(settings: Arc<Settings>, state: Arc<State>, tls: Option<TlsClient>) -> Self {
        let pools = settings.addresses.iter().map(|address| pool(&settings, address, tls.as_ref())).collect();
        Self { shared: Arc::new(Shared { settings, state, tls, pools }) }
    }

    /// The same upstream with connections of its own, for another runtime.
    #[must_use]
    pub fn with_own_connections(&self) -> Self {
        let Shared { settings, state, tls, .. } = &*self.shared;
        Self::of(Arc::clone(settings), Arc::clone(state), tls.clone())
    }

    /// The same upstream with all that `before` knows of its addresses and counted, if it is at the same addresses
    /// under the same limits.
    #[must_use]
    pub fn taking_over(self, before: &Self) -> Self {
        let Shared { settings, tls, .. } = &*self.shared;
        if !before.state().is_of(settings) {
            return self;
        }
        Self::of(Arc::clone(settings), Arc::clone(before.state()), tls.clone())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.shared.settings.name
    }

    /// How it stands, on all cores together.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.state.snapshot()
    }

    /// Sends a request on and gives the upstream's answer, whose body is still coming. One that switches to a
    /// protocol that was asked for, and that [`Sending::upgrades`] lists, has the upstream's end of the tunnel among
    /// its extensions, for `hyper::upgrade::on`.
    ///
    /// # Errors
    ///
    /// By `proxy`: [`UpstreamDown`](Reason::UpstreamDown) if the upstream cannot be reached, breaks off before
    /// its answer's head or sends one with two readings, or if all of its addresses are left out;
    /// [`UpstreamSlow`](Reason::UpstreamSlow) if it takes too long; [`UpstreamBusy`](Reason::UpstreamBusy) if the
    /// request did not get its turn; [`BadRequest`](Reason::BadRequest), [`BodyTimeout`](Reason::BodyTimeout) or
    /// [`BodyTooLarge`](Reason::BodyTooLarge) if the request's body broke off, and then the upstream
    /// has not seen a complete request; [`NotImplemented`](Reason::NotImplemented) for `CONNECT` and `TRACE`.
    pub async fn forward(&self, permit: &Permit, request: Forward<'_>) -> Result<Response<Body>, Rejection> {
        check_method(&request.parts.method)?;
        let is_timed = request.sending.server_timing;
        let clock = || is_timed.then(Instant::now);
        let asked = clock();
        let flight = self.enter().await?;
        let entered = clock();
        let protocol = upgrade::asked(&request);
        let (request, body) = request.split();
        let body = Outgoing::new(body, Trailers::up(&request.sending.carriers));
        let draft = Draft { who: permit.identity(), request: &request, protocol: protocol.as_ref() };
        let built = self.build(flight.index(), draft, body)?;
        let sent = clock();
        let (flight, Answer { response, scissors }) = self.answer(flight, draft, built).await?;
        let settings = &self.shared.settings;
        let answered_by = (settings.addresses.len() > 1).then(|| flight.answered_by());
        let mut answer = match protocol.filter(|_| response.status() == StatusCode::SWITCHING_PROTOCOLS) {
            Some(protocol) => upgrade::switched(response, &protocol, flight)?,
            None => answer::read(response, scissors.as_ref(), settings.idle_timeout, flight)?,
        };
        if let Some(answered_by) = answered_by {
            answer.extensions_mut().insert(answered_by);
        }
        if let (Some(asked), Some(entered), Some(sent)) = (asked, entered, sent) {
            answer.extensions_mut().insert(UpstreamTime((entered - asked) + sent.elapsed()));
        }
        Ok(answer)
    }

    /// The header lines that the upstream would get with this request; nothing is sent.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward) before anything is sent.
    pub fn headers(&self, who: &Identity, request: Forward<'_>) -> Result<HeaderMap, Rejection> {
        check_method(&request.parts.method)?;
        let (request, body) = request.split();
        let body = Outgoing::new(body, Trailers::up(&request.sending.carriers));
        let draft = Draft { who, request: &request, protocol: None };
        self.build(0, draft, body).map(|request| request.into_parts().0.headers)
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    fn state(&self) -> &Arc<State> {
        &self.shared.state
    }

    fn connector(&self, address: &Address) -> Connector {
        connector(&self.shared.settings, address, self.shared.tls.as_ref())
    }

    /// Waits for a request's turn and chooses where it goes.
    async fn enter(&self) -> Result<Flight, Rejection> {
        let state = self.state();
        let slot = match &state.queue {
            None => None,
            Some(queue) => Some(queue.enter().await.map_err(|Busy| busy())?),
        };
        Ok(state.choose(0).map_err(|AllOut(wait)| down(wait))?.with_slot(slot))
    }

    /// The head of the answer, from the first address that gives one.
    async fn answer(
        &self,
        mut flight: Flight,
        draft: Draft<'_>,
        mut request: Request<Outgoing>,
    ) -> Result<(Flight, Answer), Rejection> {
        let Shared { settings, state, .. } = &*self.shared;
        let turn = request.body().turn().cloned();
        let may_repeat = may_be_repeated(&request);
        if settings.retries > 0 {
            state.budget.earn();
        }
        let mut tried = 0;
        for left in (0..=settings.retries).rev() {
            let fault = match self.try_at(&flight, request, turn.as_deref()).await {
                Ok(answer) => return Ok((flight, answer)),
                Err(fault) => fault,
            };
            if let Some(reason) = turn.as_ref().and_then(|turn| turn.fault()) {
                return Err(Rejection::new(reason, PROXY));
            }
            flight.failed(fault.how(), &fault);
            let why = Rejection::new(fault.reason(), PROXY);
            let may_be_there = fault.may_be_there();
            let Some(body) = fault.again(may_repeat).filter(|_| left > 0) else { return Err(why) };
            tried |= bit(flight.index());
            let next = state.choose(tried).or_else(|out| if may_be_there { state.choose(0) } else { Err(out) });
            let Ok(next) = next else { return Err(why) };
            if !state.budget.spend() {
                return Err(why);
            }
            next.is_retry();
            request = self.build(next.index(), draft, body)?;
            flight = next.with_slot(flight.take_slot());
        }
        Err(Rejection::new(Reason::Internal, PROXY))
    }

    /// Sends a request to the address of `flight`, as often as it finds a connection that was just closed.
    async fn try_at(
        &self,
        flight: &Flight,
        mut request: Request<Outgoing>,
        turn: Option<&Turn>,
    ) -> Result<Answer, Fault> {
        let Shared { settings, pools, .. } = &*self.shared;
        flight.begun();
        let pool = pools.get(flight.index()).expect("each address has a pool");
        let wanted = if request.headers().contains_key(header::UPGRADE) { Wanted::Http1 } else { Wanted::Any };
        loop {
            let lease = match pool.acquire(wanted).await {
                Ok(lease) => lease,
                Err(error) => return Err(Fault::Connect(error, Box::new(request))),
            };
            let is_reused = lease.is_reused();
            if !is_reused {
                flight.connected();
            }
            let sent = pin!(pool.send(lease, request));
            match head_in_time(sent, turn, settings.response_timeout).await {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => request = Fault::of(error).unsent(is_reused)?,
                None => return Err(Fault::Slow),
            }
        }
    }

    fn build(&self, index: usize, draft: Draft<'_>, body: Outgoing) -> Result<Request<Outgoing>, Rejection> {
        let Draft { who, request, protocol } = draft;
        let settings = self.settings();
        let address = address(settings, index);
        let rewritten = match &request.sending.rewrite {
            None => None,
            Some(rewrite) => {
                let path = rewrite.apply(request.path);
                Some(path.map_err(|_not_canonical| Rejection::new(Reason::BadPath, PROXY))?)
            }
        };
        let path = rewritten.as_ref().unwrap_or(request.path);
        let target = target::build(address.base(), path, &request.parts.uri, request.sending)?;
        let received = &request.parts.headers;
        let host = settings.host.of(request.peer.host, address);
        let mut lines = headers::build(received, request, who, host, &settings.name);
        if let Some(protocol) = protocol {
            upgrade::ask(&mut lines, protocol);
        }

        let method = &request.parts.method;
        if body.is_end_stream() {
            // RFC 9110 §8.6.
            if received.contains_key(header::CONTENT_LENGTH)
                || matches!(*method, Method::PATCH | Method::POST | Method::PUT)
            {
                lines.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        } else if body.size_hint().exact().is_none() {
            // Otherwise hyper takes a GET or HEAD of unknown length for one without a body.
            lines.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            if let Some(announced) = Trailers::up(&request.sending.carriers).announced(received) {
                lines.insert(header::TRAILER, announced);
            }
        }

        let mut built = Request::new(body);
        built.method_mut().clone_from(method);
        *built.uri_mut() = target.into();
        *built.headers_mut() = lines;
        Ok(built)
    }
}

/// The place of a tunnel among the requests of its upstream, until the last copy is dropped: an extension of the answer
/// that opens it.
#[derive(Clone, Debug)]
pub struct Underway {
    _flight: Arc<Flight>,
}

impl Underway {
    pub(in crate::proxy) fn of(flight: Flight) -> Self {
        Self { _flight: Arc::new(flight) }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl HostHeader {
    /// What goes to this address when the client asked for this host.
    fn of(&self, asked: Option<&str>, address: &Address) -> HeaderValue {
        match (self, asked.map(HeaderValue::from_str)) {
            (Self::Client, Some(Ok(host))) => host,
            (Self::Named(host), _) => host.clone(),
            _ => address.host().clone(),
        }
    }
}

fn pool(settings: &Settings, address: &Address, tls: Option<&TlsClient>) -> Pool {
    let limits = PoolLimits {
        idle_timeout: settings.pool_idle_timeout,
        idle_connections: settings.max_idle_connections,
        connect_timeout: settings.connect_timeout,
    };
    let authority = match address.place() {
        Place::Plain(authority) | Place::Tls(authority) => authority.clone(),
        Place::Unix(_) => Authority::from_static("localhost"),
    };
    Pool::new(connector(settings, address, tls), settings.protocol, limits, scheme(address), authority)
}

fn connector(settings: &Settings, address: &Address, tls: Option<&TlsClient>) -> Connector {
    Connector::new(address, tls, settings.protocol, settings.connect_timeout, settings.idle_timeout)
}

fn scheme(address: &Address) -> Scheme {
    if matches!(address.place(), Place::Tls(_)) { Scheme::HTTPS } else { Scheme::HTTP }
}

fn address(settings: &Settings, index: usize) -> &Address {
    settings.addresses.get(index).expect("the state has as many addresses")
}

fn check_method(method: &Method) -> Result<(), Rejection> {
    // TRACE would show the client what we tell the upstream (RFC 9110 §9.3.8).
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        return Err(Rejection::new(Reason::NotImplemented, PROXY));
    }
    Ok(())
}

fn busy() -> Rejection {
    Rejection::new(Reason::UpstreamBusy, PROXY).after(RETRY_WHEN_BUSY)
}

fn down(wait: Option<Duration>) -> Rejection {
    Rejection::new(Reason::UpstreamDown, PROXY).after(wait.unwrap_or(RETRY_WHEN_DOWN))
}

/// The head of the answer, or why there is none; `None` if the upstream was silent for `limit` while it
/// was its turn.
async fn head_in_time<E: Error>(
    mut answer: Pin<&mut impl Future<Output = Result<Answer, E>>>,
    turn: Option<&Turn>,
    limit: Duration,
) -> Option<Result<Answer, E>> {
    let mut deadline = Instant::now() + limit;
    loop {
        if let Ok(answer) = timeout_at(deadline, &mut answer).await {
            return Some(answer);
        }
        match turn.map(|turn| turn.deadline(limit)) {
            Some(later) if later > Instant::now() => deadline = later,
            _ => return None,
        }
    }
}

/// As many as there are bits in the set of those that were tried.
const MAX_ADDRESSES: usize = 64;

const RETRY_WHEN_BUSY: Duration = Duration::from_secs(1);

const RETRY_WHEN_DOWN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_has_from_one_to_64_addresses() {
        let mut settings = Settings::new("u", "http://a".parse().unwrap());
        assert!(Upstream::new(settings.clone()).is_ok());
        settings.addresses = (0..64).map(|n| format!("http://a:{n}").parse().unwrap()).collect();
        assert!(Upstream::new(settings.clone()).is_ok());
        settings.addresses.push("http://b".parse().unwrap());
        assert!(matches!(Upstream::new(settings.clone()), Err(SettingsError::AddressCount)));
        settings.addresses.clear();
        assert!(matches!(Upstream::new(settings), Err(SettingsError::AddressCount)));
    }

    #[test]
    fn what_is_counted_is_common_to_all_connections_and_outlives_a_reload() {
        let settings = Settings::new("u", "http://a".parse().unwrap());
        let first = Upstream::new(settings.clone()).unwrap();
        let flight = first.with_own_connections().state().choose(0).unwrap();
        assert_eq!(first.snapshot().in_flight, 1);
        let mut same = settings.clone();
        same.response_timeout = Duration::from_secs(1);
        assert_eq!(Upstream::new(same).unwrap().taking_over(&first).snapshot().in_flight, 1);
        let mut other = settings;
        other.addresses.push("http://b".parse().unwrap());
        assert_eq!(Upstream::new(other).unwrap().taking_over(&first).snapshot().in_flight, 0);
        drop(flight);
        assert_eq!(first.snapshot().in_flight, 0);
    }
}
