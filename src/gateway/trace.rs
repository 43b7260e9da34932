//! The explanation of a live request in a header of its answer, for administrators alone.
//!
//! `X-Trackgate-Trace: 1` asks for it. It counts with a credential that carries the grant `account:admin`; of
//! everybody else the line is ignored, and nobody's reaches an upstream.

use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use trackgate_schemes::{Grant, Identity, Rejection};

use super::explain::Explanation;

/// Whether an explanation is asked for.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(TRACE).iter();
    lines.next().is_some_and(|value| value.as_bytes() == b"1") && lines.next().is_none()
}

/// Whether whoever asks may have it.
pub(super) fn is_for(identity: Option<&Identity>) -> bool {
    let admin: Grant = "account:admin".parse().expect("it is area:action");
    identity.is_some_and(|identity| identity.grants().allow(&admin))
}

/// Adds the explanation to the answer that was made of the request.
pub(super) fn add_to<B>(answer: &mut Response<B>, mut told: Explanation, why: Option<&Rejection>) {
    told.outcome.status = Some(answer.status().as_u16());
    if let Some(why) = why {
        (told.outcome.reason, told.outcome.by) = (Some(why.reason.code()), Some(why.by));
        "refused".clone_into(&mut told.outcome.what);
    }
    if let Some(value) = header_value(told) {
        answer.headers_mut().insert(TRACE, value);
        // What is told to an administrator is not to be kept for others.
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// Compact JSON in visible ASCII; what is least of use is left out until it fits.
fn header_value(mut told: Explanation) -> Option<HeaderValue> {
    let leave_out: [fn(&mut Explanation); 5] = [
        |_whole| {},
        |told| told.other_routes.clear(),
        |told| told.headers = None,
        |told| told.policies.clear(),
        |told| {
            (told.path, told.canonical_path, told.identity) = (String::new(), None, None);
            told.schemes.clear();
        },
    ];
    leave_out.into_iter().find_map(|leave_out| {
        leave_out(&mut told);
        let text = ascii(&serde_json::to_string(&told).ok()?);
        HeaderValue::from_str(&text).ok().filter(|value| value.len() <= MAX_BYTES)
    })
}

/// The same JSON with escapes for all but visible ASCII and blanks.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii_graphic() || c == ' ' {
            out.push(c);
        } else {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    out
}

const TRACE: HeaderName = HeaderName::from_static("x-trackgate-trace");
const MAX_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_02_the_header_is_visible_ascii_and_the_same_json() {
        let json = "{\"path\":\"/\u{e9}\u{1f6b2}\u{7f} x\"}";
        let text = ascii(json);
        assert_eq!(text, "{\"path\":\"/\\u00e9\\ud83d\\udeb2\\u007f x\"}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["path"], "/\u{e9}\u{1f6b2}\u{7f} x");
    }

    #[test]
    fn it_is_asked_for_by_one_line_that_says_1() {
        let lines = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(TRACE, HeaderValue::from_static(value));
            }
            is_wanted(&headers)
        };
        assert!(lines(&["1"]));
        assert!(!lines(&[]) && !lines(&["0"]) && !lines(&["1", "1"]) && !lines(&["11"]));
    }
}
