//! `Content-Disposition` (RFC 6266, and RFC 8187 for names beyond ASCII).

use std::fmt::Write as _;

use http::HeaderValue;

/// What a browser shall do with the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::trackers) enum Disposition {
    /// Save it.
    #[cfg_attr(not(test), expect(dead_code, reason = "archives will be saved; pictures are shown"))]
    Attachment,
    /// Show it.
    Inline,
}

/// The header's value. A name that is a token stands bare, as the originals write it; any other is quoted, with
/// `_` for what a quoted string cannot hold, and follows once more in full.
pub(in crate::trackers) fn disposition(what: Disposition, name: &str) -> HeaderValue {
    let what = match what {
        Disposition::Attachment => "attachment",
        Disposition::Inline => "inline",
    };
    let is_token = !name.is_empty() && name.bytes().all(is_of_a_token);
    let text = if is_token {
        format!("{what}; filename={name}")
    } else {
        let mut plain = String::with_capacity(name.len());
        for letter in name.chars() {
            match letter {
                '"' | '\\' => plain.extend(['\\', letter]),
                ' '..='~' => plain.push(letter),
                _ => plain.push('_'),
            }
        }
        let mut full = String::with_capacity(name.len());
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                full.push(char::from(byte));
            } else {
                write!(full, "%{byte:02X}").expect("writing to a string does not fail");
            }
        }
        format!("{what}; filename=\"{plain}\"; filename*=UTF-8''{full}")
    };
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

/// RFC 9110 section 5.6.2.
fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
