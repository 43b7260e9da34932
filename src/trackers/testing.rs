//! Runs recorded transcripts against a tracker's handlers, through a gate and the tracker's own dialect.
//!
//! A transcript is a text file of exchanges, each of them
//!
//! ```text
//! === what it shows
//! POST /path
//! header: value
//!
//! request body
//! ---
//! 200
//! header: value
//!
//! response body
//! ```
//!
//! Response headers stand in alphabetical order and are complete. `${name}` in a response matches a word
//! and keeps it; in a request it stands for what was kept. The line end before the next `===` belongs to no
//! body. The lines of a multipart body end in CRLF.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use trackgate_schemes::basic::{Basic, BasicSettings};
use trackgate_schemes::store::Account;
use trackgate_schemes::{
    CanonicalPath, Carrier, Clock, Credential, CredentialKind, Grants, HashPool, Head, Identity, ManualClock, NoGuard,
    Reason, Rejection, Scheme, SignIn, Step, Subject, Verdict,
};

use super::{Access, Call, Endpoint, Tracker};
use crate::accounts::{AccountService, Memories};
use crate::layer::{Dialect, Gate, Mode, Refusal};
use crate::message::Body;
use crate::ports::Store;
use crate::stores::MemoryStore;

/// A fresh store.
pub(crate) fn test_store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::default())
}

/// The instant at which every test starts: 2026-11-22 01:39:00.5 UTC.
pub(crate) fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_311_540_500)
}

/// Accounts in this store by this clock, without a guess guard, and HTTP Basic with their passwords.
pub(crate) fn accounts(store: &Arc<dyn Store>, clock: &Arc<ManualClock>) -> (AccountService, Arc<Basic>) {
    let sign_in = SignIn::new(Arc::clone(store) as _, Arc::new(NoGuard), HashPool::new(1, 64));
    let settings = BasicSettings::new("basic").with_realm("Protected".parse().unwrap()).without_charset();
    let basic = Arc::new(Basic::new(settings, sign_in.clone(), Arc::clone(store) as _));
    let memories = Arc::new(Memories::default());
    memories.add(basic.memory());
    (AccountService::new(Arc::clone(store), sign_in, memories, Arc::clone(clock) as _), basic)
}

/// A tracker behind gates, with a client in front.
pub(crate) struct World {
    endpoints: matchit::Router<Vec<Endpoint>>,
    dialect: Arc<dyn Dialect>,
    schemes: Vec<Arc<dyn Scheme>>,
    clock: Arc<ManualClock>,
    kept: HashMap<String, String>,
    /// From where the client asks.
    pub(crate) client: IpAddr,
}

impl World {
    pub(crate) fn new(tracker: &dyn Tracker, schemes: Vec<Arc<dyn Scheme>>, clock: Arc<ManualClock>) -> Self {
        let mut by_path: HashMap<&str, Vec<Endpoint>> = HashMap::new();
        for endpoint in tracker.endpoints() {
            by_path.entry(endpoint.path).or_default().push(endpoint);
        }
        let mut endpoints = matchit::Router::new();
        for (path, here) in by_path {
            endpoints.insert(path, here).unwrap();
        }
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self { endpoints, dialect: tracker.dialect(), schemes, clock, kept: HashMap::new(), client }
    }

    /// What a `${name}` matched.
    pub(crate) fn kept(&self, name: &str) -> &str {
        &self.kept[name]
    }

    /// Runs every exchange of a transcript in order.
    ///
    /// # Panics
    ///
    /// When an answer is not the recorded one.
    pub(crate) async fn run(&mut self, transcript: &str) {
        let mut exchanges = 0;
        for exchange in transcript.split("=== ").skip(1) {
            let (title, rest) = exchange.split_once('\n').unwrap();
            let (request, expected) = rest.split_once("\n---\n").unwrap();
            let request = self.filled_in(request);
            let response = self.send(read_request(&request)).await;
            let (expected, actual) = (expected.strip_suffix('\n').unwrap_or(expected), written(&response));
            let fits = self.fits(expected, &actual);
            assert!(fits, "{title}\n--- expected\n{expected}\n--- was\n{actual}\n--- for\n{request}");
            exchanges += 1;
        }
        assert!(exchanges > 0, "the transcript is empty");
    }

    /// Sends a request without a body.
    pub(crate) async fn get(&self, path: &str, headers: &[(&'static str, &str)]) -> Response<Bytes> {
        self.ask(Method::GET, path, headers, "").await
    }

    /// Sends a request.
    pub(crate) async fn ask(
        &self,
        method: Method,
        target: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.into())).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Bytes> {
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let target = request.uri().clone();
        let now = self.clock.now();
        let refuse = |dialect: &Arc<dyn Dialect>, why: &Rejection, challenges: &[HeaderValue], allow: Option<&_>| {
            let refusal = Refusal::new(why).with_challenges(challenges).with_allow(allow);
            dialect.render(&refusal.with_request(&method, Some(target.path()), &headers))
        };
        let stop = |reason: Reason| Rejection::new(reason, "test");
        let Ok(path) = CanonicalPath::parse(target.path()) else {
            return refuse(&self.dialect, &stop(Reason::BadPath), &[], None);
        };
        let Ok(found) = self.endpoints.at(path.as_str()) else {
            return refuse(&self.dialect, &stop(Reason::NotFound), &[], None);
        };
        let wanted = |method: &Method| found.value.iter().find(|endpoint| endpoint.method == *method);
        let by_get = if method == Method::HEAD { wanted(&Method::GET) } else { None };
        let Some(endpoint) = wanted(&method).or(by_get) else {
            let allow: Vec<_> = found.value.iter().map(|endpoint| endpoint.method.as_str()).collect();
            let allow = HeaderValue::from_str(&allow.join(", ")).unwrap();
            return refuse(&self.dialect, &stop(Reason::MethodNotAllowed), &[], Some(&allow));
        };
        let dialect = endpoint.dialect.as_ref().unwrap_or(&self.dialect);
        let mode = match endpoint.access {
            Access::Protected => Mode::Required,
            Access::Public { reason } => Mode::Public { reason: reason.into() },
        };
        let gate = Gate::new(mode, self.schemes.clone(), Vec::new());
        let head =
            Head::new(&method, &path, &headers).with_query(target.query()).with_client(Some(self.client)).with_now(now);
        let permit = match gate.enter(&head).await {
            Ok(permit) if permit.identity().grants().allow_all(&Grants::of(endpoint.grants.clone())) => permit,
            Ok(_) => return refuse(dialect, &stop(Reason::Grant), &[], None),
            Err(why) => return refuse(dialect, &why, &gate.challenges(&why), None),
        };
        let parameters = found.params.iter().map(|(name, value)| (name.into(), value.to_owned())).collect();
        let call = Call { permit, request, parameters, client: Some(self.client), now, request_id: "test".into() };
        let (head, body) = endpoint.handler.call(call).await.into_parts();
        let body = body.read(1 << 20).await.unwrap();
        Response::from_parts(head, if method == Method::HEAD { Bytes::new() } else { body })
    }

    fn filled_in(&self, text: &str) -> String {
        self.kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
    }

    fn fits(&mut self, expected: &str, mut actual: &str) -> bool {
        let mut pieces = expected.split("${");
        let Some(mut rest) = pieces.next().and_then(|piece| actual.strip_prefix(piece)) else { return false };
        for piece in pieces {
            let (name, literal) = piece.split_once('}').unwrap();
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            if word.is_empty() || *self.kept.entry(name.to_owned()).or_insert_with(|| word.to_owned()) != word {
                return false;
            }
            actual = behind;
            match actual.strip_prefix(literal) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

fn read_request(text: &str) -> Request<Body> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let is_multipart = headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"multipart/"));
    let body = if is_multipart { body.replace('\n', "\r\n") } else { body.to_owned() };
    let mut request = Request::builder().method(method).uri(target).body(Body::from(body)).unwrap();
    *request.headers_mut() = headers;
    request
}

/// A response as transcripts show it.
pub(crate) fn written(response: &Response<Bytes>) -> String {
    let mut lines: Vec<_> =
        response.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    let mut text = response.status().as_u16().to_string();
    for line in lines {
        write!(text, "\n{line}").unwrap();
    }
    let body = std::str::from_utf8(response.body()).unwrap();
    if body.is_empty() { text } else { text + "\n\n" + body }
}

/// Whether a response is a refusal of this kind.
pub(crate) fn status_and_body(response: &Response<Bytes>) -> (StatusCode, &str) {
    (response.status(), std::str::from_utf8(response.body()).unwrap())
}

/// Knows one identity by the word `test` in the header of the same name.
#[derive(Clone, Debug)]
pub(crate) struct Always(pub(crate) Identity);

impl Scheme for Always {
    fn id(&self) -> &'static str {
        "always"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(HeaderName::from_static("test"))
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        match head.headers.get("test") {
            Some(value) if value == "test" => Step::Done(Verdict::Known(self.0.clone())),
            _ => Step::ABSENT,
        }
    }
}

/// The identity that an account has by a credential.
pub(crate) fn identity(account: &Account, kind: CredentialKind, id: &str) -> Identity {
    let credential = Credential::new(kind, id);
    Identity::new(Subject::Account(account.id), Arc::clone(&account.name), "test", credential)
        .with_grants(account.grants.clone())
}
