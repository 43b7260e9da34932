//! How long credentials live, and from where they may be had, by a clock of the test's own.

use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use trackgate::accounts::Origin;
use trackgate::ports::{Ends, NewAccount, Written};
use trackgate_schemes::store::AccountState;
use trackgate_schemes::{AccountId, AccountName, EmailAddress, Grants};

use super::curl::{Curl, whole};
use super::{sign_in_from, signed, sliding};
use crate::harness::{Inside, basic};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);
const ALMOST_A_DAY: Duration = Duration::from_secs(24 * 3600 - 1);

const ONE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const TWO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

const DEAD: &str = r#"{"status":"error","errors":[{"code":401,"message":"Invalid token"}]}"#;
const TAKEN: &str =
    r#"{"status":"error","errors":[{"code":403,"message":"Another user is signed in from this address"}]}"#;

fn projects(inside: &Inside, token: &str) -> String {
    inside.ask(&format!("GET /projects\ntoken: {token}"), "").text().to_owned()
}

/// LPTracker contract, section 7, check 3.
#[test]
fn sld_01_a_sliding_token_dies_24_hours_after_its_last_use() {
    let inside = Inside::start("");
    inside.account("testrider");
    let token = sliding(&inside, "testrider", "S");
    let alive = projects(&inside, &token);
    assert!(alive.starts_with(r#"{"status":"success""#), "{alive}");
    for _ in 0..3 {
        inside.advance(ALMOST_A_DAY);
        assert_eq!(projects(&inside, &token), alive);
    }
    inside.advance(DAY);
    assert_eq!(projects(&inside, &token), DEAD);
    // It does not come back.
    inside.clock.set(inside.now() - SECOND);
    assert_eq!(projects(&inside, &token), DEAD);
}

#[test]
fn sld_02_a_refused_request_does_not_keep_a_token_alive() {
    let inside = Inside::start("");
    inside.account("testrider");
    let token = sliding(&inside, "testrider", "S");
    inside.advance(ALMOST_A_DAY);
    assert_eq!(inside.ask(&format!("GET /nowhere\ntoken: {token}"), "").json()["errors"][0]["code"], 404);
    assert_eq!(inside.ask(&format!("GET /login\ntoken: {token}"), "").json()["errors"][0]["code"], 404);
    assert_eq!(
        inside.ask(&format!("GET /projects\ntoken: {token}\ntoken: {token}"), "").json()["errors"][0]["code"],
        400
    );
    inside.advance(SECOND);
    assert_eq!(projects(&inside, &token), DEAD);
}

/// LPTracker contract, section 7, check 4, on the addresses of this machine.
#[test]
fn sld_05_and_sld_07_from_one_address_one_user_and_any_number_of_services() {
    let inside = Inside::start("");
    inside.account("ann");
    inside.account("bob");
    let (_, body) = sign_in_from(&inside, ONE, "ann", "first");
    let first = body["result"]["token"].as_str().unwrap().to_owned();
    let services = ["second", "third"].map(|service| {
        let (_, body) = sign_in_from(&inside, ONE, "ann", service);
        body["result"]["token"].as_str().unwrap().to_owned()
    });
    for token in services.iter().chain([&first]) {
        assert!(projects(&inside, token).contains(r#""name":"ann""#));
    }
    // Bob is refused where Ann is, in words that name neither, and is welcome elsewhere.
    let (text, _) = sign_in_from(&inside, ONE, "bob", "S");
    assert_eq!(text, TAKEN);
    let (_, body) = sign_in_from(&inside, TWO, "bob", "S");
    let bobs = body["result"]["token"].as_str().unwrap().to_owned();
    assert!(projects(&inside, &bobs).contains(r#""name":"bob""#));
    // A token is not bound to its address, and a refused sign-in changed nothing.
    assert_eq!(sign_in_from(&inside, TWO, "ann", "S").0, TAKEN);
    assert!(projects(&inside, &first).contains(r#""name":"ann""#));
    for token in services.iter().chain([&first]) {
        assert_eq!(sign_in_from(&inside, ONE, "bob", "S").0, TAKEN);
        let out = inside.ask(&format!("POST /logout\ntoken: {token}"), "");
        assert_eq!(out.text(), r#"{"status":"success","result":true}"#);
    }
    assert_eq!(sign_in_from(&inside, ONE, "bob", "S").1["status"], "success");
}

/// The same with the manual's own command line, from two addresses of this machine.
#[test]
fn sld_05_the_manuals_command_line_from_two_addresses() {
    let inside = Inside::start("");
    let Some(curl) = Curl::to(&inside) else { return };
    inside.account("ann");
    inside.account("bob");
    let login = |name: &str| {
        let line = format!(
            r#"curl -H 'Content-Type: application/json' -X POST -d '{{"login": "{name}@example.org", "password": "correct-horse", "service": "ServiceName", "version": "1.0"}}}}' direct.lptracker.ru/login"#
        );
        curl.run(&line)
    };
    curl.ask_from("127.0.0.1");
    assert_eq!(login("ann").json()["status"], "success");
    assert_eq!(
        whole(&login("bob")),
        format!("200\ncache-control: no-store\ncontent-type: application/json\n\n{TAKEN}")
    );
    curl.ask_from("127.0.0.2");
    assert_eq!(login("bob").json()["status"], "success");
    curl.ask_from("127.0.0.1");
    assert_eq!(login("ann").json()["status"], "success");
}

#[test]
fn sld_08_an_address_is_free_at_the_instant_of_expiry_and_not_before() {
    let inside = Inside::start("");
    inside.account("ann");
    inside.account("bob");
    assert_eq!(sign_in_from(&inside, ONE, "ann", "S").1["status"], "success");
    inside.advance(ALMOST_A_DAY);
    assert_eq!(sign_in_from(&inside, ONE, "bob", "S").0, TAKEN);
    inside.advance(SECOND);
    assert_eq!(sign_in_from(&inside, ONE, "bob", "S").1["status"], "success");
    assert_eq!(sign_in_from(&inside, ONE, "ann", "S").0, TAKEN);
}

#[test]
fn sld_05_a_second_user_displaces_the_first_where_the_setting_says_so() {
    let inside =
        Inside::start("[schemes.lp]\nkind = \"sliding\"\nip = { mode = \"one-user\", on_conflict = \"displace\" }\n");
    inside.account("ann");
    inside.account("bob");
    let anns = sliding(&inside, "ann", "S");
    let bobs = sliding(&inside, "bob", "S");
    assert_eq!(projects(&inside, &anns), DEAD);
    assert!(projects(&inside, &bobs).contains(r#""name":"bob""#));
}

#[test]
fn sld_10_only_a_listed_proxy_says_from_where() {
    let login =
        |name: &str| format!(r#"{{"login":"{name}","password":"correct-horse","service":"S","version":"1.0"}}"#);
    let ask = |inside: &Inside, from: &str, name: &str| {
        inside.ask(&format!("POST /login\nX-Forwarded-For: {from}"), &login(name)).json()["status"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let unlisted = Inside::start("");
    unlisted.account("ann");
    unlisted.account("bob");
    assert_eq!(ask(&unlisted, "192.0.2.1", "ann"), "success");
    assert_eq!(ask(&unlisted, "192.0.2.2", "bob"), "error");

    let listed = Inside::start("[listen]\ntrusted_proxies = [\"127.0.0.1/32\"]\n");
    listed.account("ann");
    listed.account("bob");
    assert_eq!(ask(&listed, "2001:db8::1", "ann"), "success");
    assert_eq!(ask(&listed, "2001:db8::2, 2001:0db8:0:0::1", "bob"), "error");
    assert_eq!(ask(&listed, "2001:db8::1, 2001:db8::2", "bob"), "success");
    assert_eq!(ask(&listed, "::ffff:192.0.2.1", "ann"), "success");
    assert_eq!(ask(&listed, "192.0.2.1", "bob"), "error");
}

#[test]
fn jwt_14_a_signed_token_lives_for_30_days_used_or_not() {
    let inside = Inside::start("");
    inside.account("testrider");
    // Tokens begin at a whole second.
    let since = inside.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    inside.clock.set(SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs()));
    let token = signed(&inside, "testrider");
    let profile = || inside.ask(&format!("GET /api/auth/profile\nAuthorization: Bearer {token}"), "");
    assert_eq!(profile().status, 200);
    inside.advance(29 * DAY + ALMOST_A_DAY);
    assert_eq!(profile().status, 200);
    inside.advance(SECOND);
    let dead = profile();
    assert_eq!(
        (dead.status, dead.json()["message"].as_str().unwrap()),
        (401, "signature expired, please log in again")
    );
    assert_eq!(dead.json()["error"], "invalid_token");
}

/// A token that the original server issued (FitTrackee contract, section 3.2), with its secret and its account
/// imported.
#[test]
fn a_token_of_the_original_server_goes_on_with_its_key() {
    const SECRET: &str = "trackgate-reference-secret-key-0123456789abcdef";
    const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3OTc5MDM4NDksImlhdCI6MTc5NTMxMTg0OSwic3ViIjoiMSJ9.R8DHu9r94uyx8Gq-amUXQc5ZiAN5hj7IJPVp6kIEg6k";
    let issued = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_311_849);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("jwt.key");
    std::fs::write(&key, SECRET).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = "[schemes.fit]\nkind = \"jwt\"\nalgorithm = \"HS256\"\nkey = \"file:jwt.key\"\n";
    let inside = Inside::start_in(folder, text, trackgate::telemetry::AccessLog::off());
    inside.clock.set(issued - 60 * SECOND);
    let imported = NewAccount {
        name: "testrider".into(),
        canonical: AccountName::parse("testrider").unwrap(),
        email: Some(("testrider@example.org".into(), EmailAddress::parse("testrider@example.org").unwrap())),
        state: AccountState::Active,
        grants: Grants::EVERYDAY,
        password: None,
        created_at: issued - DAY,
    };
    let accounts = inside.gateway().accounts();
    assert!(matches!(inside.wait(accounts.store().import_account(AccountId(1), imported)).unwrap(), Written::Done(_)));
    let password = "correct-horse".into();
    inside.wait(accounts.change_password(AccountId(1), password, Ends::Nothing, &Origin::operator())).unwrap();
    let ask = |head: &str| inside.ask(&format!("{head}\nAuthorization: Bearer {TOKEN}"), "");
    // Not before it was issued.
    assert_eq!(ask("GET /api/auth/profile").status, 401);
    inside.clock.set(issued);
    let profile = ask("GET /api/auth/profile");
    assert_eq!((profile.status, profile.json()["data"]["username"].as_str()), (200, Some("testrider")));
    inside.clock.set(issued + 30 * DAY - SECOND);
    assert_eq!(ask("GET /api/auth/profile").status, 200);
    inside.clock.set(issued + 30 * DAY);
    assert_eq!(ask("GET /api/auth/profile").json()["message"], "signature expired, please log in again");
    inside.clock.set(issued + DAY);
    // It has no `jti`, and is signed out all the same; the original's trap, padding, does not open it again.
    assert_eq!(ask("POST /api/auth/logout").status, 200);
    assert_eq!(ask("GET /api/auth/profile").json()["message"], "invalid token, please log in again");
    let padded = inside.ask(&format!("GET /api/auth/profile\nAuthorization: Bearer {TOKEN}="), "");
    assert_eq!(padded.status, 401);
    // What it signs now is what the original reads: `sub` is text, and HS256 by the same secret.
    let token = signed(&inside, "testrider");
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let since = issued + DAY;
    let iat = since.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!((&claims["sub"], &claims["iat"], &claims["exp"]), (&"1".into(), &iat.into(), &(iat + 2_592_000).into()));
    assert_eq!(inside.ask(&format!("GET /auth\n{}", basic("testrider", "correct-horse")), "").status, 200);
}
