//! Texts and keys that no log, error or `Debug` may show.

use std::fmt;

use sha2::Digest as _;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A password, token or key: prints as `[redacted]`, compares in constant time, is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves. Whoever calls this must not log them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text, when they are UTF-8. Whoever calls this must not log it.
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A 256-bit digest of a secret. It prints as `[redacted]` too and compares in constant time.
#[derive(Clone, Copy, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// SHA-256 of `bytes` (FIPS 180-4): what stores keep of a token with 256 random bits.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// A digest that was stored before.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// For storing it.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    /// Eight bytes at a time: every known credential comes by here.
    fn eq(&self, other: &Self) -> bool {
        let (here, there) = (self.0.as_chunks().0, other.0.as_chunks().0);
        let word = |bytes: &[u8; 8]| u64::from_ne_bytes(*bytes);
        let unlike = here.iter().zip(there).fold(0, |unlike, (a, b)| unlike | (word(a) ^ word(b)));
        unlike.ct_eq(&0).into()
    }
}

impl std::hash::Hash for Digest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The first half of a digest under a [`DigestKey`]: what memories look for.
///
/// 128 bits are enough there. Nobody outside has the key, so a foreign credential can only be found by chance: with
/// 2³² of them in memory, one in 2⁹⁶ tries.
#[derive(Clone, Copy, Default, Eq)]
pub struct ShortDigest([u8; 16]);

#[expect(clippy::missing_panics_doc, reason = "the lengths are in the types")]
impl ShortDigest {
    /// That of a digest.
    pub fn of(digest: &Digest) -> Self {
        let (half, _) = digest.0.split_first_chunk().expect("it has 32 bytes");
        Self(*half)
    }

    /// A digest under a secret key is its own hash. The first byte chose the shard; these are others.
    pub fn hash(self) -> u64 {
        let (_, eight) = self.0.split_last_chunk().expect("it has 16 bytes");
        u64::from_le_bytes(*eight)
    }
}

impl PartialEq for ShortDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for ShortDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A random key of this process, under which memory keeps credentials.
///
/// A digest under it (keyed BLAKE3) says nothing to whoever reads the memory of another process, and
/// cannot be made to collide from outside.
#[derive(Clone)]
pub struct DigestKey(Zeroizing<[u8; 32]>);

impl DigestKey {
    /// A new key from the system's generator.
    pub fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// The digest of several parts, such as a scheme's id and a credential; boundaries count.
    pub fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Digest(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_05_no_debug_print_shows_a_secret() {
        let secret = Secret::from("opensesame");
        let key = DigestKey::random();
        let printed = format!("{secret:?} {:?} {key:?}", key.digest(&[secret.expose()]));
        assert_eq!(printed, "[redacted] [redacted] [redacted]");
    }

    #[test]
    fn digests_are_alike_in_all_bytes_only() {
        let one = Digest::sha256(b"one");
        assert_eq!(one, Digest::from_bytes(*one.as_bytes()));
        for at in 0..32 {
            let mut bytes = *one.as_bytes();
            bytes[at] ^= 1;
            assert_ne!(one, Digest::from_bytes(bytes), "byte {at}");
        }
    }

    #[test]
    fn boundaries_between_parts_count() {
        let key = DigestKey::random();
        assert_ne!(key.digest(&[b"ab", b"c"]), key.digest(&[b"a", b"bc"]));
        assert_ne!(key.digest(&[b"a"]), DigestKey::random().digest(&[b"a"]));
    }
}
