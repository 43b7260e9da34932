//! What would become of a request, and why: the same route table, schemes and policies as live traffic.

use std::net::IpAddr;

use http::header;
use http::request::Parts;
use serde::Serialize;
use trackgate_policies::{Decision, Term};
use trackgate_schemes::{CanonicalPath, Head, Identity, Reason, Rejection, Step, Verdict};

use super::routes::{Found, RouteTable, Target, Unrouted, plain_host};
use crate::layer::{Mode, Refusal, Trail};
use crate::message::Body;
use crate::proxy::{self, Forward, Transport};

/// A request to be explained.
#[derive(Debug)]
pub struct Question {
    /// Its head.
    pub parts: Parts,
    /// The client's address, as the gateway would have found it.
    pub client: Option<IpAddr>,
    /// When it comes in.
    pub now: std::time::SystemTime,
}

/// What would become of it. No credential is in here.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The method.
    pub method: String,
    /// The path as sent, cut at 512 bytes.
    pub path: String,
    /// The one reading of it.
    pub canonical_path: Option<String>,
    /// Why there is none.
    pub path_fault: Option<String>,
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The route that answers.
    pub route: Option<String>,
    /// Why other routes of the same first segment do not.
    pub other_routes: Vec<OtherRoute>,
    /// What each scheme said that was asked, in order.
    pub schemes: Vec<SchemeSaid>,
    /// Who is asking.
    pub identity: Option<IdentitySeen>,
    /// What each policy said that was asked, in order.
    pub policies: Vec<PolicySaid>,
    /// What goes on to the upstream, for a proxied route.
    pub headers: Option<Headers>,
    /// What would happen.
    pub outcome: Outcome,
}

/// A route that does not answer.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct OtherRoute {
    /// Its name.
    pub route: String,
    /// Its methods and path.
    pub matches: String,
    /// What does not fit.
    pub because: String,
}

/// What a scheme said.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SchemeSaid {
    /// Its id.
    pub scheme: &'static str,
    /// `absent`, `known` or `refused`.
    pub verdict: &'static str,
    /// The code of the reason, when it refused.
    pub reason: Option<&'static str>,
}

/// An identity, without its credential.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct IdentitySeen {
    /// Whom it stands for.
    pub subject: String,
    /// The account's name.
    pub name: String,
    /// The scheme that said so.
    pub scheme: &'static str,
    /// What it may do.
    pub grants: String,
    /// The service that signs.
    pub service: Option<String>,
    /// The public id of the credential.
    pub credential: String,
}

/// What a policy said, with the parts that it is made of.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct PolicySaid {
    /// Its id.
    pub policy: &'static str,
    /// The rule as written.
    pub rule: String,
    /// `allow`, or the code of the reason.
    pub value: &'static str,
    /// Its parts.
    pub parts: Vec<Self>,
}

/// Header lines towards the upstream.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Headers {
    /// Names that the gateway sets.
    pub added: Vec<String>,
    /// Names that do not go on.
    pub dropped: Vec<String>,
    /// What becomes of the client's credentials.
    pub credentials: String,
}

/// What would happen.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// `forwarded` with the target, or `refused`.
    pub what: String,
    /// The status in the route's wording, when refused.
    pub status: Option<u16>,
    /// The code of the reason.
    pub reason: Option<&'static str>,
    /// Who refused.
    pub by: Option<&'static str>,
    /// The challenges that go with it.
    pub challenges: Vec<String>,
}

impl Explanation {
    /// Nothing but the question yet.
    fn of(question: &Question) -> Self {
        let raw_path = question.parts.uri.path();
        let (canonical_path, path_fault) = match CanonicalPath::parse(raw_path) {
            Ok(path) => (Some(path.to_string()), None),
            Err(fault) => (None, Some(fault.to_string())),
        };
        Self {
            method: question.parts.method.to_string(),
            path: raw_path.chars().take(512).collect(),
            canonical_path,
            path_fault,
            client: question.client,
            route: None,
            other_routes: Vec::new(),
            schemes: Vec::new(),
            identity: None,
            policies: Vec::new(),
            headers: None,
            outcome: Outcome { what: String::new(), status: None, reason: None, by: None, challenges: Vec::new() },
        }
    }
}

impl IdentitySeen {
    fn of(identity: &Identity) -> Self {
        Self {
            subject: identity.subject().to_string(),
            name: identity.name().to_owned(),
            scheme: identity.scheme(),
            grants: identity.grants().to_string(),
            service: identity.service().map(ToOwned::to_owned),
            credential: identity.credential().id.to_string(),
        }
    }
}

impl RouteTable {
    /// Explains a request. Schemes and policies are asked as for a live one; nothing is forwarded, and no
    /// session slides.
    pub async fn explain(&self, question: &Question) -> Explanation {
        let parts = &question.parts;
        let raw_path = parts.uri.path();
        let host = authority(parts).map(plain_host);
        let mut told = Explanation::of(question);
        let found = match self.find(&parts.method, host.as_deref(), raw_path, &parts.headers) {
            Ok(found) => found,
            Err(Unrouted { why, dialect, allow }) => {
                // Without a path no route was looked for.
                if told.path_fault.is_none() {
                    told.other_routes = self.others(question, host.as_deref(), None);
                }
                let refusal = Refusal::new(&why).with_allow(allow.as_ref());
                let refusal = refusal.with_request(&parts.method, Some(raw_path), &parts.headers);
                told.outcome = refused(&why, dialect.render(&refusal).status().as_u16(), Vec::new());
                return told;
            }
        };
        (told.canonical_path, told.path_fault) = (Some(found.path.to_string()), None);
        told.route = Some(found.route.name.to_string());
        told.other_routes = self.others(question, host.as_deref(), Some(&found));
        let head = Head::new(&parts.method, &found.path, &parts.headers)
            .with_query(parts.uri.query())
            .with_client(question.client)
            .with_now(question.now);
        let judged = match judge(&found, &head, &mut told).await {
            Ok(identity) => may_translate(&found, &identity, question.now).await.map(|()| identity),
            Err(why) => Err(why),
        };
        match judged {
            Ok(identity) => forwarded(&found, question, &identity, &mut told),
            Err(why) => {
                let challenges = found.route.gate.challenges(&why);
                let refusal = Refusal::new(&why).with_challenges(&challenges).with_request(
                    &parts.method,
                    Some(found.path.as_str()),
                    &parts.headers,
                );
                let status = found.route.dialect.render(&refusal).status().as_u16();
                let challenges = challenges.iter().filter_map(|value| value.to_str().ok()).map(ToOwned::to_owned);
                told.outcome = refused(&why, status, challenges.collect());
            }
        }
        told
    }

    /// Explains a request on which its gate has just decided; nobody is asked again. What became of it is left
    /// open unless it goes on.
    pub(super) fn explain_live(&self, question: &Question, found: &Found<'_>, trail: &Trail) -> Explanation {
        let host = authority(&question.parts).map(plain_host);
        let mut told = Explanation::of(question);
        (told.canonical_path, told.path_fault) = (Some(found.path.to_string()), None);
        told.route = Some(found.route.name.to_string());
        told.other_routes = self.others(question, host.as_deref(), Some(found));
        told.schemes = trail
            .schemes()
            .map(|said| SchemeSaid {
                scheme: said.id,
                verdict: said.word.as_str(),
                reason: said.reason.map(Reason::code),
            })
            .collect();
        told.identity = trail.identity().map(IdentitySeen::of);
        let policies = found.route.gate.policies().iter().zip(trail.policies());
        told.policies = policies
            .map(|(policy, said)| PolicySaid {
                policy: said.id,
                rule: policy.describe(),
                value: said.reason.map_or("allow", |reason| reason.code()),
                parts: Vec::new(),
            })
            .collect();
        if let Some(identity) = trail.identity()
            && trail.policies().all(|said| said.reason.is_none())
        {
            forwarded(found, question, identity, &mut told);
        }
        told
    }

    fn others(&self, question: &Question, host: Option<&str>, found: Option<&Found<'_>>) -> Vec<OtherRoute> {
        let parts = &question.parts;
        let first = |path: &str| path.split('/').nth(1).map(ToOwned::to_owned);
        let raw_path = parts.uri.path();
        let wanted = first(CanonicalPath::parse(raw_path).as_ref().map_or(raw_path, CanonicalPath::as_str));
        let near = self.routes().iter().filter(|route| first(&route.path) == wanted || route.path.starts_with("/{"));
        near.filter(|route| !found.is_some_and(|found| std::ptr::eq(found.route, *route)))
            .map(|route| {
                let methods: Vec<_> = route.methods.iter().map(http::Method::as_str).collect();
                let methods = if methods.is_empty() { "any".to_owned() } else { methods.join(",") };
                let because = Self::why_not(route, &parts.method, host, raw_path);
                OtherRoute {
                    route: route.name.to_string(),
                    matches: format!("{methods} {}", route.path),
                    because: because.unwrap_or("a more exact path, or an earlier route, answers").to_owned(),
                }
            })
            .collect()
    }
}

/// Asks schemes and policies as the gate does, and tells what each said.
async fn judge(found: &Found<'_>, head: &Head<'_>, told: &mut Explanation) -> Result<Identity, Rejection> {
    let gate = &found.route.gate;
    let mut known = None;
    if !matches!(gate.mode(), Mode::Public { .. }) {
        gate.check_carriers(head)?;
        for scheme in gate.schemes() {
            let verdict = match scheme.authenticate(head) {
                Step::Done(verdict) => verdict,
                Step::Ask(question) => question.await,
            };
            let (word, reason) = match &verdict {
                Verdict::Absent => ("absent", None),
                Verdict::Known(_) => ("known", None),
                Verdict::Refused(why) => ("refused", Some(why.reason.code())),
            };
            told.schemes.push(SchemeSaid { scheme: scheme.id(), verdict: word, reason });
            match verdict {
                Verdict::Absent => {}
                Verdict::Known(identity) => {
                    known = Some(identity);
                    break;
                }
                Verdict::Refused(why) => return Err(why),
            }
        }
    }
    let identity = match known {
        Some(identity) => identity,
        // Nobody knew it: what the gate itself says of that, without asking anybody again.
        None => gate.unknown(head)?,
    };
    told.identity = Some(IdentitySeen::of(&identity));
    for policy in gate.policies() {
        let term = policy.explain(&identity, head);
        let decision = term.decision.clone();
        told.policies.push(said(term));
        if let Decision::Deny(why) = decision {
            return Err(why);
        }
    }
    Ok(identity)
}

/// Whether there is a credential for the upstream; nobody signs in there.
async fn may_translate(found: &Found<'_>, who: &Identity, now: std::time::SystemTime) -> Result<(), Rejection> {
    match &found.route.target {
        Target::Proxy { sending, .. } if let Some(translator) = &sending.translator => translator.check(who, now).await,
        _ => Ok(()),
    }
}

fn forwarded(found: &Found<'_>, question: &Question, identity: &Identity, told: &mut Explanation) {
    told.outcome.what = match &found.route.target {
        Target::ForwardAuth => "let through, if another proxy asks".to_owned(),
        Target::Tracker(_) => format!("answered in-process by the route {}", found.route.name),
        Target::Proxy { upstream, sending } => {
            let forward = Forward {
                parts: question.parts.clone(),
                body: Body::empty(),
                path: &found.path,
                client: question.client,
                peer: proxy::Peer { transport: Transport::Plain, host: authority(&question.parts) },
                request_id: "explained",
                now: question.now,
                sending,
                credential: sending.translator.as_ref().map(|translator| translator.placeholder()),
            };
            let built = upstream.headers(identity, forward).unwrap_or_default();
            let sent = &question.parts.headers;
            let same = |name: &http::HeaderName| sent.get_all(name).iter().eq(built.get_all(name).iter());
            let names = |headers: &http::HeaderMap| headers.keys().cloned().collect::<Vec<_>>();
            let added = names(&built).into_iter().filter(|name| !same(name)).map(|name| name.to_string()).collect();
            let dropped = names(sent).into_iter().filter(|name| !built.contains_key(name));
            let credentials = match (&sending.translator, sending.credentials) {
                (Some(translator), _) => translator.to_string(),
                (None, proxy::Credentials::Pass) => "pass".to_owned(),
                (None, _) => "drop".to_owned(),
            };
            let dropped = dropped.map(|name| name.to_string()).collect();
            told.headers = Some(Headers { added, dropped, credentials });
            format!("forwarded to the upstream {}", upstream.name())
        }
    };
}

fn said(term: Term) -> PolicySaid {
    let value = match &term.decision {
        Decision::Allow => "allow",
        Decision::Deny(why) => why.reason.code(),
    };
    PolicySaid { policy: term.policy, rule: term.rule, value, parts: term.parts.into_iter().map(said).collect() }
}

fn refused(why: &Rejection, status: u16, challenges: Vec<String>) -> Outcome {
    let (reason, by) = (Some(why.reason.code()), Some(why.by));
    Outcome { what: "refused".to_owned(), status: Some(status), reason, by, challenges }
}

fn authority(parts: &Parts) -> Option<&str> {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    parts.uri.authority().map(http::uri::Authority::as_str).or(host)
}
