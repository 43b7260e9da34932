//! The proxy before upstreams on raw sockets that record what they get, byte for byte.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use trackgate_schemes::{
    AccountId, CanonicalPath, Carrier, Credential, CredentialKind, Grants, Head, Identity, Rejection, Scheme, Step,
    Subject, Verdict,
};

use super::{Forward, Peer, Sending, Settings, Transport, Upstream};
use crate::layer::{Gate, Mode, Permit};
use crate::message::{Body, BodyError};

mod failures;
mod framing;
mod headers;
mod secured;
mod trying;

/// An upstream that plays a script on each connection and keeps all that it read.
#[derive(Debug)]
struct Recorder {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Tape>>>,
}

/// What was read on one connection.
type Tape = Arc<Mutex<Vec<u8>>>;

impl Recorder {
    /// Plays `script` on every connection.
    async fn start<S, F>(script: S) -> Self
    where
        S: Fn(Line) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let tapes = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                let tape = Tape::default();
                let number = {
                    let mut tapes = tapes.lock().unwrap();
                    tapes.push(tape.clone());
                    tapes.len()
                };
                tokio::spawn(script(Line { number, stream, tape, taken: 0 }));
            }
        });
        Self { address, connections }
    }

    /// Reads requests on every connection and answers each alike.
    async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut line| async move {
            while line.request().await.is_some() {
                line.write(answer).await;
            }
        })
        .await
    }

    fn settings(&self) -> Settings {
        Settings::new("points", format!("http://{}", self.address).parse().unwrap())
    }

    fn upstream(&self) -> Upstream {
        Upstream::new(self.settings()).unwrap()
    }

    /// What each connection has read so far.
    fn tapes(&self) -> Vec<String> {
        let connections = self.connections.lock().unwrap();
        connections.iter().map(|tape| String::from_utf8_lossy(&tape.lock().unwrap()).into_owned()).collect()
    }

    /// All that was read, when there was only one connection.
    fn tape(&self) -> String {
        let mut tapes = self.tapes();
        assert_eq!(tapes.len(), 1, "{tapes:?}");
        tapes.remove(0)
    }
}

/// One connection, seen from the upstream.
struct Line {
    /// Counted from 1.
    number: usize,
    stream: TcpStream,
    tape: Tape,
    taken: usize,
}

impl Line {
    /// Reads up to the end of a head; `None` if the other side ends first.
    async fn head(&mut self) -> Option<String> {
        self.until(b"\r\n\r\n").await
    }

    /// Reads a whole request, by its framing.
    async fn request(&mut self) -> Option<String> {
        let mut request = self.head().await?;
        let length =
            request.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|n| n.parse::<usize>().unwrap());
        if request.contains("\r\ntransfer-encoding: chunked\r\n") {
            request += &self.until(b"0\r\n\r\n").await?;
        } else if let Some(length) = length {
            while self.rest().len() < length {
                self.more().await?;
            }
            request += str::from_utf8(&self.rest()[..length]).unwrap();
            self.taken += length;
        }
        Some(request)
    }

    async fn until(&mut self, end: &[u8]) -> Option<String> {
        loop {
            let rest = self.rest();
            if let Some(at) = rest.windows(end.len()).position(|window| window == end) {
                self.taken += at + end.len();
                return Some(String::from_utf8(rest[..at + end.len()].to_vec()).unwrap());
            }
            self.more().await?;
        }
    }

    fn rest(&self) -> Vec<u8> {
        self.tape.lock().unwrap()[self.taken..].to_vec()
    }

    async fn more(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => None,
            Ok(n) => {
                self.tape.lock().unwrap().extend_from_slice(&buffer[..n]);
                Some(())
            }
        }
    }

    /// Reads until the other side ends.
    async fn end(&mut self) {
        while self.more().await.is_some() {}
    }

    /// Writes if the other side still listens.
    async fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }
}

/// A request for [`send`], with the rest as in most tests.
fn get(target: &str) -> Request<Body> {
    ask(Method::GET, target, &[], Body::empty())
}

fn ask(method: Method, target: &str, lines: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target.parse().unwrap();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// Sends a request of a signed-in rider as the default route would.
async fn send(upstream: &Upstream, request: Request<Body>) -> Result<Response<Body>, Rejection> {
    send_with(upstream, &permit(&rider()).await, &Sending::default(), request).await
}

async fn send_with(
    upstream: &Upstream,
    permit: &Permit,
    sending: &Sending,
    request: Request<Body>,
) -> Result<Response<Body>, Rejection> {
    let (parts, body) = request.into_parts();
    let target = parts.uri.clone();
    let path = CanonicalPath::parse(target.path()).unwrap();
    let forward = Forward {
        parts,
        body,
        path: &path,
        client: Some(IpAddr::from([192, 0, 2, 7])),
        peer: Peer { transport: Transport::Tls, host: Some("tracker.example:8443") },
        request_id: "id-1",
        now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        sending,
        credential: None,
    };
    upstream.forward(permit, forward).await
}

fn rider() -> Identity {
    let credential = Credential::new(CredentialKind::Password, "7");
    Identity::new(Subject::Account(AccountId(7)), "rider", "fixed", credential).with_grants(Grants::EVERYDAY)
}

/// What a gate makes of a good credential of `who`.
async fn permit(who: &Identity) -> Permit {
    let gate = Gate::new(Mode::Required, vec![Arc::new(Fixed(who.clone()))], Vec::new());
    let mut headers = HeaderMap::new();
    headers.insert("token", HeaderValue::from_static("good"));
    gate.enter(&Head::new(&Method::GET, &CanonicalPath::parse("/").unwrap(), &headers)).await.unwrap()
}

/// Takes any `token` line for the credential of one identity.
#[derive(Debug)]
struct Fixed(Identity);

impl Scheme for Fixed {
    fn id(&self) -> &'static str {
        "fixed"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(HeaderName::from_static("token"))
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let has_token = head.headers.contains_key("token");
        Step::Done(if has_token { Verdict::Known(self.0.clone()) } else { Verdict::Absent })
    }
}

/// A body whose pieces the test sends one by one.
struct Pieces {
    pieces: mpsc::UnboundedReceiver<Result<Frame<Bytes>, BodyError>>,
    size: SizeHint,
}

type Piece = Result<Frame<Bytes>, BodyError>;

/// A body of unknown length, or of this one.
fn pieces(length: Option<u64>) -> (mpsc::UnboundedSender<Piece>, Body) {
    let (sender, pieces) = mpsc::unbounded_channel();
    let size = length.map_or_else(SizeHint::default, SizeHint::with_exact);
    (sender, Body::stream(Pieces { pieces, size }))
}

/// Such a body with all its pieces.
fn streamed(length: Option<u64>, all: &[&'static str]) -> Body {
    let (sender, body) = pieces(length);
    for piece in all {
        sender.send(data(piece)).unwrap();
    }
    body
}

#[expect(clippy::unnecessary_wraps, reason = "it is a piece of a body")]
fn data(text: &'static str) -> Piece {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.pieces.poll_recv(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.size
    }
}

async fn text(answer: Response<Body>) -> String {
    String::from_utf8(answer.into_body().read(1 << 20).await.unwrap().to_vec()).unwrap()
}

/// Nothing here takes long; what does would hang.
async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("the test hangs")
}

/// Waits until something holds that another task brings about.
async fn until(mut holds: impl FnMut() -> bool) {
    in_time(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
