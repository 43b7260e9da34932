//! Connections to upstreams: in time, and never stuck on an upstream that does not read.

use std::error::Error;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep, timeout};
use tower_service::Service;

/// Connects over TCP.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    tcp: HttpConnector,
    limit: Duration,
    stall_limit: Duration,
}

impl Connector {
    /// Looks names up and connects within `limit`; a write that waits for `stall_limit` ends a connection.
    pub(super) fn new(limit: Duration, stall_limit: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        // This one is shared out among a name's addresses; ours below holds for all, look-up included.
        tcp.set_connect_timeout(Some(limit));
        Self { tcp, limit, stall_limit }
    }
}

impl Service<Uri> for Connector {
    type Response = Wire;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Wire, ConnectError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.tcp.poll_ready(context).map_err(|error| ConnectError::Failed(error.into()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, limit, stall_limit) = (self.tcp.call(uri), self.limit, self.stall_limit);
        Box::pin(async move {
            match timeout(limit, connecting).await {
                Ok(Ok(io)) => Ok(Wire::new(io, stall_limit)),
                Ok(Err(error)) if is_timeout(&error) => Err(ConnectError::TimedOut),
                Ok(Err(error)) => Err(ConnectError::Failed(error.into())),
                Err(_elapsed) => Err(ConnectError::TimedOut),
            }
        })
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("the upstream cannot be reached")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    #[error("the upstream did not take the connection in time")]
    TimedOut,
}

/// A connection to an upstream.
#[derive(Debug)]
pub(super) struct Wire {
    io: TokioIo<TcpStream>,
    stall_limit: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    scissors: Scissors,
    /// Says when they were used.
    cut: Option<oneshot::Receiver<()>>,
}

/// Ends a connection whose answers cannot be trusted, so that the pool does not use it again. Every answer
/// has those of its connection among its extensions.
#[derive(Clone, Debug)]
pub(super) struct Scissors(Arc<Mutex<Option<oneshot::Sender<()>>>>);

impl Scissors {
    pub(super) fn cut(&self) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Nobody hears it when the connection has ended before.
            sender.send(()).ok();
        }
    }
}

impl Wire {
    fn new(io: TokioIo<TcpStream>, stall_limit: Duration) -> Self {
        let (sender, cut) = oneshot::channel();
        let scissors = Scissors(Arc::new(Mutex::new(Some(sender))));
        Self { io, stall_limit, stalled: None, scissors, cut: Some(cut) }
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

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.scissors.clone())
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

/// Whether the system, or the connector's own limit, says that it took too long.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    // The connector boxes what the system said.
    let mut error = Some(error);
    while let Some(inner) = error {
        if inner.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        error = inner.source();
    }
    false
}
