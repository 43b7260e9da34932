//! A stage for trackers: for their tests.
//!
//! A [`Stage`] is a store, an account base and a clock that stands still. A tracker that is put on it is a
//! [`Play`]: it answers requests as the gateway does, and performs recorded transcripts (see
//! [`transcript`]).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tempfile::TempDir;
use trackgate_policies::{Policy, RequireGrants};
use trackgate_schemes::basic::{Basic, BasicSettings};
use trackgate_schemes::store::{Account, AccountState};
use trackgate_schemes::{
    CanonicalPath, Clock as _, CredentialKind, Grants, GuessGuard, HashPool, Head, Identity, Login, ManualClock,
    NoGuard, Reason, Rejection, Scheme, SignIn,
};

use super::{Access, Call, Endpoint, Services, Tracker};
use crate::accounts::{AccountService, Memories, Origin, Registration};
use crate::layer::{Dialect, Gate, Mode, Refusal};
use crate::message::Body;
use crate::ports::{AccountChange, Ends, Files, Points, Store};
use crate::stores::{MemoryFiles, MemoryPoints, MemoryStore};

mod tokens;
mod transcript;

pub(super) use tokens::{identity, issued, signed};
pub(super) use transcript::request_of;

use tokens::Tokens;
use transcript::Step;

/// Where a tracker is put: a store, an account base, a clock that stands still, files, two kinds of tokens.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) accounts: AccountService,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) files: Arc<dyn Files>,
    pub(super) points: Arc<dyn Points>,
    sign_in: SignIn,
    tokens: Arc<Tokens>,
    /// Where the store is, if it is in a file.
    folder: Option<TempDir>,
}

impl Stage {
    /// An empty stage at this instant.
    pub(super) fn at(now: &str) -> Self {
        Self::with_pool(now, HashPool::new(2, 64))
    }

    /// An empty stage at this instant, hashing in this pool.
    pub(super) fn with_pool(now: &str, pool: HashPool) -> Self {
        Self::made_of(now, Arc::new(MemoryStore::default()), Arc::new(NoGuard), pool)
    }

    /// An empty stage at this instant, counting guesses so.
    pub(super) fn with_guard(now: &str, guard: Arc<dyn GuessGuard>) -> Self {
        Self::made_of(now, Arc::new(MemoryStore::default()), guard, HashPool::new(2, 64))
    }

    /// An empty stage at this instant on each store: in memory and in a file.
    pub(super) async fn on_each_store(now: &str) -> [Self; 2] {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("stage.db").display());
        let store = crate::stores::open(&url).await.unwrap();
        let mut in_file = Self::made_of(now, store, Arc::new(NoGuard), HashPool::new(2, 64));
        in_file.folder = Some(folder);
        [Self::at(now), in_file]
    }

    fn made_of(now: &str, store: Arc<dyn Store>, guard: Arc<dyn GuessGuard>, pool: HashPool) -> Self {
        let now: jiff::Timestamp = now.parse().unwrap();
        let clock = Arc::new(ManualClock::new(now.into()));
        let sign_in = SignIn::new(Arc::clone(&store) as _, guard, pool);
        let memories = Arc::new(Memories::default());
        let accounts = AccountService::new(Arc::clone(&store), sign_in.clone(), memories, Arc::clone(&clock) as _);
        let tokens = Arc::new(Tokens::of(Arc::clone(&store)));
        let files = Arc::new(MemoryFiles::new(Arc::clone(&clock) as _));
        let points = Arc::new(MemoryPoints::default());
        Self { accounts, store, clock, files, points, sign_in, tokens, folder: None }
    }

    /// What a tracker may use: files in memory, no mail.
    pub(super) fn services(&self) -> Services {
        Services {
            accounts: self.accounts.clone(),
            files: Arc::clone(&self.files),
            outbox: None,
            points: Arc::clone(&self.points),
        }
    }

    /// An account in use, made through another door.
    pub(super) async fn account(&self, name: &str) -> Account {
        self.account_with(name, Some(&format!("{name}@example.org")), "correct horse").await
    }

    /// The same with this address and password.
    pub(super) async fn account_with(&self, name: &str, email: Option<&str>, password: &str) -> Account {
        let new = Registration {
            name: name.into(),
            email: email.map(ToOwned::to_owned),
            password: Some(password.into()),
            state: AccountState::Active,
            grants: Grants::EVERYDAY,
        };
        self.accounts.register(new, &Origin::operator()).await.unwrap()
    }

    /// From now on `Bearer TEXT` is an API token of this account with these grants.
    pub(super) fn api_token(&self, text: &str, account: &Account, grants: &str) {
        self.know(text, identity(account, CredentialKind::ApiToken, text).with_grants(grants.parse().unwrap()));
    }

    /// From now on `Bearer TEXT` is this identity.
    pub(super) fn know(&self, text: &str, who: Identity) {
        self.tokens.know(text, who);
    }

    /// The API token of this text is unknown from now on.
    pub(super) fn revoke(&self, text: &str) {
        self.tokens.forget(text);
    }

    /// HTTP Basic with the passwords and API tokens of the account base.
    pub(super) fn basic(&self) -> Arc<dyn Scheme> {
        let settings = BasicSettings::new("basic").with_realm("Protected".parse().unwrap()).without_charset();
        let basic = Basic::new(settings, self.sign_in.clone(), Arc::clone(&self.store) as _);
        self.accounts.memories().add(basic.memory());
        Arc::new(basic)
    }

    /// What knows the tokens of this stage behind `Bearer`.
    pub(super) fn bearer(&self) -> Arc<dyn Scheme> {
        Arc::clone(&self.tokens) as _
    }

    /// Puts a tracker on, behind the tokens of this stage.
    pub(super) fn put_on(self, tracker: &impl Tracker) -> Play {
        let schemes = vec![self.bearer()];
        self.put_on_behind(schemes, tracker)
    }

    /// Puts a tracker on, behind these schemes.
    pub(super) fn put_on_behind(self, schemes: Vec<Arc<dyn Scheme>>, tracker: &impl Tracker) -> Play {
        let mut by_path: HashMap<&str, Vec<Endpoint>> = HashMap::new();
        for endpoint in tracker.endpoints() {
            by_path.entry(endpoint.path).or_default().push(endpoint);
        }
        let mut endpoints = matchit::Router::new();
        for (path, here) in by_path {
            endpoints.insert(path, here).unwrap();
        }
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Play { endpoints, dialect: tracker.dialect(), schemes, client, stage: self }
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

/// A tracker on its stage, with a client in front.
pub(super) struct Play {
    pub(super) stage: Stage,
    /// From where the client asks.
    pub(super) client: IpAddr,
    endpoints: matchit::Router<Vec<Endpoint>>,
    dialect: Arc<dyn Dialect>,
    schemes: Vec<Arc<dyn Scheme>>,
}

impl Play {
    /// Performs a transcript and gives the words that it kept; panics where an answer is not the recorded one.
    pub(super) async fn perform(&self, transcript: &str) -> HashMap<String, String> {
        let mut kept = HashMap::new();
        let mut answered = 0;
        for step in transcript::steps(transcript) {
            match step {
                Step::Direction(direction) => self.stage.direct(direction).await,
                Step::Exchange(exchange) => {
                    let request = exchange.request(&kept);
                    let answer = self.answer(request_of(&request)).await;
                    exchange.compare(&request, &answer, &mut kept);
                    answered += 1;
                }
            }
        }
        assert!(answered > 0, "there is nothing to play");
        kept
    }

    /// Sends a request without a body.
    pub(super) async fn get(&self, target: &str, headers: &[(&'static str, &str)]) -> Response<Bytes> {
        self.ask(Method::GET, target, headers, "").await
    }

    /// Sends a request.
    pub(super) async fn ask(
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
        self.answer(request.body(Body::from(body.into())).unwrap()).await
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
        let (method, target, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let refuse = |dialect: &Arc<dyn Dialect>, path, refusal: Refusal<'_>| {
            Box::new(dialect.render(&refusal.with_request(&method, path, &headers)))
        };
        let stop = |reason: Reason| Rejection::new(reason, "gateway");
        let Ok(path) = CanonicalPath::parse(target.path()) else {
            return Err(refuse(&self.dialect, None, Refusal::new(&stop(Reason::BadPath))));
        };
        let here = Some(path.as_str());
        let Ok(found) = self.endpoints.at(path.as_str()) else {
            return Err(refuse(&self.dialect, here, Refusal::new(&stop(Reason::NotFound))));
        };
        let wanted = |method: &Method| found.value.iter().find(|endpoint| endpoint.method == *method);
        let by_get = if method == Method::HEAD { wanted(&Method::GET) } else { None };
        let Some(endpoint) = wanted(&method).or(by_get) else {
            let allow: Vec<_> = found.value.iter().map(|endpoint| endpoint.method.as_str()).collect();
            let allow = HeaderValue::from_str(&allow.join(", ")).unwrap();
            let why = stop(Reason::MethodNotAllowed);
            return Err(refuse(&self.dialect, here, Refusal::new(&why).with_allow(Some(&allow))));
        };
        let mode = match endpoint.access {
            Access::Optional => Mode::Optional,
            Access::Protected => Mode::Required,
            Access::Public { reason } => Mode::Public { reason: reason.into() },
        };
        let grants: Arc<dyn Policy> = Arc::new(RequireGrants::new(Grants::of(endpoint.grants.clone())));
        let schemes = endpoint.schemes.clone().unwrap_or_else(|| self.schemes.clone());
        let gate = Gate::new(mode, schemes, vec![grants]);
        let (client, now) = (Some(self.client), self.stage.clock.now());
        let head = Head::new(&method, &path, &headers).with_query(target.query()).with_client(client).with_now(now);
        let permit = gate.enter(&head).await.map_err(|why| {
            let dialect = endpoint.dialect.as_ref().unwrap_or(&self.dialect);
            refuse(dialect, here, Refusal::new(&why).with_challenges(&gate.challenges(&why)))
        })?;
        let parameters = found.params.iter().map(|(name, value)| (name.into(), value.to_owned())).collect();
        let call = Call { permit, request, parameters, client, now, request_id: "request".into() };
        Ok((endpoint.clone(), call))
    }
}

/// The handler's answer to a request that passed.
pub(super) async fn run((endpoint, call): (Endpoint, Call)) -> Response<Bytes> {
    let is_head = call.request.method() == Method::HEAD;
    let (head, body) = endpoint.handler.call(call).await.into_parts();
    let body = body.read(1 << 20).await.unwrap();
    Response::from_parts(head, if is_head { Bytes::new() } else { body })
}

/// Status and body of an answer that is text.
pub(super) fn status_and_body(answer: &Response<Bytes>) -> (StatusCode, &str) {
    (answer.status(), std::str::from_utf8(answer.body()).unwrap())
}
