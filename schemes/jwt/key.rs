//! One key: what it verifies, what it signs, and whether it is strong enough to be used at all.

use std::time::SystemTime;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};

use super::keys::KeyError;

/// A key with its one algorithm.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) kid: Option<Box<str>>,
    pub(super) algorithm: Algorithm,
    /// At exactly this instant the key is dead.
    pub(super) until: Option<SystemTime>,
    verifies: DecodingKey,
    signs: Option<EncodingKey>,
    /// Whether it is a secret of one repeated byte.
    uniform: bool,
}

impl Key {
    /// A shared secret; at least as long as the hash (RFC 7518 §3.2).
    pub(super) fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Self, KeyError> {
        let at_least = match algorithm {
            Algorithm::HS256 => 32,
            Algorithm::HS384 => 48,
            Algorithm::HS512 => 64,
            _ => return Err(KeyError::Algorithm),
        };
        if secret.len() < at_least {
            return Err(KeyError::Weak);
        }
        let uniform = secret.iter().all(|byte| Some(byte) == secret.first());
        let signs = Some(EncodingKey::from_secret(secret));
        Ok(Self { signs, uniform, ..Self::public(algorithm, DecodingKey::from_secret(secret)) })
    }

    /// An RSA public key: 2048 to 8192 bits (RFC 7518 §3.3), exponent odd and above 2^16 (FIPS 186-5
    /// A.1.1).
    pub(super) fn rsa(algorithm: Algorithm, modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        if algorithm.family() != AlgorithmFamily::Rsa {
            return Err(KeyError::Algorithm);
        }
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte % 2 == 1);
        // The back end takes exponents of up to 33 bits.
        if !(2048..=8192).contains(&bits(modulus)) || !(17..=33).contains(&bits(exponent)) {
            return Err(KeyError::Weak);
        }
        if !odd(modulus) || !odd(exponent) {
            return Err(KeyError::Malformed);
        }
        Ok(Self::public(algorithm, DecodingKey::from_rsa_raw_components(modulus, exponent)))
    }

    /// A point on the curve of the algorithm, in uncompressed form (SEC 1 §2.3.3).
    pub(super) fn ec(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        let on_curve = match algorithm {
            Algorithm::ES256 => point.len() == 65 && ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_ok(),
            Algorithm::ES384 => point.len() == 97 && ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).is_ok(),
            _ => return Err(KeyError::Algorithm),
        };
        if !on_curve || point.first() != Some(&4) {
            return Err(KeyError::Malformed);
        }
        Ok(Self::public(algorithm, DecodingKey::from_ec_der(point)))
    }

    /// An Ed25519 public key (RFC 8037 §2).
    pub(super) fn ed(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        if algorithm != Algorithm::EdDSA {
            return Err(KeyError::Algorithm);
        }
        if point.len() != 32 || ParsedPublicKey::new(&ED25519, point).is_err() {
            return Err(KeyError::Malformed);
        }
        Ok(Self::public(algorithm, DecodingKey::from_ed_der(point)))
    }

    /// A public or private key in PEM: `PUBLIC KEY`, `RSA PUBLIC KEY`, or `PRIVATE KEY` (PKCS #8).
    pub(super) fn pem(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        let mut labels = text.split("-----BEGIN ").skip(1).filter_map(|rest| rest.split_once("-----"));
        let (Some((label, _)), None) = (labels.next(), labels.next()) else { return Err(KeyError::Malformed) };
        match label {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::public_pem(algorithm, text.as_bytes()),
            "PRIVATE KEY" | "RSA PRIVATE KEY" => Self::private_pem(algorithm, text.as_bytes()),
            _ => Err(KeyError::Malformed),
        }
    }

    /// Whether it is a secret of one repeated byte: nobody draws that by chance.
    pub(super) fn is_uniform(&self) -> bool {
        self.uniform
    }

    pub(super) fn is_symmetric(&self) -> bool {
        self.algorithm.family() == AlgorithmFamily::Hmac
    }

    pub(super) fn is_live(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    pub(super) fn can_sign(&self) -> bool {
        self.signs.is_some()
    }

    /// Whether `signature` is this key's of `message`. HMACs compare in constant time.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // The back end by name, not the process's default, which other crates can make ambiguous.
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm, &self.verifies)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }

    /// This key's signature of `message`; `None` if it only verifies.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signer = (DEFAULT_PROVIDER.signer_factory)(&self.algorithm, self.signs.as_ref()?).ok()?;
        signer.try_sign(message).ok()
    }

    fn public(algorithm: Algorithm, verifies: DecodingKey) -> Self {
        Self { kid: None, algorithm, until: None, verifies, signs: None, uniform: false }
    }

    fn public_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let key = match algorithm.family() {
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
            AlgorithmFamily::Hmac => return Err(KeyError::Algorithm),
        };
        let key = key.map_err(|_unfit| KeyError::Malformed)?;
        let DecodingKeyKind::SecretOrDer(der) = key.kind() else { return Err(KeyError::Malformed) };
        match algorithm.family() {
            AlgorithmFamily::Ec => Self::ec(algorithm, der),
            AlgorithmFamily::Ed => Self::ed(algorithm, der),
            _ => {
                let numbers = (DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key)(der);
                let (modulus, exponent) = numbers.map_err(|_unfit| KeyError::Malformed)?;
                Self::rsa(algorithm, &modulus, &exponent)
            }
        }
    }

    fn private_pem(algorithm: Algorithm, pem: &[u8]) -> Result<Self, KeyError> {
        let utils = &DEFAULT_PROVIDER.key_utils;
        let unfit = |_| KeyError::Malformed;
        let (signs, key) = match algorithm.family() {
            AlgorithmFamily::Ec => {
                let signs = EncodingKey::from_ec_pem(pem).map_err(unfit)?;
                let (_, x, y) =
                    (utils.ec_pub_components_from_private_key)(signs.as_bytes(), algorithm).map_err(unfit)?;
                let key = Self::ec(algorithm, &[&[4], &*x, &*y].concat())?;
                (signs, key)
            }
            AlgorithmFamily::Ed => {
                let signs = EncodingKey::from_ed_pem(pem).map_err(unfit)?;
                let curve = jsonwebtoken::jwk::EllipticCurve::Ed25519;
                let x = (utils.ed_pub_components_from_private_key)(signs.as_bytes(), &curve).map_err(unfit)?;
                let key = Self::ed(algorithm, &x)?;
                (signs, key)
            }
            AlgorithmFamily::Rsa => {
                let signs = EncodingKey::from_rsa_pem(pem).map_err(unfit)?;
                let (n, e) = (utils.rsa_pub_components_from_private_key)(signs.as_bytes()).map_err(unfit)?;
                let key = Self::rsa(algorithm, &n, &e)?;
                (signs, key)
            }
            AlgorithmFamily::Hmac => return Err(KeyError::Algorithm),
        };
        Ok(Self { signs: Some(signs), ..key })
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The length of a big-endian number without leading zero bytes.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}
