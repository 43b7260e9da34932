//! The texts of a sliding session: its token, its public id, the service that signs.

use rand::TryRng as _;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use crate::Secret;

/// A new token: 32 letters and digits, 190 random bits.
///
/// # Panics
///
/// If the operating system has no random numbers: nothing safe could be done then.
pub(super) fn new_token() -> Secret {
    Secret::new(letters::<TOKEN_LETTERS>().as_slice())
}

/// A new public id: 22 letters and digits, 130 random bits.
///
/// # Panics
///
/// If the operating system has no random numbers.
pub(super) fn new_id() -> String {
    letters::<ID_LETTERS>().iter().copied().map(char::from).collect()
}

/// Whether a header value has the form of a token; others are refused without asking the store.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_alphanumeric)
}

/// Whether a text may name the service that signs: 1 to 128 printable characters.
///
/// Beside controls, line and direction marks of Unicode are refused: they forge lines in whatever
/// shows the name. Markup is text; whoever shows it must escape it.
pub(super) fn is_service(name: &str) -> bool {
    let mark = |c: char| matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let unfit = |c: char| c.is_control() || mark(c) || c == '\u{FEFF}';
    !name.trim().is_empty() && name.chars().count() <= MAX_SERVICE_CHARS && !name.chars().any(unfit)
}

/// `N` letters and digits, each as likely as any other.
fn letters<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut text = Zeroizing::new([0; N]);
    let mut left = text.iter_mut();
    let mut random = Zeroizing::new([0; 64]);
    loop {
        SysRng.try_fill_bytes(random.as_mut_slice()).expect("the operating system has random numbers");
        // 248 is four times 62; what lies above would make the first letters likelier.
        for byte in random.iter().filter(|byte| **byte < 248) {
            let Some(place) = left.next() else { return text };
            *place = match byte % 62 {
                digit @ 0..=9 => b'0' + digit,
                upper @ 10..=35 => b'A' + (upper - 10),
                lower => b'a' + (lower - 36),
            };
        }
    }
}

const TOKEN_LETTERS: usize = 32;
const ID_LETTERS: usize = 22;
const MAX_TOKEN_BYTES: usize = 128;
const MAX_SERVICE_CHARS: usize = 128;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn tokens_are_32_letters_and_digits_and_unlike() {
        let mut seen = HashSet::new();
        let mut letters = HashSet::new();
        for _ in 0..500 {
            let token = new_token();
            assert_eq!(token.expose().len(), 32);
            assert!(is_token(token.expose()));
            letters.extend(token.expose().iter().copied());
            assert!(seen.insert(token.expose().to_vec()));
        }
        assert_eq!(letters.len(), 62, "each letter and digit turns up");
        assert_eq!(new_id().len(), 22);
    }

    #[test]
    fn sld_19_service_names_are_printable_and_short() {
        for name in ["PHP SDK", "x", "<b>Учёт</b>", &"x".repeat(128), &"ä".repeat(128)] {
            assert!(is_service(name), "{name}");
        }
        for name in
            ["", " ", "a\r\nb", "a\nb", "a\0", "a\u{7f}", "a\u{2028}b", "a\u{202E}b", "\u{FEFF}a", &"x".repeat(129)]
        {
            assert!(!is_service(name), "{name:?}");
        }
        assert!(!is_service(&"x".repeat(10 * 1024)));
    }
}
