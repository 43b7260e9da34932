//! The keys of one scheme: a secret, a PEM file, or a set of JSON web keys (RFC 7517).
//!
//! Everything weak or ambiguous is refused here, once, so that nothing of it is left to decide when a
//! token comes in.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Serialize;
use serde_json::Value;

use super::compact;
use super::json::{self, Object};
use super::key::Key;
use crate::Secret;

/// The keys by which tokens are verified and signed.
///
/// Each has exactly one algorithm, its own: what a token says of its algorithm never chooses.
///
/// ```
/// use trackgate_schemes::Secret;
/// use trackgate_schemes::jwt::{Algorithm, KeyError, Keys};
///
/// let new = Keys::secret(Algorithm::HS256, &Secret::from("0123456789abcdef0123456789ABCDEF"))?.named("2026")?;
/// let old = Keys::secret(Algorithm::HS256, &Secret::from("fedcba9876543210FEDCBA9876543210"))?.named("2025")?;
/// let keys = new.joined(old)?;
/// assert_eq!(Keys::secret(Algorithm::HS512, &Secret::from("too short")).unwrap_err(), KeyError::Weak);
/// # let _ = keys;
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

/// Why a key or a set of keys is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The algorithm is not known here, or not one for this type of key.
    #[error("the algorithm is unknown or does not fit the key")]
    Algorithm,
    /// Two keys have one `kid`.
    #[error("two keys have the same kid")]
    DuplicateKid,
    /// There is no key.
    #[error("there is no key")]
    Empty,
    /// A `kid` is not 1 to 128 printable ASCII characters.
    #[error("a kid must be 1 to 128 printable ASCII characters")]
    Kid,
    /// The key cannot be read.
    #[error("the key cannot be read")]
    Malformed,
    /// Shared secrets beside public keys in one set.
    #[error("shared secrets and public keys must not be in one set")]
    Mixed,
    /// A JSON web key that does not name its algorithm.
    #[error("the key does not name its algorithm")]
    NoAlgorithm,
    /// There is no key of that `kid`.
    #[error("there is no key of that kid")]
    NotFound,
    /// `use` or `key_ops` say that the key is not for signatures.
    #[error("the key is not for verifying signatures")]
    NotForVerifying,
    /// One of several keys has no `kid`.
    #[error("of several keys each must have a kid")]
    Unnamed,
    /// An HMAC key that is shorter than its hash or one repeated byte; an RSA key below 2048 or above
    /// 8192 bits, or with an exponent below 65537.
    #[error("the key is too weak, or larger than can be used")]
    Weak,
}

impl Keys {
    /// One shared secret, as its bytes are.
    ///
    /// # Errors
    ///
    /// [`KeyError::Algorithm`] for other algorithms than HS256, HS384 and HS512, [`KeyError::Weak`].
    pub fn secret(algorithm: Algorithm, secret: &Secret) -> Result<Self, KeyError> {
        Self::of(vec![Key::secret(algorithm, secret.expose())?])
    }

    /// One public or private key in PEM; a private one also signs.
    ///
    /// # Errors
    ///
    /// [`KeyError`]: among others for a text with several keys, for a certificate, and for an algorithm
    /// that is not the key's.
    pub fn pem(algorithm: Algorithm, text: &Secret) -> Result<Self, KeyError> {
        let text = text.expose_text().ok_or(KeyError::Malformed)?;
        Self::of(vec![Key::pem(algorithm, text)?])
    }

    /// A JSON web key or key set. The whole set is refused if one of its keys is.
    ///
    /// Only shared secrets in it can sign; the private members of other keys are not read.
    ///
    /// # Errors
    ///
    /// [`KeyError`]
    pub fn jwks(text: &Secret) -> Result<Self, KeyError> {
        let set = json::object(text.expose()).map_err(|_unfit| KeyError::Malformed)?;
        Self::of(read(&set)?)
    }

    /// The one key under this name, which new tokens will carry as their `kid`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Kid`], or [`KeyError::Unnamed`] if there are several keys.
    pub fn named(mut self, kid: &str) -> Result<Self, KeyError> {
        let [key] = &mut *self.0 else { return Err(KeyError::Unnamed) };
        key.kid = Some(kid.into());
        Self::of(self.0)
    }

    /// Both sets as one. New tokens are signed by the first key that can.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if the sets do not go together.
    pub fn joined(mut self, other: Self) -> Result<Self, KeyError> {
        self.0.extend(other.0);
        Self::of(self.0)
    }

    /// With an end for the key of this `kid`: at exactly `at` it is dead, for old and new tokens.
    ///
    /// # Errors
    ///
    /// [`KeyError::NotFound`]
    pub fn retiring(mut self, kid: &str, at: SystemTime) -> Result<Self, KeyError> {
        let key = self.0.iter_mut().find(|key| key.kid.as_deref() == Some(kid)).ok_or(KeyError::NotFound)?;
        key.until = Some(at);
        Ok(self)
    }

    /// A token with exactly these claims, signed by the first key that can: for another server that has the key.
    /// `None` if no key can sign at `now`, or the claims make no JSON object.
    pub fn sign(&self, claims: &impl Serialize, now: SystemTime) -> Option<Secret> {
        compact::sign(self, claims, now).map(Secret::from)
    }

    /// Whether new tokens can be signed.
    pub fn can_sign(&self) -> bool {
        self.0.iter().any(Key::can_sign)
    }

    /// The key that a token names, if it is one and lives. The only key needs no naming; if it has no
    /// name itself, there is nothing to choose and a token's `kid` is not looked at.
    pub(super) fn find(&self, kid: Option<&str>, now: SystemTime) -> Option<&Key> {
        let found = match (&*self.0, kid) {
            ([only], Some(kid)) => Some(only).filter(|key| key.kid.as_deref().is_none_or(|own| own == kid)),
            ([only], None) => Some(only),
            (several, Some(kid)) => several.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (_, None) => None,
        };
        found.filter(|key| key.is_live(now))
    }

    /// The key that signs new tokens.
    pub(super) fn signer(&self, now: SystemTime) -> Option<&Key> {
        self.0.iter().find(|key| key.can_sign() && key.is_live(now))
    }

    /// For data sets whose keys are strong in form only.
    #[cfg(test)]
    pub(super) fn unchecked(keys: Vec<Key>) -> Self {
        Self(keys)
    }

    fn of(keys: Vec<Key>) -> Result<Self, KeyError> {
        let [first, others @ ..] = &*keys else { return Err(KeyError::Empty) };
        if keys.iter().any(Key::is_uniform) {
            return Err(KeyError::Weak);
        }
        if others.iter().any(|key| key.is_symmetric() != first.is_symmetric()) {
            return Err(KeyError::Mixed);
        }
        if !others.is_empty() && keys.iter().any(|key| key.kid.is_none()) {
            return Err(KeyError::Unnamed);
        }
        let mut kids: Vec<_> = keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        if !kids.iter().all(|kid| is_kid(kid)) {
            return Err(KeyError::Kid);
        }
        let count = kids.len();
        kids.sort_unstable();
        kids.dedup();
        if kids.len() != count {
            return Err(KeyError::DuplicateKid);
        }
        Ok(Self(keys))
    }
}

/// Whether a text can name a key: 1 to 128 printable ASCII characters.
pub(super) fn is_kid(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// The keys of a set, or the one key, each by itself.
pub(super) fn read(set: &Object) -> Result<Vec<Key>, KeyError> {
    match set.get("keys") {
        None if set.contains_key("kty") => Ok(vec![read_key(set)?]),
        Some(Value::Array(keys)) => {
            keys.iter().map(|key| read_key(key.as_object().ok_or(KeyError::Malformed)?)).collect()
        }
        _ => Err(KeyError::Malformed),
    }
}

fn read_key(jwk: &Object) -> Result<Key, KeyError> {
    check_use(jwk)?;
    let algorithm = text(jwk, "alg")?.ok_or(KeyError::NoAlgorithm)?;
    let algorithm: Algorithm = algorithm.parse().map_err(|_unknown| KeyError::Algorithm)?;
    let mut key = match text(jwk, "kty")?.ok_or(KeyError::Malformed)? {
        "EC" => {
            let (curve, length) = match algorithm {
                Algorithm::ES256 => ("P-256", 32),
                Algorithm::ES384 => ("P-384", 48),
                _ => return Err(KeyError::Algorithm),
            };
            let (x, y) = (number(jwk, "x")?, number(jwk, "y")?);
            if text(jwk, "crv")? != Some(curve) || x.len() != length || y.len() != length {
                return Err(KeyError::Algorithm);
            }
            Key::ec(algorithm, &[&[4], &*x, &*y].concat())?
        }
        "OKP" if text(jwk, "crv")? == Some("Ed25519") => Key::ed(algorithm, &number(jwk, "x")?)?,
        "RSA" => Key::rsa(algorithm, &number(jwk, "n")?, &number(jwk, "e")?)?,
        "oct" => Key::secret(algorithm, &zeroize::Zeroizing::new(number(jwk, "k")?))?,
        _ => return Err(KeyError::Algorithm),
    };
    key.kid = text(jwk, "kid")?.map(Into::into);
    Ok(key)
}

/// RFC 7517 §4.2 and §4.3: both are optional, and what is there must allow it.
fn check_use(jwk: &Object) -> Result<(), KeyError> {
    let fits = |word: &Value| word == "verify";
    let operations = match jwk.get("key_ops") {
        None => true,
        Some(Value::Array(words)) => words.iter().any(fits),
        Some(_) => false,
    };
    let purpose = jwk.get("use").is_none_or(|purpose| purpose == "sig");
    (operations && purpose).then_some(()).ok_or(KeyError::NotForVerifying)
}

/// A member that must be text where it stands.
fn text<'a>(jwk: &'a Object, name: &str) -> Result<Option<&'a str>, KeyError> {
    jwk.get(name).map(|value| value.as_str().ok_or(KeyError::Malformed)).transpose()
}

/// A member that must be there, in base64url.
fn number(jwk: &Object, name: &str) -> Result<Vec<u8>, KeyError> {
    let text = text(jwk, name)?.ok_or(KeyError::Malformed)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_unfit| KeyError::Malformed)
}
