//! The documented command lines of the four trackers, run by the real `curl`, and one account through all
//! four doors.
//!
//! A transcript is a list of cases: `=== what it shows`, a command line as the manual prints it, `---`,
//! and the whole answer: status, header lines in alphabetical order, a blank line, the body. `${name}` stands
//! for letters, digits, `.`, `_` and `-`; what it stood for the first time, it stands for from then on, in
//! command lines too. `(cors)` stands for the three lines that any answer of Live Tracking has. Left out are
//! `date`, `x-request-id`, `content-length` and `connection`; the first three are checked for themselves.

mod challenge;
pub(crate) mod curl;
mod lifetimes;
mod one_account;
pub(crate) mod tokens;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use trackgate::accounts::Origin;
use trackgate::ports::{AccountChange, Ends};
use trackgate_schemes::AccountId;
use trackgate_schemes::store::AccountState;

use self::curl::Curl;
use crate::harness::{Answer, Inside, send_on};

/// `<https://livetracking.nkn-it.de>`, pages "Getting started", "Create New User", "Get User Data", "Get User
/// List", "Change Password", "Delete User".
#[test]
fn live_tracking_as_its_manual_prints_it() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    curl.play(include_str!("transcripts/livetracking.txt"));
}

#[test]
fn live_tracking_used_wrongly() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    inside.account("testrider");
    curl.play(include_str!("transcripts/livetracking-wrong.txt"));
}

/// The project's own shell test, the steps that need accounts alone (contract section 10, check 1).
#[test]
fn live_tracking_passes_the_projects_own_test() {
    let inside = Inside::start("");
    let Some(curl) = Curl::to(&inside) else { return };
    let steps = [
        ("ping", r#"curl -f "http://$HOST/ping""#, true),
        ("register", r#"curl -f --data "username=$NAME" --data "password=$OLD" "http://$HOST/register""#, true),
        ("bad name", r#"curl -f --data "username=tést" --data "password=test1234" "http://$HOST/register""#, false),
        ("show users", r#"curl -f "http://$HOST/users""#, true),
        ("show user", r#"curl -f -u "$NAME:$OLD" "http://$HOST/user""#, true),
        ("show user without authorization", r#"curl -f "http://$HOST/user/$NAME""#, false),
        (
            "change password",
            r#"curl -f -u "$NAME:$OLD" --data "password=$OLD" --data "new_password=$NEW" "http://$HOST/user/change-password""#,
            true,
        ),
        (
            "change password back",
            r#"curl -f -u "$NAME:$NEW" --data "password=$NEW" --data "new_password=$OLD" "http://$HOST/user/change-password""#,
            true,
        ),
        ("delete user", r#"curl -f -u "$NAME:$OLD" -X DELETE --data "password=$OLD" "http://$HOST/user""#, true),
        ("it is gone", r#"curl -f -u "$NAME:$OLD" "http://$HOST/user""#, false),
    ];
    for (step, command, good) in steps {
        let setting = format!("HOST={} NAME=test__test__ OLD='Tést1234!' NEW=test1234", inside.address());
        let output = curl.shell(&format!("{setting}; {command}"));
        // 22 is curl's word for an answer of 400 and more.
        assert_eq!(output.status.code(), Some(if good { 0 } else { 22 }), "{step}: {output:?}");
    }
}

/// `<http://docs.direct.lptracker.ru/basic/auth/>`.
#[test]
fn lptracker_as_its_manual_prints_it() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    let owner = "curl --data username=yourlogin --data password=yourstrongpassword \
                 --data email=yourlogin@example.com https://your-domain.local/register";
    assert_eq!(curl.run(owner).status, 200);
    curl.play(include_str!("transcripts/lptracker.txt"));
}

#[test]
fn lptracker_used_wrongly() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    inside.account("testrider");
    curl.play(include_str!("transcripts/lptracker-wrong.txt"));
}

#[test]
fn fittrackee_from_registration_to_sign_out() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    curl.play(include_str!("transcripts/fittrackee-register.txt"));
    let active = AccountChange { state: Some(AccountState::Active), ..AccountChange::default() };
    let accounts = inside.gateway().accounts();
    inside.wait(accounts.change(AccountId(1), active, Ends::Nothing, &Origin::operator())).unwrap();
    curl.play(include_str!("transcripts/fittrackee.txt"));
}

#[test]
fn fittrackee_used_wrongly() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    let account = inside.account("testrider");
    curl.know("api", &inside.token(&account, "points:write"));
    curl.play(include_str!("transcripts/fittrackee-wrong.txt"));
}

/// The live insert stands in the manual as a body with a comma too many under a request line of its own.
#[test]
fn session_tracker_as_its_manual_prints_it() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    let account = inside.account("testrider");
    curl.know("write", &inside.token(&account, "sessions:write"));
    curl.know("read", &inside.token(&account, "sessions:read"));
    curl.know_days(inside.now());
    curl.play(include_str!("transcripts/sessions.txt"));
}

#[test]
fn session_tracker_used_wrongly() {
    let inside = Inside::start("");
    let Some(mut curl) = Curl::to(&inside) else { return };
    let account = inside.account("testrider");
    curl.know("write", &inside.token(&account, "sessions:write"));
    curl.know("read", &inside.token(&account, "sessions:read"));
    curl.know("neither", &inside.token(&account, "points:read"));
    curl.know_days(inside.now());
    curl.play(include_str!("transcripts/sessions-wrong.txt"));
}

/// Signs in at the door of LPTracker: the token.
pub(crate) fn sliding(inside: &Inside, name: &str, service: &str) -> String {
    let (text, body) = sign_in_from(inside, Ipv4Addr::LOCALHOST, name, service);
    body["result"]["token"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// Asks for a sign-in at the door of LPTracker from an address of this machine: the answer's text, and read.
fn sign_in_from(inside: &Inside, from: Ipv4Addr, name: &str, service: &str) -> (String, serde_json::Value) {
    let body = format!(r#"{{"login":"{name}","password":"correct-horse","service":"{service}","version":"1.0"}}"#);
    let answer = ask_from(inside, from, "POST /login", &body);
    assert_eq!(answer.status, 200);
    (answer.text().to_owned(), answer.json())
}

/// Signs in at the door of FitTrackee: the token.
pub(crate) fn signed(inside: &Inside, name: &str) -> String {
    let body = format!(r#"{{"email":"{name}@example.org","password":"correct-horse"}}"#);
    let answer = inside.ask("POST /api/auth/login\nContent-Type: application/json", &body);
    answer.json()["auth_token"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// As [`Inside::ask`], from this address of this machine.
fn ask_from(inside: &Inside, from: Ipv4Addr, head: &str, body: &str) -> Answer {
    let to = inside.address();
    let stream = inside.wait(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    send_on(stream, &crate::harness::wire(to, head, body))
}
