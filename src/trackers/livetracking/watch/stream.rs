//! The stream of events that one watcher reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use trackgate_schemes::{AccountId, Clock, Identity};

use super::door::{Closed, Door};
use super::event::{Event, after, millis};
use super::rides::{Live, Rides};
use super::slots::Slot;
use crate::message::Body;

/// What a stream needs.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) who: Identity,
    pub(super) account: AccountId,
    pub(super) door: Arc<Door>,
    pub(super) rides: Arc<Rides>,
    pub(super) clock: Arc<dyn Clock>,
    /// Changes when the gateway stops.
    pub(super) stopping: watch::Receiver<()>,
    pub(super) _slot: Slot,
}

impl Stream {
    /// The body, which begins with what came after `last` (milliseconds), if the client has the rest already.
    pub(super) fn body(self, last: Option<i64>) -> Body {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(self.run(sender, last));
        Body::stream(Events(receiver))
    }

    async fn run(mut self, sender: mpsc::Sender<Bytes>, last: Option<i64>) {
        let Some(why) = self.tell(&sender, last).await else { return };
        tracing::debug!(why, "a stream ended");
        // Whoever takes nothing will see the end of the body alone.
        drop(sender.try_send(Event::end(why).bytes));
    }

    /// Tells what comes, until it must end or the client left; then `None`.
    async fn tell(&mut self, sender: &mpsc::Sender<Bytes>, last: Option<i64>) -> Option<&'static str> {
        let (live, mut news) = self.rides.follow(self.account);
        sender.send(Event::hello(self.clock.now(), self.rides.window()).bytes).await.ok()?;
        let mut next = match self.first(&live, last).await {
            Some(first) => Some(first.bytes),
            None => return Some(UNAVAILABLE),
        };
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut checked_at, mut said_at) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                () = sender.closed() => return None,
                _ = self.stopping.changed() => return Some("restart"),
                _ = checks.tick() => {
                    match self.door.check(self.account, &self.who, self.clock.now()).await {
                        Ok(Ok(())) => checked_at = Instant::now(),
                        Ok(Err(closed)) => return Some(Closed::as_str(closed)),
                        // As long as memories may be trusted without the store.
                        Err(_down) if checked_at.elapsed() < TRUST => {}
                        Err(_down) => return Some(UNAVAILABLE),
                    }
                    if next.is_none() && said_at.elapsed() >= HEARTBEAT_EVERY {
                        next = Some(Event::heartbeat().bytes);
                    }
                }
                permit = sender.reserve(), if next.is_some() => {
                    said_at = Instant::now();
                    if let (Ok(permit), Some(bytes)) = (permit, next.take()) {
                        permit.send(bytes);
                    }
                }
                event = news.recv(), if next.is_none() => next = self.event(&live, event).await.map(|event| event.bytes),
            }
        }
    }

    /// The event that brings the client up to date; `None` if the ride cannot be read.
    async fn first(&self, live: &Live, last: Option<i64>) -> Option<Event> {
        if let Some(last) = last
            && let Ok(Some(rows)) = self.rides.rows(self.account, Some(after(last))).await
        {
            return Some(Event::points(&rows));
        }
        self.rides.whole(live).await.ok()
    }

    /// What there is to say; to a client that was too slow, the ride as a whole.
    async fn event(&self, live: &Live, news: Result<Event, RecvError>) -> Option<Event> {
        match news {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(_)) => self.rides.whole(live).await.ok(),
            // It is held here, so it goes on.
            Err(RecvError::Closed) => None,
        }
    }
}

/// The instant of `Last-Event-ID`, in milliseconds, if it is one of ours.
pub(super) fn last_event(value: Option<&http::HeaderValue>, now_nanos: i64) -> Option<i64> {
    let last = value?.to_str().ok()?.parse::<i64>().ok()?;
    (0..=millis(now_nanos).saturating_add(DAY_MILLIS)).contains(&last).then_some(last)
}

/// Pieces as a body.
#[derive(Debug)]
struct Events(mpsc::Receiver<Bytes>);

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = ready!(self.0.poll_recv(context));
        Poll::Ready(piece.map(|bytes| Ok(Frame::data(bytes))))
    }
}

const UNAVAILABLE: &str = "unavailable";

/// Pieces that wait for a slow client.
const WAITING: usize = 4;

/// With the time in which this process learns what another one ended it is less than a second.
const CHECK_EVERY: Duration = Duration::from_millis(250);

const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);

/// How long a stream goes on while the store cannot be asked whether it may.
const TRUST: Duration = Duration::from_secs(5);

const DAY_MILLIS: i64 = 86_400_000;
