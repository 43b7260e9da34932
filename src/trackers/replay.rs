//! Recorded transcripts, played to a tracker and compared as whole bytes: for tests.
//!
//! A transcript is a text of requests (`>>>`) and the answers to them (`<<<`), played in order on one
//! stage. A body ends before the newline in front of the next mark, so that a body's own last newline
//! shows as an empty line. Between answers and requests stand stage directions: `! enable NAME` takes an
//! account into use, `! disable NAME` out of it, `! wait SECONDS` moves the clock, `! close` closes the
//! store. Lines that start with `# ` are remarks. Header lines of answers are sorted.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt as _;
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{
    AccountId, CanonicalPath, Carrier, Class, Clock as _, Credential, CredentialKind, Grants, HashPool, Head, Identity,
    Login, ManualClock, NoGuard, Reason, Rejection, Scheme, Secret, SignIn, Step, Subject, Verdict,
};

use super::{Access, Call, Endpoint, Tracker};
use crate::accounts::{AccountService, Memories, Origin, Registration};
use crate::layer::{Dialect, Gate, Mode, Refusal};
use crate::message::Body;
use crate::ports::{AccountChange, Ends, Store};
use crate::stores::MemoryStore;

/// Where a tracker is put to be played to: a store, a clock that stands still, two kinds of tokens.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) accounts: AccountService,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<ManualClock>,
    tokens: Arc<Tokens>,
}

impl Stage {
    /// An empty stage at this instant.
    pub(super) fn at(now: &str) -> Self {
        Self::with_pool(now, HashPool::new(2, 64))
    }

    /// An empty stage at this instant, hashing in this pool.
    pub(super) fn with_pool(now: &str, pool: HashPool) -> Self {
        let now: jiff::Timestamp = now.parse().unwrap();
        let clock = Arc::new(ManualClock::new(now.into()));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let sign_in = SignIn::new(Arc::clone(&store) as _, Arc::new(NoGuard), pool);
        let accounts =
            AccountService::new(Arc::clone(&store), sign_in, Arc::new(Memories::default()), Arc::clone(&clock) as _);
        let tokens = Arc::new(Tokens { store: Arc::clone(&store), api: Mutex::default() });
        Self { accounts, store, clock, tokens }
    }

    /// An account in use, made through another door.
    pub(super) async fn account(&self, name: &str) -> Account {
        let new = Registration {
            name: name.into(),
            email: Some(format!("{name}@example.org")),
            password: Some("correct horse".into()),
            state: AccountState::Active,
            grants: Grants::EVERYDAY,
        };
        self.accounts.register(new, &Origin::operator()).await.unwrap()
    }

    /// From now on `Bearer TEXT` is an API token of this account with these grants.
    pub(super) fn api_token(&self, text: &str, account: &Account, grants: &str) {
        let who = Identity::new(
            Subject::Account(account.id),
            &*account.name,
            ID,
            Credential::new(CredentialKind::ApiToken, text),
        )
        .with_grants(grants.parse().unwrap());
        self.tokens.api.lock().unwrap().insert(text.into(), who);
    }

    /// The API token of this text is unknown from now on.
    pub(super) fn revoke(&self, text: &str) {
        self.tokens.api.lock().unwrap().remove(text);
    }

    /// Puts a tracker on.
    pub(super) fn put_on(self, tracker: &impl Tracker) -> Play {
        Play { endpoints: tracker.endpoints(), dialect: tracker.dialect(), stage: self }
    }

    async fn direct(&self, direction: &str) {
        let (what, of) = direction.split_once(' ').unwrap_or((direction, ""));
        let state = match what {
            "close" => return self.store.close().await.unwrap(),
            "disable" => AccountState::Disabled,
            "enable" => AccountState::Active,
            "wait" => return self.clock.advance(Duration::from_secs(of.parse().unwrap())),
            _ => panic!("no such stage direction: {direction}"),
        };
        let account = self.store.account_by_login(&Login::parse(of).unwrap()).await.unwrap().unwrap();
        let change = AccountChange { state: Some(state), ..AccountChange::default() };
        self.accounts.change(account.id, change, Ends::Nothing, &Origin::operator()).await.unwrap();
    }
}

/// A tracker on its stage.
pub(super) struct Play {
    pub(super) stage: Stage,
    endpoints: Vec<Endpoint>,
    dialect: Arc<dyn Dialect>,
}

impl Play {
    /// Plays a transcript; panics where an answer is not the recorded one.
    pub(super) async fn perform(&self, transcript: &str) {
        let mut actual = String::new();
        let mut lines = transcript.lines().peekable();
        let mut requests = 0;
        while let Some(line) = lines.next() {
            writeln!(actual, "{line}").unwrap();
            if let Some(direction) = line.strip_prefix("! ") {
                self.stage.direct(direction).await;
            }
            if line != ">>>" {
                continue;
            }
            let mut request = Vec::new();
            while let Some(line) = lines.next_if(|line| *line != "<<<") {
                request.push(line);
            }
            while lines.next_if(|line| *line != ">>>" && !line.starts_with("! ") && !line.starts_with("# ")).is_some() {
            }
            let request = request.join("\n");
            let answer = printed(&self.answer(read(&request)).await);
            write!(actual, "{request}\n<<<\n{answer}\n").unwrap();
            requests += 1;
        }
        assert!(requests > 0, "there is nothing to play");
        assert!(actual == transcript, "--- recorded\n{transcript}\n--- played\n{actual}");
    }

    /// Answers one request as the gateway does: path, method, gate, grants, handler.
    pub(super) async fn answer(&self, request: Request<Body>) -> Response<Bytes> {
        match self.pass(request).await {
            Ok(passed) => run(passed).await,
            Err(refused) => *refused,
        }
    }

    /// The way up to the handler, or the refusal.
    pub(super) async fn pass(&self, request: Request<Body>) -> Result<(Endpoint, Call), Box<Response<Bytes>>> {
        let raw = request.uri().path().to_owned();
        let (method, headers) = (request.method().clone(), request.headers().clone());
        let Ok(path) = CanonicalPath::parse(&raw) else {
            let why = Rejection::new(Reason::BadPath, "gateway");
            return Err(self.dialect.render(&Refusal::new(&why).with_request(&method, None, &headers)).into());
        };
        let here: Vec<_> = self.endpoints.iter().filter(|endpoint| endpoint.path == path.as_str()).collect();
        let as_method = if method == Method::HEAD { Method::GET } else { method.clone() };
        let Some(endpoint) = here.iter().find(|endpoint| endpoint.method == as_method) else {
            let allow: Vec<_> = here.iter().map(|endpoint| endpoint.method.as_str()).collect();
            let allow = HeaderValue::from_str(&allow.join(", ")).unwrap();
            let reason = if here.is_empty() { Reason::NotFound } else { Reason::MethodNotAllowed };
            let why = Rejection::new(reason, "gateway");
            let refusal = Refusal::new(&why).with_request(&method, Some(path.as_str()), &headers);
            return Err(self.dialect.render(&refusal.with_allow((!here.is_empty()).then_some(&allow))).into());
        };
        let mode = match endpoint.access {
            Access::Protected => Mode::Required,
            Access::Public { reason } => Mode::Public { reason: reason.into() },
        };
        let gate = Gate::new(mode, vec![Arc::clone(&self.stage.tokens) as _], Vec::new());
        let now = self.stage.clock.now();
        let head = Head::new(&method, &path, &headers).with_query(request.uri().query()).with_now(now);
        let entered = gate.enter(&head).await.and_then(|permit| {
            let missing = endpoint.grants.iter().find(|grant| !permit.identity().grants().allow(grant));
            match missing {
                None => Ok(permit),
                Some(grant) => Err(Rejection::new(Reason::Grant, "grant").wanting(Grants::of([grant.clone()]))),
            }
        });
        let permit = match entered {
            Ok(permit) => permit,
            Err(why) => {
                let challenges = gate.challenges(&why);
                let refusal = Refusal::new(&why).with_request(&method, Some(path.as_str()), &headers);
                let dialect = endpoint.dialect.as_ref().unwrap_or(&self.dialect);
                return Err(dialect.render(&refusal.with_challenges(&challenges)).into());
            }
        };
        let parameters = Vec::new();
        let call = Call { permit, request, parameters, client: None, now, request_id: "request".into() };
        Ok((Endpoint::clone(endpoint), call))
    }
}

/// The handler's answer to a request that passed.
pub(super) async fn run((endpoint, call): (Endpoint, Call)) -> Response<Bytes> {
    let (head, body) = endpoint.handler.call(call).await.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

/// A request as a transcript writes it.
pub(super) fn read(text: &str) -> Request<Body> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut words = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(words.next().unwrap()).uri(words.next().unwrap());
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        request = request.header(name, value.strip_prefix(' ').unwrap_or(value));
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

fn printed(answer: &Response<Bytes>) -> String {
    let mut lines: Vec<_> =
        answer.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines.insert(0, format!("HTTP/1.1 {}", answer.status()));
    format!("{}\n\n{}", lines.join("\n"), std::str::from_utf8(answer.body()).unwrap())
}

/// The text of a signed token in these tests: whose it is and when it was issued.
pub(super) fn signed(account: AccountId, now: SystemTime) -> Secret {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    format!("jwt.{account}.{seconds}").into()
}

/// Reads both kinds of tokens behind `Bearer`.
#[derive(Debug)]
struct Tokens {
    store: Arc<dyn Store>,
    api: Mutex<HashMap<String, Identity>>,
}

impl Scheme for Tokens {
    fn id(&self) -> &'static str {
        ID
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(header::AUTHORIZATION)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let line = head.headers.get(header::AUTHORIZATION).and_then(|line| line.to_str().ok()).unwrap_or_default();
        let text = match line.split_once(' ') {
            Some((word, text)) if word.eq_ignore_ascii_case("bearer") => text.to_owned(),
            _ => return Step::ABSENT,
        };
        if let Some(who) = self.api.lock().unwrap().get(&text) {
            return Step::Done(Verdict::Known(who.clone()));
        }
        let (store, now) = (Arc::clone(&self.store), head.now);
        Step::ask(async move {
            match jwt(&*store, &text, now).await {
                Ok(who) => Verdict::Known(who),
                Err(Reason::Unavailable) => {
                    Verdict::Refused(Rejection::new(Reason::Unavailable, ID).after(Duration::from_secs(5)))
                }
                Err(reason) => Verdict::Refused(Rejection::new(reason, ID)),
            }
        })
    }

    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        let scope = why.wanted.as_ref().map(ToString::to_string).unwrap_or_default();
        let text = match why.reason.class() {
            Class::BadCredential => "Bearer realm=\"stage\", error=\"invalid_token\"".to_owned(),
            Class::Denied => format!("Bearer realm=\"stage\", error=\"insufficient_scope\", scope=\"{scope}\""),
            _ => "Bearer realm=\"stage\"".to_owned(),
        };
        Some(text.parse().unwrap())
    }
}

async fn jwt(store: &dyn Store, text: &str, now: SystemTime) -> Result<Identity, Reason> {
    let mut parts = text.strip_prefix("jwt.").ok_or(Reason::Malformed)?.split('.');
    let id: AccountId = parts.next().and_then(|id| id.parse().ok()).ok_or(Reason::Malformed)?;
    let issued: u64 = parts.next().and_then(|at| at.parse().ok()).ok_or(Reason::Malformed)?;
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(issued) + LIFETIME;
    if now >= expires {
        return Err(Reason::Expired);
    }
    let down = |_error| Reason::Unavailable;
    if store.blacklisted(text).await.map_err(down)?.is_some() {
        return Err(Reason::Revoked);
    }
    let account = store.account(id).await.map_err(down)?.ok_or(Reason::Unknown)?;
    if !account.is_active() {
        return Err(Reason::Disabled);
    }
    let credential = Credential::new(CredentialKind::Jwt, text);
    let who = Identity::new(Subject::Account(id), account.name, ID, credential);
    Ok(who.with_grants(account.grants).with_expiry(Some(expires)))
}

const ID: &str = "stage";
const LIFETIME: Duration = Duration::from_hours(30 * 24);
