//! What the admin listener answers. Nothing of a request is repeated, and nothing may be kept by caches.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

use super::State;
use super::query::Query;
use crate::telemetry::metrics::Page;

type Answer = Response<Full<Bytes>>;

/// Answers one request; its body, if there is one, is not looked at.
pub(super) async fn answer<B>(request: &Request<B>, peer: IpAddr, state: &State) -> Answer {
    if peer.is_loopback() && !names_this_machine(request) {
        // A page elsewhere that had its own name point here would read all of this in a browser.
        return told(StatusCode::FORBIDDEN, &json!({ "error": "ask by address, or by localhost" }));
    }
    let path = request.uri().path();
    let is_known = matches!(path, "/" | "/metrics" | "/healthz" | "/readyz" | "/decisions");
    if !is_known && !path.starts_with(ONE) {
        return told(StatusCode::NOT_FOUND, &json!({ "error": "not found" }));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = told(StatusCode::METHOD_NOT_ALLOWED, &json!({ "error": "method not allowed" }));
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return answer;
    }
    match path {
        "/" => told(StatusCode::OK, &json!({ "paths": ["/metrics", "/healthz", "/readyz", "/decisions"] })),
        "/metrics" => whole(StatusCode::OK, Page::CONTENT_TYPE, state.meter.page().text()),
        "/healthz" => told(StatusCode::OK, &json!({ "status": "alive" })),
        "/readyz" => match state.health.check().await {
            Ok(()) => told(StatusCode::OK, &json!({ "status": "ready" })),
            Err(why) => told(StatusCode::SERVICE_UNAVAILABLE, &json!({ "status": "not ready", "because": why })),
        },
        "/decisions" => latest(request.uri().query().unwrap_or_default(), state),
        path => one(path.strip_prefix(ONE).unwrap_or_default(), state),
    }
}

fn latest(query: &str, state: &State) -> Answer {
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(why) => return told(StatusCode::BAD_REQUEST, &json!({ "error": why })),
    };
    let open = state.open.load();
    let found = open.as_ref().map(|open| open.decisions.latest(&query.wanted(), query.limit)).unwrap_or_default();
    let found: Vec<Value> = found.iter().map(crate::telemetry::decisions::Decision::to_json).collect();
    told(StatusCode::OK, &json!({ "kept": kept(state), "decisions": found }))
}

fn one(id: &str, state: &State) -> Answer {
    let open = state.open.load();
    if let Some(decision) = open.as_ref().and_then(|open| open.decisions.find(id)) {
        return told(StatusCode::OK, &decision.to_json());
    }
    let error = "there is no decision of this id among those that are kept";
    told(StatusCode::NOT_FOUND, &json!({ "error": error, "kept": kept(state) }))
}

/// How many decisions are kept.
fn kept(state: &State) -> usize {
    state.open.load().as_ref().map_or(0, |open| open.decisions.capacity())
}

/// Whether the request is for an address or for `localhost`.
fn names_this_machine<B>(request: &Request<B>) -> bool {
    let Some(host) = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    let Ok(host) = host.parse::<http::uri::Authority>() else { return false };
    let name = host.host();
    name.eq_ignore_ascii_case("localhost") || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

fn told(status: StatusCode, value: &Value) -> Answer {
    whole(status, "application/json", format!("{value}\n"))
}

fn whole(status: StatusCode, content_type: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

const ONE: &str = "/decisions/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_01_a_foreign_name_that_points_here_is_not_answered() {
        let named = |host: &str| names_this_machine(&Request::get("/").header("host", host).body(()).unwrap());
        for host in ["127.0.0.1:9090", "[::1]:9090", "localhost:9090", "LOCALHOST", "192.0.2.1"] {
            assert!(named(host), "{host}");
        }
        for host in ["evil.example", "evil.example:9090", "localhost.evil.example", "127.0.0.1.evil.example", "a b"] {
            assert!(!named(host), "{host}");
        }
    }
}
