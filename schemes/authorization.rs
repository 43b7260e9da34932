//! Reading one header line that carries `word token68` (RFC 9110 §11.4) or a bare token.

use http::{HeaderMap, HeaderName};

/// What such a header holds for one scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried<'a> {
    /// The header is not there, or speaks another scheme's word.
    Absent,
    /// It is meant for the scheme, or is there twice, and cannot be read.
    Broken,
    /// A `token68`: ASCII, not empty, under 8 KiB.
    Text(&'a [u8]),
}

/// The text behind `word`, which is matched in any letter case; without a word, the whole value.
pub(crate) fn read<'a>(headers: &'a HeaderMap, name: &HeaderName, word: Option<&str>) -> Carried<'a> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Carried::Absent };
    if lines.next().is_some() {
        return Carried::Broken;
    }
    let value = line.as_bytes();
    let text = match word {
        None => value,
        Some(word) => {
            let end = value.iter().position(|b| !is_tchar(*b)).unwrap_or(value.len());
            let (sent, rest) = value.split_at(end);
            if !sent.eq_ignore_ascii_case(word.as_bytes()) {
                return Carried::Absent;
            }
            let blanks = rest.iter().take_while(|b| **b == b' ').count();
            match rest.get(blanks..) {
                Some(text) if blanks > 0 => text,
                _ => return Carried::Broken,
            }
        }
    };
    if text.len() < MAX_BYTES && is_token68(text) { Carried::Text(text) } else { Carried::Broken }
}

/// RFC 9110 §11.2. Several schemes look at each JWT, which is long: so all letters are judged, many at once.
fn is_token68(text: &[u8]) -> bool {
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let body = text.get(..text.len() - padding).unwrap_or_default();
    !body.is_empty() && body.iter().fold(true, |all, byte| all & is_of_token68(*byte))
}

/// Whether it stands in the body of a `token68`: a letter, a digit or one of `-._~+/`.
#[expect(clippy::needless_bitwise_bool, reason = "without a branch, so that many bytes are judged at once")]
const fn is_of_token68(byte: u8) -> bool {
    // `-`, `.`, `/` and the digits are neighbours.
    let is_low = byte.wrapping_sub(b'-') <= b'9' - b'-';
    let is_letter = (byte | 0x20).wrapping_sub(b'a') <= b'z' - b'a';
    is_low | is_letter | (byte == b'_') | (byte == b'~') | (byte == b'+')
}

/// RFC 9110 §5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+')
        || matches!(byte, b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

/// Credential text of this length and more is refused unread.
pub(crate) const MAX_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AUTHORIZATION;
    use proptest::prelude::*;

    use super::*;

    fn headers(value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn bas_09_the_word_is_matched_in_any_case_and_blanks_may_follow() {
        for value in ["Basic YTpi", "basic YTpi", "BASIC  YTpi", "bAsIc     YTpi"] {
            assert_eq!(
                read(&headers(value.as_bytes()), &AUTHORIZATION, Some("Basic")),
                Carried::Text(b"YTpi"),
                "{value}"
            );
        }
    }

    #[test]
    fn bas_10_and_brt_01_what_is_meant_for_the_scheme_and_unreadable_is_broken() {
        for value in [
            "Basic",
            "Basic ",
            "Basic\tYTpi",
            "Basic,YTpi",
            "Basic a b",
            "Basic a,b",
            "Basic \"a\"",
            "Basic =",
            "Basic a=b",
        ] {
            assert_eq!(read(&headers(value.as_bytes()), &AUTHORIZATION, Some("Basic")), Carried::Broken, "{value}");
        }
        assert_eq!(read(&headers(b"Basic \xff"), &AUTHORIZATION, Some("Basic")), Carried::Broken);
        let mut twice = headers(b"Basic YTpi");
        twice.append(AUTHORIZATION, HeaderValue::from_static("Basic YTpi"));
        assert_eq!(read(&twice, &AUTHORIZATION, Some("Basic")), Carried::Broken);
    }

    #[test]
    fn the_letters_of_a_token68_are_those_of_the_rfc() {
        for byte in 0..=u8::MAX {
            let is_one = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_of_token68(byte), is_one, "{byte}");
            assert_eq!(is_token68(&[b"a".repeat(40), vec![byte], b"a".repeat(40)].concat()), is_one, "{byte}");
        }
    }

    #[test]
    fn another_word_or_none_is_absent() {
        for value in ["Bearer YTpi", "Basics YTpi", "Bas YTpi", "", " Basic YTpi", "\"Basic\" YTpi"] {
            assert_eq!(read(&headers(value.as_bytes()), &AUTHORIZATION, Some("Basic")), Carried::Absent, "{value}");
        }
        assert_eq!(read(&HeaderMap::new(), &AUTHORIZATION, Some("Basic")), Carried::Absent);
    }

    #[test]
    fn bas_11_credential_text_of_8_kib_is_broken() {
        for (length, broken) in [(MAX_BYTES - 1, false), (MAX_BYTES, true), (60_000, true)] {
            let value = format!("Basic {}", "a".repeat(length));
            let carried = read(&headers(value.as_bytes()), &AUTHORIZATION, Some("Basic")) == Carried::Broken;
            assert_eq!(carried, broken, "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_panic(word in "([Bb]asic)?", rest in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&[word.as_bytes(), &rest].concat()) {
                let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
                for word in [None, Some("Basic")] {
                    if let Carried::Text(text) = read(&headers, &AUTHORIZATION, word) {
                        prop_assert!(!text.is_empty() && text.iter().all(|b| b.is_ascii_graphic() && *b != b','));
                    }
                }
            }
        }
    }
}
