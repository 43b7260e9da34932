//! Bodies on their way: a request body with clocks, a limit for any body, a response body that is counted.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::limits::Limits;
use super::shared::{Shared, Stall};
use super::traffic::Traffic;
use crate::message::{Body, BodyError};

/// The body, cut off with [`BodyError::TooLarge`] when it turns out larger than `max` bytes.
///
/// One that says so beforehand fails at once, before a byte of it is read.
pub fn limited(body: Body, max: u64) -> Body {
    let hint = body.size_hint();
    if hint.upper().is_some_and(|upper| upper <= max) {
        return body;
    }
    let left = (hint.lower() <= max).then_some(max);
    Body::stream(Limited { body, left })
}

struct Limited {
    body: Body,
    /// What may still come; `None` when it is known to be too much.
    left: Option<u64>,
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(left) = self.left else { return Poll::Ready(Some(Err(BodyError::TooLarge))) };
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.left = left.checked_sub(data.len() as u64);
            if self.left.is_none() {
                self.body = Body::empty();
                return Poll::Ready(Some(Err(BodyError::TooLarge)));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_some() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's body as the service gets it: it must not stand still, nor crawl.
pub(crate) fn incoming(body: Incoming, limits: &Arc<Limits>, traffic: &Arc<Traffic>) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    let (limits, traffic) = (Arc::clone(limits), Arc::clone(traffic));
    Body::stream(Arriving { body, limits, traffic, waited: Duration::ZERO, bytes: 0, wait: None })
}

struct Arriving {
    body: Incoming,
    limits: Arc<Limits>,
    traffic: Arc<Traffic>,
    bytes: u64,
    /// How long we have waited for the client in all; a reader of ours that is slow is no fault of the client.
    waited: Duration,
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Arriving {
    /// How long to wait for the next bytes: one idle time, and not below the rate in all.
    fn patience(&self) -> Duration {
        let idle = self.limits.body_idle;
        match self.bytes.checked_div(u64::from(self.limits.body_rate)) {
            Some(seconds) => idle.min((idle + Duration::from_secs(seconds)).saturating_sub(self.waited)),
            None => idle,
        }
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if let Some((since, _sleep)) = this.wait.take() {
                    this.waited += since.elapsed();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => {
                let patience = this.patience();
                let (_since, sleep) =
                    this.wait.get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(patience))));
                ready!(sleep.as_mut().poll(cx));
                Poll::Ready(Some(Err(BodyError::TimedOut)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.traffic.receive(self.bytes);
    }
}

/// A response's body as hyper gets it: the connection knows when it is over and when it waits.
#[derive(Debug)]
pub(crate) struct Outgoing {
    body: Body,
    stalled: bool,
    running: Running,
}

impl Outgoing {
    pub(crate) fn new(body: Body, running: Running) -> Self {
        let stalled = !body.is_end_stream();
        if stalled {
            running.0.stall(Stall::Begins);
        }
        Self { body, stalled, running }
    }

    fn stall(&mut self, stalled: bool) {
        if stalled != self.stalled {
            self.stalled = stalled;
            self.running.0.stall(if stalled { Stall::Begins } else { Stall::Ends });
        }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        // To be asked means that the client took what was before.
        self.stall(false);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.stall(matches!(frame, Some(Ok(_))));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.stall(false);
    }
}

/// A request from its head to the last byte of its response.
#[derive(Debug)]
pub(crate) struct Running(Arc<Shared>);

impl Running {
    /// Begins one; also gives its number on the connection.
    pub(crate) fn begin(shared: &Arc<Shared>) -> (Self, u64) {
        let number = shared.begin();
        (Self(Arc::clone(shared)), number)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.finish();
    }
}
