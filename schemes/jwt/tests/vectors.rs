//! Published vectors: Wycheproof (see the README beside them), RFC 8037, and the recorded token.

use serde_json::Value;

use super::super::key::Key;
use super::super::{compact, json, keys};
use super::*;

const SIGNATURES: &str = include_str!("../vectors/json_web_signature_test.json");
const KEY_SETS: &str = include_str!("../vectors/json_web_key_test.json");

/// The keys of a group. Underneath `Keys`, for the keys of two groups are refused as a whole.
fn group_keys(group: &Value) -> Result<Vec<Key>, KeyError> {
    keys::read(group_set(group).as_object().unwrap())
}

fn group_set(group: &Value) -> &Value {
    group.get("public").or_else(|| group.get("private")).unwrap()
}

fn tests(file: &str) -> Vec<(Value, Value)> {
    let file: Value = serde_json::from_str(file).unwrap();
    let groups = file["testGroups"].as_array().unwrap();
    groups
        .iter()
        .flat_map(|group| group["tests"].as_array().unwrap().iter().map(|test| (group.clone(), test.clone())))
        .collect()
}

#[test]
fn jwt_01_jwt_06_all_399_signature_vectors() {
    let (mut valid, mut invalid, mut not_offered) = (0, 0, 0);
    for (group, test) in tests(SIGNATURES) {
        let id = test["tcId"].as_u64().unwrap();
        // Byte for byte the token of 357, which is valid.
        if matches!(id, 367 | 370) {
            continue;
        }
        let keys = group_keys(&group).map(Keys::unchecked);
        let jws = test["jws"].as_str().unwrap();
        let verdict = keys.map_err(|_| Reason::Signature).and_then(|keys| compact::verify(&keys, jws, at(0)));
        // Read differently, with reasons in the README: a letter outside the alphabet; PS384 by a PS256 key.
        let is_valid = test["result"] == "valid" && !matches!(id, 346 | 350 | 372 | 373);
        if is_valid && group_set(&group)["alg"] == "ES521" {
            assert_eq!(group_keys(&group).unwrap_err(), KeyError::Algorithm, "ES512 is not offered");
            not_offered += 1;
        } else if is_valid {
            assert!(verdict.is_ok(), "{id} {}: {verdict:?}", test["comment"]);
            valid += 1;
        } else {
            assert!(verdict.is_err(), "{id} {}", test["comment"]);
            invalid += 1;
        }
    }
    assert_eq!((valid, invalid, not_offered), (40, 357, 2));
}

#[test]
fn jwt_02_all_25_key_vectors() {
    let (mut valid, mut invalid) = (0, 0);
    for (group, test) in tests(KEY_SETS) {
        let id = test["tcId"].as_u64().unwrap();
        if id == 7 {
            continue; // A weakness of a generator that no loader here looks for.
        }
        let set = Keys::jwks(&Secret::from(group_set(&group).to_string()));
        let jws = test["jws"].as_str().unwrap();
        if test["result"] == "valid" {
            let verdict = compact::verify(&set.unwrap(), jws, at(0));
            assert!(verdict.is_ok(), "{id} {}: {verdict:?}", test["comment"]);
            valid += 1;
        } else if id == 3 {
            // Good keys, a token with a changed signature.
            assert_eq!(compact::verify(&set.unwrap(), jws, at(0)).unwrap_err(), Reason::Signature);
            invalid += 1;
        } else {
            assert!(set.is_err(), "{id} {}: it must not load", test["comment"]);
            invalid += 1;
        }
    }
    assert_eq!((valid, invalid), (5, 20));
}

#[test]
fn jwt_23_the_zero_key_of_the_vectors_does_not_load() {
    let (group, _) = tests(SIGNATURES).into_iter().find(|(_, test)| test["tcId"] == 357).unwrap();
    let set = Keys::jwks(&Secret::from(group_set(&group).to_string()));
    assert_eq!(set.unwrap_err(), KeyError::Weak);
}

#[test]
fn rfc_8037_a_4_ed25519() {
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let keys = Keys::jwks(&Secret::from(jwk)).unwrap();
    let jws = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6d\
               WbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let verified = compact::verify(&keys, jws, at(0)).unwrap();
    assert_eq!(verified.payload, b"Example of Ed25519 signing");
    assert_eq!(json::canonical(&verified.header), r#"{"alg":"EdDSA"}"#);
    assert_eq!(compact::verify(&keys, &jws.replace("RXhh", "RXhi"), at(0)).unwrap_err(), Reason::Signature);
}

const RECORDED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTc5MDM4NDksImlhdCI6MTc5NTMxMTg0OSwic3ViIjoiMSJ9.\
                        R8DHu9r94uyx8Gq-amUXQc5ZiAN5hj7IJPVp6kIEg6k";

#[tokio::test]
async fn the_token_of_the_original_server_is_good_and_written_alike() {
    #[derive(serde::Serialize)]
    struct Original {
        exp: u64,
        iat: u64,
        sub: &'static str,
    }
    let (jwt, _) = fit();
    let who = present(&jwt, RECORDED, at(IAT)).await.unwrap();
    assert_eq!((who.account(), who.name(), who.scheme()), (Some(AccountId(1)), "rider1", "fit"));
    assert_eq!(who.expires_at(), Some(at(EXP)));
    assert!(present(&jwt, RECORDED, at(EXP) - Duration::from_millis(1)).await.is_ok());
    assert_eq!(present(&jwt, RECORDED, at(EXP)).await.unwrap_err(), Reason::Expired);
    let ours = compact::sign(&keys(), &Original { exp: EXP, iat: IAT, sub: "1" }, at(IAT)).unwrap();
    assert_eq!(ours, RECORDED);
}
