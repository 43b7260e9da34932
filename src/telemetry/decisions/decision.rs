//! One decision, as it is kept and as it is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Method;
use serde::Serialize;
use trackgate_schemes::{Identity, Reason};

/// What is known of a request when the head of its answer is. No secret is among it: of the credential only its
/// public id is kept.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever decides builds")]
pub struct Noted<'a> {
    /// The request's id.
    pub id: &'a Arc<str>,
    /// When it came in.
    pub at: SystemTime,
    /// Where it came in.
    pub listener: SocketAddr,
    /// Its method.
    pub method: &'a Method,
    /// Its canonical path; empty when it has none.
    pub path: &'a str,
    /// The route that answered.
    pub route: Option<&'a Arc<str>>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// Who asks, also if a policy refused that.
    pub identity: Option<&'a Identity>,
    /// The upstream to which it went.
    pub upstream: Option<&'a str>,
    /// The address of that upstream that answered, if it has several.
    pub address: Option<&'a str>,
    /// The status of the answer.
    pub status: u16,
    /// Why it was refused, and who did.
    pub refused: Option<(Reason, &'static str)>,
    /// How long it took to the head of the answer.
    pub took: Duration,
}

/// What a scheme or a policy said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever decides builds")]
pub struct Said {
    /// Its id.
    pub id: &'static str,
    /// The word.
    pub word: &'static str,
    /// Why, when it refused.
    pub reason: Option<Reason>,
}

/// A decision as it is kept. Its texts are cut, and their memory is used again.
#[derive(Clone, Debug)]
pub struct Decision {
    pub(super) id: Arc<str>,
    pub(super) at: SystemTime,
    /// Counts the decisions of its thread.
    pub(super) number: u64,
    listener: SocketAddr,
    method: Method,
    path: String,
    pub(super) route: Option<Arc<str>>,
    client: Option<IpAddr>,
    schemes: Vec<Said>,
    policies: Vec<Said>,
    is_known: bool,
    pub(super) user: String,
    account: Option<i64>,
    scheme: &'static str,
    service: String,
    credential: String,
    upstream: String,
    address: String,
    status: u16,
    pub(super) refused: Option<(Reason, &'static str)>,
    pub(super) took: Duration,
    pub(super) bytes: u64,
    pub(super) ended: bool,
}

impl Decision {
    pub(super) fn new(noted: &Noted<'_>) -> Self {
        Self {
            id: Arc::clone(noted.id),
            at: noted.at,
            number: 0,
            listener: noted.listener,
            method: Method::GET,
            path: String::new(),
            route: None,
            client: None,
            schemes: Vec::new(),
            policies: Vec::new(),
            is_known: false,
            user: String::new(),
            account: None,
            scheme: "",
            service: String::new(),
            credential: String::new(),
            upstream: String::new(),
            address: String::new(),
            status: 0,
            refused: None,
            took: Duration::ZERO,
            bytes: 0,
            ended: false,
        }
    }

    /// Becomes this decision; nothing of the one before is left.
    pub(super) fn become_this(
        &mut self,
        number: u64,
        noted: &Noted<'_>,
        schemes: impl Iterator<Item = Said>,
        policies: impl Iterator<Item = Said>,
    ) {
        let identity = noted.identity.filter(|identity| !identity.is_anonymous());
        self.id = Arc::clone(noted.id);
        self.at = noted.at;
        self.number = number;
        self.listener = noted.listener;
        self.method = noted.method.clone();
        copy(&mut self.path, noted.path, MAX_PATH);
        self.route = noted.route.cloned();
        self.client = noted.client;
        copy_all(&mut self.schemes, schemes);
        copy_all(&mut self.policies, policies);
        self.is_known = identity.is_some();
        copy(&mut self.user, identity.map_or("", Identity::name), MAX_TEXT);
        self.account = identity.and_then(Identity::account).map(|account| account.0);
        self.scheme = identity.map_or("", Identity::scheme);
        copy(&mut self.service, identity.and_then(Identity::service).unwrap_or_default(), MAX_TEXT);
        copy(&mut self.credential, identity.map_or("", |identity| &*identity.credential().id), MAX_TEXT);
        copy(&mut self.upstream, noted.upstream.unwrap_or_default(), MAX_TEXT);
        copy(&mut self.address, noted.address.unwrap_or_default(), MAX_TEXT);
        self.status = noted.status;
        self.refused = noted.refused;
        self.took = noted.took;
        self.bytes = 0;
        self.ended = false;
    }

    /// The decision as JSON for people and programs.
    ///
    /// # Panics
    ///
    /// Never: texts and numbers are JSON.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(Told::of(self)).expect("texts and numbers are JSON")
    }
}

#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    time: String,
    listener: SocketAddr,
    method: &'a str,
    path: Option<&'a str>,
    client: Option<IpAddr>,
    route: Option<&'a str>,
    schemes: Vec<SchemeTold>,
    identity: Option<IdentityTold<'a>>,
    policies: Vec<PolicyTold>,
    upstream: Option<UpstreamTold<'a>>,
    outcome: OutcomeTold,
    ended: bool,
    ms: f64,
    bytes: u64,
}

#[derive(Serialize)]
struct SchemeTold {
    scheme: &'static str,
    verdict: &'static str,
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct PolicyTold {
    policy: &'static str,
    /// `allow`, or the code of the reason.
    value: &'static str,
}

#[derive(Serialize)]
struct IdentityTold<'a> {
    name: &'a str,
    account: Option<i64>,
    scheme: &'static str,
    service: Option<&'a str>,
    credential: &'a str,
}

#[derive(Serialize)]
struct UpstreamTold<'a> {
    name: &'a str,
    address: Option<&'a str>,
}

#[derive(Serialize)]
struct OutcomeTold {
    what: &'static str,
    status: u16,
    reason: Option<&'static str>,
    by: Option<&'static str>,
}

impl<'a> Told<'a> {
    fn of(decision: &'a Decision) -> Self {
        let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        let scheme =
            |said: &Said| SchemeTold { scheme: said.id, verdict: said.word, reason: said.reason.map(Reason::code) };
        let policy =
            |said: &Said| PolicyTold { policy: said.id, value: said.reason.map_or(said.word, |reason| reason.code()) };
        let (reason, by) = decision.refused.map(|(reason, by)| (reason.code(), by)).unzip();
        Self {
            id: &decision.id,
            time: jiff::Timestamp::try_from(decision.at).map(|time| format!("{time:.3}")).unwrap_or_default(),
            listener: decision.listener,
            method: decision.method.as_str(),
            path: some(&decision.path),
            client: decision.client,
            route: decision.route.as_deref(),
            schemes: decision.schemes.iter().map(scheme).collect(),
            identity: decision.is_known.then_some(IdentityTold {
                name: &decision.user,
                account: decision.account,
                scheme: decision.scheme,
                service: some(&decision.service),
                credential: &decision.credential,
            }),
            policies: decision.policies.iter().map(policy).collect(),
            upstream: some(&decision.upstream).map(|name| UpstreamTold { name, address: some(&decision.address) }),
            outcome: OutcomeTold {
                what: if reason.is_some() { "refused" } else { "answered" },
                status: decision.status,
                reason,
                by,
            },
            ended: decision.ended,
            ms: (decision.took.as_secs_f64() * 1e6).round() / 1e3,
            bytes: decision.bytes,
        }
    }
}

fn copy(to: &mut String, from: &str, most: usize) {
    to.clear();
    to.push_str(from.get(..from.floor_char_boundary(most)).unwrap_or_default());
}

fn copy_all(to: &mut Vec<Said>, from: impl Iterator<Item = Said>) {
    to.clear();
    to.extend(from.take(MAX_SAID));
}

const MAX_PATH: usize = 512;
const MAX_TEXT: usize = 128;
const MAX_SAID: usize = 16;
