//! Texts and keys that no log, error or `Debug` may show.

use std::fmt;
use std::hash::Hasher as _;

use sha2::Digest as _;
use siphasher::sip128::{Hasher128, SipHasher24};
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
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
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

/// What a credential is under a [`DigestKey`]: memories look for it. Compared in constant time.
///
/// Nobody outside has the key, so a foreign credential can only be found by chance: with 2³² of them in memory, one in
/// 2⁹⁶ tries.
#[derive(Clone, Copy, Default, Eq)]
pub struct KeyedDigest([u8; 16]);

#[expect(clippy::missing_panics_doc, reason = "the length is in the type")]
impl KeyedDigest {
    /// The part that chooses a shard; [`hash`](Self::hash) does not depend on it.
    pub const fn shard(self) -> u8 {
        let [first, ..] = self.0;
        first
    }

    /// It is its own hash.
    pub fn hash(self) -> u64 {
        let (_, eight) = self.0.split_last_chunk().expect("it has 16 bytes");
        u64::from_le_bytes(*eight)
    }
}

impl PartialEq for KeyedDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::hash::Hash for KeyedDigest {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl fmt::Debug for KeyedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A random key of this process, under which memory keeps credentials.
///
/// A digest under it (SipHash-2-4 of 128 bits) says nothing to whoever reads the memory of another process, and
/// cannot be made to collide from outside. It is not for storage, nor for showing to anybody.
#[derive(Clone)]
pub struct DigestKey(Zeroizing<[u8; 16]>);

impl DigestKey {
    /// A new key from the system's generator.
    pub fn random() -> Self {
        Self(Zeroizing::new(rand::random()))
    }

    /// The digest of several parts, such as a scheme's id and a credential; boundaries count.
    pub fn digest(&self, parts: &[&[u8]]) -> KeyedDigest {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        KeyedDigest(hasher.finish128().as_bytes())
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
