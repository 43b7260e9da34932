//! Tokens that nobody signed, or that are not quite the token that was.

use proptest::prelude::*;

use super::super::compact;
use super::*;

const GOOD_HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn good() -> String {
    token(format!("{{\"exp\":{EXP},\"iat\":{IAT},\"sub\":\"1\"}}"))
}

fn with_header(header: &str) -> String {
    sign(&keys(), header, format!("{{\"exp\":{EXP},\"sub\":\"1\"}}"))
}

#[tokio::test]
async fn jwt_03_alg_none_is_refused_in_every_spelling() {
    let (jwt, store) = fit();
    for name in ["none", "None", "NONE", "nOnE", "none ", "", "hs256", "HS256 "] {
        let signed = with_header(&format!(r#"{{"alg":"{name}"}}"#));
        assert_eq!(refused(&jwt, &signed).await, Reason::Signature, "{name}");
        let bare = signed.rsplit_once('.').unwrap().0;
        assert_eq!(refused(&jwt, &format!("{bare}.")).await, Reason::Malformed, "{name}");
    }
    for header in ["{}", r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, r#"{"alg":1}"#, r#"{"ALG":"HS256"}"#] {
        assert_eq!(refused(&jwt, &with_header(header)).await, Reason::Malformed, "{header}");
    }
    assert_eq!(store.asked(), 0);
}

#[tokio::test]
async fn jwt_07_and_jwt_10_a_header_that_brings_keys_or_rules_is_refused() {
    let (jwt, store) = fit();
    for member in [
        r#""jwk":{"kty":"oct","k":"AA"}"#,
        r#""jku":"https://attacker.example/keys""#,
        r#""x5u":"file:///etc/passwd""#,
        r#""x5c":[]"#,
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":"b64""#,
        r#""b64":false"#,
        r#""b64":true"#,
        r#""typ":1"#,
        r#""alg":"HS256""#,
    ] {
        assert_eq!(
            refused(&jwt, &with_header(&format!(r#"{{"alg":"HS256",{member}}}"#))).await,
            Reason::Malformed,
            "{member}"
        );
    }
    assert_eq!(store.asked(), 0);
}

#[tokio::test]
async fn jwt_08_a_kid_only_chooses_among_keys() {
    let named = |kid| keys().named(kid).unwrap();
    let other = Keys::secret(Algorithm::HS256, &Secret::from("another-secret-key-of-32-bytes-or-more")).unwrap();
    let (one, _) = with(Settings::new("fit"), named("a"));
    let (two, _) = with(Settings::new("fit"), named("a").joined(other.named("b").unwrap()).unwrap());
    let (unnamed, _) = fit();
    let kid = |kid: &str| with_header(&format!(r#"{{"alg":"HS256","kid":{kid}}}"#));
    for (jwt, without) in [(&one, true), (&two, false), (&unnamed, true)] {
        assert!(present(jwt, &kid("\"a\""), at(IAT)).await.is_ok());
        assert_eq!(present(jwt, &good(), at(IAT)).await.is_ok(), without);
        for odd in ["1", "null", "\"\"", "\"a\\n\"", "\"ä\"", "[\"a\"]"] {
            assert_eq!(refused(jwt, &kid(odd)).await, Reason::Malformed, "{odd}");
        }
        assert_eq!(refused(jwt, &kid(&format!("\"{}\"", "a".repeat(129)))).await, Reason::Malformed);
        assert_eq!(refused(jwt, &kid(&format!("\"{}\"", "a".repeat(10 * 1024)))).await, Reason::Malformed);
    }
    for unknown in ["\"b\"", "\"../../dev/null\"", "\"a' OR '1'='1\"", "\"A\"", "\"a \""] {
        assert_eq!(refused(&one, &kid(unknown)).await, Reason::Signature, "{unknown}");
        assert_eq!(refused(&two, &kid(unknown)).await, Reason::Signature, "{unknown}");
    }
}

#[tokio::test]
async fn jwt_12_and_jwt_13_only_three_parts_of_strict_base64url_are_a_token() {
    let (jwt, store) = fit();
    let good = good();
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let mut bad = vec![
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{good}.{signature}"),
        format!("{good}.{header}.{payload}"),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{payload}."),
        "..".to_owned(),
        ".".to_owned(),
        format!("{good}="),
        format!("{good}=="),
        format!("{good}\t"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        good.replace('-', "+"),
        good.replacen('.', ",", 1),
        format!("{{\"payload\":\"{payload}\",\"signatures\":[]}}"),
    ];
    // A length that no byte string has.
    bad.push(format!("{good}A"));
    bad.push(format!("{good}AA"));
    for token in &bad {
        if token == &good {
            continue;
        }
        let reason = refused(&jwt, token).await;
        assert!(matches!(reason, Reason::Malformed | Reason::Signature), "{token}");
    }
    assert_eq!(store.asked(), 0);
}

#[tokio::test]
async fn jwt_12_spare_bits_are_refused() {
    let (jwt, _) = fit();
    let good = good();
    assert!(present(&jwt, &good, at(IAT)).await.is_ok());
    // 32 bytes leave two spare bits in the last letter: four letters would decode alike.
    let last = good.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let place = alphabet.find(last).unwrap();
    assert_eq!(place % 4, 0);
    for spare in 1..4 {
        let letter = alphabet.as_bytes()[place + spare] as char;
        let other = format!("{}{letter}", good.strip_suffix(last).unwrap());
        assert_eq!(refused(&jwt, &other).await, Reason::Malformed);
    }
}

#[tokio::test]
async fn jwt_26_a_token_of_64_kib_is_refused_before_anything_is_read() {
    let (jwt, store) = fit();
    let members: Vec<_> = (0..100_000).map(|n| format!("\"{n}\":0")).collect();
    let huge = token(format!("{{\"exp\":{EXP},\"sub\":\"1\",{}}}", members.join(",")));
    let long = format!("{}.{}", good(), "A".repeat(64 * 1024));
    for token in [huge, long] {
        let step = step(&jwt, format!("Bearer {token}").as_bytes(), at(IAT));
        assert!(matches!(step, Step::Done(Verdict::Refused(Rejection { reason: Reason::Malformed, .. }))));
    }
    assert_eq!(store.asked(), 0);
}

#[tokio::test]
async fn jwt_27_a_forged_name_is_never_looked_up() {
    let (jwt, store) = fit();
    let stranger = Keys::secret(Algorithm::HS256, &Secret::from("not-the-key-not-the-key-not-the-key")).unwrap();
    let forged = sign(&stranger, GOOD_HEADER, format!("{{\"exp\":{EXP},\"sub\":\"1\",\"jti\":\"x\"}}"));
    assert_eq!(refused(&jwt, &forged).await, Reason::Signature);
    assert_eq!(store.asked(), 0);
    assert!(jwt.0.known.is_empty());
}

#[tokio::test]
async fn jwt_31_one_changed_byte_anywhere_is_refused() {
    let (jwt, _) = fit();
    let good = good();
    assert!(present(&jwt, &good, at(IAT)).await.is_ok());
    for place in 0..good.len() {
        for letter in [b'A', b'b', b'7', b'_', b'.', b'=', b' ', b'~'] {
            let mut bytes = good.clone().into_bytes();
            if bytes[place] == letter {
                continue;
            }
            bytes[place] = letter;
            let other = String::from_utf8(bytes).unwrap();
            assert!(present(&jwt, &other, at(IAT)).await.is_err(), "{place}: {other}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_verified_without_panic_and_never_accepted(
        text in prop_oneof![any::<String>(), "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,44}", "eyJhbGciOiJIUzI1NiJ9\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{43}"]
    ) {
        prop_assert!(compact::verify(&keys(), &text, at(IAT)).is_err());
    }

    #[test]
    fn any_signed_payload_is_read_without_panic(payload in prop::collection::vec(any::<u8>(), 0..64)) {
        let claims = super::super::claims::Claims::read(&payload, &Settings::new("fit"), at(IAT));
        prop_assert!(claims.is_err());
    }

    #[test]
    fn any_header_line_is_read_without_panic(line in prop::collection::vec(any::<u8>(), 0..120)) {
        let (jwt, store) = fit();
        if HeaderValue::from_bytes(&line).is_ok() {
            let verdict = matches!(step(&jwt, &line, at(IAT)), Step::Done(Verdict::Known(_)));
            prop_assert!(!verdict);
            prop_assert_eq!(store.asked(), 0);
        }
    }
}
