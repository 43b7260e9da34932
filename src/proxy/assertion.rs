//! Signed assertions: who is asking, in a form that an upstream can check.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use serde::Serialize;
use trackgate_schemes::{Digest, Identity, Secret};

/// A key that signs assertions: JWTs (RFC 7519) under `EdDSA` with Ed25519 (RFC 8037), valid for 60 s.
///
/// Their claims are `iss`, `aud` (the upstream's name), `sub`, `name`, `grants` (parted by blanks),
/// `scheme`, `service`, `iat`, `exp` and `jti` (the request's id); a text without a value is empty. An
/// upstream should check `aud`, or what was meant for another upstream passes there too.
#[derive(Clone)]
pub struct AssertionKey {
    pair: Arc<Ed25519KeyPair>,
    issuer: Arc<str>,
    kid: Arc<str>,
    /// The coded header of each assertion, with the dot behind it.
    header: Arc<str>,
}

impl AssertionKey {
    /// A new key for [`from_secret`](Self::from_secret): 32 random bytes, to be kept in a store.
    pub fn generate() -> Secret {
        Secret::new(Box::<[u8]>::from(rand::random::<[u8; SEED_LENGTH]>()))
    }

    /// The key of a seed of 32 bytes (RFC 8032 §5.1.5) or a private key in PKCS #8, DER (RFC 8410). It
    /// signs as issuer `trackgate`.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if it is neither.
    pub fn from_secret(secret: &Secret) -> Result<Self, KeyError> {
        let bytes = secret.expose();
        let pair = if bytes.len() == SEED_LENGTH {
            Ed25519KeyPair::from_seed_unchecked(bytes)
        } else {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
        };
        let pair = pair.map_err(|_rejected| KeyError)?;
        let kid = thumbprint(&public(&pair));
        let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"JWT"}}"#);
        let header = format!("{}.", URL_SAFE_NO_PAD.encode(header));
        Ok(Self { pair: Arc::new(pair), issuer: "trackgate".into(), kid: kid.into(), header: header.into() })
    }

    /// Signing as this issuer.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// The key's id: its thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half as a JWK set (RFC 7517 §5), for `/.well-known/trackgate/jwks.json`.
    pub fn jwks(&self) -> String {
        let (kid, x) = (&self.kid, public(&self.pair));
        format!(r#"{{"keys":[{{"alg":"EdDSA","crv":"Ed25519","kid":"{kid}","kty":"OKP","use":"sig","x":"{x}"}}]}}"#)
    }

    /// The assertion that `who` is asking the upstream `audience` in the request `request_id`.
    pub(super) fn assert(&self, who: &Identity, audience: &str, request_id: &str, now: SystemTime) -> HeaderValue {
        let issued_at = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let claims = Claims {
            iss: &self.issuer,
            aud: audience,
            sub: who.subject().to_string(),
            name: who.name(),
            grants: who.grants().to_string(),
            scheme: who.scheme(),
            service: who.service().unwrap_or_default(),
            iat: issued_at.as_secs(),
            exp: (issued_at + LIFETIME).as_secs(),
            jti: request_id,
        };
        let claims = serde_json::to_vec(&claims).expect("texts and numbers make JSON");
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 96);
        token.push_str(&self.header);
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        let mut value = HeaderValue::try_from(token).expect("base64url is visible ASCII");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionKey").field("kid", &self.kid).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// A secret that is no Ed25519 private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is neither 32 bytes nor an Ed25519 private key in PKCS #8")]
pub struct KeyError;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    name: &'a str,
    grants: String,
    scheme: &'a str,
    service: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
}

fn public(pair: &Ed25519KeyPair) -> String {
    URL_SAFE_NO_PAD.encode(pair.public_key())
}

/// RFC 7638 §3 over the members that RFC 8037 §2 names.
fn thumbprint(x: &str) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Digest::sha256(members.as_bytes()).as_bytes())
}

const LIFETIME: Duration = Duration::from_mins(1);
const SEED_LENGTH: usize = 32;

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
    use serde_json::{Value, json};
    use trackgate_schemes::{AccountId, Credential, CredentialKind, Grants, Subject};

    use super::*;

    /// RFC 8037, appendix A.
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    const PUBLIC: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const THUMBPRINT: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

    fn key() -> AssertionKey {
        AssertionKey::from_secret(&Secret::new(URL_SAFE_NO_PAD.decode(SEED).unwrap())).unwrap()
    }

    fn rider() -> Identity {
        let credential = Credential::new(CredentialKind::Password, "7");
        Identity::new(Subject::Account(AccountId(7)), "Jérôme\r\n", "basic", credential)
            .with_grants(Grants::EVERYDAY)
            .with_service(Some("watch".into()))
    }

    fn decoded(part: &str) -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn thumbprint_and_key_set_follow_rfc_8037() {
        assert_eq!(key().kid(), THUMBPRINT);
        assert_eq!(
            serde_json::from_str::<Value>(&key().jwks()).unwrap(),
            json!({"keys": [{"alg": "EdDSA", "crv": "Ed25519", "kid": THUMBPRINT, "kty": "OKP", "use": "sig", "x": PUBLIC}]})
        );
    }

    #[test]
    fn jwt_29_an_assertion_is_signed_and_holds_any_name() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
        let value = key().assert(&rider(), "points", "id-1", now);
        assert!(value.is_sensitive() && value.as_bytes().iter().all(u8::is_ascii_graphic));

        let token = value.to_str().unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = URL_SAFE_NO_PAD.decode(PUBLIC).unwrap();
        UnparsedPublicKey::new(&ED25519, public).verify(message.as_bytes(), &signature).unwrap();

        let (header, claims) = message.split_once('.').unwrap();
        assert_eq!(decoded(header), json!({"alg": "EdDSA", "kid": THUMBPRINT, "typ": "JWT"}));
        assert_eq!(
            decoded(claims),
            json!({
                "iss": "trackgate", "aud": "points", "sub": "7", "name": "Jérôme\r\n", "grants": "*",
                "scheme": "basic", "service": "watch", "iat": 1_700_000_000, "exp": 1_700_000_060, "jti": "id-1",
            })
        );
    }

    #[test]
    fn an_anonymous_assertion_has_empty_claims() {
        let value = key().with_issuer("gate").assert(&Identity::anonymous(), "a", "b", SystemTime::UNIX_EPOCH);
        let claims = decoded(value.to_str().unwrap().split('.').nth(1).unwrap());
        assert_eq!(
            claims,
            json!({
                "iss": "gate", "aud": "a", "sub": "", "name": "", "grants": "", "scheme": "none", "service": "",
                "iat": 0, "exp": 60, "jti": "b",
            })
        );
    }

    #[test]
    fn keys_are_made_and_read_and_others_are_refused() {
        let secret = AssertionKey::generate();
        assert_ne!(secret, AssertionKey::generate());
        let key = AssertionKey::from_secret(&secret).unwrap();
        let pkcs8 = Secret::new(key.pair.to_pkcs8v1().unwrap().as_ref());
        assert_eq!(AssertionKey::from_secret(&pkcs8).unwrap().kid(), key.kid());
        for length in [0, 31, 33, 64, 4096] {
            assert_eq!(AssertionKey::from_secret(&Secret::new(vec![0x30; length])).unwrap_err(), KeyError);
        }
    }

    #[test]
    fn log_05_a_key_prints_no_secret() {
        assert_eq!(
            format!("{:?}", key()),
            format!(r#"AssertionKey {{ kid: "{THUMBPRINT}", issuer: "trackgate", .. }}"#)
        );
    }
}
