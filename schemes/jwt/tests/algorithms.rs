//! Every algorithm with a key of its own, and with every other one's.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use base64::engine::general_purpose::STANDARD;

use super::super::compact;
use super::*;

/// A private key and its public one in PEM.
struct Pair {
    private: Secret,
    public: Secret,
}

fn pem(label: &str, der: &[u8]) -> Secret {
    let lines: Vec<_> =
        STANDARD.encode(der).into_bytes().chunks(64).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
    Secret::from(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n")))
}

fn rsa(size: KeySize) -> Pair {
    let pair = RsaKeyPair::generate(size).unwrap();
    let private = AsDer::<Pkcs8V1Der<'static>>::as_der(&pair).unwrap();
    let public = AsDer::<PublicKeyX509Der<'static>>::as_der(pair.public_key()).unwrap();
    Pair { private: pem("PRIVATE KEY", private.as_ref()), public: pem("PUBLIC KEY", public.as_ref()) }
}

fn ec(curve: &'static EcdsaSigningAlgorithm) -> Pair {
    let pair = EcdsaKeyPair::generate(curve).unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    let public = AsDer::<PublicKeyX509Der<'static>>::as_der(pair.public_key()).unwrap();
    Pair { private: pem("PRIVATE KEY", private.as_ref()), public: pem("PUBLIC KEY", public.as_ref()) }
}

fn ed() -> Pair {
    let pair = Ed25519KeyPair::generate().unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    let public = AsDer::<PublicKeyX509Der<'static>>::as_der(pair.public_key()).unwrap();
    Pair { private: pem("PRIVATE KEY", private.as_ref()), public: pem("PUBLIC KEY", public.as_ref()) }
}

const RSA: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

/// Every algorithm with a key that signs and one that verifies; one RSA key serves six.
fn every() -> Vec<(Algorithm, Keys, Keys)> {
    let secret = Secret::new(*b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");
    let mut every: Vec<_> = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]
        .map(|algorithm| (algorithm, Keys::secret(algorithm, &secret).unwrap()))
        .map(|(algorithm, keys)| (algorithm, keys.clone(), keys))
        .into();
    let (rsa, p256, p384, ed) =
        (rsa(KeySize::Rsa2048), ec(&ECDSA_P256_SHA256_FIXED_SIGNING), ec(&ECDSA_P384_SHA384_FIXED_SIGNING), ed());
    let pairs = RSA.map(|algorithm| (algorithm, &rsa)).into_iter().chain([
        (Algorithm::ES256, &p256),
        (Algorithm::ES384, &p384),
        (Algorithm::EdDSA, &ed),
    ]);
    every.extend(pairs.map(|(algorithm, pair)| {
        let private = Keys::pem(algorithm, &pair.private).unwrap();
        let public = Keys::pem(algorithm, &pair.public).unwrap();
        assert!(private.can_sign() && !public.can_sign());
        (algorithm, private, public)
    }));
    every
}

#[test]
fn jwt_05_each_algorithm_is_good_with_its_own_key_only() {
    let every = every();
    assert_eq!(every.len(), 12);
    for (own, signs, verifies) in &every {
        for (other, _, others) in &every {
            let good = sign(signs, &format!(r#"{{"alg":"{own:?}"}}"#), "{}");
            let same = compact::verify(others, &good, at(0));
            assert_eq!(same.is_ok(), own == other, "signed as {own:?}, key for {other:?}");
            let offered = sign(signs, &format!(r#"{{"alg":"{other:?}"}}"#), "{}");
            let named = compact::verify(verifies, &offered, at(0));
            assert_eq!(named.is_ok(), own == other, "signed as {own:?}, called {other:?}");
        }
    }
}

#[test]
fn jwt_04_a_public_key_is_no_secret() {
    let pair = rsa(KeySize::Rsa2048);
    let verifies = Keys::pem(Algorithm::RS256, &pair.public).unwrap();
    let as_secret = Keys::secret(Algorithm::HS256, &pair.public).unwrap();
    let forged = sign(&as_secret, r#"{"alg":"HS256"}"#, "{}");
    assert_eq!(compact::verify(&verifies, &forged, at(0)).unwrap_err(), Reason::Signature);
}

#[test]
fn a_key_does_not_load_for_an_algorithm_of_another_family() {
    let (rsa, p256, p384, ed) =
        (rsa(KeySize::Rsa2048), ec(&ECDSA_P256_SHA256_FIXED_SIGNING), ec(&ECDSA_P384_SHA384_FIXED_SIGNING), ed());
    for (pair, fits) in
        [(&rsa, &RSA[..]), (&p256, &[Algorithm::ES256]), (&p384, &[Algorithm::ES384]), (&ed, &[Algorithm::EdDSA])]
    {
        for algorithm in RSA.into_iter().chain([
            Algorithm::ES256,
            Algorithm::ES384,
            Algorithm::EdDSA,
            Algorithm::HS256,
            Algorithm::HS512,
        ]) {
            for text in [&pair.private, &pair.public] {
                assert_eq!(Keys::pem(algorithm, text).is_ok(), fits.contains(&algorithm), "{algorithm:?} {fits:?}");
            }
        }
    }
}

#[test]
fn jwt_23_weak_keys_do_not_load() {
    let weak = |algorithm, secret: &[u8]| Keys::secret(algorithm, &Secret::new(secret)).unwrap_err();
    let long: Vec<u8> = (0..63).collect();
    assert_eq!(weak(Algorithm::HS256, b""), KeyError::Weak);
    assert_eq!(weak(Algorithm::HS256, &long[..31]), KeyError::Weak);
    assert_eq!(weak(Algorithm::HS384, &long[..47]), KeyError::Weak);
    assert_eq!(weak(Algorithm::HS512, &long), KeyError::Weak);
    assert_eq!(weak(Algorithm::HS256, &[b'a'; 64]), KeyError::Weak);
    assert!(Keys::secret(Algorithm::HS256, &Secret::new(&long[..32])).is_ok());
    assert_eq!(weak(Algorithm::RS256, &long), KeyError::Algorithm);

    let jwk = |n: &[u8], e: &[u8]| {
        let (n, e) = (URL_SAFE_NO_PAD.encode(n), URL_SAFE_NO_PAD.encode(e));
        Keys::jwks(&Secret::from(format!(r#"{{"kty":"RSA","alg":"RS256","n":"{n}","e":"{e}"}}"#)))
    };
    let modulus = [0xff; 256];
    assert!(jwk(&modulus, &[1, 0, 1]).is_ok());
    for (n, e) in [
        (&modulus[..], &[1][..]),
        (&modulus, &[3]),
        (&modulus, &[]),
        (&modulus, &[0, 0, 0, 1]),
        (&modulus, &[0xff; 9]),
        (&modulus[1..], &[1, 0, 1]),
        (&[0xff; 1025], &[1, 0, 1]),
        (&[], &[1, 0, 1]),
        (&[[0; 200], [0xff; 200]].concat(), &[1, 0, 1]),
    ] {
        assert_eq!(jwk(n, e).unwrap_err(), KeyError::Weak, "{} {e:?}", n.len());
    }
    assert_eq!(jwk(&modulus, &[1, 0, 2]).unwrap_err(), KeyError::Malformed);
}

#[test]
fn jwt_24_and_jwt_25_ambiguous_or_unfit_sets_do_not_load() {
    let k = URL_SAFE_NO_PAD.encode(SECRET);
    let key = |more: &str| format!(r#"{{"kty":"oct","k":"{k}"{more}}}"#);
    let set = |keys: &[String]| Keys::jwks(&Secret::from(format!(r#"{{"keys":[{}]}}"#, keys.join(","))));
    let a = key(r#","alg":"HS256","kid":"a""#);
    let b = key(r#","alg":"HS256","kid":"b""#);
    let ed =
        r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"e","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert!(set(&[a.clone(), b.clone()]).is_ok());
    for (keys, why) in [
        (vec![], KeyError::Empty),
        (vec![a.clone(), a.clone()], KeyError::DuplicateKid),
        (vec![a.clone(), ed.to_owned()], KeyError::Mixed),
        (vec![a.clone(), key(r#","alg":"HS256""#)], KeyError::Unnamed),
        (vec![key(r#","kid":"a""#)], KeyError::NoAlgorithm),
        (vec![key(r#","alg":"none""#)], KeyError::Algorithm),
        (vec![key(r#","alg":"ES256""#)], KeyError::Algorithm),
        (vec![key(r#","alg":"HS256","use":"enc""#)], KeyError::NotForVerifying),
        (vec![key(r#","alg":"HS256","use":1"#)], KeyError::NotForVerifying),
        (vec![key(r#","alg":"HS256","key_ops":["sign"]"#)], KeyError::NotForVerifying),
        (vec![key(r#","alg":"HS256","key_ops":[]"#)], KeyError::NotForVerifying),
        (vec![key(r#","alg":"HS256","key_ops":"verify""#)], KeyError::NotForVerifying),
        (vec![key(r#","alg":"HS256","kid":"""#)], KeyError::Kid),
        (vec![key(r#","alg":"HS256","kid":"\n""#)], KeyError::Kid),
        (vec![key(r#","alg":"HS256","kid":1"#)], KeyError::Malformed),
        (vec![key(r#","alg":"HS256","alg":"HS256""#)], KeyError::Malformed),
        (vec!["1".to_owned()], KeyError::Malformed),
    ] {
        assert_eq!(set(&keys).unwrap_err(), why, "{keys:?}");
    }
    for text in ["", "[]", "{}", "{\"keys\":{}}", "-----BEGIN PUBLIC KEY-----"] {
        assert_eq!(Keys::jwks(&Secret::from(text)).unwrap_err(), KeyError::Malformed, "{text}");
    }
}

#[test]
fn a_pem_file_holds_one_key_and_no_certificate() {
    let text = |secret: &Secret| secret.expose_text().unwrap().to_owned();
    let pair = ec(&ECDSA_P256_SHA256_FIXED_SIGNING);
    let twice = text(&pair.public) + &text(&pair.private);
    let certificate = text(&pair.public).replace("PUBLIC KEY", "CERTIFICATE");
    let relabelled = text(&pair.private).replace("PRIVATE", "PUBLIC");
    for text in [&*twice, &certificate, &relabelled, "", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"] {
        assert_eq!(Keys::pem(Algorithm::ES256, &Secret::from(text)).unwrap_err(), KeyError::Malformed, "{text}");
    }
}

#[test]
fn log_05_keys_print_without_their_secrets() {
    let printed = format!("{:?}", keys());
    let bytes = format!("{:?}", SECRET.as_bytes());
    assert!(!printed.contains(SECRET) && !printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
}

#[tokio::test]
async fn jwt_28_a_retired_key_is_good_until_exactly_its_end() {
    let key = |kid, secret: &str| Keys::secret(Algorithm::HS256, &Secret::from(secret)).unwrap().named(kid).unwrap();
    let (old, new) = (key("2025", SECRET), key("2026", "another-secret-key-of-32-bytes-or-more"));
    let end = at(IAT + 1000);
    let (before, _) = with(Settings::new("fit"), old.clone());
    let issued = before.issue(&account(1), Purpose::Access, at(IAT)).unwrap();
    let issued = issued.expose_text().unwrap();
    let both = new.joined(old).unwrap().retiring("2025", end).unwrap();
    let cold = || with(Settings::new("fit"), both.clone()).0;
    assert!(present(&cold(), issued, end - Duration::from_millis(1)).await.is_ok());
    assert_eq!(present(&cold(), issued, end).await.unwrap_err(), Reason::Signature);
    assert_eq!(present(&cold(), issued, end + Duration::from_secs(1)).await.unwrap_err(), Reason::Signature);
    let warm = cold();
    assert!(present(&warm, issued, at(IAT)).await.is_ok());
    assert_eq!(present(&warm, issued, end).await.unwrap_err(), Reason::Signature, "memory does not outlive the key");
    let fresh = warm.issue(&account(1), Purpose::Access, at(IAT)).unwrap();
    let header = fresh.expose_text().unwrap().split('.').next().unwrap().to_owned();
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!(header, r#"{"alg":"HS256","typ":"JWT","kid":"2026"}"#);
    assert!(present(&cold(), fresh.expose_text().unwrap(), end).await.is_ok());
    assert_eq!(cold().0.keys.clone().retiring("none", end).unwrap_err(), KeyError::NotFound);
}
