//! One connection, from the accepted socket to its end.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use pin_project_lite::pin_project;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use trackgate_schemes::{Reason, Rejection};

use super::Respond;
use super::body::{self, Outgoing, Running};
use super::flood::PREFACE;
use super::lent;
use super::limits::Limits;
use super::listen::Listener;
use super::peer::Peer;
use super::proxy_protocol;
use super::request::{GATEWAY, check_request};
use super::shared::{Shared, Upgrade};
use super::shutdown::{Phase, draining};
use super::tls::H2;
use super::traffic::Traffic;
use super::transport::Transport;
use super::tunnel::Opening;
use super::wire::Wire;
use crate::message::Body;

/// What all connections of a core share.
pub(crate) struct Core<R> {
    respond: R,
    limits: Arc<Limits>,
    phase: watch::Receiver<Phase>,
    traffic: Arc<Traffic>,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
}

impl<R: Respond> Core<R> {
    pub(crate) fn new(respond: R, limits: Arc<Limits>, phase: watch::Receiver<Phase>, traffic: Arc<Traffic>) -> Self {
        let mut http1 = http1::Builder::new();
        // The wire has clocks of its own, which cost less and know more.
        http1.header_read_timeout(None).max_buf_size(limits.head_bytes + READ_AHEAD);
        if limits.head_lines > 100 {
            http1.max_headers(limits.head_lines);
        }
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.streams)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(100)
            .initial_stream_window_size(128 * 1024)
            .initial_connection_window_size(512 * 1024)
            .max_send_buf_size(128 * 1024)
            .keep_alive_interval(limits.keep_alive_idle / 2)
            .keep_alive_timeout(limits.response_idle / 3);
        Self { respond, limits, phase, traffic, http1, http2 }
    }

    /// Serves one connection to its end. `guard` lives as long as it does, also as a tunnel.
    pub(crate) async fn serve<G>(
        self: Arc<Self>,
        stream: TcpStream,
        socket: SocketAddr,
        listener: Arc<Listener>,
        guard: G,
    ) where
        G: Send + Unpin + 'static,
    {
        let mut phase = self.phase.clone();
        let opened = tokio::select! {
            opened = self.open(stream, socket, &listener) => opened,
            _deadline = draining(&mut phase) => return,
        };
        let (transport, peer, read, version) = match opened {
            Ok(opened) => opened,
            Err(why) => return tracing::debug!(%socket, %why, "a connection ended before its first request"),
        };
        let shared = Arc::new(Shared::new());
        let limits = Arc::clone(&self.limits);
        let connection = Arc::new(Connection { core: self, peer, shared: Arc::clone(&shared) });
        let ended = if version == Version::HTTP_2 {
            connection.http2(Wire::http2(transport, read, limits, shared, guard), &mut phase).await
        } else {
            connection.http1(Wire::http1(transport, read, limits, shared, guard), &mut phase).await
        };
        if let Err(error) = ended {
            tracing::debug!(%socket, error = &error as &dyn std::error::Error, "a connection broke");
        }
    }

    /// The PROXY header, the TLS handshake, and the choice of the version.
    async fn open(
        &self,
        mut stream: TcpStream,
        socket: SocketAddr,
        listener: &Listener,
    ) -> Result<(Transport, Peer, BytesMut, Version), &'static str> {
        stream.set_nodelay(true).map_err(|_gone| "gone")?;
        let mut peer = Peer::new(socket, stream.local_addr().map_err(|_gone| "gone")?);
        if listener.speaks_proxy_protocol(peer.socket.ip()) {
            peer.proxied = timeout(self.limits.head_timeout, proxy_protocol::read(&mut stream))
                .await
                .map_err(|_late| "no PROXY header in time")?
                .map_err(|_bad| "no good PROXY header")?;
        }
        if let Some(tls) = &listener.tls {
            // A connection has room for it as long as it lives otherwise.
            let handshake = Box::pin(TlsAcceptor::from(tls.config()).accept(stream));
            let stream = timeout(self.limits.handshake_timeout, handshake)
                .await
                .map_err(|_late| "no TLS handshake in time")?
                .map_err(|_bad| "TLS handshake failed")?;
            let session = stream.get_ref().1;
            peer.tls = true;
            peer.server_name = session.server_name().map(Into::into);
            let version = if session.alpn_protocol() == Some(H2) { Version::HTTP_2 } else { Version::HTTP_11 };
            return Ok((Transport::Tls(Box::new(stream)), peer, BytesMut::new(), version));
        }
        let mut read = BytesMut::new();
        let mut version = Version::HTTP_11;
        if listener.prior_knowledge {
            version = timeout(self.limits.head_timeout, prior_knowledge(&mut stream, &mut read))
                .await
                .map_err(|_late| "no request in time")?
                .map_err(|_gone| "gone")?;
        }
        Ok((Transport::Plain(stream), peer, read, version))
    }
}

/// Reads until it is clear whether the client speaks HTTP/2 without having asked (RFC 9113 section 3.3).
async fn prior_knowledge(stream: &mut TcpStream, read: &mut BytesMut) -> std::io::Result<Version> {
    loop {
        if stream.read_buf(read).await? == 0 {
            return Ok(Version::HTTP_11);
        }
        let like = read.iter().zip(PREFACE).all(|(one, other)| one == other);
        match (like, read.len() >= PREFACE.len()) {
            (true, true) => return Ok(Version::HTTP_2),
            (true, false) => {}
            (false, _) => return Ok(Version::HTTP_11),
        }
    }
}

struct Connection<R> {
    core: Arc<Core<R>>,
    peer: Peer,
    shared: Arc<Shared>,
}

impl<R: Respond> Connection<R> {
    /// hyper is there only while something is asked; in between the wire waits alone.
    async fn http1<G>(
        self: Arc<Self>,
        mut wire: Wire<Transport, G>,
        phase: &mut watch::Receiver<Phase>,
    ) -> Result<(), hyper::Error>
    where
        G: Send + Unpin + 'static,
    {
        loop {
            tokio::select! {
                () = wire.arrival() => {}
                _deadline = draining(phase) => wire.end(),
            }
            let this = Arc::clone(&self);
            let service = service_fn(move |request| Arc::clone(&this).serve(request));
            let (lent, back) = lent::lend(wire);
            let mut http = Box::pin(self.core.http1.serve_connection(TokioIo::new(lent), service).with_upgrades());
            let rests = poll_fn(|cx| match http.as_mut().poll(cx) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending if self.shared.is_resting() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            tokio::select! {
                ended = rests => if let Some(ended) = ended { return ended },
                _deadline = draining(phase) => {
                    http.as_mut().graceful_shutdown();
                    // What takes longer than the grace time is dropped with its runtime.
                    return http.await;
                }
            }
            drop(http);
            match back.take() {
                Some(rested) => wire = rested,
                None => return Ok(()),
            }
        }
    }

    async fn http2<G>(
        self: Arc<Self>,
        wire: Wire<Transport, G>,
        phase: &mut watch::Receiver<Phase>,
    ) -> Result<(), hyper::Error>
    where
        G: Send + Unpin + 'static,
    {
        let this = Arc::clone(&self);
        let service = service_fn(move |request| Arc::clone(&this).serve(request));
        let mut http = Box::pin(self.core.http2.serve_connection(TokioIo::new(wire), service));
        let patience = loop {
            let (at, what) = self.due();
            tokio::select! {
                ended = http.as_mut() => return ended,
                // What takes longer than the grace time is dropped with its runtime.
                _deadline = draining(phase) => break Duration::MAX,
                () = tokio::time::sleep_until(at) => match what {
                    Due::Look => {}
                    Due::Idle => break self.core.limits.response_idle,
                    Due::Stalled => {
                        tracing::debug!("the client took nothing of its responses for too long");
                        return Ok(());
                    }
                },
            }
        };
        http.as_mut().graceful_shutdown();
        timeout(patience, http).await.unwrap_or(Ok(()))
    }

    /// When an HTTP/2 connection is to be looked at next, and what it has come to when nothing changes.
    fn due(&self) -> (Instant, Due) {
        let (shared, limits) = (&self.shared, &self.core.limits);
        let now = Instant::now();
        if let Some(since) = shared.stalled_since() {
            let at = Instant::from_std(since) + limits.response_idle;
            return if at <= now { (now, Due::Stalled) } else { (at, Due::Look) };
        }
        if shared.begun() != shared.finished() {
            return (now + limits.response_idle.min(limits.keep_alive_idle), Due::Look);
        }
        let wait = if shared.begun() == 0 { limits.head_timeout } else { limits.keep_alive_idle };
        let at = Instant::from_std(shared.idle_since()) + wait;
        if at <= now { (now, Due::Idle) } else { (at, Due::Look) }
    }

    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Outgoing>, Infallible> {
        let (running, number) = Running::begin(&self.shared);
        let response = self.answer(request, number).await;
        Ok(response.map(|body| Outgoing::new(body, running)))
    }

    async fn answer(&self, request: Request<Incoming>, number: u64) -> Response<Body> {
        let respond = &self.core.respond;
        if let Some(reason) = self.shared.refusal(request.headers()) {
            let (mut head, _none) = request.into_parts();
            // These are ours: nothing is known of the client's.
            head.headers.clear();
            return respond.refuse(&Rejection::new(reason, GATEWAY), Some(&head), &self.peer);
        }
        let upgrade = request.version() == Version::HTTP_11 && request.headers().contains_key(header::UPGRADE);
        let checked = check_request(&request, &self.core.limits);
        let (head, incoming) = request.into_parts();
        let mut response = match checked {
            Ok(()) => {
                let request =
                    Request::from_parts(head, body::incoming(incoming, &self.core.limits, &self.core.traffic));
                unpanicked(respond.respond(request, &self.peer)).await.unwrap_or_else(|| {
                    tracing::error!("answering a request panicked");
                    respond.refuse(&Rejection::new(Reason::Internal, GATEWAY), None, &self.peer)
                })
            }
            Err(why) => respond.refuse(&why, Some(&head), &self.peer),
        };
        if self.shared.is_broken(number) {
            // Whatever was made of it, this was no whole request.
            response = respond.refuse(&Rejection::new(Reason::BadRequest, GATEWAY), None, &self.peer);
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if upgrade {
            let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            self.shared.decide(if switched { Upgrade::Switched } else { Upgrade::Refused });
            if let Some(tunnel) = Opening::take_from(&mut response) {
                tokio::spawn(tunnel.run(self.core.limits.tunnel_idle, self.core.phase.clone()));
            }
        }
        response
    }
}

enum Due {
    Idle,
    Look,
    Stalled,
}

/// The future's output, or `None` when it panics.
pub(super) fn unpanicked<F: Future>(future: F) -> Unpanicked<F> {
    Unpanicked { future }
}

pin_project! {
    /// See [`unpanicked`]. An `async fn` would have room for the future twice.
    pub(super) struct Unpanicked<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Unpanicked<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let future = self.project().future;
        // What a panic leaves half done is dropped with the request; shared state is behind poisoning locks.
        match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_panic) => Poll::Ready(None),
        }
    }
}

/// What hyper may hold beside a whole head: the next read.
const READ_AHEAD: usize = 32 * 1024;
