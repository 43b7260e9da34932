//! The keys under which links are sealed: AES-256-GCM (NIST SP 800-38D) with random nonces.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use trackgate_schemes::{AccountId, Secret};

/// The key that seals new links, and those that sealed old ones.
///
/// None of them is in the store, so that who has read the store alone opens nothing. What is sealed names its key by
/// an id, from which the key cannot be had.
#[derive(Debug)]
pub struct LinkKeys {
    current: LinkKey,
    previous: Vec<LinkKey>,
}

/// Key material that is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key for links has at least 32 bytes that nobody chose; an absent file is made")]
pub struct LinkKeyError;

struct LinkKey {
    id: String,
    key: RandomizedNonceKey,
}

/// A sealed text, as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    /// The id of the key.
    pub(super) key: String,
    /// Nonce, text and tag in base64.
    pub(super) text: String,
}

/// Whose link it is: what is sealed opens for nobody else.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'a> {
    pub(super) account: AccountId,
    pub(super) set: &'a str,
}

/// Why a sealed text does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unopened {
    /// No key of that id is here.
    NoKey,
    /// It was sealed for somebody else, or changed.
    NotGenuine,
}

impl LinkKeys {
    /// Seals under `current`, opens what any of these sealed.
    ///
    /// # Errors
    ///
    /// [`LinkKeyError`] for material that is too short to be random.
    pub fn new(current: &Secret, previous: &[Secret]) -> Result<Self, LinkKeyError> {
        let previous = previous.iter().map(LinkKey::of).collect::<Result<_, _>>()?;
        Ok(Self { current: LinkKey::of(current)?, previous })
    }

    /// The id of the key that seals new links.
    pub fn current(&self) -> &str {
        &self.current.id
    }

    pub(super) fn seal(&self, whose: Whose<'_>, plain: Vec<u8>) -> Sealed {
        let mut text = plain;
        let nonce = self.current.key.seal_in_place_append_tag(Aad::from(whose.bytes()), &mut text);
        let nonce = nonce.expect("the system has random numbers, and the text is short");
        let bytes = [nonce.as_ref().as_slice(), &text].concat();
        Sealed { key: self.current.id.clone(), text: STANDARD_NO_PAD.encode(bytes) }
    }

    pub(super) fn open(&self, whose: Whose<'_>, sealed: &Sealed) -> Result<Secret, Unopened> {
        let mut keys = std::iter::once(&self.current).chain(&self.previous);
        let key = keys.find(|key| key.id == sealed.key).ok_or(Unopened::NoKey)?;
        let bytes = STANDARD_NO_PAD.decode(&sealed.text).map_err(|_other| Unopened::NotGenuine)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(Unopened::NotGenuine)?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = key.key.open_in_place(nonce, Aad::from(whose.bytes()), &mut text);
        let length = plain.map_err(|_unspecified| Unopened::NotGenuine)?.len();
        text.truncate(length);
        Ok(Secret::new(text))
    }
}

impl LinkKey {
    fn of(material: &Secret) -> Result<Self, LinkKeyError> {
        if material.expose().len() < LEAST {
            return Err(LinkKeyError);
        }
        let root = Salt::new(HKDF_SHA256, b"trackgate links").extract(material.expose());
        let (key, id) = (derived(&root, b"seal"), derived(&root, b"id"));
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).expect("it has 256 bits");
        let [a, b, c, d, ..] = id;
        Ok(Self { id: format!("{:08x}", u32::from_be_bytes([a, b, c, d])), key })
    }
}

impl fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Whose<'_> {
    /// What is bound to the sealed text: the form's version, the account, the set.
    fn bytes(self) -> Vec<u8> {
        [b"trackgate link 1:".as_slice(), &self.account.0.to_be_bytes(), self.set.as_bytes()].concat()
    }
}

/// RFC 5869 §2.3.
fn derived(root: &Prk, what: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let parts = [what];
    let filled = root.expand(&parts, HKDF_SHA256).and_then(|derived| derived.fill(&mut bytes));
    filled.expect("one block is asked for");
    bytes
}

/// Bytes of key material at least.
const LEAST: usize = 32;
