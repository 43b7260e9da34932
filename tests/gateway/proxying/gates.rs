//! What stands before an upstream: schemes in order, optional and public routes, the client's address.

use super::recorder::{Recorder, header};
use super::{Front, PUBLIC, route};
use crate::harness::{Answer, basic};

fn challenges(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn bas_01_and_brt_02_a_401_names_every_scheme_of_the_route() {
    let config = route("all", "/all", "auth = [\"basic\", \"api\", \"lp\", \"fit\"]")
        + &route("one", "/one", "auth = [\"api\"]")
        + &route("none", "/lp", "auth = [\"lp\"]");
    let front = Front::start(Recorder::ok(), &config);
    let answer = front.ask("GET /all", "");
    let named = challenges(&answer);
    assert_eq!(named[0], "Basic realm=\"trackgate\", charset=\"UTF-8\"");
    assert!(named.iter().any(|challenge| challenge.starts_with("Bearer realm=\"trackgate\"")), "{named:?}");
    assert!(named.iter().all(|challenge| !challenge.contains("error")), "{named:?}");
    assert_eq!(challenges(&front.ask("GET /one", "")).len(), 1);
    // A bad token: its own challenge says so, the others stand there as before.
    let answer = front.ask("GET /all\nAuthorization: Bearer tg_nothing", "");
    let named = challenges(&answer);
    assert_eq!(answer.status, 401);
    assert!(named.iter().any(|challenge| challenge.starts_with("Basic ") && !challenge.contains("error")), "{named:?}");
    assert!(named.iter().any(|challenge| challenge.contains("error=\"invalid_token\"")), "{named:?}");
    assert_eq!(front.ask("GET /lp", "").status, 401);
    assert_eq!(front.up.all(), "");
}

#[test]
fn bas_17_and_brt_08_two_credentials_are_400_before_any_scheme_runs() {
    let config = "[guessing]\nper_account = 3\n".to_owned()
        + &route("in", "/in", "auth = [\"basic\", \"api\", \"lp\", \"fit\"]")
        + &route("may", "/may", "auth = [\"basic\", \"lp\"]\noptional = true");
    let front = Front::start(Recorder::ok(), &config);
    let account = front.inside.account("testrider");
    let good = basic("testrider", "correct-horse");
    let bad = basic("testrider", "wrong");
    let token = front.inside.token(&account, "points:write");
    let both_in_one = format!("{good}, Bearer {token}");
    for path in ["/in", "/may"] {
        for lines in [
            format!("{good}\n{good}"),
            format!("{good}\n{bad}"),
            format!("{bad}\n{good}"),
            format!("{good}\nAuthorization: Bearer {token}"),
            format!("{good}\ntoken: bad"),
            format!("{good}\ntoken:"),
            "token: a\ntoken: b".to_owned(),
        ] {
            // More often than wrong passwords are allowed.
            for _turn in 0..2 {
                let (answer, got) = front.passes(&format!("GET {path}\n{lines}"), "");
                assert_eq!((answer.status, got.as_str()), (400, ""), "{path} {lines}");
            }
        }
        let (answer, got) = front.passes(&format!("GET {path}\n{both_in_one}"), "");
        assert!(matches!(answer.status, 400 | 401) && got.is_empty());
    }
    assert_eq!(front.ask(&format!("GET /in\n{good}"), "").status, 200, "nothing was counted");
}

#[test]
fn the_first_scheme_that_finds_its_credential_decides() {
    let config = route("in", "/in", "auth = [\"lp\", \"api\", \"basic\"]")
        + &route("may", "/may", "auth = [\"api\", \"basic\"]\noptional = true");
    let front = Front::start(Recorder::ok(), &config);
    let account = front.inside.account("testrider");
    let token = front.inside.token(&account, "points:write");
    for path in ["/in", "/may"] {
        let scheme = |line: &str| {
            let (answer, got) = front.passes(&format!("GET {path}\n{line}"), "");
            (answer.status, header(&got, "x-trackgate-scheme").unwrap_or_default().to_owned())
        };
        assert_eq!(scheme(&basic("testrider", "correct-horse")), (200, "basic".to_owned()));
        assert_eq!(scheme(&format!("Authorization: Bearer {token}")), (200, "api".to_owned()));
        // A bad one never falls through to another scheme, or to nobody.
        for bad in [
            basic("testrider", "wrong"),
            "Authorization: Bearer tg_wrong".to_owned(),
            "Authorization: Basic !!!".to_owned(),
            "Authorization: Digest username=\"testrider\"".to_owned(),
            "Authorization: Negotiate abc".to_owned(),
            "Authorization:".to_owned(),
        ] {
            assert_eq!(scheme(&bad), (401, String::new()), "{path} {bad}");
        }
    }
    assert_eq!(front.ask("GET /in\ntoken: unknown", "").status, 401);
}

#[test]
fn an_optional_route_takes_nobody_and_refuses_a_bad_credential() {
    let config = route("may", "/may", "auth = [\"basic\", \"lp\"]\noptional = true")
        + &route("grant", "/grant", "auth = [\"basic\"]\noptional = true\nallow = { grants = [\"points:write\"] }");
    let front = Front::start(Recorder::ok(), &config);
    front.inside.account("testrider");
    let (answer, got) = front.passes("GET /may", "");
    assert_eq!((answer.status, header(&got, "x-trackgate-user")), (200, Some("")));
    let (answer, got) = front.passes(&format!("GET /may\n{}", basic("testrider", "correct-horse")), "");
    assert_eq!((answer.status, header(&got, "x-trackgate-user")), (200, Some("testrider")));
    let (answer, got) = front.passes(&format!("GET /may\n{}", basic("nobody", "wrong")), "");
    assert_eq!((answer.status, got.as_str()), (401, ""));
    let (answer, got) = front.passes("GET /grant", "");
    assert!(matches!(answer.status, 401 | 403) && got.is_empty(), "nobody has no grants");
}

#[test]
fn a_public_route_neither_checks_nor_counts_credentials() {
    let config = "[guessing]\nper_account = 3\nper_network = 3\n".to_owned()
        + &route("open", "/open", PUBLIC)
        + &route("in", "/in", "auth = [\"basic\", \"lp\"]");
    let front = Front::start(Recorder::ok(), &config);
    front.inside.account("testrider");
    let bad = basic("testrider", "wrong");
    for lines in
        [bad.clone(), format!("{bad}\n{bad}"), format!("{bad}\ntoken: x"), "Authorization: nonsense".to_owned()]
    {
        for _turn in 0..5 {
            let (answer, got) = front.passes(&format!("GET /open\n{lines}"), "");
            assert_eq!((answer.status, header(&got, "x-trackgate-user")), (200, Some("")), "{lines}");
            assert!(header(&got, "authorization").is_none());
        }
    }
    assert_eq!(front.ask(&format!("GET /in\n{}", basic("testrider", "correct-horse")), "").status, 200);
    // On a route that asks they count. (What was verified above is remembered, so this is somebody else.)
    front.inside.account("other");
    for _turn in 0..3 {
        assert_eq!(front.ask(&format!("GET /in\n{}", basic("other", "wrong")), "").status, 401);
    }
    let locked = front.ask(&format!("GET /in\n{}", basic("other", "correct-horse")), "");
    assert_eq!((locked.status, locked.header("retry-after").is_empty()), (401, false));
}

/// The address that the upstream is told, `-` if it is told none, `403` if a rule about addresses refuses.
fn seen(front: &Front, lines: &str) -> String {
    let (answer, got) = front.passes(&format!("GET /any\n{lines}"), "");
    assert_eq!(answer.status, 200, "{lines}");
    let told = header(&got, "x-forwarded-for").unwrap().to_owned();
    assert_eq!(header(&got, "x-real-ip"), Some(told.as_str()));
    // A rule about addresses sees the same one.
    let (answer, _) = front.passes(&format!("GET /near\n{lines}"), "");
    assert_eq!(answer.status == 200, told.starts_with("198.51.100."), "{lines}: {told}");
    // Nor does "in none of these networks" hold for an address that nobody knows.
    let (answer, _) = front.passes(&format!("GET /not-near\n{lines}"), "");
    assert_eq!(answer.status == 200, !told.is_empty() && !told.starts_with("198.51.100."), "{lines}: {told}");
    if told.is_empty() { "-".to_owned() } else { told }
}

fn addressed(top: &str) -> Front {
    let near = format!("{PUBLIC}\nallow = {{ networks = [\"198.51.100.0/24\"] }}");
    let not_near = format!("{PUBLIC}\nallow = {{ deny_networks = [\"198.51.100.0/24\"] }}");
    let config = route("any", "/any", PUBLIC) + &route("near", "/near", &near) + &route("not", "/not-near", &not_near);
    Front::start_with(top, Recorder::ok(), &config)
}

#[test]
fn sld_10_an_unlisted_peer_is_not_believed() {
    for top in ["", "listen.trusted_proxies = [\"192.0.2.0/24\"]", "listen.client_header = \"forwarded\""] {
        let front = addressed(top);
        for lines in ["", "X-Forwarded-For: 198.51.100.7", "Forwarded: for=198.51.100.7", "X-Real-IP: 198.51.100.7"] {
            assert_eq!(seen(&front, lines), "127.0.0.1", "{top} {lines}");
        }
    }
}

#[test]
fn sld_09_and_sld_11_a_listed_proxy_is_walked_from_the_right() {
    let front = addressed("listen.trusted_proxies = [\"127.0.0.0/8\", \"10.0.0.0/8\"]");
    for (lines, client) in [
        ("", "127.0.0.1"),
        ("X-Forwarded-For: 198.51.100.7", "198.51.100.7"),
        ("X-Forwarded-For: 6.6.6.6, 198.51.100.7", "198.51.100.7"),
        ("X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.1.1.1", "198.51.100.7"),
        (
            "X-Forwarded-For: 6.6.6.6\nX-Forwarded-For: 198.51.100.7\nX-Forwarded-For: 10.0.0.1, 127.9.9.9",
            "198.51.100.7",
        ),
        ("X-Forwarded-For: 198.51.100.7:4711", "198.51.100.7"),
        ("X-Forwarded-For: ::ffff:198.51.100.7", "198.51.100.7"),
        ("X-Forwarded-For: 2001:0DB8:0000::1", "2001:db8::1"),
        ("X-Forwarded-For: [2001:db8::1]:80", "2001:db8::1"),
        ("X-Forwarded-For: nonsense, 198.51.100.7", "198.51.100.7"),
        // The other headers are nothing here.
        ("Forwarded: for=6.6.6.6\nX-Real-IP: 6.6.6.6\nX-Forwarded-For: 198.51.100.7", "198.51.100.7"),
        ("X-Forwarded-For: 198.51.100.7, unknown", "-"),
        ("X-Forwarded-For: 198.51.100.7, _hidden, 10.0.0.1", "-"),
        ("X-Forwarded-For: 198.51.100.7,", "-"),
        ("X-Forwarded-For: fe80::1%eth0", "-"),
        ("X-Forwarded-For: 198.51.100.7\nX-Forwarded-For: x", "-"),
    ] {
        assert_eq!(seen(&front, lines), client, "{lines}");
    }
    let front = addressed("listen.trusted_proxies = [\"127.0.0.1/32\"]\nlisten.client_header = \"forwarded\"");
    for (lines, client) in [
        ("Forwarded: for=6.6.6.6, For=\"198.51.100.7:80\";proto=https", "198.51.100.7"),
        ("Forwarded: for=\"[2001:db8::1]\"", "2001:db8::1"),
        ("X-Forwarded-For: 6.6.6.6\nForwarded: for=198.51.100.7", "198.51.100.7"),
        ("Forwarded: for=198.51.100.7, for=unknown", "-"),
        ("Forwarded: for=198.51.100.7;for=6.6.6.6", "-"),
    ] {
        assert_eq!(seen(&front, lines), client, "{lines}");
    }
}
