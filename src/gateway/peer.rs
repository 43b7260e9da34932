//! The other end of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Who is at the other end of a connection, as far as the connection itself tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// The socket's other end; IPv4 never in its IPv6-mapped form.
    pub socket: SocketAddr,
    /// The client, if a listed peer named it in a PROXY header.
    pub proxied: Option<SocketAddr>,
    /// Our end.
    pub local: SocketAddr,
    /// Whether the connection is encrypted up to here.
    pub tls: bool,
    /// The name that the client asked for in the TLS handshake.
    pub server_name: Option<Arc<str>>,
}

impl Peer {
    /// A peer on a plain connection.
    pub fn new(socket: SocketAddr, local: SocketAddr) -> Self {
        let (socket, local) = (canonical(socket), canonical(local));
        Self { socket, proxied: None, local, tls: false, server_name: None }
    }

    /// The address that this connection comes from: the one in the PROXY header, else the socket's.
    pub fn address(&self) -> IpAddr {
        self.proxied.unwrap_or(self.socket).ip()
    }
}

/// The same address, as IPv4 if it is one.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
