//! The text of an API token: `tg_`, a public id, the secret, a checksum.
//!
//! ```text
//! tg_ 0aBcDeFgHiJk 1234567890123456789012345678901234567890123 AbCdEf
//!     public id    secret                                      checksum
//!     12           43                                          6          = 64 characters with tg_
//! ```
//!
//! All are base 62 (`0-9A-Za-z`): a double click takes the whole token, and it is fit for `token68`
//! (RFC 9110 §11.2), headers, URLs and command lines. 43 such characters carry 256 random bits. The checksum
//! is CRC-32 of all before it: it finds every change of one character, or of up to four neighbours, before
//! a store is asked. It is no proof of anything; only the digest in the store is.

use std::fmt;
use std::sync::Arc;

use rand::TryRng;
use rand::rngs::SysRng;

use crate::{Digest, Secret};

/// A token that was just made.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "taken apart by whoever stores it")]
pub struct NewToken {
    /// Its public id.
    pub id: Arc<str>,
    /// SHA-256 of its text.
    pub digest: Digest,
    /// Its text, to be shown once.
    pub text: Secret,
}

impl NewToken {
    /// A new token from the system's generator.
    ///
    /// # Panics
    ///
    /// When the system has no random numbers.
    pub fn random() -> Self {
        let mut text = String::with_capacity(TokenText::LENGTH);
        text.push_str(TokenText::PREFIX);
        push_random(&mut text, ID + SECRET);
        for letter in checksum(text.as_bytes()) {
            text.push(char::from(letter));
        }
        let made = TokenText::parse(&text).expect("a token that was just made can be read");
        Self { id: made.id().into(), digest: made.digest(), text: Secret::from(text) }
    }
}

/// The text of a token as a client sent it, with a right checksum. Prints its public id only.
#[derive(Clone, Copy)]
pub struct TokenText<'a> {
    text: &'a str,
    id: &'a str,
}

impl<'a> TokenText<'a> {
    /// Reads a token's text; `None` if it is not one or was mistyped. Asks nobody and allocates nothing.
    pub fn parse(text: &'a str) -> Option<Self> {
        let body = text.strip_prefix(Self::PREFIX)?;
        if text.len() != Self::LENGTH || !body.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        let (head, sum) = text.split_at_checked(Self::LENGTH - SUM)?;
        let id = body.get(..ID)?;
        (checksum(head.as_bytes()) == sum.as_bytes()).then_some(Self { text, id })
    }

    /// The public id, under which the token is stored.
    pub fn id(&self) -> &'a str {
        self.id
    }

    /// SHA-256 of the whole text: what is stored of it.
    pub fn digest(&self) -> Digest {
        Digest::sha256(self.text.as_bytes())
    }

    /// What every token starts with.
    pub const PREFIX: &'static str = "tg_";

    /// Characters in a token's text.
    pub const LENGTH: usize = Self::PREFIX.len() + ID + SECRET + SUM;
}

impl fmt::Debug for TokenText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenText").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Adds `count` characters, each of the 62 as likely as the other.
fn push_random(text: &mut String, count: usize) {
    let end = text.len() + count;
    let mut bytes = [0; 64];
    while text.len() < end {
        SysRng.try_fill_bytes(&mut bytes).expect("the system has random numbers");
        // Six bits of each byte; the two values that are no digit are thrown away, not folded.
        let digits = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
        text.extend(digits.take(end - text.len()).map(|digit| char::from(*digit)));
    }
    zeroize::Zeroize::zeroize(&mut bytes);
}

/// CRC-32 (ISO 3309, as in zip) in base 62, six digits.
fn checksum(bytes: &[u8]) -> [u8; SUM] {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        crc >> 8 ^ CRC.get(usize::from(low ^ byte)).copied().unwrap_or(0)
    });
    let mut rest = !crc;
    let mut digits = [b'0'; SUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits
}

const ID: usize = 12;
const SECRET: usize = 43;
const SUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a constant: out of range does not compile"
)]
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < table.len() {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a token is ASCII")]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_checksum_is_crc_32() {
        let digits = checksum(b"123456789")
            .iter()
            .fold(0_u64, |sum, digit| sum * 62 + ALPHABET.iter().position(|letter| letter == digit).unwrap() as u64);
        assert_eq!(digits, 0xcbf4_3926);
    }

    #[test]
    fn a_new_token_is_read_back() {
        let made = NewToken::random();
        let text = made.text.expose_text().unwrap();
        let read = TokenText::parse(text).unwrap();
        assert_eq!((read.id(), read.digest()), (&*made.id, made.digest));
        assert_eq!((text.len(), read.id().len()), (64, 12));
        assert_eq!(made.digest, Digest::sha256(text.as_bytes()));
    }

    #[test]
    fn brt_04_a_change_of_any_one_character_is_found_by_the_checksum() {
        for _ in 0..20 {
            let made = NewToken::random();
            let text = made.text.expose_text().unwrap().as_bytes().to_vec();
            for place in 0..text.len() {
                for other in 0..=127_u8 {
                    let mut changed = text.clone();
                    changed[place] = other;
                    let read = TokenText::parse(std::str::from_utf8(&changed).unwrap());
                    assert_eq!(read.is_some(), other == text[place], "{place} {other}");
                }
            }
        }
    }

    #[test]
    fn brt_04_a_lost_doubled_or_swapped_character_is_found_too() {
        let made = NewToken::random();
        let text = made.text.expose_text().unwrap();
        for place in 0..text.len() {
            let lost = format!("{}{}", &text[..place], &text[place + 1..]);
            let doubled = format!("{}{}", &text[..=place], &text[place..]);
            assert!(TokenText::parse(&lost).is_none() && TokenText::parse(&doubled).is_none());
            let mut swapped = text.as_bytes().to_vec();
            if place > 0 && swapped[place] != swapped[place - 1] {
                swapped.swap(place, place - 1);
                assert!(TokenText::parse(std::str::from_utf8(&swapped).unwrap()).is_none());
            }
        }
    }

    #[test]
    fn brt_12_no_two_tokens_are_alike_and_every_digit_is_used() {
        let mut ids = HashSet::new();
        let mut seen = [0_u32; 128];
        for _ in 0..100_000 {
            let mut text = String::new();
            push_random(&mut text, ID + SECRET);
            for byte in text.bytes() {
                seen[usize::from(byte)] += 1;
            }
            assert!(ids.insert(text[..ID].to_owned()));
        }
        let mean = 100_000 * 55 / 62;
        for digit in ALPHABET {
            let times = seen[usize::from(*digit)];
            assert!((mean * 97 / 100..mean * 103 / 100).contains(&times), "{digit} {times}");
        }
    }

    #[test]
    fn log_05_a_token_prints_its_public_id_only() {
        let made = NewToken::random();
        let text = made.text.expose_text().unwrap();
        let printed = format!("{made:?} {:?}", TokenText::parse(text).unwrap());
        assert!(printed.contains(&*made.id) && !printed.contains(&text[15..58]));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(tg_)?\\PC{0,70}") {
            prop_assert!(TokenText::parse(&text).is_none());
        }
    }
}
