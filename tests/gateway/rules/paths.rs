//! One path, one peer.

use super::{Upstream, from};
use crate::harness::{Inside, send};

fn start(upstream: &Upstream, listen: &str) -> Inside {
    Inside::start(&format!(
        r#"{listen}
{}
[[routes]]
name = "open"
match = "GET /open/{{*rest}}"
auth = "none"
public = "everybody reads it"
upstream = "up"
[[routes]]
name = "guarded"
match = "GET /guarded/{{*rest}}"
auth = ["basic"]
upstream = "up"
[[routes]]
name = "raw"
match = "GET /raw/{{*rest}}"
auth = "none"
public = "everybody reads it"
upstream = "up"
raw_path = true
[[routes]]
name = "near"
match = "GET /near"
auth = "none"
public = "neighbours read it"
allow = {{ networks = ["198.51.100.0/24", "2001:db8:1::/64"] }}
upstream = "up"
"#,
        upstream.config()
    ))
}

fn get(inside: &Inside, target: &str) -> u16 {
    send(inside.address(), format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).status
}

#[test]
fn pth_01_to_06_paths_with_two_readings_are_400_and_reach_nobody() {
    let upstream = Upstream::start();
    let inside = start(&upstream, "");
    for target in [
        "/open/../guarded/a",
        "/open/%2e%2e/guarded/a",
        "/open/%2E./guarded/a",
        "/open/./a",
        "/open/a/..",
        "/open/a%2fb",
        "/open/a%2Fb",
        "/open/a%5cb",
        "/open/a\\b",
        "/open/a;b",
        "/open/a%3Bb",
        "/open//a",
        "//guarded/a",
        "/open/a%00",
        "/open/a%0d%0a",
        "/open/a%zz",
        "/open/a%",
        "/open/%c0%ae",
        "/open/%ff",
        "/open/a#b",
    ] {
        assert_eq!(get(&inside, target), 400, "{target}");
    }
    assert_eq!(upstream.heads().len(), 0);
    assert_eq!(get(&inside, "/open/a"), 200);
    assert_eq!(get(&inside, "/guarded/a"), 401);
    assert_eq!(upstream.heads().len(), 1);
}

#[test]
fn pth_02_a_route_can_take_such_paths_as_they_are() {
    let upstream = Upstream::start();
    let inside = start(&upstream, "");
    for target in ["/raw/a%2Fb", "/raw/a;b", "/raw/a%5Cb//c"] {
        assert_eq!(get(&inside, target), 200, "{target}");
        assert!(upstream.heads().pop().unwrap().starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{target}");
    }
}

#[test]
fn pth_04_pth_08_the_upstream_reads_the_path_that_was_judged() {
    let upstream = Upstream::start();
    let inside = start(&upstream, "");
    for (sent, judged) in [
        ("/%6fpen/%61?x=/../guarded", "/open/a?x=/../guarded"),
        ("/open/a%20b", "/open/a%20b"),
        ("/open/%252e%252e/guarded", "/open/%252e%252e/guarded"),
    ] {
        assert_eq!(get(&inside, sent), 200, "{sent}");
        let head = upstream.heads().pop().unwrap();
        assert!(head.starts_with(&format!("GET {judged} HTTP/1.1\r\n")), "{sent}: {head}");
    }
    assert_eq!(get(&inside, "/%67uarded/a"), 401, "another spelling is no weaker route");
}

#[test]
fn pth_07_pth_10_neither_queries_nor_suffixes_make_a_weaker_route() {
    let upstream = Upstream::start();
    let inside = start(&upstream, "");
    for target in [
        "/guarded/a?/open/a",
        "/guarded/a?/../../open/a",
        "/guarded/a.css",
        "/guarded/a.json",
        "/guarded/a.",
        "/guarded/a/",
        "/guarded/open/a",
        "/guarded/a%20",
    ] {
        let answer = inside.ask(&format!("GET {target}"), "");
        assert_eq!((answer.status, answer.header("cache-control")), (401, "no-store"), "{target}");
    }
    for target in ["/guarded/a;x.css", "/guarded/a%00.css", "/guarded/..;/open/a"] {
        assert_eq!(get(&inside, target), 400, "{target}");
    }
    for target in ["/guarded", "/guarded.css", "/GUARDED/a", "/guarded%20/a"] {
        assert_eq!(get(&inside, target), 404, "{target}");
    }
    assert_eq!(upstream.heads().len(), 0);
}

#[test]
fn sld_10_the_address_is_the_sockets_whatever_an_unlisted_peer_says() {
    let upstream = Upstream::start();
    let inside = start(&upstream, "");
    for line in [
        "X-Forwarded-For: 198.51.100.7",
        "Forwarded: for=198.51.100.7",
        "X-Real-IP: 198.51.100.7",
        "True-Client-IP: 198.51.100.7",
        "X_Forwarded_For: 198.51.100.7",
    ] {
        assert_eq!(inside.ask(&format!("GET /near\n{line}"), "").status, 403, "{line}");
    }
    assert_eq!(upstream.heads().len(), 0);
}

#[test]
fn sld_09_sld_11_through_listed_proxies_the_first_unlisted_address_counts() {
    let upstream = Upstream::start();
    let inside = start(&upstream, "[listen]\ntrusted_proxies = [\"127.0.0.1/32\", \"10.0.0.0/8\"]");
    for (client, status) in [
        ("198.51.100.7", 200),
        ("::ffff:198.51.100.7", 200),
        ("2001:db8:1::9", 200),
        ("2001:0db8:0001:0000:0:0:0:9", 200),
        ("198.51.100.7, 10.0.0.9", 200),
        ("203.0.113.1, 198.51.100.7:4711", 200),
        ("198.51.100.7, 203.0.113.1", 403),
        ("198.51.100.7, 203.0.113.1, 10.0.0.9", 403),
        ("198.51.100.7, unknown", 403),
        ("198.51.100.7, _hidden", 403),
        ("198.51.100.7, 1.2.3", 403),
        ("2001:db8:1::9%eth0", 403),
        ("", 403),
    ] {
        assert_eq!(inside.ask(&format!("GET /near\n{}", from(client)), "").status, status, "{client}");
    }
    let lines = "X-Forwarded-For: 198.51.100.7\nX-Forwarded-For: 203.0.113.1";
    assert_eq!(inside.ask(&format!("GET /near\n{lines}"), "").status, 403, "lines are joined in order");
    assert_eq!(inside.ask("GET /near\nForwarded: for=198.51.100.7", "").status, 403, "only the configured header");
}
