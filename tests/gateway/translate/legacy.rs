//! A legacy server of our own that wants to be told in four ways who is asking, and counts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde_json::{Value, json};

/// By which it signs its own tokens.
pub(super) const KEY: &str = "the legacy server's own secret, 43 letters..";

/// The server, ended when dropped.
pub(super) struct Legacy {
    pub(super) address: SocketAddr,
    pub(super) it: Arc<It>,
    _runtime: tokio::runtime::Runtime,
}

/// What it knows and what it did.
#[derive(Default)]
pub(super) struct It {
    /// Passwords by name.
    pub(super) passwords: Mutex<HashMap<String, String>>,
    /// Live sessions: names by token.
    pub(super) sessions: Mutex<HashMap<String, String>>,
    /// Tokens that were signed out.
    pub(super) signed_out: Mutex<Vec<String>>,
    /// Sign-ins that it was asked for.
    pub(super) logins: AtomicUsize,
    /// Other requests that came.
    pub(super) requests: AtomicUsize,
    /// Whether its login is down.
    pub(super) is_down: AtomicBool,
    /// Whether it takes no session at all.
    pub(super) is_strict: AtomicBool,
    /// Milliseconds that a sign-in takes.
    pub(super) pace: AtomicUsize,
    /// The heads of requests other than sign-ins.
    pub(super) heads: Mutex<Vec<HeaderMap>>,
    next: AtomicUsize,
}

impl Legacy {
    /// With the account `anna-there` and the password `there-word`.
    pub(super) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let it = Arc::new(It::default());
        it.passwords.lock().unwrap().insert("anna-there".to_owned(), "there-word".to_owned());
        let app = Router::new().fallback(answer).with_state(Arc::clone(&it));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, it, _runtime: runtime }
    }

    pub(super) fn logins(&self) -> usize {
        self.it.logins.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> usize {
        self.it.requests.load(Ordering::SeqCst)
    }

    /// Ends every session.
    pub(super) fn expire(&self) {
        self.it.sessions.lock().unwrap().clear();
    }

    pub(super) fn last_head(&self) -> HeaderMap {
        self.it.heads.lock().unwrap().last().unwrap().clone()
    }
}

async fn answer(State(it): State<Arc<It>>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let path = parts.uri.path();
    match path {
        "/login" => return it.lptracker_login(&body).await,
        "/json-login" => return it.json_login(&body).await,
        "/api/auth/login" => return it.fittrackee_login(&body).await,
        _ => {}
    }
    it.requests.fetch_add(1, Ordering::SeqCst);
    it.heads.lock().unwrap().push(parts.headers.clone());
    let line = |name: &str| parts.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let authorization = line("authorization");
    let who = match path.split('/').nth(1).unwrap() {
        "basic" => it.basic(&authorization),
        "bearer" => (authorization == "Bearer there-token").then(|| "anna-there".to_owned()),
        "own-header" => (line("x-api-key") == "Key there-token").then(|| "anna-there".to_owned()),
        "jwt" => it.signed(&authorization),
        "session" => match it.session(&line("token")) {
            Some(who) => Some(who),
            None => return refused_with_200(),
        },
        "status" => it.session(authorization.strip_prefix("Bearer ").unwrap_or_default()),
        "open" => Some("nobody".to_owned()),
        other => panic!("{other}"),
    };
    match who {
        Some(who) => told(&json!({ "who": who, "method": parts.method.as_str(), "length": body.len() })),
        None => (StatusCode::UNAUTHORIZED, "{\"error\":\"no\"}").into_response(),
    }
}

impl It {
    async fn sign_in(&self, user: &Value, password: &Value) -> Result<String, StatusCode> {
        self.logins.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(self.pace.load(Ordering::SeqCst) as u64)).await;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let (user, password) = (user.as_str().unwrap(), password.as_str().unwrap());
        if self.passwords.lock().unwrap().get(user).is_none_or(|right| right != password) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        let token = format!("session-{}", self.next.fetch_add(1, Ordering::SeqCst));
        self.sessions.lock().unwrap().insert(token.clone(), user.to_owned());
        Ok(token)
    }

    async fn lptracker_login(&self, body: &Bytes) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap();
        assert_eq!((&body["version"], &body["service"]), (&json!("1.0"), &json!("trackgate")));
        match self.sign_in(&body["login"], &body["password"]).await {
            Ok(token) => told(&json!({ "status": "success", "result": { "token": token } })),
            Err(StatusCode::UNAUTHORIZED) => refused_with_200(),
            Err(status) => status.into_response(),
        }
    }

    async fn json_login(&self, body: &Bytes) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap();
        match self.sign_in(&body["who"], &body["word"]).await {
            Ok(token) => told(&json!({ "access": [{ "token": token }] })),
            Err(status) => status.into_response(),
        }
    }

    async fn fittrackee_login(&self, body: &Bytes) -> Response {
        let body: Value = serde_json::from_slice(body).unwrap();
        match self.sign_in(&body["email"], &body["password"]).await {
            Ok(token) => {
                let answer = json!({ "auth_token": token, "message": "successfully logged in", "status": "success" });
                told(&answer)
            }
            Err(status) => status.into_response(),
        }
    }

    fn basic(&self, authorization: &str) -> Option<String> {
        let pair = authorization.strip_prefix("Basic ")?;
        let pair = base64::engine::general_purpose::STANDARD.decode(pair).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        let (user, password) = pair.split_once(':')?;
        (self.passwords.lock().unwrap().get(user)? == password).then(|| user.to_owned())
    }

    fn session(&self, token: &str) -> Option<String> {
        let found = self.sessions.lock().unwrap().get(token).cloned();
        found.filter(|_| !self.is_strict.load(Ordering::SeqCst))
    }

    /// As FitTrackee: `exp`, `iat` and the number as text, nothing else.
    fn signed(&self, authorization: &str) -> Option<String> {
        let token = authorization.strip_prefix("Bearer ")?;
        if self.signed_out.lock().unwrap().iter().any(|out| out == token) {
            return None;
        }
        let key = jsonwebtoken::DecodingKey::from_secret(KEY.as_bytes());
        let rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
        let claims = jsonwebtoken::decode::<serde_json::Map<String, Value>>(token, &key, &rules).ok()?.claims;
        let mut names: Vec<_> = claims.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["exp", "iat", "sub"]);
        claims["sub"].as_str().map(ToOwned::to_owned)
    }
}

/// As LPTracker says nearly everything.
fn refused_with_200() -> Response {
    let body = json!({ "status": "error", "errors": [{ "code": 401, "message": "Invalid login or password" }] });
    told(&body)
}

fn told(body: &Value) -> Response {
    ([("content-type", "application/json")], body.to_string()).into_response()
}
