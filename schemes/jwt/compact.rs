//! The compact form of a signed token (RFC 7515 §7.1): whose signature it is, and what was signed.
//!
//! Nothing of the payload is looked at before the signature is good, and of the header nothing but
//! what chooses the key.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Serialize;
use serde_json::Value;

use super::json::{self, Object};
use super::keys::{Keys, is_kid};
use crate::Reason;

/// What a key of ours signed.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) header: Object,
    pub(super) payload: Vec<u8>,
    /// When the key ends, whatever the token says.
    pub(super) key_until: Option<SystemTime>,
}

/// Verifies a token in compact form.
///
/// [`Reason::Malformed`] for what is not strictly that form, [`Reason::Signature`] for a key that is
/// not there or a signature that is not its own.
pub(super) fn verify(keys: &Keys, token: &str, now: SystemTime) -> Result<Verified, Reason> {
    let Decoded { signed, header, payload, signature } = decode_all(token)?;
    if FORBIDDEN.iter().any(|name| header.contains_key(*name)) {
        return Err(Reason::Malformed);
    }
    if header.get("typ").is_some_and(|typ| !typ.is_string()) {
        return Err(Reason::Malformed);
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Value::String(kid)) if is_kid(kid) => Some(&**kid),
        Some(_) => return Err(Reason::Malformed),
    };
    let algorithm = header.get("alg").and_then(Value::as_str).ok_or(Reason::Malformed)?;
    let key = keys.find(kid, now).ok_or(Reason::Signature)?;
    let same = algorithm.parse::<Algorithm>().is_ok_and(|algorithm| algorithm == key.algorithm);
    if !same || !key.verify(signed.as_bytes(), &signature) {
        return Err(Reason::Signature);
    }
    Ok(Verified { header, payload, key_until: key.until })
}

/// What a token says, whoever signed it: header and payload.
pub(crate) fn unverified(token: &str) -> Result<(Object, Vec<u8>), Reason> {
    decode_all(token).map(|decoded| (decoded.header, decoded.payload))
}

/// Signs claims; `None` if no key can.
pub(super) fn sign(keys: &Keys, claims: &impl Serialize, now: SystemTime) -> Option<String> {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        typ: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    }
    let key = keys.signer(now)?;
    let header = Header { alg: key.algorithm, typ: "JWT", kid: key.kid.as_deref() };
    let header = serde_json::to_vec(&header).ok()?;
    let claims = serde_json::to_vec(claims).ok()?;
    let mut token = URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Some(token)
}

/// Whether a text has the outer form of a token: what has not is refused before anything is asked.
pub(super) fn is_compact(token: &str) -> bool {
    Parts::of(token).is_some()
}

/// A token of which nothing is believed yet.
struct Decoded<'a> {
    signed: &'a str,
    header: Object,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// All three parts are decoded before anything is believed: strict, so that one token has one spelling.
fn decode_all(token: &str) -> Result<Decoded<'_>, Reason> {
    let parts = Parts::of(token).ok_or(Reason::Malformed)?;
    let header = decode(parts.header)?;
    let payload = decode(parts.payload)?;
    let signature = decode(parts.signature)?;
    let header = json::object(&header).map_err(|_unfit| Reason::Malformed)?;
    Ok(Decoded { signed: parts.signed, header, payload, signature })
}

struct Parts<'a> {
    signed: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Parts<'a> {
    /// Exactly three parts of base64url letters; header and signature are never empty.
    fn of(token: &'a str) -> Option<Self> {
        let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if token.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let fits = !header.is_empty() && !signature.is_empty() && [header, payload, signature].into_iter().all(letters);
        fits.then_some(Self { signed, header, payload, signature })
    }
}

/// Base64url without padding and without spare bits (RFC 7515 §2, RFC 4648 §3.5).
fn decode(part: &str) -> Result<Vec<u8>, Reason> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_unfit| Reason::Malformed)
}

/// Longest token.
const MAX_BYTES: usize = 8 * 1024;

/// Header members that would have the token choose its own key or its own rules.
const FORBIDDEN: [&str; 6] = ["b64", "crit", "jku", "jwk", "x5c", "x5u"];
