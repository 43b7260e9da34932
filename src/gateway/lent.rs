//! A wire that hyper has only for a while.
//!
//! hyper keeps a connection's io until the connection is over, and with it a buffer of 8 KiB and room for a
//! request's future. A connection that rests needs neither, so hyper gets the wire wrapped such that it comes back
//! when hyper's part is dropped.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A wire for hyper; dropping it brings the wire back to whoever lent it.
#[derive(Debug)]
pub(super) struct Lent<W> {
    /// There until it is dropped.
    wire: Option<W>,
    back: Arc<Mutex<Option<W>>>,
}

/// Where a wire that was lent comes back.
#[derive(Debug)]
pub(super) struct Back<W>(Arc<Mutex<Option<W>>>);

/// Lends this wire.
pub(super) fn lend<W>(wire: W) -> (Lent<W>, Back<W>) {
    let back = Arc::new(Mutex::new(None));
    (Lent { wire: Some(wire), back: Arc::clone(&back) }, Back(back))
}

impl<W> Back<W> {
    /// The wire, once hyper has dropped it; never when it became a tunnel.
    pub(super) fn take(self) -> Option<W> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<W> Drop for Lent<W> {
    fn drop(&mut self) {
        *self.back.lock().unwrap_or_else(PoisonError::into_inner) = self.wire.take();
    }
}

impl<W: Unpin> Lent<W> {
    fn wire(&mut self) -> io::Result<Pin<&mut W>> {
        self.wire.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl<W: AsyncRead + Unpin> AsyncRead for Lent<W> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.wire()?.poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Lent<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.wire()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.wire()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire()?.poll_shutdown(cx)
    }
}
