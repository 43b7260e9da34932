//! The connections to one address, those of one core: kept while they are of use, shared where HTTP/2 allows it.
//!
//! A request that comes back unsent was seen by nobody; one that does not come back may have been.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::{Instant, sleep_until, timeout};

use super::body::Outgoing;
use super::connect::{ConnectError, Connector, Protocol, Scissors, Spoken, Wanted};

/// Connections to one address. Clones share them.
#[derive(Clone)]
pub(super) struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    limits: PoolLimits,
    /// What HTTP/2 requests name when their `Host` is no authority.
    authority: Authority,
    scheme: Scheme,
    kept: Mutex<Kept>,
    /// Whether the last connection spoke HTTP/2: then one handshake does for all who wait.
    is_http2: AtomicBool,
    opening: tokio::sync::Mutex<()>,
}

/// How many connections are kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolLimits {
    pub(super) idle_timeout: Duration,
    pub(super) idle_connections: usize,
    pub(super) connect_timeout: Duration,
}

#[derive(Default)]
struct Kept {
    /// In the order in which they became idle.
    http1: Vec<Idle>,
    http2: Option<Shared>,
    is_swept: bool,
}

struct Idle {
    sender: http1::SendRequest<Outgoing>,
    scissors: Scissors,
    since: Instant,
}

struct Shared {
    sender: http2::SendRequest<Outgoing>,
    used: Instant,
}

impl Pool {
    pub(super) fn new(
        connector: Connector,
        protocol: Protocol,
        limits: PoolLimits,
        scheme: Scheme,
        authority: Authority,
    ) -> Self {
        let is_http2 = AtomicBool::new(protocol == Protocol::Http2);
        let (kept, opening) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { inner: Arc::new(Inner { connector, limits, authority, scheme, kept, is_http2, opening }) }
    }

    /// A connection that is free, or a new one.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if there is none within the limit.
    pub(super) async fn acquire(&self, wanted: Wanted) -> Result<Lease, ConnectError> {
        match self.take_kept(wanted) {
            Some(lease) => Ok(lease),
            // Handshakes are large: requests on connections that are there do not carry room for them.
            None => Box::pin(self.connect(wanted)).await,
        }
    }

    async fn connect(&self, wanted: Wanted) -> Result<Lease, ConnectError> {
        if wanted == Wanted::Http1 || !self.inner.is_http2.load(Ordering::Relaxed) {
            return self.open(wanted).await;
        }
        let turn = timeout(self.inner.limits.connect_timeout, self.inner.opening.lock()).await;
        let _turn = turn.map_err(|_elapsed| ConnectError::TimedOut)?;
        match self.take_kept(wanted) {
            Some(lease) => Ok(lease),
            None => self.open(wanted).await,
        }
    }

    fn take_kept(&self, wanted: Wanted) -> Option<Lease> {
        let mut kept = self.inner.kept();
        if wanted == Wanted::Any
            && let Some(shared) = &mut kept.http2
        {
            if !shared.sender.is_closed() {
                shared.used = Instant::now();
                return Some(Lease { sender: Sender::Http2(shared.sender.clone()), is_reused: true });
            }
            kept.http2 = None;
        }
        while let Some(Idle { sender, scissors, since }) = kept.http1.pop() {
            if sender.is_ready() && since.elapsed() < self.inner.limits.idle_timeout {
                return Some(Lease { sender: Sender::Http1(sender, scissors), is_reused: true });
            }
        }
        None
    }

    async fn open(&self, wanted: Wanted) -> Result<Lease, ConnectError> {
        let (wire, spoken) = self.inner.connector.connect(wanted).await?;
        let broken = |error: hyper::Error| ConnectError::Failed(error.into());
        let sender = match spoken {
            Spoken::Http1 => {
                let scissors = wire.scissors();
                let (sender, connection) = http1::Builder::new().handshake(wire).await.map_err(broken)?;
                tokio::spawn(async move {
                    if let Err(error) = connection.with_upgrades().await {
                        tracing::debug!(?error, "a connection to an upstream broke");
                    }
                });
                if wanted == Wanted::Any {
                    self.inner.is_http2.store(false, Ordering::Relaxed);
                }
                Sender::Http1(sender, scissors)
            }
            Spoken::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_TIMEOUT);
                builder.max_header_list_size(MAX_HEADER_LIST);
                let (sender, connection) = builder.handshake(wire).await.map_err(broken)?;
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(?error, "a connection to an upstream broke");
                    }
                });
                self.inner.is_http2.store(true, Ordering::Relaxed);
                self.keep_shared(&sender);
                Sender::Http2(sender)
            }
        };
        Ok(Lease { sender, is_reused: false })
    }

    /// Sends a request and gives the head of its answer. The connection is kept once the answer was read.
    ///
    /// # Errors
    ///
    /// [`SendError`] if there is no answer.
    pub(super) async fn send(&self, lease: Lease, mut request: Request<Outgoing>) -> Result<Answer, SendError> {
        match lease.sender {
            Sender::Http1(mut sender, scissors) => {
                fit_http1(&mut request);
                scissors.take_has_read();
                match sender.try_send_request(request).await {
                    Ok(response) => {
                        self.keep(sender, scissors.clone());
                        Ok(Answer { response, scissors: Some(scissors) })
                    }
                    Err(mut error) => Err(match error.take_message() {
                        Some(request) => SendError::Unsent(Box::new(request), error.into_error()),
                        None if scissors.take_has_read() => SendError::Begun(error.into_error()),
                        None => SendError::Broken(error.into_error()),
                    }),
                }
            }
            Sender::Http2(mut sender) => {
                fit_http2(&mut request, &self.inner.scheme, &self.inner.authority);
                let mut error = match sender.try_send_request(request).await {
                    Ok(response) => return Ok(Answer { response, scissors: None }),
                    Err(error) => error,
                };
                let unsent = error.take_message();
                if unsent.is_none() && !is_of_the_connection(error.error()) {
                    return Err(SendError::Begun(error.into_error()));
                }
                // It may not know yet that it is at its end: the next request must not find it.
                self.inner.kept().http2 = None;
                Err(match unsent {
                    Some(request) => SendError::Unsent(Box::new(request), error.into_error()),
                    None => SendError::Broken(error.into_error()),
                })
            }
        }
    }

    /// Keeps a connection, now or when its answer was read to the end.
    fn keep(&self, mut sender: http1::SendRequest<Outgoing>, scissors: Scissors) {
        if sender.is_ready() {
            self.keep_idle(sender, scissors);
            return;
        }
        let pool = self.clone();
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                pool.keep_idle(sender, scissors);
            }
        });
    }

    fn keep_idle(&self, sender: http1::SendRequest<Outgoing>, scissors: Scissors) {
        let mut kept = self.inner.kept();
        if sender.is_closed() || kept.http1.len() >= self.inner.limits.idle_connections {
            return;
        }
        kept.http1.push(Idle { sender, scissors, since: Instant::now() });
        self.sweep_later(&mut kept);
    }

    fn keep_shared(&self, sender: &http2::SendRequest<Outgoing>) {
        let mut kept = self.inner.kept();
        if kept.http2.as_ref().is_none_or(|shared| shared.sender.is_closed()) {
            kept.http2 = Some(Shared { sender: sender.clone(), used: Instant::now() });
            self.sweep_later(&mut kept);
        }
    }

    fn sweep_later(&self, kept: &mut Kept) {
        if !std::mem::replace(&mut kept.is_swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.inner), self.inner.limits.idle_timeout));
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("connector", &self.inner.connector).finish_non_exhaustive()
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of what was not used for `idle`, and says when to look again; `None` when nothing is left.
    fn sweep(&self, idle: Duration) -> Option<Instant> {
        let mut kept = self.kept();
        let old = |since: Instant| since.elapsed() >= idle;
        kept.http1.retain(|one| !old(one.since) && !one.sender.is_closed());
        // Answers that are still coming end on it all the same.
        kept.http2.take_if(|shared| old(shared.used) || shared.sender.is_closed());
        let first = kept.http1.first().map(|one| one.since);
        let next = first.into_iter().chain(kept.http2.as_ref().map(|shared| shared.used)).min();
        kept.is_swept = next.is_some();
        next.map(|since| since + idle)
    }
}

async fn sweep(pool: Weak<Inner>, idle: Duration) {
    let mut next = Instant::now() + idle;
    loop {
        sleep_until(next).await;
        match pool.upgrade().and_then(|pool| pool.sweep(idle)) {
            Some(later) => next = later,
            None => return,
        }
    }
}

/// A connection on which one request may be sent.
pub(super) struct Lease {
    sender: Sender,
    is_reused: bool,
}

impl Lease {
    /// Whether it was used before: then it may be that it was closed just now.
    pub(super) fn is_reused(&self) -> bool {
        self.is_reused
    }
}

/// The head of an answer, whose body is still coming.
pub(super) struct Answer {
    pub(super) response: Response<Incoming>,
    /// Of its connection, if that is its own.
    pub(super) scissors: Option<Scissors>,
}

enum Sender {
    Http1(http1::SendRequest<Outgoing>, Scissors),
    Http2(http2::SendRequest<Outgoing>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The upstream had begun to answer, or had its reasons not to.
    #[error("the upstream broke off its answer")]
    Begun(#[source] hyper::Error),
    /// The connection ended without a byte of an answer. The upstream may have seen the request.
    #[error("the connection ended before an answer")]
    Broken(#[source] hyper::Error),
    /// Nobody saw a byte of the request: here it is.
    #[error("the request could not be sent")]
    Unsent(Box<Request<Outgoing>>, #[source] hyper::Error),
}

/// Whether the connection ended, or the upstream did not look at the request (RFC 9113 §8.7): else it had its
/// reasons to end this request alone.
fn is_of_the_connection(error: &hyper::Error) -> bool {
    match error.source() {
        Some(source) if source.is::<io::Error>() => true,
        Some(source) => source
            .downcast_ref::<h2::Error>()
            .is_some_and(|inner| inner.is_go_away() || inner.reason() == Some(h2::Reason::REFUSED_STREAM)),
        None => error.is_canceled() || error.is_closed() || error.is_incomplete_message(),
    }
}

/// Gives the request the form of HTTP/1.1: path alone, and a `Host` line.
fn fit_http1(request: &mut Request<Outgoing>) {
    let parts = std::mem::take(request.uri_mut()).into_parts();
    if let Some(authority) = parts.authority
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
    *request.uri_mut() = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/")).into();
    let lines = request.headers_mut();
    // RFC 9110 §10.1.4: `TE` holds for a hop whose `Connection` names it.
    if lines.contains_key(header::TE) {
        match lines.get(header::CONNECTION) {
            None => drop(lines.insert(header::CONNECTION, HeaderValue::from_static("te"))),
            Some(options) if options == "te" => {}
            Some(_) => drop(lines.remove(header::TE)),
        }
    }
}

/// Gives it the form of HTTP/2: whom it is for stands in the target, and nothing is about the connection
/// (RFC 9113 §8.2.2, §8.3.1).
fn fit_http2(request: &mut Request<Outgoing>, scheme: &Scheme, otherwise: &Authority) {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    let host = request.headers_mut().remove(header::HOST);
    let named = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    parts.authority = named.or(parts.authority).or_else(|| Some(otherwise.clone()));
    parts.scheme = Some(scheme.clone());
    parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path are there");
    request.headers_mut().remove(header::TRANSFER_ENCODING);
    request.headers_mut().remove(header::CONNECTION);
}

/// How long a connection of HTTP/2 may say nothing while it is in use until it is asked whether it lives.
const PING_EVERY: Duration = Duration::from_secs(20);

/// How long the answer to that may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest head of an answer over HTTP/2, in bytes.
const MAX_HEADER_LIST: u32 = 256 << 10;
