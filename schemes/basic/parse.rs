//! From `base64(name:password)` to the pair (RFC 7617 §2, RFC 4648 §4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroize;

use crate::authorization;

/// A name and a password as they were typed; neither is empty or holds a control character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair<'a> {
    pub(super) name: &'a str,
    pub(super) password: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A pair with an empty name or password, which nobody has.
    Empty,
    /// Not base64 in its one form, not UTF-8, a control character, or no colon.
    Unreadable,
}

/// Shows the pair in `text` to `look`.
///
/// It is decoded on the stack, so that a known pair costs no allocation, and wiped afterwards. The text is under
/// [`authorization::MAX_BYTES`].
pub(crate) fn pair<R>(text: &[u8], look: impl FnOnce(Result<Pair<'_>, Fault>) -> R) -> R {
    // Nearly every pair is short, and a long buffer takes its time to be made.
    if text.len() <= SHORT { decoded::<{ SHORT / 4 * 3 }, _>(text, look) } else { decoded::<DECODED, _>(text, look) }
}

fn decoded<const BYTES: usize, R>(text: &[u8], look: impl FnOnce(Result<Pair<'_>, Fault>) -> R) -> R {
    let mut buffer = [0; BYTES];
    // The engine wants every pad and no spare bits: one pair has one text.
    let used = STANDARD.decode_slice(text, &mut buffer).unwrap_or(0);
    let answer = look(split(buffer.get(..used).unwrap_or_default()));
    // A decoding that failed half-way has left something too, never more than its text is long.
    buffer.get_mut(..text.len().min(BYTES)).unwrap_or_default().zeroize();
    answer
}

fn split(bytes: &[u8]) -> Result<Pair<'_>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_not_utf8| Fault::Unreadable)?;
    // `CTL` of RFC 5234: a C1 control may be part of a password.
    if text.bytes().any(|b| b.is_ascii_control()) {
        return Err(Fault::Unreadable);
    }
    let (name, password) = text.split_once(':').ok_or(Fault::Unreadable)?;
    if name.is_empty() || password.is_empty() { Err(Fault::Empty) } else { Ok(Pair { name, password }) }
}

const SHORT: usize = 256;
const DECODED: usize = authorization::MAX_BYTES / 4 * 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(String, String), Fault> {
        pair(text.as_bytes(), |pair| pair.map(|pair| (pair.name.to_owned(), pair.password.to_owned())))
    }

    fn read_plain(plain: impl AsRef<[u8]>) -> Result<(String, String), Fault> {
        read(&STANDARD.encode(plain))
    }

    #[test]
    fn a_pair_of_any_length_is_read_alike() {
        for length in [1, 185, 186, 187, 188, 189, 190, 1000, 6000] {
            let password = "p".repeat(length);
            assert_eq!(read_plain(format!("rider:{password}")), Ok(("rider".into(), password)), "{length}");
        }
    }

    #[test]
    fn bas_02_the_first_colon_parts_name_and_password() {
        assert_eq!(read_plain("u:a:b:"), Ok(("u".into(), "a:b:".into())));
        assert_eq!(read("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), Ok(("Aladdin".into(), "open sesame".into())));
        assert_eq!(read("dGVzdDoxMjPCow=="), Ok(("test".into(), "123\u{a3}".into())));
    }

    #[test]
    fn bas_04_a_pair_that_is_not_whole_is_refused() {
        assert_eq!(read_plain("user"), Err(Fault::Unreadable));
        assert_eq!(read(""), Err(Fault::Unreadable));
        for empty in [":password", "user:", ":"] {
            assert_eq!(read_plain(empty), Err(Fault::Empty), "{empty}");
        }
    }

    #[test]
    fn bas_05_control_characters_are_refused() {
        for control in (0..=31).chain([127]) {
            assert_eq!(read_plain([b"us".as_slice(), &[control], b"er:pw"].concat()), Err(Fault::Unreadable));
            assert_eq!(read_plain([b"user:p".as_slice(), &[control], b"w"].concat()), Err(Fault::Unreadable));
        }
    }

    #[test]
    fn bas_06_bytes_that_are_not_utf_8_are_refused() {
        for plain in [b"us\xe4r:pw".as_slice(), b"user:p\xff", b"user:\xed\xa0\x80", b"user:\xc0\xaf"] {
            assert_eq!(read_plain(plain), Err(Fault::Unreadable));
        }
    }

    #[test]
    fn bas_08_base64_has_one_form_only() {
        assert!(read("dTpwdw==").is_ok());
        for text in ["dTpwdw", "dTpwdw=", "dTpwdw===", "dTpwdx==", "dTpw dw==", "dTpw-w==", "dTp?dw==", "=dTpwdw="] {
            assert_eq!(read(text), Err(Fault::Unreadable), "{text}");
        }
        assert!(read_plain("u:\u{7ff}\u{7ff}>>>???").is_ok());
        assert_eq!(read(&STANDARD.encode("u:>>>???").replace('/', "_").replace('+', "-")), Err(Fault::Unreadable));
    }

    #[test]
    fn the_longest_text_that_is_read_fits() {
        let plain = format!("u:{}", "p".repeat(DECODED - 5));
        assert!(STANDARD.encode(&plain).len() < authorization::MAX_BYTES);
        assert!(read_plain(plain).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn bas_13_every_pair_comes_back_byte_for_byte(name in "[^\\x00-\\x1f\\x7f:]{1,12}", password in "[^\\x00-\\x1f\\x7f]{1,24}") {
            prop_assert_eq!(read_plain(format!("{name}:{password}")), Ok((name, password)));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[A-Za-z0-9+/=~._-]{0,64}") {
            if let Ok((name, password)) = read(&text) {
                prop_assert_eq!(STANDARD.encode(format!("{name}:{password}")), text);
            }
        }
    }
}
