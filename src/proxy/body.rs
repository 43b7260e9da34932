//! Bodies in passing: the request's, with an eye on whose turn it is, and the answer's, with a limit on
//! how long it may stand still. Of trailers only those pass that do no harm.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};
use trackgate_schemes::Reason;

use super::trailers::Trailers;
use super::upstream::Flight;
use crate::message::{Body, BodyError};

/// The request's body on its way up.
#[derive(Debug)]
pub(super) struct Outgoing {
    body: Body,
    turn: Option<Arc<Turn>>,
    trailers: Trailers,
}

impl Outgoing {
    /// With those trailers of the route that go on.
    pub(super) fn new(body: Body, trailers: Trailers) -> Self {
        let is_empty = body.is_end_stream() || body.size_hint().exact() == Some(0);
        if is_empty {
            return Self::empty();
        }
        Self { body, turn: Some(Arc::new(Turn::new())), trailers }
    }

    pub(super) fn empty() -> Self {
        Self { body: Body::empty(), turn: None, trailers: Trailers::down() }
    }

    /// What is known of the body while it is sent; `None` if there is none.
    pub(super) fn turn(&self) -> Option<&Arc<Turn>> {
        self.turn.as_ref()
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { body, trailers, .. } = &mut *self;
        let polled = poll_frame(Pin::new(body), trailers, context);
        if let Some(turn) = &self.turn {
            match &polled {
                Poll::Pending => turn.is_the_clients(),
                Poll::Ready(Some(Err(error))) => turn.broke_off(error),
                Poll::Ready(_) => turn.is_the_upstreams(),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whose turn it is while a request with a body is sent: an upstream is not slow because the client is.
#[derive(Debug)]
pub(super) struct Turn {
    started: Instant,
    /// Milliseconds from the start to the last piece that was handed to the upstream; [`WAITING`] while
    /// the client has sent none.
    handed_over: AtomicU64,
    fault: OnceLock<Reason>,
}

impl Turn {
    fn new() -> Self {
        Self { started: Instant::now(), handed_over: AtomicU64::new(0), fault: OnceLock::new() }
    }

    /// When the upstream will have been silent for `limit`, as things stand; at least `limit` from now
    /// while it waits for the client, whose body has a time-out of its own.
    pub(super) fn deadline(&self, limit: Duration) -> Instant {
        match self.handed_over.load(Ordering::Relaxed) {
            WAITING => Instant::now() + limit,
            millis => self.started + Duration::from_millis(millis) + limit,
        }
    }

    /// Why the request is at fault, if its body broke off.
    pub(super) fn fault(&self) -> Option<Reason> {
        self.fault.get().copied()
    }

    fn is_the_clients(&self) {
        self.handed_over.store(WAITING, Ordering::Relaxed);
    }

    fn is_the_upstreams(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(WAITING);
        self.handed_over.store(millis, Ordering::Relaxed);
    }

    fn broke_off(&self, error: &BodyError) {
        self.fault.get_or_init(|| error.reason());
    }
}

/// The answer's body on its way down: an error if it stands still for too long.
#[derive(Debug)]
pub(super) struct Limited {
    body: Incoming,
    idle: Duration,
    still: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
    /// Until the end of the body.
    flight: Option<Flight>,
}

impl Limited {
    pub(super) fn new(body: Incoming, idle: Duration, flight: Flight) -> Self {
        Self { body, idle, still: None, is_waiting: false, flight: Some(flight) }
    }

    /// Ready when nothing has come for `idle` since the first poll that found nothing.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let still = self.still.get_or_insert_with(|| Box::pin(sleep(self.idle)));
        if !self.is_waiting {
            still.as_mut().reset(Instant::now() + self.idle);
            self.is_waiting = true;
        }
        still.as_mut().poll(context)
    }
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = poll_frame(Pin::new(&mut self.body), &Trailers::down(), context) {
            self.is_waiting = false;
            if !matches!(frame, Some(Ok(_))) {
                self.flight = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::from)));
        }
        ready!(self.poll_idle(context));
        self.flight = None;
        Poll::Ready(Some(Err(BodyError::TimedOut)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The next piece, with those trailers that go on.
fn poll_frame<B>(
    mut body: Pin<&mut B>,
    trailers: &Trailers,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, B::Error>>>
where
    B: http_body::Body<Data = Bytes>,
{
    loop {
        match ready!(body.as_mut().poll_frame(context)) {
            Some(Ok(frame)) if !frame.is_data() => {
                let kept = frame.into_trailers().ok().and_then(|received| trailers.kept(received));
                if let Some(kept) = kept {
                    return Poll::Ready(Some(Ok(Frame::trailers(kept))));
                }
            }
            other => return Poll::Ready(other),
        }
    }
}

const WAITING: u64 = u64::MAX;
