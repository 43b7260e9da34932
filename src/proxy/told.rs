//! The identity's header lines for a proxy that forwards in our place.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};
use trackgate_schemes::Identity;

use super::{AssertionKey, identity, names};

/// The lines that tell `who` is asking in the request `request_id`: those of [`IdentityForm`](super::IdentityForm),
/// and an assertion for `audience`, signed with `key` if there is one. Each is there, and empty without a value.
pub fn told(
    who: &Identity,
    key: Option<&AssertionKey>,
    audience: &str,
    request_id: &str,
    now: SystemTime,
) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(LINES);
    identity::set(&mut headers, who);
    let assertion = key.map(|key| key.assert(who, audience, request_id, now));
    // The client's own must not stand.
    headers.insert(&ASSERTION, assertion.unwrap_or(HeaderValue::from_static("")));
    headers
}

/// Whether the client's header of this name could be read as one of those lines, and yet is not overwritten by them:
/// whoever asks us can only set headers, not read names as servers behind CGI do.
pub fn unsettable(name: &HeaderName) -> bool {
    !names::is_plain(name.as_str()) && names::is_ours(&names::normalised(name.as_str()))
}

/// What is set here, with room for two more.
const LINES: usize = 8;

static ASSERTION: HeaderName = HeaderName::from_static("x-trackgate-assertion");

#[cfg(test)]
mod tests {
    use trackgate_schemes::Identity;

    use super::*;

    #[test]
    fn hdr_01_every_line_is_there_for_nobody_too() {
        let key = AssertionKey::from_secret(&AssertionKey::generate()).unwrap();
        let headers = told(&Identity::anonymous(), Some(&key), "a", "id", SystemTime::UNIX_EPOCH);
        for name in ["user", "subject", "grants", "service"] {
            assert_eq!(headers[format!("x-trackgate-{name}").as_str()], "", "{name}");
        }
        assert_eq!(headers["x-trackgate-scheme"], "none");
        assert!(headers["x-trackgate-assertion"].is_sensitive());
        let headers = told(&Identity::anonymous(), None, "a", "id", SystemTime::UNIX_EPOCH);
        assert_eq!(headers["x-trackgate-assertion"], "");
    }

    #[test]
    fn hdr_03_names_that_only_look_like_ours_are_told_apart() {
        for (name, unset) in [
            ("x-trackgate-user", false),
            ("x_trackgate_user", true),
            ("x-trackgate.user", true),
            ("x-track_gate-user", false),
            ("x_other", false),
        ] {
            assert_eq!(unsettable(&HeaderName::from_static(name)), unset, "{name}");
        }
    }
}
