//! Turning a rejection into one tracker's status, headers and body.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use trackgate_schemes::{Reason, Rejection};

use crate::message;

/// A refused request, as a dialect sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Refusal<'a> {
    /// Why.
    pub why: &'a Rejection,
    /// A challenge for every scheme that the route accepts; empty unless the plain status is 401, and
    /// for a missing grant.
    pub challenges: &'a [HeaderValue],
    /// The methods of the path, for `Allow`, when the method is at fault.
    pub allow: Option<&'a HeaderValue>,
    /// The request's method, when it could be read.
    pub method: Option<&'a Method>,
    /// The request's canonical path, when it has one.
    pub path: Option<&'a str>,
    /// The request's header lines, when they could be read.
    pub headers: Option<&'a HeaderMap>,
    /// The id of the request in logs.
    pub request_id: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    /// A refusal of a request of which nothing else is known.
    pub const fn new(why: &'a Rejection) -> Self {
        Self { why, challenges: &[], allow: None, method: None, path: None, headers: None, request_id: None }
    }

    /// With the challenges of the route.
    #[must_use]
    pub const fn with_challenges(mut self, challenges: &'a [HeaderValue]) -> Self {
        self.challenges = challenges;
        self
    }

    /// With the methods that the path has.
    #[must_use]
    pub const fn with_allow(mut self, allow: Option<&'a HeaderValue>) -> Self {
        self.allow = allow;
        self
    }

    /// With what could be read of the request.
    #[must_use]
    pub const fn with_request(mut self, method: &'a Method, path: Option<&'a str>, headers: &'a HeaderMap) -> Self {
        self.method = Some(method);
        self.path = path;
        self.headers = Some(headers);
        self
    }

    /// With the id of the request in logs.
    #[must_use]
    pub const fn with_request_id(mut self, id: Option<&'a str>) -> Self {
        self.request_id = id;
        self
    }

    /// Adds what any dialect with real statuses sends: challenges, `Allow`, `Retry-After`, `no-store`.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        for challenge in self.challenges {
            headers.append(header::WWW_AUTHENTICATE, challenge.clone());
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, allow.clone());
        }
        if let Some(seconds) = self.why.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The wording of one tracker. It never shows reasons of one class apart that a contract does not name,
/// and repeats no text of the request unescaped.
pub trait Dialect: fmt::Debug + Send + Sync + 'static {
    /// The whole response.
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes>;
}

/// What a client is told whose account is not linked, or badly, to one of the server behind the gateway.
pub fn about_link(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::LinkRefused => Some("the server behind does not take the password of the linked account"),
        Reason::NotLinked => Some("this account is not linked to an account of the server behind"),
        _ => None,
    }
}

/// Plain HTTP: the reason's own status, RFC 6750 challenges, and `{"error":"…"}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainDialect;

impl Dialect for PlainDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let status = refusal.why.reason.status();
        let word = match status {
            StatusCode::UNAUTHORIZED => "unauthorized",
            StatusCode::FORBIDDEN => about_link(refusal.why.reason).unwrap_or("forbidden"),
            StatusCode::INTERNAL_SERVER_ERROR => "internal server error",
            _ => status.canonical_reason().unwrap_or("error"),
        };
        let mut response = message::json(status, format!("{{\"error\":\"{}\"}}\n", word.to_lowercase()));
        refusal.add_headers(response.headers_mut());
        response
    }
}
