//! Texts on the wire: answers, and the forms of names and passwords.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::message;

/// A good answer.
pub(super) fn ok(body: impl Into<Bytes>) -> Response<Bytes> {
    allow_any_origin(message::json(StatusCode::OK, body))
}

/// 400 with the codes of what does not fit, in the order in which they were found.
pub(super) fn errors(codes: &[&'static str]) -> Response<Bytes> {
    let quoted: Vec<_> = codes.iter().map(|code| format!("\"{code}\"")).collect();
    allow_any_origin(message::json(StatusCode::BAD_REQUEST, format!("{{\"errors\":[{}]}}", quoted.join(","))))
}

/// With the CORS headers that every answer of the original has but those of its error page and of the
/// server in front of it (contract section 4).
pub(super) fn allow_any_origin(mut response: Response<Bytes>) -> Response<Bytes> {
    if !matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::INTERNAL_SERVER_ERROR) {
        add_cors(response.headers_mut());
    }
    response
}

fn add_cors(headers: &mut HeaderMap) {
    const CORS: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "X-Requested-With, Content-Type, Accept, Origin, Authorization"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, OPTIONS"),
    ];
    for (name, value) in CORS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The stored form of a user name as typed: 4 to 20 of `a-z`, `0-9` and `_`, any letter case in.
pub(super) fn user_name(typed: &str) -> Option<String> {
    let fits = (4..=20).contains(&typed.len()) && typed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    // The original refuses this one word as if it had a bad form.
    let name = fits.then(|| typed.to_ascii_lowercase())?;
    (name != "password").then_some(name)
}

/// Whether this can be a new password: 8 to 100 bytes of UTF-8 that HTTP Basic can carry, so no control
/// characters (RFC 7617 §2).
pub(super) fn is_new_password(password: &[u8]) -> bool {
    password.len() <= 100 && is_password(password)
}

/// Whether this can be a password in use: another door may have taken a longer one.
pub(super) fn is_password(password: &[u8]) -> bool {
    password.len() >= 8 && std::str::from_utf8(password).is_ok() && !password.iter().any(u8::is_ascii_control)
}
