//! The identity in header lines, and the one rule by which texts are coded there.

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue};
use trackgate_schemes::{Identity, Subject};

/// Sets the five lines that tell who is asking; a line without a value is there, and empty.
pub(super) fn set(headers: &mut HeaderMap, who: &Identity) {
    headers.insert(&USER, coded(who.name()));
    headers.insert(&SUBJECT, subject(who.subject()));
    headers.insert(&GRANTS, grants(who));
    headers.insert(&SCHEME, coded_static(who.scheme()));
    headers.insert(&SERVICE, who.service().map_or(EMPTY, coded));
}

/// The text as a header value (RFC 9110 §5.5): bytes that are not visible ASCII, and `%`, are written as
/// `%` and two upper-case hex digits. It can be undone without loss, and no two texts share a form.
pub(super) fn coded(text: &str) -> HeaderValue {
    if text.is_empty() {
        return EMPTY;
    }
    let value = if text.bytes().all(is_visible) {
        HeaderValue::from_str(text)
    } else {
        let mut coded = String::with_capacity(text.len() * 2);
        for byte in text.bytes() {
            if is_visible(byte) {
                coded.push(char::from(byte));
            } else {
                write!(coded, "%{byte:02X}").expect("a string takes everything");
            }
        }
        HeaderValue::try_from(coded)
    };
    value.expect("only visible ASCII is left")
}

/// An empty value.
pub(super) const EMPTY: HeaderValue = HeaderValue::from_static("");

fn coded_static(text: &'static str) -> HeaderValue {
    if text.bytes().all(is_visible) { HeaderValue::from_static(text) } else { coded(text) }
}

fn subject(subject: &Subject) -> HeaderValue {
    match subject {
        Subject::Account(id) => HeaderValue::from(id.0),
        Subject::Anonymous => EMPTY,
        Subject::External(name) => coded(name),
        other => coded(&other.to_string()),
    }
}

fn grants(who: &Identity) -> HeaderValue {
    if who.grants().is_empty() {
        return EMPTY;
    }
    HeaderValue::try_from(who.grants().to_string()).expect("grants are of a-z, 0-9, -, _, : and *, parted by blanks")
}

/// Visible ASCII but `%`.
const fn is_visible(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'%'
}

static GRANTS: HeaderName = HeaderName::from_static("x-trackgate-grants");
static SCHEME: HeaderName = HeaderName::from_static("x-trackgate-scheme");
static SERVICE: HeaderName = HeaderName::from_static("x-trackgate-service");
static SUBJECT: HeaderName = HeaderName::from_static("x-trackgate-subject");
static USER: HeaderName = HeaderName::from_static("x-trackgate-user");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn undone(value: &HeaderValue) -> String {
        let mut bytes = value.as_bytes().iter().copied();
        let mut text = Vec::new();
        while let Some(byte) = bytes.next() {
            text.push(match byte {
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn hdr_10_and_jwt_29_texts_are_coded_by_one_rule() {
        for (text, value) in [
            ("", ""),
            ("rider-7", "rider-7"),
            ("100%", "100%25"),
            ("My App", "My%20App"),
            ("a\r\nX-Trackgate-Grants: *", "a%0D%0AX-Trackgate-Grants:%20*"),
            ("a\0b\t", "a%00b%09"),
            ("Jérôme", "J%C3%A9r%C3%B4me"),
        ] {
            assert_eq!(coded(text), value, "{text:?}");
        }
        assert_eq!(coded_static("no good"), "no%20good");
    }

    proptest! {
        #[test]
        fn hdr_10_coding_is_visible_ascii_and_can_be_undone(text in any::<String>()) {
            let value = coded(&text);
            prop_assert!(value.as_bytes().iter().all(u8::is_ascii_graphic));
            prop_assert_eq!(undone(&value), text);
        }
    }
}
