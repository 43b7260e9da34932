//! Refusals: one top-level `error` (contract sections 1, 3 and 4).

use bytes::Bytes;
use http::{Response, StatusCode};
use trackgate_schemes::{Class, Reason};

use super::wire;
use crate::layer::{Dialect, Refusal};
use crate::message;

/// The wording of the account end points: 401 without credentials, 403 with wrong ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountDialect;

impl Dialect for AccountDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let (status, word) = status_and_word(refusal.why.reason);
        let mut response = message::json(status, format!("{{\"error\":\"{word}\"}}"));
        refusal.add_headers(response.headers_mut());
        wire::allow_any_origin(response)
    }
}

fn status_and_word(reason: Reason) -> (StatusCode, &'static str) {
    match (reason, reason.class()) {
        // What cannot be read, or is of another scheme, counts as none.
        (Reason::Malformed, _) | (_, Class::Unauthenticated) => (StatusCode::UNAUTHORIZED, AUTHENTICATION_FAILED),
        (_, Class::BadCredential) => (StatusCode::FORBIDDEN, AUTHENTICATION_FAILED),
        (Reason::RateLimited, _) => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
        (Reason::LinkRefused, _) => (StatusCode::FORBIDDEN, "LINK_REFUSED"),
        (Reason::NotLinked, _) => (StatusCode::FORBIDDEN, "NOT_LINKED"),
        (_, Class::Denied) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
        (Reason::NotFound, _) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        (Reason::MethodNotAllowed, _) => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        (Reason::Overloaded | Reason::TimedOut | Reason::Unavailable | Reason::UpstreamBusy, _) => {
            (StatusCode::SERVICE_UNAVAILABLE, "DB")
        }
        (_, Class::Request) => (reason.status(), "BAD_REQUEST"),
        _ => (reason.status(), "UNKNOWN_ERROR"),
    }
}

const AUTHENTICATION_FAILED: &str = "AUTHENTICATION_FAILED";
