//! What is answered before a handler is reached, and instead of it: refusals, in the words of the route.
//!
//! They are not told by hand. Each reason that can stop a request there is rendered by the route's own
//! dialect, and what comes out is described.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response as Answer, StatusCode, header};
use serde_json::Value;
use trackgate_schemes::{Class, Grants, Reason, Rejection};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{AnyOf, ObjectBuilder, SchemaType};
use utoipa::openapi::{Content, Ref, RefOr, Response, Schema, Type};

use super::free_name;
use crate::gateway::Route;
use crate::layer::{Mode, Refusal};

/// Responses that operations share, by name.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) responses: BTreeMap<String, RefOr<Response>>,
}

impl Shared {
    /// Adds the refusals of this route to an operation.
    pub(super) fn add(&mut self, tracker: &str, method: &Method, route: &Route, operation: &mut Operation) {
        let has_body = operation.request_body.is_some();
        for (status, seen) in seen(method, route, has_body) {
            let response = seen.response(status);
            let key = status.as_u16().to_string();
            if let Some(RefOr::T(own)) = operation.responses.responses.get_mut(&key) {
                merge(own, response);
            } else {
                let name = self.named(&format!("{tracker}.{key}"), response);
                operation.responses.responses.insert(key, Ref::from_response_name(name).into());
            }
        }
    }

    /// The name of this response among those that are shared.
    fn named(&mut self, wanted: &str, response: Response) -> String {
        let response = RefOr::T(response);
        let mut known = self.responses.iter();
        if let Some((name, _)) = known.find(|(name, known)| name.starts_with(wanted) && **known == response) {
            return name.clone();
        }
        let name = free_name(wanted, |name| self.responses.contains_key(name));
        self.responses.insert(name.clone(), response);
        name
    }
}

/// What answers of one status look like.
#[derive(Default)]
struct Seen {
    reasons: Vec<&'static str>,
    headers: BTreeMap<String, HeaderValue>,
    /// Whole bodies by media type.
    bodies: BTreeMap<String, Vec<Bytes>>,
}

/// What a route answers instead of its handler, by status.
fn seen(method: &Method, route: &Route, has_body: bool) -> BTreeMap<StatusCode, Seen> {
    let mut all: BTreeMap<StatusCode, Seen> = BTreeMap::new();
    for reason in Reason::ALL.iter().filter(|reason| may_stop(**reason, route, has_body)) {
        let mut why = Rejection::new(*reason, "gateway");
        if matches!(reason, Reason::Locked | Reason::Overloaded | Reason::RateLimited | Reason::Unavailable) {
            why = why.after(Duration::from_secs(5));
        }
        if *reason == Reason::Grant {
            why = why.wanting(Grants::EVERYDAY);
        }
        let challenges = route.gate.challenges(&why);
        for sent in SENT {
            let mut headers = HeaderMap::new();
            if !sent.is_empty() {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(sent));
            }
            let refusal =
                Refusal::new(&why).with_challenges(&challenges).with_request(method, Some(&route.path), &headers);
            let answer = route.dialect.render(&refusal);
            all.entry(answer.status()).or_default().add(*reason, answer);
        }
    }
    all
}

/// Whether a request for this route can end for this reason without its handler being asked. A handler
/// words its own faults in the same way, so faults of the server are among them.
fn may_stop(reason: Reason, route: &Route, has_body: bool) -> bool {
    let is_protected = *route.gate.mode() == Mode::Required;
    let asks = !matches!(route.gate.mode(), Mode::Public { .. });
    let has_rules = route.gate.policies().iter().any(|policy| policy.id() != GRANTS);
    match (reason, reason.class()) {
        (Reason::Missing, _) => is_protected,
        (Reason::Ambiguous | Reason::Grant, _) | (_, Class::BadCredential) => asks,
        // Of what is sent to an upstream.
        (Reason::LinkRefused | Reason::LinkUnreadable | Reason::NotLinked | Reason::UpstreamRefused, _) => false,
        (_, Class::Denied) => has_rules,
        (Reason::BadPath, _) => route.path.contains('{'),
        (Reason::BodyTimeout, _) => has_body,
        // Of another path, method or host, or of an upstream.
        (
            Reason::NotFound
            | Reason::MethodNotAllowed
            | Reason::NotImplemented
            | Reason::Misdirected
            | Reason::UpstreamBusy
            | Reason::UpstreamDown
            | Reason::UpstreamSlow,
            _,
        ) => false,
        _ => true,
    }
}

impl Seen {
    fn add(&mut self, reason: Reason, answer: Answer<Bytes>) {
        if !self.reasons.contains(&reason.code()) {
            self.reasons.push(reason.code());
        }
        let (head, body) = answer.into_parts();
        let told = [header::WWW_AUTHENTICATE, header::RETRY_AFTER];
        for name in told {
            if let Some(value) = head.headers.get(&name) {
                self.headers.entry(canonical(name.as_str())).or_insert_with(|| value.clone());
            }
        }
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let media_type = kind.split(';').next().unwrap_or_default().trim().to_owned();
        let bodies = self.bodies.entry(media_type).or_default();
        if !body.is_empty() && !bodies.contains(&body) {
            bodies.push(body);
        }
    }

    fn response(&self, status: StatusCode) -> Response {
        let phrase = status.canonical_reason().unwrap_or("Refused");
        let mut response = Response::new(format!("{phrase}: `{}`.", self.reasons.join("`, `")));
        for name in self.headers.keys() {
            let (about, kind) = match name.as_str() {
                "Retry-After" => ("Seconds until another try may succeed.", Type::Integer),
                _ => ("The challenges of the schemes that are accepted.", Type::String),
            };
            let schema = ObjectBuilder::new().schema_type(kind);
            let header = HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build();
            response.headers.insert(name.clone(), header.into());
        }
        for (media_type, bodies) in self.bodies.iter().filter(|(media_type, _)| !media_type.is_empty()) {
            let schema = match media_type.as_str() {
                "application/json" => described(bodies),
                _ => RefOr::T(ObjectBuilder::new().schema_type(Type::String).into()),
            };
            response.content.insert(media_type.clone(), Content::new(Some(schema)).into());
        }
        response
    }
}

/// The schema of JSON bodies: those with the same members are one kind of object.
fn described(bodies: &[Bytes]) -> RefOr<Schema> {
    let values: Vec<Value> = bodies.iter().filter_map(|body| serde_json::from_slice(body).ok()).collect();
    of_all(&values.iter().collect::<Vec<_>>())
}

fn of_all(values: &[&Value]) -> RefOr<Schema> {
    let mut kinds: Vec<(Vec<&String>, Vec<&Value>)> = Vec::new();
    for value in values {
        let members: Vec<&String> = value.as_object().into_iter().flat_map(|object| object.keys()).collect();
        match kinds.iter_mut().find(|(known, _)| *known == members) {
            Some((_, same)) => same.push(value),
            None => kinds.push((members, vec![value])),
        }
    }
    let mut shapes: Vec<RefOr<Schema>> = kinds.iter().map(|(members, values)| of_kind(members, values)).collect();
    match (shapes.pop(), shapes.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            let mut any = AnyOf::new();
            any.items = shapes.into_iter().chain(last).collect();
            RefOr::T(any.into())
        }
    }
}

/// Values of one kind: objects with these members, or none of them an object.
fn of_kind(members: &[&String], values: &[&Value]) -> RefOr<Schema> {
    if !members.is_empty() {
        let object = members.iter().fold(ObjectBuilder::new().schema_type(Type::Object), |object, name| {
            let inside: Vec<&Value> = values.iter().filter_map(|value| value.get(name.as_str())).collect();
            object.property(name.as_str(), of_all(&inside)).required(name.as_str())
        });
        return object.into();
    }
    let lists: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
    if !lists.is_empty() {
        return utoipa::openapi::schema::ArrayBuilder::new().items(of_all(&lists)).min_items(Some(1)).into();
    }
    let mut words: Vec<Value> = Vec::new();
    for value in values {
        if !words.contains(value) {
            words.push((*value).clone());
        }
    }
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).enum_values(Some(words)).into()
}

/// Adds what another answer of the same status looks like.
fn merge(own: &mut Response, other: Response) {
    own.description = format!("{} Or {}", own.description, other.description);
    own.headers.extend(other.headers);
    for (media_type, content) in other.content {
        let RefOr::T(content) = content else { continue };
        match own.content.get_mut(&media_type) {
            Some(RefOr::T(mine)) => {
                let both = [mine.schema.take(), content.schema];
                let mut any = AnyOf::new();
                any.items = both.into_iter().flatten().flat_map(alternatives).collect();
                mine.schema = Some(RefOr::T(any.into()));
            }
            _ => {
                own.content.insert(media_type, content.into());
            }
        }
    }
}

/// The parts of a choice, else the one schema.
fn alternatives(schema: RefOr<Schema>) -> Vec<RefOr<Schema>> {
    match schema {
        RefOr::T(Schema::AnyOf(any)) => any.items,
        other => vec![other],
    }
}

/// `retry-after` as people write it.
fn canonical(name: &str) -> String {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    let name: Vec<String> = name.split('-').map(part).collect();
    name.join("-").replace("Www", "WWW")
}

/// What may stand in the `Authorization` line of a refused request, for a dialect may look at it.
const SENT: [&str; 4] = ["", "Bearer", "Bearer x", "Other x"];

/// The id of the policy that wants grants.
const GRANTS: &str = "grants";
