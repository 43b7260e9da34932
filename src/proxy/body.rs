//! Bodies in passing: the request's, with an eye on whose turn it is, and the answer's, with a limit on
//! how long it may stand still. Trailers of requests end here (RFC 9110 §6.5.1).

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

use super::trailers;
use crate::message::{Body, BodyError};

/// The request's body on its way up.
#[derive(Debug)]
pub(super) struct Outgoing {
    body: Body,
    turn: Option<Arc<Turn>>,
}

impl Outgoing {
    pub(super) fn new(body: Body) -> Self {
        let is_empty = body.is_end_stream() || body.size_hint().exact() == Some(0);
        if is_empty {
            return Self { body: Body::empty(), turn: None };
        }
        Self { body, turn: Some(Arc::new(Turn::new())) }
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
        let polled = poll_data(Pin::new(&mut self.body), context);
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
}

impl Limited {
    pub(super) fn new(body: Incoming, idle: Duration) -> Self {
        Self { body, idle, still: None, is_waiting: false }
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
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.is_waiting = false;
            return Poll::Ready(frame.and_then(|frame| frame.map(passing).map_err(BodyError::from).transpose()));
        }
        ready!(self.poll_idle(context));
        Poll::Ready(Some(Err(BodyError::TimedOut)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The same piece; of trailers, which come last, what may go on.
fn passing(frame: Frame<Bytes>) -> Option<Frame<Bytes>> {
    match frame.into_trailers() {
        Ok(trailers) => Some(trailers::passing(trailers)).filter(|left| !left.is_empty()).map(Frame::trailers),
        Err(data) => Some(data),
    }
}

/// The next piece; trailers are passed over.
fn poll_data<B>(mut body: Pin<&mut B>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>>
where
    B: http_body::Body<Data = Bytes>,
{
    loop {
        match ready!(body.as_mut().poll_frame(context)) {
            Some(Ok(frame)) if !frame.is_data() => {}
            other => return Poll::Ready(other),
        }
    }
}

const WAITING: u64 = u64::MAX;
