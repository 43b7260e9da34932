//! What pages answer with, and why they stop.

use std::time::Duration;

use askama::Template;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use trackgate_schemes::store::StoreError;
use trackgate_schemes::{Class, Reason, Rejection};

use super::Shared;
use super::frame::Frame;
use super::visit::Around;
use super::words::Words;
use crate::accounts::ChangeError;

/// Why a page is not shown or a change not made.
#[derive(Debug)]
pub(super) enum Stop {
    /// The request makes no sense.
    BadRequest,
    /// It could not be done, for this reason, and may be tried again after a while.
    Failed(Reason, Option<Duration>),
    /// A foreign page sent the form, or it has no token of this session.
    Foreign,
    /// There is no such thing, or it is another's.
    NotFound,
}

impl Stop {
    /// The page that says so.
    pub(super) fn into_response(self, shared: &Shared, around: &Around) -> Response<Bytes> {
        let (status, key, retry_after) = match self {
            Self::BadRequest => (StatusCode::BAD_REQUEST, "bad_request", None),
            Self::Failed(reason, wait) => (reason.status(), key_of(reason), wait),
            Self::Foreign => (StatusCode::FORBIDDEN, "foreign", None),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", None),
        };
        let mut response = error_page(shared, around, status, key);
        add_wait(response.headers_mut(), retry_after);
        response
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store did not answer a page");
        Self::Failed(Reason::Unavailable, Some(Duration::from_secs(5)))
    }
}

impl From<ChangeError> for Stop {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::NotFound => Self::NotFound,
            ChangeError::Stopped(why) => why.into(),
            _ => Self::BadRequest,
        }
    }
}

impl From<Rejection> for Stop {
    fn from(why: Rejection) -> Self {
        Self::Failed(why.reason, why.retry_after)
    }
}

/// The key of the texts about a reason.
pub(super) fn key_of(reason: Reason) -> &'static str {
    match (reason, reason.class()) {
        (Reason::MethodNotAllowed | Reason::NotFound, _) => "not_found",
        (Reason::RateLimited | Reason::Overloaded, _) => "busy",
        (_, Class::Unauthenticated | Class::BadCredential) => "signed_out",
        (_, Class::Denied) => "denied",
        (_, Class::Request) => "bad_request",
        (Reason::Unavailable | Reason::TimedOut, _) => "unavailable",
        _ => "broken",
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    status: u16,
    title: &'a str,
    text: &'a str,
    sign_in: bool,
}

/// A page about something that went wrong.
pub(super) fn error_page(shared: &Shared, around: &Around, status: StatusCode, key: &str) -> Response<Bytes> {
    let words: &Words = around.language.words();
    let title = words.below("errors.", key);
    let text = words.below("errors.", &format!("{key}_text"));
    let frame = Frame::bare(shared, around, title);
    let sign_in = status == StatusCode::UNAUTHORIZED;
    let page = ErrorPage { frame, status: status.as_u16(), title, text, sign_in };
    let mut response = render(shared, &page);
    *response.status_mut() = status;
    response
}

/// `Retry-After`, if waiting helps.
pub(super) fn add_wait(headers: &mut HeaderMap, wait: Option<Duration>) {
    if let Some(wait) = wait {
        let seconds = Rejection::new(Reason::Unavailable, super::ID).after(wait).retry_after_seconds();
        headers.insert(header::RETRY_AFTER, seconds.unwrap_or(1).into());
    }
}

/// A page.
pub(super) fn render(shared: &Shared, page: &impl Template) -> Response<Bytes> {
    let (status, text) = match page.render() {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    };
    let mut response = Response::new(Bytes::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    add_security(headers, shared);
    response
}

/// To another page, by `GET`.
pub(super) fn redirect(shared: &Shared, to: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/account"));
    headers.insert(header::LOCATION, to);
    add_security(headers, shared);
    response
}

/// What every page is sent with.
fn add_security(headers: &mut HeaderMap, shared: &Shared) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (header::VARY, "Accept-Language, Cookie"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    if let Some(value) = shared.transport_security() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
}

/// Nothing but our own style, script, pictures and forms.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      object-src 'none'";
