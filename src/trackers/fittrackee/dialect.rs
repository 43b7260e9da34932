//! The wording of refusals (contract sections 2.4 and 3.1).

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use trackgate_schemes::{Class, Reason};

use super::wire::{self, Json, PROVIDE_TOKEN};
use crate::layer::{Dialect, Refusal, about_link};

/// Words refusals as FitTrackee does.
///
/// A dead token is told in a union of what the manual writes (`status`, `message`) and what the running
/// server sends (`error`, `error_description`), so that clients of either understand it.
#[derive(Clone, Debug)]
pub struct FitTrackeeDialect {
    rate_limit: Arc<str>,
}

impl FitTrackeeDialect {
    /// Tells clients this rate limit, such as `300 per 5 minute`.
    pub fn new(rate_limit: Arc<str>) -> Self {
        Self { rate_limit }
    }
}

impl Dialect for FitTrackeeDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let why = refusal.why;
        let status = why.reason.status();
        let mut response = match (why.reason, why.reason.class()) {
            (Reason::Missing, _) => wire::error_message(status, PROVIDE_TOKEN),
            (_, Class::BadCredential) => return bad_credential(refusal),
            (Reason::Grant, _) => lacking_grant(),
            (Reason::RateLimited, _) => {
                let message = format!("rate limit exceeded ({})", self.rate_limit);
                wire::success(status, [("message", Json::Text(message)), ("status", Json::Text("error".into()))])
            }
            (reason, Class::Denied) => {
                wire::error_message(status, about_link(reason).unwrap_or("you do not have permissions"))
            }
            (Reason::Ambiguous, _) => wire::error_message(status, PROVIDE_TOKEN),
            (Reason::NotFound, _) => wire::error(
                status,
                &[("status", "not found"), ("message", "the requested URL was not found on the server")],
            ),
            (_, Class::Request) => wire::page(status),
            // Server faults, and whatever class is added one day.
            _ => wire::error_message(status, "error, please try again or contact the administrator"),
        };
        refusal.add_headers(response.headers_mut());
        response
    }
}

fn bad_credential(refusal: &Refusal<'_>) -> Response<Bytes> {
    let reason = refusal.why.reason;
    match (reason, Sent::of(refusal.headers)) {
        (Reason::Malformed, Sent::OneWord) | (Reason::Disabled, Sent::Bearer | Sent::Elsewhere | Sent::OneWord) => {
            plain(refusal, PROVIDE_TOKEN)
        }
        (Reason::Malformed, Sent::OtherScheme) => other_scheme(refusal),
        // A password that is wrong, locked, unknown or of a disabled account: all alike.
        (_, Sent::OtherScheme) => plain(refusal, "invalid credentials"),
        (Reason::Expired, _) => dead_token(refusal, "signature expired, please log in again"),
        _ => dead_token(refusal, "invalid token, please log in again"),
    }
}

fn plain(refusal: &Refusal<'_>, message: &str) -> Response<Bytes> {
    let mut response = wire::error_message(StatusCode::UNAUTHORIZED, message);
    refusal.add_headers(response.headers_mut());
    response
}

fn dead_token(refusal: &Refusal<'_>, message: &str) -> Response<Bytes> {
    let mut response = wire::error(
        StatusCode::UNAUTHORIZED,
        &[("status", "error"), ("message", message), ("error", "invalid_token"), ("error_description", INVALID_TOKEN)],
    );
    refusal.add_headers(response.headers_mut());
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A scheme word that nobody here reads. Its own challenge takes the place of the bearer ones.
fn other_scheme(refusal: &Refusal<'_>) -> Response<Bytes> {
    let mut response = wire::error(StatusCode::UNAUTHORIZED, &[("error", "unsupported_token_type")]);
    refusal.add_headers(response.headers_mut());
    let headers = response.headers_mut();
    headers.insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("bearer error=\"unsupported_token_type\", error_description=\"\""),
    );
    for challenge in refusal.challenges {
        let bearer = challenge.as_bytes().get(..6).is_some_and(|word| word.eq_ignore_ascii_case(b"bearer"));
        if !bearer {
            headers.append(header::WWW_AUTHENTICATE, challenge.clone());
        }
    }
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn lacking_grant() -> Response<Bytes> {
    let mut response = wire::error(
        StatusCode::FORBIDDEN,
        &[
            ("error", "insufficient_scope"),
            ("error_description", "The request requires higher privileges than provided by the access token."),
        ],
    );
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// What stands in the `Authorization` line of a refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// `Bearer` and something behind a blank.
    Bearer,
    /// There is no such line: the credential stands elsewhere.
    Elsewhere,
    /// Nothing, or nothing behind the first blank; a tab is no blank.
    OneWord,
    /// Another word and something behind it.
    OtherScheme,
}

impl Sent {
    fn of(headers: Option<&HeaderMap>) -> Self {
        let Some(line) = headers.and_then(|headers| headers.get(header::AUTHORIZATION)) else {
            return Self::Elsewhere;
        };
        let mut words = line.as_bytes().splitn(2, |byte| *byte == b' ');
        let (word, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if rest.is_empty() {
            Self::OneWord
        } else if word.eq_ignore_ascii_case(b"bearer") {
            Self::Bearer
        } else {
            Self::OtherScheme
        }
    }
}

const INVALID_TOKEN: &str = "The access token provided is expired, revoked, malformed, or invalid for other reasons.";
