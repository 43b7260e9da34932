//! Signing in at an upstream's own login.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use serde_json::Value;
use trackgate_schemes::{CanonicalPath, Head, Reason, Secret};

use super::line::{Form, Line};
use super::sign::Sign;
use crate::layer::{Entry, Gate, Mode, Permit};
use crate::message::Body;
use crate::proxy::{Forward, Peer, Sending, Transport, Upstream};

/// How to sign in at an upstream, and how it says that a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// The path, in canonical form.
    pub path: Box<str>,
    /// The body as JSON, with `{user}` and `{password}` where those go as JSON strings.
    pub body: Box<str>,
    /// Where the token stands in the answer: a JSON pointer (RFC 6901).
    pub token: Box<str>,
    /// How the token is sent afterwards.
    pub form: Form,
    /// How an answer says that the session is over.
    pub expired: Sign,
    /// How the answer to a sign-in says that name or password are wrong.
    pub refused: Sign,
    /// After which time a session is opened anew in any case.
    pub lifetime: Option<Duration>,
    /// Whether the token is a JWT whose `sub` is the account's number there.
    pub token_has_number: bool,
}

/// A session that was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) line: Line,
    pub(super) number: Option<i64>,
}

/// Why none was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    /// Name or password are wrong.
    Refused,
    /// The upstream cannot be asked, for this reason.
    Down(Reason),
    /// It answered something else.
    Odd,
}

impl Login {
    /// The header that carries the token.
    pub fn header(&self) -> &HeaderName {
        self.form.header()
    }

    /// Signs in, once.
    pub(super) async fn open(
        &self,
        upstream: &Upstream,
        user: &str,
        secret: &Secret,
        now: SystemTime,
    ) -> Result<Opened, Unopened> {
        let body = self.body_of(user, secret);
        let request = Request::builder()
            .method(Method::POST)
            .uri(&*self.path)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONTENT_LENGTH, body.len())
            .body(());
        let (parts, ()) = request.map_err(|_unfit| Unopened::Odd)?.into_parts();
        let path = CanonicalPath::parse(&self.path).map_err(|_unfit| Unopened::Odd)?;
        let sending = Sending::default();
        let permit = permit(&path, now);
        let forward = Forward {
            parts,
            body: Body::from(body),
            path: &path,
            client: None,
            peer: Peer { transport: Transport::Plain, host: None },
            request_id: "sign-in",
            now,
            sending: &sending,
            credential: None,
        };
        let answer = upstream.forward(&permit, forward).await.map_err(|why| Unopened::Down(why.reason))?;
        let (head, body) = answer.into_parts();
        let body = body.read(MOST).await.map_err(|_broken| Unopened::Down(Reason::UpstreamDown))?;
        self.judge(head.status, &body).inspect_err(|why| {
            tracing::warn!(upstream = upstream.name(), status = head.status.as_u16(), ?why, "a sign-in failed");
        })
    }

    fn judge(&self, status: StatusCode, body: &[u8]) -> Result<Opened, Unopened> {
        if self.refused.is_in(status, body) {
            return Err(Unopened::Refused);
        }
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(Unopened::Down(Reason::UpstreamDown));
        }
        let json: Option<Value> = serde_json::from_slice(body).ok().filter(|_| status.is_success());
        let token = json.as_ref().and_then(|json| json.pointer(&self.token)?.as_str()).ok_or(Unopened::Odd)?;
        let number = if self.token_has_number { number(token) } else { None };
        let line = self.form.line("", &Secret::from(token)).filter(|_| !token.is_empty());
        Ok(Opened { line: line.ok_or(Unopened::Odd)?, number })
    }

    /// The body with both filled in at once, so that neither text can hold the other's place.
    pub(super) fn body_of(&self, user: &str, secret: &Secret) -> Bytes {
        let quoted = |text: &str| Value::from(text).to_string();
        let (user, password) = (quoted(user), quoted(secret.expose_text().unwrap_or_default()));
        let mut body = String::with_capacity(self.body.len() + user.len() + password.len());
        let mut rest = &*self.body;
        loop {
            let next = PLACES.into_iter().filter_map(|place| Some((rest.find(place)?, place))).min();
            let Some((_, place)) = next else { break };
            let Some((before, behind)) = rest.split_once(place) else { break };
            body.push_str(before);
            body.push_str(if place == USER { &user } else { &password });
            rest = behind;
        }
        body.push_str(rest);
        body.into()
    }
}

/// The account's number in the `sub` of a JWT that the upstream itself just gave.
fn number(token: &str) -> Option<i64> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    match claims.get("sub")? {
        Value::String(text) => text.parse().ok(),
        number => number.as_i64(),
    }
}

/// The permit of a request that the gateway makes for itself: that of a gate which lets everybody through.
fn permit(path: &CanonicalPath<'_>, now: SystemTime) -> Permit {
    let gate = Gate::new(Mode::Public { reason: Arc::from("the gateway signs in") }, Vec::new(), Vec::new());
    let headers = http::HeaderMap::<HeaderValue>::new();
    let head = Head::new(&Method::POST, path, &headers).with_now(now);
    match gate.try_enter(&head) {
        Entry::Decided(Ok(permit)) => permit,
        _ => unreachable!("a public gate without policies lets everybody through"),
    }
}

const USER: &str = "{user}";
const PASSWORD: &str = "{password}";
const PLACES: [&str; 2] = [USER, PASSWORD];

/// Bytes of an answer to a sign-in at most.
const MOST: u64 = 64 << 10;
