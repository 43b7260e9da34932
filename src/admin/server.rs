//! Sockets and connections of the admin listener: few, short, plain HTTP/1.1.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::{State, answer};

/// Accepts until it is dropped, and ends its connections with itself.
#[derive(Debug)]
pub(super) struct Server(JoinHandle<()>);

impl Server {
    pub(super) fn start(socket: std::net::TcpListener, state: Arc<State>) -> io::Result<Self> {
        Ok(Self(tokio::spawn(accept(TcpListener::from_std(socket)?, state))))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A socket that nobody else has, as those of the serving threads can be shared.
pub(super) fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    let peer = peer.ip().to_canonical();
                    if state.may_ask(peer) {
                        connections.spawn(serve(stream, peer, Arc::clone(&state)));
                    } else {
                        tracing::debug!(%peer, "somebody who is not listed asked the admin listener");
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "the admin listener cannot accept, waiting");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, state: Arc<State>) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer::answer(&request, peer, &state).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD);
    let served = timeout(LONGEST, http.serve_connection(TokioIo::new(stream), service)).await;
    if let Ok(Err(error)) = served {
        tracing::debug!(%peer, %error, "a connection to the admin listener broke");
    }
}

impl State {
    /// Whether somebody at this address may ask.
    fn may_ask(&self, peer: IpAddr) -> bool {
        peer.is_loopback() || self.open.load().as_ref().is_some_and(|open| is_listed(&open.config.peers, peer))
    }
}

fn is_listed(networks: &[IpNet], peer: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&peer))
}

const BACKLOG: i32 = 64;
const MAX_CONNECTIONS: usize = 64;
const MAX_HEAD: usize = 16 << 10;
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_mins(10);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_networks_may_ask() {
        let networks: Vec<IpNet> = ["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().unwrap()).into();
        for (peer, may) in [
            ("10.9.8.7", true),
            ("11.0.0.1", false),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
            ("::ffff:10.0.0.1", true),
        ] {
            let peer: IpAddr = peer.parse().unwrap();
            assert_eq!(is_listed(&networks, peer.to_canonical()), may, "{peer}");
        }
        assert!(!is_listed(&[], "10.0.0.1".parse().unwrap()));
    }
}
