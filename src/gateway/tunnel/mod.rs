//! Connections that left HTTP: bytes pass both ways between a client and an upstream that switched protocols.
//!
//! A tunnel ends when both ends have closed, when one breaks, when nothing came for too long, with the
//! credential that asked for it, and shortly before the gateway stops. A WebSocket is then ended in its own
//! words (RFC 6455 section 7.4.1): 1008 for a credential, 1001 for the rest.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http::{HeaderValue, Response, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use trackgate_schemes::Reason;

use super::log::Line;
use super::shutdown::{Phase, draining};
use super::streams::{Ended, Streams, Watch};
use crate::message::Body;
use crate::proxy::Underway;

mod frames;
mod pump;
#[cfg(test)]
mod tests;

use pump::{Content, Pump};

/// A tunnel that begins when the client has its 101.
pub(super) struct Tunnel {
    client: OnUpgrade,
    upstream: OnUpgrade,
    content: Content,
    watch: Option<Watch>,
    streams: Arc<Streams>,
    line: Option<Line>,
    /// Its place among the upstream's requests.
    underway: Option<Underway>,
}

impl Tunnel {
    /// Passes bytes until the end; nothing for `idle` is one, `None` waits for ever.
    pub(super) async fn run(self, idle: Option<Duration>, phase: watch::Receiver<Phase>) {
        let Self { client, upstream, content, mut watch, streams, mut line, underway } = self;
        let _place = underway;
        let _open = streams.tunnel_opens();
        let Ok((client, upstream)) = tokio::try_join!(client, upstream) else { return };
        let mut pump = Pump::new(TokioIo::new(client), TokioIo::new(upstream), content);
        let end = until_the_end(&mut pump, watch.as_mut(), idle, phase, line.as_mut()).await;
        let (code, words) = match end {
            End::Both => return,
            End::Credential(ended) => {
                streams.credential_ended_one();
                if let Some(line) = &mut line {
                    line.because(ended.reason(), "gateway");
                }
                (POLICY_VIOLATION, "credential ended")
            }
            End::Idle => (GOING_AWAY, "idle for too long"),
            End::Leaving => (GOING_AWAY, "going away"),
        };
        // It is over, whatever the two ends still have to say.
        drop((watch, line));
        if content == Content::WebSocket {
            pump.close(code, words).await;
        }
    }
}

/// Why a tunnel ends.
enum End {
    /// Both ends have ended, or one broke.
    Both,
    Credential(Ended),
    Idle,
    Leaving,
}

async fn until_the_end<C, U>(
    pump: &mut Pump<C, U>,
    mut watch: Option<&mut Watch>,
    idle: Option<Duration>,
    phase: watch::Receiver<Phase>,
    mut line: Option<&mut Line>,
) -> End
where
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    U: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut leaving = pin!(leaving(phase));
    let mut still = pin!(sleep(idle.unwrap_or(NEVER)));
    let (mut moved, mut bytes) = (Instant::now(), 0);
    poll_fn(|cx| {
        if let Some(watch) = &mut watch
            && let Poll::Ready(ended) = watch.poll_ended(cx)
        {
            return Poll::Ready(End::Credential(ended));
        }
        if leaving.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Leaving);
        }
        let polled = pump.poll(cx);
        if pump.bytes() != bytes {
            (moved, bytes) = (Instant::now(), pump.bytes());
            if let Some(line) = &mut line {
                line.bytes(pump.bytes_down());
            }
        }
        if polled.is_ready() {
            return Poll::Ready(End::Both);
        }
        let patience = idle.unwrap_or(NEVER);
        let end = moved + if pump.is_half_open() { patience.min(HALF_OPEN) } else { patience };
        if still.deadline() > end {
            still.as_mut().reset(end);
        }
        // Moved only when it fires too early, for most such times never come.
        while still.as_mut().poll(cx).is_ready() {
            if Instant::now() >= end {
                return Poll::Ready(End::Idle);
            }
            still.as_mut().reset(end);
        }
        Poll::Pending
    })
    .await
}

/// Ready shortly before the gateway cuts what is still open.
async fn leaving(mut phase: watch::Receiver<Phase>) {
    let deadline = draining(&mut phase).await;
    let left = deadline.saturating_duration_since(Instant::now());
    sleep_until(deadline - CLOSING.min(left / 2)).await;
}

/// A tunnel on its way from the answer that opens it to the connection that becomes it. Of an answer's extensions
/// there may be copies; only one of them gets it.
#[derive(Clone)]
pub(super) struct Opening(Arc<Mutex<Option<Tunnel>>>);

impl Opening {
    /// Puts a tunnel between this client and an upstream's 101, which then opens it.
    pub(super) fn between(
        client: OnUpgrade,
        mut response: Response<Body>,
        watch: Option<Watch>,
        streams: &Arc<Streams>,
    ) -> Response<Body> {
        let protocol = response.headers().get(header::UPGRADE).map(HeaderValue::as_bytes);
        let is_websocket = protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"));
        let content = if is_websocket { Content::WebSocket } else { Content::Unknown };
        if let Some(upstream) = response.extensions_mut().remove::<OnUpgrade>() {
            let underway = response.extensions_mut().remove();
            let streams = Arc::clone(streams);
            let tunnel = Tunnel { client, upstream, content, watch, streams, line: None, underway };
            response.extensions_mut().insert(Self(Arc::new(Mutex::new(Some(tunnel)))));
        }
        response
    }

    /// Logs this line when the tunnel ends.
    pub(super) fn log(&self, line: Line) {
        if let Some(tunnel) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            tunnel.line = Some(line);
        }
    }

    /// The tunnel that this answer opens.
    pub(super) fn take_from(response: &mut Response<Body>) -> Option<Tunnel> {
        let opening = response.extensions_mut().remove::<Self>()?;
        opening.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Ended {
    fn reason(self) -> Reason {
        match self {
            Self::Expired => Reason::Expired,
            Self::Revoked => Reason::Revoked,
        }
    }
}

const GOING_AWAY: u16 = 1001;
const POLICY_VIOLATION: u16 = 1008;
/// What the farewells may take of the grace time.
const CLOSING: Duration = Duration::from_secs(1);
/// How long one end may say nothing when the other has closed.
const HALF_OPEN: Duration = Duration::from_mins(1);
/// Longer than the gateway runs.
const NEVER: Duration = Duration::from_hours(24 * 365 * 30);
