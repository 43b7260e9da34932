//! Signed tokens: time, purpose, subject, blacklist.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use trackgate::accounts::Origin;
use trackgate::ports::{AccountChange, Ends};
use trackgate::telemetry::AccessLog;
use trackgate_schemes::jwt::{Algorithm, Jwt, Keys, Purpose, Settings};
use trackgate_schemes::store::AccountState;
use trackgate_schemes::{AccountId, Clock as _, Reason, Secret};

use super::bearer;
use crate::harness::{Answer, Inside};
use crate::rules::jwt;

const KEY: &str = "a key of sixty-four letters and digits that only these tests know";

/// A gateway whose key the test knows, at a whole second.
fn start(more: &str) -> Inside {
    let folder = tempfile::tempdir().unwrap();
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(folder.path().join("jwt.key")).unwrap();
    file.write_all(KEY.as_bytes()).unwrap();
    let text = format!("[schemes.fit]\nkind = \"jwt\"\nalgorithm = \"HS256\"\nkey = \"file:jwt.key\"\n{more}");
    let inside = Inside::start_in(folder, &text, AccessLog::off());
    inside.clock.set(at(seconds(&inside)));
    inside
}

/// The clock in whole seconds since 1970.
fn seconds(inside: &Inside) -> u64 {
    inside.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A well-signed token with these claims, to the letter.
fn signed(claims: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let signature = hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

/// The number of a new account `rider`, some seconds later: a token without our own claims is not good in
/// the second in which its account was made.
fn rider(inside: &Inside) -> i64 {
    let id = inside.account("rider").id.0;
    inside.advance(Duration::from_secs(2));
    id
}

fn profile(inside: &Inside, token: &str) -> Answer {
    inside.ask(&format!("GET /api/auth/profile\n{}", bearer(token)), "")
}

fn is_good(inside: &Inside, token: &str) -> bool {
    match profile(inside, token).status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

fn sign_out(inside: &Inside, token: &str) -> u16 {
    inside.ask(&format!("POST /api/auth/logout\n{}", bearer(token)), "").status
}

/// What a token of the gateway says.
fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

/// The scheme of the gateway, as its issuer has it.
fn issuer(inside: &Inside) -> Jwt {
    let store = inside.gateway().accounts().store();
    let keys = Keys::secret(Algorithm::HS256, &Secret::from(KEY)).unwrap();
    Jwt::new(Settings::new("fit"), keys, Arc::clone(store) as _, Arc::clone(store) as _)
}

#[test]
fn jwt_14_a_token_is_dead_at_exactly_its_end_and_leeway() {
    for (leeway, settings) in [(0, "lifetime = \"1h\"\n"), (30, "lifetime = \"1h\"\nleeway = \"30s\"\n")] {
        let inside = start(settings);
        inside.account("rider");
        let token = jwt(&inside, "127.0.0.1", "rider");
        let end = claims(&token)["exp"].as_u64().unwrap();
        assert_eq!(end, seconds(&inside) + 3600);
        let fresh = jwt(&inside, "127.0.0.1", "rider");
        for (seconds, good) in [(end + leeway - 1, true), (end + leeway, false), (end + leeway + 1, false)] {
            inside.clock.set(at(seconds));
            assert_eq!(is_good(&inside, &token), good, "leeway {leeway}, {} after the end", seconds - end);
        }
        assert!(!is_good(&inside, &fresh), "one that memory never saw too");
    }
}

#[test]
fn jwt_17_jwt_22_claims_have_one_reading_or_none() {
    let inside = start("local_accounts = true\n");
    let id = rider(&inside);
    let (now, end) = (seconds(&inside), seconds(&inside) + 60);
    assert!(is_good(&inside, &signed(&format!(r#"{{"exp":{end},"iat":{now},"sub":"{id}"}}"#))));
    for claims in [
        format!(r#"{{"iat":{now},"sub":"{id}"}}"#),
        format!(r#"{{"exp":null,"iat":{now},"sub":"{id}"}}"#),
        format!(r#"{{"exp":"{end}","iat":{now},"sub":"{id}"}}"#),
        format!(r#"{{"exp":{end},"iat":{now}}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":" {id}"}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":"{id} "}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":"0{id}"}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":"+{id}"}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":"{id}.0"}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":{id}.5}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":"-{id}"}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":"rider"}}"#),
        format!(r#"{{"exp":{end},"iat":{now},"sub":"{id}","sub":"2"}}"#),
    ] {
        assert!(!is_good(&inside, &signed(&claims)), "{claims}");
    }
    // A number is either refused or the same account.
    let number = profile(&inside, &signed(&format!(r#"{{"exp":{end},"iat":{now},"sub":{id}}}"#)));
    assert!(number.status == 401 || number.json()["data"]["username"] == "rider", "{number:?}");
}

#[test]
fn jwt_20_a_token_for_one_purpose_is_good_for_no_other_and_is_not_used_up() {
    let inside = start("");
    let rider = inside.account("rider");
    let issuer = issuer(&inside);
    let access = jwt(&inside, "127.0.0.1", "rider");
    for purpose in [Purpose::ResetPassword, Purpose::ConfirmAccount, Purpose::ChangeEmail] {
        let token = issuer.issue(&rider, purpose, inside.now()).unwrap();
        let text = token.expose_text().unwrap();
        assert!(!is_good(&inside, text), "{purpose:?}");
        assert_eq!(sign_out(&inside, text), 401, "{purpose:?}");
        assert!(inside.wait(issuer.verify_purpose(text, purpose, inside.now())).is_ok(), "{purpose:?} was used up");
        let other = inside.wait(issuer.verify_purpose(&access, purpose, inside.now()));
        assert_eq!(other.unwrap_err().reason, Reason::Purpose);
    }
    assert!(is_good(&inside, &access), "it was not used up either");
}

#[test]
fn jwt_21_a_token_dies_with_its_account_and_is_not_its_namesakes() {
    let inside = start("");
    let accounts = inside.gateway().accounts();
    let origin = Origin::operator();
    let rider = inside.account("rider");
    let (known, fresh) = (jwt(&inside, "127.0.0.1", "rider"), jwt(&inside, "127.0.0.1", "rider"));
    assert!(is_good(&inside, &known));
    let state = |state| AccountChange { state: Some(state), ..AccountChange::default() };
    inside.wait(accounts.change(rider.id, state(AccountState::Disabled), Ends::Nothing, &origin)).unwrap();
    assert!(!is_good(&inside, &known) && !is_good(&inside, &fresh), "disabled");
    inside.wait(accounts.delete(rider.id, &origin)).unwrap();
    assert!(!is_good(&inside, &known) && !is_good(&inside, &fresh), "deleted");
    let again = inside.account("rider");
    assert_ne!(again.id, rider.id, "numbers are never used twice");
    assert!(!is_good(&inside, &known) && !is_good(&inside, &fresh), "registered again");
    assert!(is_good(&inside, &jwt(&inside, "127.0.0.1", "rider")));
}

#[test]
fn rev_05_a_signed_out_token_is_dead_in_every_spelling() {
    let inside = start("local_accounts = true\n");
    let id = rider(&inside);
    let (now, end) = (seconds(&inside), seconds(&inside) + 3600);

    // By `jti`, whatever else the token says.
    let own = jwt(&inside, "127.0.0.1", "rider");
    let spaced = serde_json::to_string_pretty(&claims(&own)).unwrap();
    let mut later = claims(&own);
    later["exp"] = json!(end + 1);
    for twin in [signed(&spaced), signed(&later.to_string())] {
        assert!(is_good(&inside, &twin));
    }
    assert_eq!(sign_out(&inside, &own), 200);
    for twin in [own.clone(), signed(&spaced), signed(&later.to_string()), format!("{own}=")] {
        assert!(!is_good(&inside, &twin), "{twin}");
    }

    // Without one, by what it says, not by how it is written.
    let plain = signed(&format!(r#"{{"exp":{end},"iat":{now},"sub":"{id}"}}"#));
    let twins = [
        signed(&format!(r#"{{ "sub" : "{id}", "iat":{now},"exp":{end} }}"#)),
        signed(&format!(r#"{{"exp":{end},"iat":{now},"sub":"\u003{id}"}}"#)),
    ];
    assert!(twins.iter().all(|twin| is_good(&inside, twin)), "{twins:?}");
    assert_eq!(sign_out(&inside, &plain), 200);
    assert!(!is_good(&inside, &plain));
    assert!(twins.iter().all(|twin| !is_good(&inside, twin)), "{twins:?}");
    let another = signed(&format!(r#"{{"exp":{end},"iat":{},"sub":"{id}"}}"#, now - 1));
    assert!(is_good(&inside, &another), "another token is not signed out");
}

#[test]
fn rev_06_a_signed_out_token_stays_dead_until_it_is_dead_by_itself() {
    let inside = start("lifetime = \"10d\"\nleeway = \"30s\"\n");
    inside.account("rider");
    let (token, other) = (jwt(&inside, "127.0.0.1", "rider"), jwt(&inside, "127.0.0.1", "rider"));
    let end = claims(&token)["exp"].as_u64().unwrap();
    assert_eq!(sign_out(&inside, &token), 200);
    for seconds in [end - 86_400, end - 1, end, end + 29] {
        inside.clock.set(at(seconds));
        assert!(is_good(&inside, &other), "the other one lives");
        assert!(!is_good(&inside, &token), "{seconds}");
        // What changes tells the store the time, by which it cleans.
        drop(jwt(&inside, "127.0.0.1", "rider"));
        drop(inside.account(&format!("rider{seconds}")));
    }
    for seconds in [end + 30, end + 3600, end + 90_000, end + 900_000] {
        inside.clock.set(at(seconds));
        drop(inside.account(&format!("rider{seconds}")));
        assert!(!is_good(&inside, &token), "{seconds}");
    }
    // A clock that goes back revives nothing.
    inside.clock.set(at(end - 3600));
    assert!(!is_good(&inside, &token));
}

#[test]
fn rev_09_when_all_end_tokens_of_before_are_dead_and_new_ones_live() {
    let inside = start("local_accounts = true\n");
    let id = rider(&inside);
    let before = jwt(&inside, "127.0.0.1", "rider");
    let (now, end) = (seconds(&inside), seconds(&inside) + 3600);
    let foreign = signed(&format!(r#"{{"exp":{end},"iat":{now},"sub":"{id}"}}"#));
    assert!(is_good(&inside, &before) && is_good(&inside, &foreign));
    inside.wait(inside.gateway().accounts().end_credentials(AccountId(id), &Origin::operator())).unwrap();
    // In the very same second.
    let after = jwt(&inside, "127.0.0.1", "rider");
    assert!(!is_good(&inside, &before) && !is_good(&inside, &foreign));
    assert!(is_good(&inside, &after));
}
