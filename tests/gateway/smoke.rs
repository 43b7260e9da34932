//! One account through all four doors.

use crate::harness::{Inside, basic};

#[test]
fn one_account_signs_in_through_every_door() {
    let inside = Inside::start("");
    let form = "username=testrider&password=correct-horse&email=rider%40example.org";
    let registered = inside.ask("POST /register\nContent-Type: application/x-www-form-urlencoded", form);
    assert_eq!(registered.text(), r#"{"status":"OK","id":"1","username":"testrider"}"#);

    let basic = inside.ask(&format!("GET /auth\n{}", basic("testrider", "correct-horse")), "");
    assert_eq!(basic.text(), r#"{"username":"testrider","status":"OK"}"#);

    let login = r#"{"login":"rider@example.org","password":"correct-horse","service":"smoke","version":"1.0"}"#;
    let sliding = inside.ask("POST /login\nContent-Type: application/json", login).json();
    let token = sliding["result"]["token"].as_str().unwrap().to_owned();
    assert_eq!(inside.ask(&format!("GET /projects\ntoken: {token}"), "").json()["status"], "success");

    let login = r#"{"email":"rider@example.org","password":"correct-horse"}"#;
    let jwt = inside.ask("POST /api/auth/login\nContent-Type: application/json", login).json();
    let token = jwt["auth_token"].as_str().unwrap().to_owned();
    let profile = inside.ask(&format!("GET /api/auth/profile\nAuthorization: Bearer {token}"), "").json();
    assert_eq!(profile["data"]["username"], "testrider");

    let account = inside.wait(inside.gateway().accounts().store().account(trackgate_schemes::AccountId(1)));
    let token = inside.token(&account.unwrap().unwrap(), "sessions:write");
    let head = format!("POST /api/liveinsert.php\nContent-Type: application/json\nAuthorization: Bearer {token}");
    assert_eq!(inside.ask(&head, r#"{"insertl": 1}"#).status, 201);
}
