//! The one reading of a request path.
//!
//! Route matching, policies, logs and the upstream all see the same text: percent-escapes of unreserved
//! letters are decoded, other escapes written with upper-case hex (RFC 3986 §6.2.2), and every form that
//! two readers could take for two different paths is refused.

use std::borrow::Cow;
use std::fmt;

/// A path in canonical form, always starting with `/`.
///
/// ```
/// use trackgate_schemes::{CanonicalPath, PathFault};
///
/// assert_eq!(CanonicalPath::parse("/%61dmin/%c3%a9").unwrap().as_str(), "/admin/%C3%A9");
/// assert_eq!(CanonicalPath::parse("/public/%2e%2e/admin"), Err(PathFault::DotSegment));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath<'a>(Cow<'a, str>);

impl<'a> CanonicalPath<'a> {
    /// Reads the path part of a request target; borrows it when it is canonical already.
    ///
    /// # Errors
    ///
    /// [`PathFault`] for every form with more than one reading.
    pub fn parse(raw: &'a str) -> Result<Self, PathFault> {
        read(raw, Form::Strict).map(Self)
    }

    /// Reads it for a route that opted in byte for byte: encoded slashes and back-slashes, `;` and `//`
    /// stay where they were sent. Dot segments, control characters and bad escapes are refused all the same,
    /// and letters that need no escape are decoded: `/%61dmin` must not pass by a rule for `/admin` on its way
    /// to an upstream that reads the two as one (RFC 3986 §6.2.2).
    ///
    /// # Errors
    ///
    /// [`PathFault`] for what even such a route does not take.
    pub fn verbatim(raw: &'a str) -> Result<Self, PathFault> {
        read(raw, Form::Verbatim).map(Self)
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> CanonicalPath<'static> {
        CanonicalPath(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for CanonicalPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// `\`, plain or as `%5C`.
    #[error("the path holds a back-slash")]
    BackSlash,
    /// `%` without two hex digits.
    #[error("the path holds a broken percent-escape")]
    BadEscape,
    /// A control character, plain or escaped, a blank, or a plain byte above 126.
    #[error("the path holds a control character, a blank or a byte that must be escaped")]
    Control,
    /// A segment `.` or `..`, plain or escaped.
    #[error("the path holds a dot segment")]
    DotSegment,
    /// `//`.
    #[error("the path holds an empty segment")]
    EmptySegment,
    /// `%2F`.
    #[error("the path holds an encoded slash")]
    EncodedSlash,
    /// `#`.
    #[error("the path holds a fragment")]
    Fragment,
    /// It does not start with `/`.
    #[error("the path does not start with a slash")]
    NotAbsolute,
    /// Escapes that do not decode to UTF-8.
    #[error("the path does not decode to UTF-8")]
    NotUtf8,
    /// `;`, plain or as `%3B`.
    #[error("the path holds a semicolon")]
    Semicolon,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Strict,
    Verbatim,
}

fn read(raw: &str, form: Form) -> Result<Cow<'_, str>, PathFault> {
    if !raw.starts_with('/') {
        return Err(PathFault::NotAbsolute);
    }
    let plain = |b: u8| {
        is_unreserved(b)
            || matches!(b, b'/' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@')
    };
    if raw.bytes().all(plain) {
        check_segments(raw, form)?;
        return Ok(Cow::Borrowed(raw));
    }
    let mut text = String::with_capacity(raw.len());
    let mut decoded = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let (byte, escaped) = if byte == b'%' {
            match (bytes.next().and_then(hex), bytes.next().and_then(hex)) {
                (Some(high), Some(low)) => (high << 4 | low, true),
                _ => return Err(PathFault::BadEscape),
            }
        } else {
            (byte, false)
        };
        decoded.push(byte);
        match byte {
            0..=0x1f | 0x7f => return Err(PathFault::Control),
            b' ' | 0x80.. if !escaped => return Err(PathFault::Control),
            b'#' if !escaped => return Err(PathFault::Fragment),
            b'/' if escaped && form == Form::Strict => return Err(PathFault::EncodedSlash),
            b'\\' if form == Form::Strict => return Err(PathFault::BackSlash),
            b';' if form == Form::Strict => return Err(PathFault::Semicolon),
            _ if !escaped || is_unreserved(byte) => text.push(char::from(byte)),
            _ => {
                text.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase());
                }
            }
        }
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Err(PathFault::NotUtf8);
    }
    check_segments(&text, form)?;
    // What an upstream that decodes before it splits would see.
    if decoded.split(|byte| matches!(byte, b'/' | b'\\')).any(is_dot_segment) {
        return Err(PathFault::DotSegment);
    }
    Ok(if text == raw { Cow::Borrowed(raw) } else { Cow::Owned(text) })
}

fn check_segments(text: &str, form: Form) -> Result<(), PathFault> {
    let bytes = text.as_bytes();
    if bytes.split(|byte| *byte == b'/').any(is_dot_segment) {
        return Err(PathFault::DotSegment);
    }
    if form == Form::Strict && bytes.windows(2).any(|pair| pair == b"//") {
        return Err(PathFault::EmptySegment);
    }
    Ok(())
}

/// `.` and `..`, also with a path parameter behind, which some servers cut off.
fn is_dot_segment(segment: &[u8]) -> bool {
    matches!(segment, [b'.'] | [b'.', b';', ..] | [b'.', b'.'] | [b'.', b'.', b';', ..])
}

/// RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(raw: &str) -> PathFault {
        CanonicalPath::parse(raw).unwrap_err()
    }

    #[test]
    fn pth_01_dot_segments_are_refused_in_every_spelling() {
        for raw in ["/public/../admin", "/a/%2e%2E/b", "/a/.%2e/b", "/./a", "/a/.", "/..", "/%2e", "/a/%2E%2e"] {
            assert_eq!(fault(raw), PathFault::DotSegment, "{raw}");
        }
    }

    #[test]
    fn pth_02_slash_like_bytes_are_refused_unless_opted_in() {
        for (raw, why) in [
            ("/a%2Fb", PathFault::EncodedSlash),
            ("/a%5Cb", PathFault::BackSlash),
            ("/a\\b", PathFault::BackSlash),
            ("/a;b", PathFault::Semicolon),
            ("/a%3Bb", PathFault::Semicolon),
            ("//admin", PathFault::EmptySegment),
            ("/a//", PathFault::EmptySegment),
        ] {
            assert_eq!(fault(raw), why, "{raw}");
            assert_eq!(CanonicalPath::verbatim(raw).unwrap().as_str(), raw);
        }
        assert_eq!((fault("/a%2fb"), fault("/a%5cb")), (PathFault::EncodedSlash, PathFault::BackSlash));
        for raw in ["/a%2f..%2fb", "/a/..;/b", "/a%5c..%5cb", "/%2e%2e%2fa", "/a/..%3b/b"] {
            assert_eq!(CanonicalPath::verbatim(raw), Err(PathFault::DotSegment), "{raw}");
        }
    }

    #[test]
    fn pth_08_a_path_byte_for_byte_has_one_spelling_of_each_letter() {
        for (raw, read) in [("/%61dmin//x", "/admin//x"), ("/a%2fb%7e", "/a%2Fb~"), ("/%c3%a9;x", "/%C3%A9;x")] {
            assert_eq!(CanonicalPath::verbatim(raw).unwrap().as_str(), read);
        }
    }

    #[test]
    fn pth_04_a_path_is_decoded_once() {
        assert_eq!(CanonicalPath::parse("/%252e%252e/a").unwrap().as_str(), "/%252e%252e/a");
    }

    #[test]
    fn pth_05_and_pth_06_unreadable_bytes_are_refused() {
        for (raw, why) in [
            ("/%00", PathFault::Control),
            ("/%0d%0a", PathFault::Control),
            ("/%zz", PathFault::BadEscape),
            ("/%4", PathFault::BadEscape),
            ("/%c0%af", PathFault::NotUtf8),
            ("/%ed%a0%80", PathFault::NotUtf8),
            ("/a#b", PathFault::Fragment),
            ("/a b", PathFault::Control),
            ("/ä", PathFault::Control),
            ("", PathFault::NotAbsolute),
            ("*", PathFault::NotAbsolute),
            ("a:80", PathFault::NotAbsolute),
        ] {
            assert_eq!(fault(raw), why, "{raw}");
        }
    }

    #[test]
    fn pth_08_unreserved_letters_are_read_as_themselves() {
        assert_eq!(CanonicalPath::parse("/%61dmin%7e").unwrap().as_str(), "/admin~");
        assert_eq!(CanonicalPath::parse("/%c3%a9").unwrap().as_str(), "/%C3%A9");
    }

    proptest! {
        #[test]
        fn pth_12_reading_a_canonical_path_again_changes_nothing(raw in "/(%[0-9a-fA-F]{2}|[ -~]){0,24}") {
            if let Ok(path) = CanonicalPath::parse(&raw) {
                prop_assert_eq!(CanonicalPath::parse(path.as_str()), Ok(path.clone()));
                prop_assert!(path.as_str().split('/').all(|s| s != "." && s != ".."));
            }
        }

        #[test]
        fn any_text_is_read_without_panic(raw in any::<String>()) {
            let strict = CanonicalPath::parse(&raw).is_ok();
            prop_assert!(!strict || CanonicalPath::verbatim(&raw).is_ok());
        }
    }
}
