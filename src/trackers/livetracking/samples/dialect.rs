//! Refusals as InfluxDB words them (contract sections 3, 4 and 6).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use trackgate_schemes::{Class, Reason};

use super::answers;
use crate::layer::{Dialect, Refusal, about_link};
use crate::trackers::livetracking::Compat;
use crate::trackers::livetracking::scheme::NAMELESS;

/// The wording of the paths that InfluxDB answers in the original.
#[derive(Clone, Copy, Debug, Default)]
pub struct SampleDialect {
    compat: Compat,
}

impl SampleDialect {
    /// With wrong credentials answered so.
    pub const fn new(compat: Compat) -> Self {
        Self { compat }
    }
}

impl Dialect for SampleDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let nothing = HeaderMap::new();
        let asked = refusal.headers.unwrap_or(&nothing);
        let format = answers::format(asked);
        let reason = refusal.why.reason;
        let mut response = match (reason, reason.class()) {
            (Reason::NotFound, _) => return plain(StatusCode::NOT_FOUND, "404 page not found\n"),
            (Reason::MethodNotAllowed, _) => {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
                if let Some(allow) = allow(refusal) {
                    response.headers_mut().insert(header::ALLOW, allow);
                }
                return response;
            }
            (Reason::Malformed, _) if refusal.why.by == NAMELESS => {
                answers::error(format, StatusCode::UNAUTHORIZED, b"username required")
            }
            // What cannot be read, or is of another scheme, counts as none.
            (Reason::Malformed, _) | (_, Class::Unauthenticated) => {
                let text = b"unable to parse authentication credentials";
                answers::error(format, StatusCode::UNAUTHORIZED, text)
            }
            (_, Class::BadCredential) => {
                let status = match self.compat {
                    Compat::Influx => StatusCode::UNAUTHORIZED,
                    Compat::Manual => StatusCode::FORBIDDEN,
                };
                answers::error(format, status, b"authorization failed")
            }
            (_, Class::Denied) => answers::error(format, reason.status(), denied(reason)),
            (Reason::BodyTooLarge, _) => answers::error(format, reason.status(), b"Request Entity Too Large"),
            (Reason::Ambiguous, _) => answers::error(format, reason.status(), b"more than one credential"),
            (Reason::Overloaded | Reason::TimedOut | Reason::Unavailable | Reason::UpstreamBusy, _) => {
                answers::error(format, StatusCode::SERVICE_UNAVAILABLE, b"unavailable, try again later")
            }
            _ => {
                let word = reason.status().canonical_reason().unwrap_or("error").to_lowercase();
                answers::error(format, reason.status(), word.as_bytes())
            }
        };
        refusal.add_headers(response.headers_mut());
        keep_basic_challenge(response.headers_mut());
        // The original leaves it to caches, which keep no answer to a request with credentials.
        response.headers_mut().remove(header::CACHE_CONTROL);
        if let Some(id) = refusal.request_id {
            answers::add_request_id(id, response.headers_mut());
        }
        answers::add_version(response.headers_mut());
        answers::echo_origin(asked, response.headers_mut());
        response
    }
}

fn denied(reason: Reason) -> &'static [u8] {
    match reason {
        Reason::RateLimited => b"too many requests",
        _ => about_link(reason).unwrap_or("not authorized").as_bytes(),
    }
}

/// The Perl client looks for this one challenge; other schemes that are taken as well are not told of.
fn keep_basic_challenge(headers: &mut HeaderMap) {
    let is_basic = |challenge: &&HeaderValue| challenge.as_bytes().starts_with(b"Basic ");
    let basic = headers.get_all(header::WWW_AUTHENTICATE).iter().find(is_basic).cloned();
    headers.remove(header::WWW_AUTHENTICATE);
    headers.extend(basic.map(|basic| (header::WWW_AUTHENTICATE, basic)));
}

/// The methods of a path as the original names them: `HEAD` is none of `/query`.
fn allow(refusal: &Refusal<'_>) -> Option<HeaderValue> {
    match refusal.path {
        Some("/query") => Some(HeaderValue::from_static("OPTIONS, GET, POST")),
        Some("/ping" | "/status") => Some(HeaderValue::from_static("GET, HEAD")),
        Some("/write") => Some(HeaderValue::from_static("OPTIONS, POST")),
        _ => refusal.allow.cloned(),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answers::add_version(headers);
    response
}
