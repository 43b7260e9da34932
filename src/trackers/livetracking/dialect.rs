//! Refusals: one top-level `error` (contract sections 1, 3 and 4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use trackgate_schemes::{Class, Reason};

use super::wire;
use crate::layer::{Dialect, Refusal};
use crate::message;

/// The wording of the account end points: 401 without credentials, 403 with wrong ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountDialect;

impl Dialect for AccountDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let (status, word) = status_and_word(refusal);
        let mut response = message::json(status, format!("{{\"error\":\"{word}\"}}"));
        refusal.add_headers(response.headers_mut());
        wire::allow_any_origin(response)
    }
}

fn status_and_word(refusal: &Refusal<'_>) -> (StatusCode, &'static str) {
    let reason = refusal.why.reason;
    match (reason, reason.class()) {
        (Reason::Malformed, _) if !names_nobody(refusal.headers) => (StatusCode::UNAUTHORIZED, AUTHENTICATION_FAILED),
        (_, Class::Unauthenticated) => (StatusCode::UNAUTHORIZED, AUTHENTICATION_FAILED),
        (_, Class::BadCredential) => (StatusCode::FORBIDDEN, AUTHENTICATION_FAILED),
        (Reason::RateLimited, _) => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
        (_, Class::Denied) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
        (Reason::NotFound, _) => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        (Reason::MethodNotAllowed, _) => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
        (Reason::Overloaded | Reason::TimedOut | Reason::Unavailable, _) => (StatusCode::SERVICE_UNAVAILABLE, "DB"),
        (_, Class::Request) => (reason.status(), "BAD_REQUEST"),
        _ => (reason.status(), "UNKNOWN_ERROR"),
    }
}

/// Whether the unreadable credential is HTTP Basic without a user name: wrong, where anything else that
/// cannot be read counts as none.
fn names_nobody(headers: Option<&HeaderMap>) -> bool {
    let Some(value) = headers.and_then(|headers| headers.get(header::AUTHORIZATION)) else { return false };
    let Some((scheme, pair)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else { return false };
    scheme.eq_ignore_ascii_case("basic") && STANDARD.decode(pair.trim()).is_ok_and(|pair| pair.starts_with(b":"))
}

const AUTHENTICATION_FAILED: &str = "AUTHENTICATION_FAILED";
