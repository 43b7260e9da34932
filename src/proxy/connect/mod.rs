//! Connections to upstreams: over TCP, TLS or a socket in the file system, in time.

use std::error::Error;
use std::io;
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tower_service::Service as _;

use crate::config::address::{Address, Place};

mod stream;
mod tls;
mod wire;

pub(crate) use stream::poll_write_pieces;
use stream::{Kind, Stream};
pub(super) use tls::Client as TlsClient;
pub use tls::{ClientCertificate, Tls, TlsFault};
pub(super) use wire::{Scissors, Wire};

/// Which HTTP an upstream is spoken to in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "configuration must choose one of these")]
pub enum Protocol {
    /// HTTP/2 if the upstream agrees to it over TLS (ALPN, RFC 7301), else HTTP/1.1.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, in clear text with prior knowledge (RFC 9113 §3.3).
    Http2,
}

/// What a connection turned out to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

/// What a request can go over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whatever the upstream speaks.
    Any,
    /// HTTP/1.1 alone, since it asks to switch protocols (RFC 9110 §7.8).
    Http1,
}

/// Connects to one address.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    to: To,
    protocol: Protocol,
    limit: Duration,
    stall_limit: Duration,
}

#[derive(Clone, Debug)]
enum To {
    Tcp { tcp: HttpConnector, uri: Uri, tls: Option<TlsClient> },
    Unix(std::path::PathBuf),
}

impl Connector {
    /// Looks names up, connects and shakes hands within `limit`; a write that waits for `stall_limit` ends a
    /// connection. `tls` is used for addresses over TLS.
    pub(super) fn new(
        address: &Address,
        tls: Option<&TlsClient>,
        protocol: Protocol,
        limit: Duration,
        stall_limit: Duration,
    ) -> Self {
        let to = match address.place() {
            Place::Unix(socket) => To::Unix(socket.clone()),
            Place::Plain(authority) | Place::Tls(authority) => {
                let mut tcp = HttpConnector::new();
                tcp.set_nodelay(true);
                tcp.enforce_http(false);
                // This one is shared out among a name's addresses; ours below holds for all, look-up included.
                tcp.set_connect_timeout(Some(limit));
                let is_tls = matches!(address.place(), Place::Tls(_));
                let uri = Uri::builder().scheme(if is_tls { "https" } else { "http" }).authority(authority.clone());
                let uri = uri.path_and_query("/").build().expect("scheme, authority and path are there");
                To::Tcp { tcp, uri, tls: tls.filter(|_| is_tls).cloned() }
            }
        };
        Self { to, protocol, limit, stall_limit }
    }

    /// A new connection, and what is spoken on it.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if there is none within the limit.
    pub(super) async fn connect(&self, wanted: Wanted) -> Result<(Wire, Spoken), ConnectError> {
        match timeout(self.limit, self.open(wanted)).await {
            Ok(Ok((kind, spoken))) => Ok((Wire::new(Stream::new(kind), self.stall_limit), spoken)),
            Ok(Err(error)) if is_timeout(&*error) => Err(ConnectError::TimedOut),
            Ok(Err(error)) => Err(ConnectError::Failed(error)),
            Err(_elapsed) => Err(ConnectError::TimedOut),
        }
    }

    async fn open(&self, wanted: Wanted) -> Result<(Kind, Spoken), Box<dyn Error + Send + Sync>> {
        let unasked = match (self.protocol, wanted) {
            (Protocol::Http2, Wanted::Any) => Spoken::Http2,
            _ => Spoken::Http1,
        };
        match &self.to {
            To::Unix(socket) => Ok((Kind::Unix(UnixStream::connect(socket).await?), unasked)),
            To::Tcp { tcp, uri, tls } => {
                let stream = TokioIo::into_inner(tcp.clone().call(uri.clone()).await?);
                let Some(tls) = tls else { return Ok((Kind::Tcp(stream), unasked)) };
                let stream = tls.shake_hands(uri.host().unwrap_or_default(), stream, wanted).await?;
                let spoken = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Spoken::Http2,
                    _ if unasked == Spoken::Http2 => return Err("the upstream does not speak HTTP/2".into()),
                    _ => Spoken::Http1,
                };
                Ok((Kind::Tls(Box::new(stream)), spoken))
            }
        }
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
