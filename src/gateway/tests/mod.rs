//! Whole connections over loopback, with a service that says what it saw.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trackgate_schemes::Rejection;

use super::{Handle, Limits, Listener, Peer, Respond, limited, start};
use crate::message::{Body, BodyError};

mod framing;
mod http2;
mod limits;
mod listening;
mod resting;
mod tls;

/// Notes what it sees, and answers by the path.
#[derive(Clone, Default)]
struct Witness {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Witness {
    fn note(&self, what: impl Into<String>) {
        self.seen.lock().unwrap().push(what.into());
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until it has seen this.
    fn wait_for(&self, what: &str) {
        let begun = Instant::now();
        while !self.seen().iter().any(|seen| seen == what) {
            assert!(begun.elapsed() < PATIENCE, "never saw {what}: {:?}", self.seen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Respond for Witness {
    async fn respond(&self, mut request: Request<Body>, peer: &Peer) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let line = format!("{} {path}", request.method());
        self.note(&line);
        match path.as_str() {
            "/ignore" => return Response::new("ignored".into()),
            "/large" => return Response::new(Bytes::from(vec![b'x'; 32 << 20]).into()),
            "/panic" => panic!("as asked"),
            "/peer" => {
                let client = peer.proxied.map(|client| client.to_string()).unwrap_or_default();
                let name = peer.server_name.as_deref().unwrap_or_default();
                return Response::new(format!("{client} {} {name}", peer.tls).into());
            }
            "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
            "/stuck" => std::future::pending().await,
            "/unauthorized" => {
                let mut response = Response::new("who?".into());
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                return response;
            }
            "/upgrade" => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let upgrade = hyper::upgrade::on(&mut request);
                let witness = self.clone();
                tokio::spawn(async move {
                    let mut tunnel = TokioIo::new(upgrade.await.unwrap());
                    let mut bytes = [0; 64];
                    while let Ok(read @ 1..) = tunnel.read(&mut bytes).await {
                        tunnel.write_all(&bytes[..read]).await.unwrap();
                        tunnel.flush().await.unwrap();
                    }
                    witness.note("tunnel ended");
                });
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                response.headers_mut().insert("connection", "upgrade".parse().unwrap());
                response.headers_mut().insert("upgrade", "echo".parse().unwrap());
                return response;
            }
            _ => {}
        }
        let body = limited(request.into_body(), 1000).read(u64::MAX).await;
        let (status, text) = match &body {
            Ok(body) => (StatusCode::OK, format!("{line} {}", body.len())),
            Err(BodyError::Broken(_)) => (StatusCode::OK, "broken".to_owned()),
            Err(BodyError::TimedOut) => (StatusCode::REQUEST_TIMEOUT, "late".to_owned()),
            Err(BodyError::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, "large".to_owned()),
        };
        if body.is_err() {
            self.note(&text);
        }
        let mut response = Response::new(text.into());
        *response.status_mut() = status;
        response
    }

    fn refuse(&self, why: &Rejection, _head: Option<&http::request::Parts>, _peer: &Peer) -> Response<Body> {
        self.note(format!("refused {}", why.reason));
        let mut response = Response::new(why.reason.code().into());
        *response.status_mut() = why.reason.status();
        response
    }
}

/// A gateway on loopback.
struct Gateway {
    witness: Witness,
    handle: Handle,
    address: SocketAddr,
}

impl Gateway {
    fn new() -> Self {
        Self::with(short_limits(), loopback())
    }

    fn with(limits: Limits, listener: Listener) -> Self {
        Self::on_cores(1, limits, listener)
    }

    fn on_cores(cores: usize, limits: Limits, listener: Listener) -> Self {
        let witness = Witness::default();
        let respond = witness.clone();
        let handle = start(vec![listener], limits, NonZeroUsize::new(cores), move |_core| respond.clone()).unwrap();
        let address = handle.addresses()[0];
        Self { witness, handle, address }
    }

    fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { stream, read: Vec::new() }
    }

    /// Sends all of it and reads until the gateway closes.
    fn talk(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect();
        client.send(bytes);
        client.rest()
    }
}

/// A raw client.
struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// The next response, which must have a `Content-Length`: status and body.
    fn response(&mut self) -> (u16, String) {
        let head = self.until(b"\r\n\r\n");
        let status = head.get(9..12).unwrap_or_else(|| panic!("no response: {head}")).parse().unwrap();
        let length = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned))
            .map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.more() > 0, "the body broke off");
        }
        let body = self.read.drain(..length).collect();
        (status, String::from_utf8(body).unwrap())
    }

    /// Everything up to and with this, or to the end.
    fn until(&mut self, mark: &[u8]) -> String {
        loop {
            if let Some(at) = self.read.windows(mark.len()).position(|window| window == mark) {
                return String::from_utf8(self.read.drain(..at + mark.len()).collect()).unwrap();
            }
            if self.more() == 0 {
                return String::from_utf8(std::mem::take(&mut self.read)).unwrap();
            }
        }
    }

    /// Everything until the gateway closes.
    fn rest(&mut self) -> String {
        while self.more() > 0 {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    fn more(&mut self) -> usize {
        let mut chunk = [0; 16 * 1024];
        let read = self.stream.read(&mut chunk).unwrap_or_else(|error| {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
            0
        });
        self.read.extend_from_slice(&chunk[..read]);
        read
    }
}

fn loopback() -> Listener {
    Listener::new(SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// Time-outs that a test can wait for.
fn short_limits() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(800),
        handshake_timeout: Duration::from_millis(800),
        body_idle: Duration::from_millis(800),
        response_idle: Duration::from_millis(800),
        keep_alive_idle: Duration::from_millis(1200),
        ..Limits::default()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// The statuses of all responses in this text.
fn statuses(text: &str) -> Vec<u16> {
    text.split("HTTP/1.").skip(1).map(|response| response.get(2..5).unwrap().parse().unwrap()).collect()
}

const PATIENCE: Duration = Duration::from_secs(10);
