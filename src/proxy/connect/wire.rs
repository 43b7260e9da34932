//! The bytes of one connection: never stuck on an upstream that does not read, and cut where an answer has two
//! readings.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::stream::Stream;

/// A connection to an upstream.
#[derive(Debug)]
pub(in crate::proxy) struct Wire {
    io: TokioIo<Stream>,
    stall_limit: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    scissors: Scissors,
    /// Says when they were used.
    cut: Option<oneshot::Receiver<()>>,
}

/// Ends a connection whose answers cannot be trusted, so that the pool does not use it again, and knows whether
/// anything was read since it was last asked.
#[derive(Clone, Debug)]
pub(in crate::proxy) struct Scissors(Arc<Blades>);

#[derive(Debug)]
struct Blades {
    cut: Mutex<Option<oneshot::Sender<()>>>,
    has_read: Arc<AtomicBool>,
}

impl Scissors {
    pub(in crate::proxy) fn cut(&self) {
        if let Some(sender) = self.0.cut.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Nobody hears it when the connection has ended before.
            sender.send(()).ok();
        }
    }

    /// Whether a byte came in since this was last called.
    pub(in crate::proxy) fn take_has_read(&self) -> bool {
        self.0.has_read.swap(false, Ordering::Relaxed)
    }
}

impl Wire {
    pub(super) fn new(stream: Stream, stall_limit: Duration) -> Self {
        let (sender, cut) = oneshot::channel();
        let blades = Blades { cut: Mutex::new(Some(sender)), has_read: stream.has_read() };
        let scissors = Scissors(Arc::new(blades));
        Self { io: TokioIo::new(stream), stall_limit, stalled: None, scissors, cut: Some(cut) }
    }

    pub(in crate::proxy) fn scissors(&self) -> Scissors {
        self.scissors.clone()
    }

    fn poll_cut(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(cut) = &mut self.cut
            && let Poll::Ready(said) = Pin::new(cut).poll(context)
        {
            self.cut = None;
            // An error only says that nobody is left to use the scissors.
            return said.map_or(Ok(()), |()| Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Ok(())
    }

    /// The outcome of a write, unless it has waited for too long. Nobody else would notice: what is to be
    /// sent waits here, and neither body is asked for more.
    fn limited(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.stall_limit)));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_cut(context)?;
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.limited(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, pieces);
        self.limited(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
