//! The wording of refusals (contract sections 1 to 3).

use bytes::Bytes;
use http::{Response, StatusCode};
use trackgate_schemes::{Class, Reason};

use super::wire::{self, Form};
use crate::layer::{Dialect, Refusal, about_link};

/// Words refusals as the session tracker does: `{"error": …}`, below `/api/v2/` in the envelope.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionsDialect;

impl Dialect for SessionsDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let v2 = refusal.path.is_some_and(|path| path.starts_with("/api/v2/"));
        render(if v2 { Form::V2 } else { Form::V1 }, refusal)
    }
}

/// A refusal in this form.
pub(super) fn render(form: Form, refusal: &Refusal<'_>) -> Response<Bytes> {
    let reason = refusal.why.reason;
    let status = reason.status();
    let message = match (reason, reason.class()) {
        (_, Class::BadCredential | Class::Unauthenticated) => "invalid or missing token",
        (Reason::RateLimited, _) => "too many requests",
        (_, Class::Denied) => about_link(reason).unwrap_or("missing authorization"),
        (Reason::Ambiguous, _) => "more than one credential was sent",
        (Reason::BodyTooLarge, _) => "the body is too large",
        (Reason::BodyTimeout, _) => "the body did not arrive in time",
        (Reason::MethodNotAllowed, _) => "method not allowed",
        (Reason::NotFound, _) => "not found",
        (_, Class::Request) => "the request cannot be read",
        _ if status == StatusCode::SERVICE_UNAVAILABLE => "the server cannot answer now, try again later",
        _ => "server error",
    };
    let mut response = wire::error(form, status, message);
    refusal.add_headers(response.headers_mut());
    response
}
