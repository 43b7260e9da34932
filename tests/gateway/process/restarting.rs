//! A restart keeps what was acknowledged.

use super::{Place, token_id};

#[test]
fn a_restart_keeps_accounts_sessions_tokens_and_keys() {
    let place = Place::new();
    place.account("rider");
    let served = place.serve();
    let (sliding, jwt) = (served.sliding_token("rider"), served.jwt("rider"));
    let (sliding_out, jwt_out) = (served.sliding_token("rider"), served.jwt("rider"));
    let token = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    let token_out = place.done(&["token", "new", "--user", "rider", "--grant", "profile:read"], "");
    let (token, token_out) = (token.trim(), token_out.trim());
    assert!(served.knows_bearer(token) && served.knows_bearer(token_out));
    let form = "username=walker&password=correct-horse";
    let registered = served.ask("POST /register\nContent-Type: application/x-www-form-urlencoded", form);
    assert_eq!(registered.status, 200);
    assert_eq!(served.ask(&format!("POST /logout\ntoken: {sliding_out}"), "").json()["status"], "success");
    assert_eq!(served.ask(&format!("POST /api/auth/logout\nAuthorization: Bearer {jwt_out}"), "").status, 200);
    place.done(&["token", "revoke", token_id(token_out)], "");
    let keys = served.ask("GET /.well-known/trackgate/jwks.json", "").json();
    served.stop();

    for _ in 0..2 {
        let served = place.serve();
        assert!(served.knows("rider", "correct-horse") && served.knows("walker", "correct-horse"));
        assert!(served.knows_sliding(&sliding) && served.knows_bearer(&jwt) && served.knows_bearer(token));
        assert!(!served.knows_sliding(&sliding_out));
        assert!(!served.knows_bearer(&jwt_out) && !served.knows_bearer(token_out));
        assert_eq!(served.ask("GET /.well-known/trackgate/jwks.json", "").json(), keys);
        served.stop();
    }
}

#[test]
fn a_lock_after_wrong_passwords_outlives_a_restart() {
    let place = Place::with("[guessing]\nper_account = 3\n");
    place.account("rider");
    let served = place.serve();
    for _ in 0..3 {
        assert!(!served.knows("rider", "wrong-horse"));
    }
    assert!(!served.knows("rider", "correct-horse"));
    served.stop();
    assert!(!place.serve().knows("rider", "correct-horse"));
}
