//! Bytes between the two ends of a tunnel, both ways, each with its own end.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::frames::{Frames, Sender, close};

/// The two ends, and what is under way between them. An idle one holds no buffer.
#[derive(Debug)]
pub(super) struct Pump<C, U> {
    client: C,
    upstream: U,
    down: Way,
    up: Way,
}

/// What passes: whether the ends of messages can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Unknown,
    WebSocket,
}

impl<C, U> Pump<C, U>
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(client: C, upstream: U, content: Content) -> Self {
        Self { client, upstream, down: Way::new(content), up: Way::new(content) }
    }

    /// Bytes that came from the upstream.
    pub(super) fn bytes_down(&self) -> u64 {
        self.down.bytes
    }

    /// Bytes that came from either end: grows while it is in use.
    pub(super) fn bytes(&self) -> u64 {
        self.down.bytes + self.up.bytes
    }

    /// Whether one end sends no more.
    pub(super) fn is_half_open(&self) -> bool {
        self.down.at != At::Reading || self.up.at != At::Reading
    }

    /// Ready when both ends have ended, or one broke.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let down = self.down.poll(cx, &mut self.upstream, &mut self.client)?;
        let up = self.up.poll(cx, &mut self.client, &mut self.upstream)?;
        if down.is_ready() && up.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Ends a WebSocket with a Close frame each way, between two frames. An end that is in the midst of one
    /// and does not finish it soon is cut.
    pub(super) async fn close(mut self, code: u16, words: &str) {
        self.down.end_with(close(code, words, Sender::Server));
        self.up.end_with(close(code, words, Sender::Client));
        let _broken_or_late = timeout(FINISH, poll_fn(|cx| self.poll(cx))).await;
        // What is closed with something unread is reset, and that can take the frame from its reader.
        let _late = timeout(DRAIN, poll_fn(|cx| self.poll_drained(cx))).await;
    }

    fn poll_drained(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let client = if self.down.at == At::Shut { poll_away(cx, &mut self.client) } else { Poll::Ready(()) };
        let upstream = if self.up.at == At::Shut { poll_away(cx, &mut self.upstream) } else { Poll::Ready(()) };
        if client.is_ready() { upstream } else { Poll::Pending }
    }
}

/// One direction.
#[derive(Debug)]
struct Way {
    at: At,
    /// What was read and could not be written at once.
    held: BytesMut,
    is_unflushed: bool,
    bytes: u64,
    frames: Option<Frames>,
    /// What is written at the end of the frame, and nothing behind it.
    last: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Nothing more can be written, and nobody is told.
    Cut,
    /// Nothing more is read.
    Ended,
    Reading,
    /// And the reader knows it.
    Shut,
}

impl Way {
    fn new(content: Content) -> Self {
        let frames = (content == Content::WebSocket).then(Frames::new);
        Self { at: At::Reading, held: BytesMut::new(), is_unflushed: false, bytes: 0, frames, last: None }
    }

    fn end_with(&mut self, frame: Bytes) {
        self.last = Some(frame);
    }

    /// Ready when this way has ended. What cannot be written ends it alone, for what its reader has sent may still
    /// be under way; what cannot be read ends all.
    fn poll<R, W>(&mut self, cx: &mut Context<'_>, from: &mut R, to: &mut W) -> Poll<io::Result<()>>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        for _turn in 0..TURNS {
            if let Err(error) = ready!(self.poll_held(cx, to)) {
                return Poll::Ready(self.cut(error));
            }
            match self.at {
                At::Cut | At::Shut => return Poll::Ready(Ok(())),
                At::Ended => {
                    let shut = ready!(Pin::new(&mut *to).poll_shutdown(cx));
                    self.at = At::Shut;
                    return Poll::Ready(shut.or_else(|error| self.cut(error)));
                }
                At::Reading => {}
            }
            let Some(room) = self.room() else { continue };
            let mut chunk = [MaybeUninit::uninit(); CHUNK];
            let mut chunk = ReadBuf::uninit(chunk.get_mut(..room).unwrap_or_default());
            if Pin::new(&mut *from).poll_read(cx, &mut chunk)?.is_pending() {
                if self.is_unflushed {
                    let flushed = ready!(Pin::new(&mut *to).poll_flush(cx));
                    self.is_unflushed = false;
                    if let Err(error) = flushed {
                        return Poll::Ready(self.cut(error));
                    }
                }
                return Poll::Pending;
            }
            let new = chunk.filled();
            if new.is_empty() {
                self.at = At::Ended;
                continue;
            }
            self.bytes += new.len() as u64;
            if let Some(frames) = &mut self.frames {
                frames.advance(new);
            }
            // Most often the other side takes all of it at once, and nothing is copied.
            let written = match Pin::new(&mut *to).poll_write(cx, new) {
                Poll::Ready(Ok(written)) => written,
                Poll::Ready(Err(error)) => return Poll::Ready(self.cut(error)),
                Poll::Pending => 0,
            };
            self.is_unflushed = true;
            self.held.extend_from_slice(new.get(written..).unwrap_or_default());
        }
        // Others want their turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_held<W: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut W) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.held))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.is_unflushed = true;
            self.held.advance(written);
        }
        self.held = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// How much may be read; `None` when the way has come to its end just now.
    fn room(&mut self) -> Option<usize> {
        let Some(last) = &self.last else { return Some(CHUNK) };
        let Some(to_come) = self.frames.and_then(Frames::remaining) else {
            self.at = At::Cut;
            return None;
        };
        if to_come > 0 {
            return Some(usize::try_from(to_come).map_or(CHUNK, |to_come| to_come.min(CHUNK)));
        }
        if !self.frames.is_some_and(Frames::has_closed) {
            self.held.extend_from_slice(last);
        }
        self.at = At::Ended;
        None
    }

    fn cut(&mut self, error: io::Error) -> io::Result<()> {
        self.at = At::Cut;
        self.held = BytesMut::new();
        // Somebody who is there and takes nothing is no reader.
        if error.kind() == io::ErrorKind::TimedOut { Err(error) } else { Ok(()) }
    }
}

/// Ready when nothing more comes; what comes is thrown away.
fn poll_away<R: AsyncRead + Unpin>(cx: &mut Context<'_>, from: &mut R) -> Poll<()> {
    for _turn in 0..TURNS {
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let mut chunk = ReadBuf::uninit(&mut chunk);
        let read = ready!(Pin::new(&mut *from).poll_read(cx, &mut chunk));
        if read.is_err() || chunk.filled().is_empty() {
            return Poll::Ready(());
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Bytes that are read at once, on the stack.
const CHUNK: usize = 16 * 1024;
/// Reads and writes before others get their turn.
const TURNS: usize = 32;
/// How long a frame that has begun may take to end.
const FINISH: Duration = Duration::from_millis(200);
/// How long an end may take to close after its Close frame.
const DRAIN: Duration = Duration::from_millis(400);
