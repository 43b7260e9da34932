//! The forms of Apache password files: `{SHA}`, `$apr1$`, and `$1$`, of which `$apr1$` is a variant.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq;

/// The digest behind `{SHA}`: padded base64 of 20 bytes.
pub(super) fn sha1(text: &str) -> Option<[u8; 20]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// SHA-1 of a password (FIPS 180-4).
pub(super) fn sha1_of(password: &[u8]) -> [u8; 20] {
    Sha1::digest(password).into()
}

/// A decimal number without sign and leading zeros.
pub(super) fn number(text: &str) -> Option<u32> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    canonical.then(|| text.parse().ok()).flatten()
}

/// A stored `$1$` or `$apr1$` form: always 1000 rounds of MD5.
#[derive(Debug)]
pub(super) struct Md5Crypt<'a> {
    /// `$1$` or `$apr1$`, which goes into the digest too.
    magic: &'a str,
    salt: &'a str,
    digest: &'a str,
}

impl<'a> Md5Crypt<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let (magic, rest) = ["$apr1$", "$1$"].into_iter().find_map(|magic| Some((magic, text.strip_prefix(magic)?)))?;
        let (salt, digest) = rest.split_once('$')?;
        (salt.len() <= 8 && digest.len() == 22 && !digest.contains('$')).then_some(Self { magic, salt, digest })
    }

    pub(super) fn matches(&self, password: &[u8]) -> bool {
        let digest = self.digest_of(password);
        let mut text = [0; 22];
        // The bytes leave in this order, three to four letters, low bits first.
        for (letters, [a, b, c]) in text.chunks_mut(4).zip(ORDER) {
            let byte = |n: usize| u32::from(digest.get(n).copied().unwrap_or(0));
            let mut bits = byte(a) << 16 | byte(b) << 8 | byte(c);
            for letter in letters {
                *letter = ALPHABET.get(bits as usize & 63).copied().unwrap_or(b'.');
                bits >>= 6;
            }
        }
        text.ct_eq(self.digest.as_bytes()).into()
    }

    /// The algorithm that Poul-Henning Kamp wrote for FreeBSD in 1994.
    fn digest_of(&self, password: &[u8]) -> [u8; 16] {
        let salt = self.salt.as_bytes();
        let inner: [u8; 16] =
            Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize().into();
        let mut start = Md5::new().chain_update(password).chain_update(self.magic.as_bytes()).chain_update(salt);
        for piece in password.chunks(inner.len()) {
            start.update(inner.get(..piece.len()).unwrap_or_default());
        }
        let mut bits = password.len();
        while bits > 0 {
            // Odd bits add a zero byte, even ones the first letter: a slip of 1994 that became the rule.
            start.update(if bits & 1 == 1 { &[0] } else { password.get(..1).unwrap_or_default() });
            bits >>= 1;
        }
        let mut digest: [u8; 16] = start.finalize().into();
        for round in 0..1000_u32 {
            let mut next = Md5::new();
            next.update(if round % 2 == 1 { password } else { &digest });
            if round % 3 != 0 {
                next.update(salt);
            }
            if round % 7 != 0 {
                next.update(password);
            }
            next.update(if round % 2 == 1 { &digest } else { password });
            digest = next.finalize().into();
        }
        digest
    }
}

/// Which bytes of the digest make each group; 16 stands for "no byte".
const ORDER: [[usize; 3]; 6] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [16, 16, 11]];
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
