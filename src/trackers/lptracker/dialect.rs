//! Refusals: an error object in a good HTTP answer (contract section 1).

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use trackgate_schemes::{Class, Reason, Rejection};

use super::Statuses;
use crate::layer::{Dialect, Refusal, about_link};
use crate::message;

/// The wording of LPTracker: `{"status":"error","errors":[{"code":…,"message":…}]}`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LpDialect {
    statuses: Statuses,
}

impl LpDialect {
    /// The wording with these HTTP statuses.
    pub const fn new(statuses: Statuses) -> Self {
        Self { statuses }
    }

    /// The HTTP statuses of its errors.
    pub(super) const fn statuses(self) -> Statuses {
        self.statuses
    }

    /// A refused sign-in: the same for an unknown name, a wrong password and a locked account.
    pub(super) fn refused_login(self, why: &Rejection) -> Response<Bytes> {
        message::because(why, self.error(&Refusal::new(why), StatusCode::UNAUTHORIZED, "Invalid login or password"))
    }

    /// A request whose fields do not fit. `words` are of our own, never text of the request.
    pub(super) fn bad_request(self, words: &'static str) -> Response<Bytes> {
        let why = Rejection::new(Reason::BadRequest, super::ID);
        message::because(&why, self.error(&Refusal::new(&why), StatusCode::BAD_REQUEST, words))
    }

    fn error(self, refusal: &Refusal<'_>, code: StatusCode, message: &'static str) -> Response<Bytes> {
        let body = format!(r#"{{"status":"error","errors":[{{"code":{},"message":"{message}"}}]}}"#, code.as_u16());
        match self.statuses {
            Statuses::AlwaysOk => {
                let mut response = message::json(StatusCode::OK, body);
                let headers = response.headers_mut();
                if let Some(seconds) = refusal.why.retry_after_seconds() {
                    headers.insert(header::RETRY_AFTER, seconds.into());
                }
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                response
            }
            Statuses::Real => {
                let mut response = message::json(code, body);
                refusal.add_headers(response.headers_mut());
                response
            }
        }
    }
}

impl Dialect for LpDialect {
    fn render(&self, refusal: &Refusal<'_>) -> Response<Bytes> {
        let (code, message) = code_and_message(refusal.why.reason);
        self.error(refusal, code, message)
    }
}

fn code_and_message(reason: Reason) -> (StatusCode, &'static str) {
    match (reason, reason.class()) {
        (_, Class::Unauthenticated | Class::BadCredential) => (StatusCode::UNAUTHORIZED, "Invalid token"),
        (Reason::AddressTaken, _) => (StatusCode::FORBIDDEN, "Another user is signed in from this address"),
        (Reason::RateLimited, _) => (StatusCode::SERVICE_UNAVAILABLE, "Too many requests"),
        (_, Class::Denied) => (StatusCode::FORBIDDEN, about_link(reason).unwrap_or("Access denied")),
        // A route is a method and a path: the original knows no 405.
        (Reason::MethodNotAllowed | Reason::NotFound, _) => (StatusCode::NOT_FOUND, "Not found"),
        (_, Class::Request) => (reason.status(), "Invalid request"),
        (Reason::Overloaded | Reason::TimedOut | Reason::Unavailable | Reason::UpstreamBusy, _) => {
            (StatusCode::SERVICE_UNAVAILABLE, "Service unavailable")
        }
        _ => (reason.status(), "Internal error"),
    }
}
