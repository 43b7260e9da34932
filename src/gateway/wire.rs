//! The bytes of one connection on their way between socket and hyper.
//!
//! Towards hyper go only messages that [`Framing`] calls good; the first bad one is replaced by a head of
//! our own that the service recognises, so that its answer comes in order, and nothing behind it is read.
//! The wire also holds the clocks of the connection: for a head, for keeping it without a request, for
//! a client that takes nothing of its response.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::flood::Flood;
use super::framing::{Framing, Stop, method_and_path};
use super::limits::Limits;
use super::shared::{Shared, Upgrade};

/// A transport with strict reading and clocks.
#[derive(Debug)]
pub(crate) struct Wire<T, G> {
    inner: T,
    limits: Arc<Limits>,
    shared: Arc<Shared>,
    reading: Reading,
    /// Bytes read and not yet handed to hyper: the first `ready` of them are good.
    held: BytesMut,
    ready: usize,
    /// The rest of `held` was not looked at since something changed.
    look_again: bool,
    /// Since when a head is incomplete.
    head_since: Option<Instant>,
    read_clock: Clock,
    write_clock: Clock,
    /// Everything that hyper wrote is with the kernel.
    flushed: bool,
    /// How many bytes are still read and thrown away after our end was closed, so that a reset does not take
    /// the answer from the client (RFC 9112 section 9.6).
    linger: Option<usize>,
    /// Lives as long as the connection, also as a tunnel.
    _guard: G,
}

#[derive(Debug)]
enum Reading {
    /// HTTP/1 messages.
    Messages(Framing),
    /// Behind a request for an upgrade.
    Undecided(Framing),
    /// A refused head was handed over: hyper closes after its answer.
    Refused,
    /// The body broke, or the client sends no more: hyper sees the end.
    Ended,
    /// Time is over: hyper sees the end, and so does the client.
    Late,
    /// HTTP/2 frames.
    Frames(Flood),
    /// Whatever the upgrade is about.
    Tunnel,
}

impl<T, G> Wire<T, G> {
    /// A wire that reads HTTP/1 messages; `read` holds what was already read of them.
    pub(crate) fn http1(inner: T, read: BytesMut, limits: Arc<Limits>, shared: Arc<Shared>, guard: G) -> Self {
        let reading = Reading::Messages(Framing::new(Arc::clone(&limits)));
        Self::new(inner, reading, read, limits, shared, guard)
    }

    /// A wire that reads HTTP/2 frames; `read` holds what was already read of them.
    pub(crate) fn http2(inner: T, read: BytesMut, limits: Arc<Limits>, shared: Arc<Shared>, guard: G) -> Self {
        let reading = Reading::Frames(Flood::new(&limits));
        Self::new(inner, reading, read, limits, shared, guard)
    }

    fn new(inner: T, reading: Reading, held: BytesMut, limits: Arc<Limits>, shared: Arc<Shared>, guard: G) -> Self {
        let look_again = !held.is_empty();
        Self {
            inner,
            limits,
            shared,
            reading,
            held,
            ready: 0,
            look_again,
            head_since: None,
            read_clock: Clock::default(),
            write_clock: Clock::default(),
            flushed: true,
            linger: None,
            _guard: guard,
        }
    }

    /// Reads no more: hyper sees the end.
    pub(crate) fn end(&mut self) {
        self.reading = if self.may_have_unread() { Reading::Ended } else { Reading::Late };
        self.shared.set_resting(false);
    }

    /// Whether there may be an answer on its way, and something from the client that nobody reads.
    fn may_have_unread(&self) -> bool {
        match &self.reading {
            Reading::Messages(framing) => framing.heads() > 0 && !(framing.in_head() && self.held.is_empty()),
            Reading::Ended | Reading::Refused | Reading::Undecided(_) => true,
            Reading::Frames(_) | Reading::Late | Reading::Tunnel => false,
        }
    }

    /// Acts on what the framing says about `bytes`, which either are `held` or came in just now.
    fn settle(&mut self, stop: Stop) {
        self.reading = match (std::mem::replace(&mut self.reading, Reading::Ended), stop) {
            (Reading::Messages(framing), Stop::More) => {
                let waits = framing.in_head() && self.held.len() > self.ready;
                self.head_since = waits.then(|| self.head_since.unwrap_or_else(Instant::now));
                Reading::Messages(framing)
            }
            (Reading::Messages(framing), Stop::Upgrade) => Reading::Undecided(framing),
            (Reading::Messages(_), Stop::BadHead { reason, to_head }) => {
                let bad = self.held.get(self.ready..).unwrap_or_default();
                let stands_for_it = self.shared.refuse(reason, to_head, method_and_path(bad, &self.limits));
                self.held.truncate(self.ready);
                self.held.extend_from_slice(stands_for_it.as_bytes());
                self.ready = self.held.len();
                Reading::Refused
            }
            (Reading::Messages(framing), Stop::BadBody) => {
                self.shared.set_broken(framing.heads());
                self.held.truncate(self.ready);
                Reading::Ended
            }
            (other, _) => other,
        };
    }
}

impl<T: AsyncRead + Unpin, G> Wire<T, G> {
    /// Ready when there is something to read for hyper, be it the end: until then the wire is all that a
    /// connection needs.
    pub(crate) async fn arrival(&mut self) {
        poll_fn(|cx| self.poll_arrival(cx)).await;
    }

    fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.set_resting(false);
        if !self.held.is_empty() || !matches!(self.reading, Reading::Messages(_)) {
            return Poll::Ready(());
        }
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let mut chunk = ReadBuf::uninit(&mut chunk);
        match Pin::new(&mut self.inner).poll_read(cx, &mut chunk) {
            Poll::Pending => return self.poll_clock(cx, Rest::Already),
            Poll::Ready(Ok(())) if !chunk.filled().is_empty() => {
                self.held.extend_from_slice(chunk.filled());
                self.look_again = true;
            }
            Poll::Ready(_ended) => self.reading = Reading::Ended,
        }
        Poll::Ready(())
    }

    fn poll_messages(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.ready > 0 {
                self.hand_on(buf);
                return Poll::Ready(Ok(()));
            }
            match &mut self.reading {
                Reading::Ended | Reading::Late => return Poll::Ready(Ok(())),
                // The end would make hyper drop the request; it closes by itself after the answer.
                Reading::Refused => return Poll::Pending,
                Reading::Undecided(_) => ready!(self.poll_undecided(cx))?,
                Reading::Frames(_) | Reading::Tunnel => return self.poll_through(cx, buf),
                Reading::Messages(framing) if self.held.is_empty() => {
                    let before = buf.filled().len();
                    if Pin::new(&mut self.inner).poll_read(cx, buf)?.is_pending() {
                        return self.poll_clock(cx, Rest::Possible).map(Ok);
                    }
                    let new = buf.filled().get(before..).unwrap_or_default();
                    if new.is_empty() {
                        return Poll::Ready(Ok(()));
                    }
                    let step = framing.advance(new);
                    let rest = new.get(step.good..).unwrap_or_default();
                    self.held.extend_from_slice(rest);
                    buf.set_filled(before + step.good);
                    self.settle(step.stop);
                    self.shared.set_resting(false);
                    if step.good > 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Reading::Messages(framing) => {
                    if !std::mem::take(&mut self.look_again) {
                        let mut chunk = [MaybeUninit::uninit(); CHUNK];
                        let mut chunk = ReadBuf::uninit(&mut chunk);
                        if Pin::new(&mut self.inner).poll_read(cx, &mut chunk)?.is_pending() {
                            return self.poll_clock(cx, Rest::Possible).map(Ok);
                        }
                        if chunk.filled().is_empty() {
                            self.held.clear();
                            self.reading = Reading::Ended;
                            continue;
                        }
                        self.held.extend_from_slice(chunk.filled());
                    }
                    let step = framing.advance(&self.held);
                    self.ready = step.good;
                    self.settle(step.stop);
                }
            }
        }
    }

    fn hand_on(&mut self, buf: &mut ReadBuf<'_>) {
        let here = self.ready.min(buf.remaining());
        buf.put_slice(self.held.get(..here).unwrap_or_default());
        self.held.advance(here);
        self.ready -= here;
        if self.held.is_empty() {
            // Kept connections should cost little.
            self.held = BytesMut::new();
        }
    }

    /// Waits for the answer to a request for an upgrade. What comes in before it is held back: it is the
    /// next request, or sent too early.
    fn poll_undecided(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.shared.upgrade(cx.waker()) {
            Upgrade::Refused => {
                if let Reading::Undecided(framing) = std::mem::replace(&mut self.reading, Reading::Ended) {
                    self.look_again = !self.held.is_empty();
                    self.reading = Reading::Messages(framing);
                }
            }
            Upgrade::Switched => self.switch()?,
            Upgrade::Undecided => {
                if self.held.len() >= CHUNK {
                    return Poll::Pending;
                }
                let mut chunk = [MaybeUninit::uninit(); CHUNK];
                let mut chunk = ReadBuf::uninit(&mut chunk);
                ready!(Pin::new(&mut self.inner).poll_read(cx, &mut chunk))?;
                if chunk.filled().is_empty() {
                    self.held.clear();
                    self.reading = Reading::Ended;
                } else {
                    self.held.extend_from_slice(chunk.filled());
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Before the answer is written that makes a tunnel: what came in by now cannot be meant for it.
    fn check_early(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if !matches!(self.reading, Reading::Undecided(_)) || !self.shared.is_switched() {
            return Ok(());
        }
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let mut chunk = ReadBuf::uninit(&mut chunk);
        if Pin::new(&mut self.inner).poll_read(cx, &mut chunk)?.is_ready() {
            self.held.extend_from_slice(chunk.filled());
        }
        self.switch()
    }

    /// The connection becomes a tunnel, unless the client did not wait for that.
    fn switch(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            self.reading = Reading::Tunnel;
            // Tunnels are many and should cost little.
            (self.held, self.read_clock) = (BytesMut::new(), Clock::default());
            return Ok(());
        }
        self.reading = Reading::Ended;
        self.held.clear();
        Err(io::Error::new(io::ErrorKind::InvalidData, "bytes sent before the upgrade"))
    }

    fn poll_through(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.look_again) {
            if let Reading::Frames(flood) = &mut self.reading {
                flood.read(&self.held)?;
            }
            self.ready = self.held.len();
            self.hand_on(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        if let Reading::Frames(flood) = &mut self.reading {
            flood.read(buf.filled().get(before..).unwrap_or_default())?;
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing came in: is there a time by which it must?
    fn poll_clock(&mut self, cx: &mut Context<'_>, rest: Rest) -> Poll<()> {
        let Reading::Messages(framing) = &self.reading else { return Poll::Pending };
        loop {
            let started = Instant::from_std(self.shared.started());
            let idle = framing.heads() == self.shared.finished() && framing.in_head();
            let deadline = if let Some(since) = self.head_since {
                since + self.limits.head_timeout
            } else if framing.heads() == 0 {
                started + self.limits.head_timeout
            } else if idle {
                Instant::from_std(self.shared.idle_since()) + self.limits.keep_alive_idle
            } else {
                // A request runs, be it for hours; its last flush sets the clock.
                let again = Instant::now() + self.limits.keep_alive_idle;
                ready!(self.read_clock.poll(cx, again));
                continue;
            };
            if idle && rest == Rest::Possible && self.held.is_empty() {
                let due = Instant::from_std(self.shared.idle_since()) + self.limits.rest_after();
                let now = Instant::now();
                if due > now {
                    ready!(self.read_clock.poll(cx, deadline.min(due)));
                    continue;
                }
                // What hyper has not written yet it would lose.
                self.shared.set_resting(self.flushed);
            }
            ready!(self.read_clock.poll(cx, deadline));
            tracing::debug!("the connection's time without a whole request is over");
            self.reading = Reading::Late;
            self.held.clear();
            return Poll::Ready(());
        }
    }
}

impl<T, G> Wire<T, G> {
    /// When a response is over, nobody polls the reader, whose clock may be far off: it is to look when the connection
    /// may come to rest.
    fn look_soon(&mut self, cx: &mut Context<'_>) {
        let Reading::Messages(framing) = &self.reading else { return };
        if framing.heads() > 0 && framing.heads() == self.shared.finished() && self.linger.is_none() {
            let soon = Instant::now() + self.limits.rest_after();
            // That lies ahead, so it only sets the clock.
            let _ahead = self.read_clock.poll(cx, soon).is_pending();
        }
    }
}

/// Whether a connection without a request may come to rest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Possible,
    Already,
}

impl<T: AsyncRead + Unpin, G: Unpin> AsyncRead for Wire<T, G> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.get_mut().poll_messages(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin, G: Unpin> AsyncWrite for Wire<T, G> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_early(cx)?;
        this.flushed = false;
        let written = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.wrote(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_early(cx)?;
        this.flushed = false;
        let written = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.inner).poll_flush(cx);
        this.flushed |= matches!(flushed, Poll::Ready(Ok(())));
        if this.flushed {
            this.look_soon(cx);
        }
        this.wrote(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            let shut = Pin::new(&mut this.inner).poll_shutdown(cx);
            ready!(this.wrote(cx, shut))?;
            this.read_clock = Clock::default();
            this.linger = Some(if this.may_have_unread() { LINGER_BYTES } else { 0 });
        }
        let left = this.linger.get_or_insert(0);
        while *left > 0 {
            let mut chunk = [MaybeUninit::uninit(); CHUNK];
            let mut chunk = ReadBuf::uninit(&mut chunk);
            match Pin::new(&mut this.inner).poll_read(cx, &mut chunk) {
                Poll::Ready(Ok(())) if !chunk.filled().is_empty() => {
                    *left = left.saturating_sub(chunk.filled().len());
                }
                Poll::Ready(_ended) => break,
                Poll::Pending => {
                    ready!(this.read_clock.poll_after(cx, LINGER_TIME));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T, G> Wire<T, G> {
    /// Lets the clock run while the client takes nothing.
    fn wrote<R>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.write_clock.stop();
            return written;
        }
        ready!(self.write_clock.poll_after(cx, self.limits.response_idle));
        tracing::debug!("the client took nothing of its response for too long");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// A timer that is moved only when it fires too early, for most deadlines never come.
#[derive(Debug, Default)]
struct Clock {
    sleep: Option<Pin<Box<Sleep>>>,
    deadline: Option<Instant>,
}

impl Clock {
    /// Ready at this deadline.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }

    /// Ready this long after the first such call since the last [`stop`](Self::stop).
    fn poll_after(&mut self, cx: &mut Context<'_>, wait: Duration) -> Poll<()> {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + wait);
        self.poll(cx, deadline)
    }

    fn stop(&mut self) {
        self.deadline = None;
    }
}

const CHUNK: usize = 4096;
const LINGER_BYTES: usize = 256 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(1);
