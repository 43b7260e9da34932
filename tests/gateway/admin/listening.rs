//! Where the admin listener is, whom it answers, and how.

use std::io::Write;
use std::net::TcpListener;

use super::{Watched, config};
use crate::harness::{Inside, ask, connect, send};
use crate::proxying::recorder::Recorder;

#[test]
fn cfg_08_it_is_off_unless_it_is_asked_for_and_never_where_everybody_is_served() {
    let up = Recorder::ok();
    let inside = Inside::start(&config(&up, ""));
    assert_eq!(inside.gateway().admin_url(), None);
    let watched = Watched::start();
    for path in ["/metrics", "/healthz", "/readyz", "/decisions"] {
        assert_eq!(inside.ask(&format!("GET {path}"), "").status, 404, "{path}");
        assert_eq!(watched.inside.ask(&format!("GET {path}"), "").status, 404, "{path}");
    }
}

#[test]
fn it_answers_in_json_and_nothing_may_keep_that() {
    let watched = Watched::start();
    for (path, status, told) in [
        ("/healthz", 200, "alive"),
        ("/readyz", 200, "ready"),
        ("/nowhere", 404, "not found"),
        ("/metrics/", 404, "not found"),
        ("/decisions/x", 404, "no decision"),
    ] {
        let answer = watched.look(path);
        assert_eq!((answer.status, answer.header("content-type")), (status, "application/json"), "{path}");
        assert!(answer.json().to_string().contains(told), "{path}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    let answer = ask(watched.admin(), "DELETE /metrics", "");
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
    assert!(answer.json()["error"].is_string());
    let answer = watched.look("/metrics");
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    let foreign = send(watched.admin(), b"GET /decisions HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(foreign.status, 403, "a page of that name would read it in a browser here");
}

#[test]
fn crs_06_it_says_not_ready_while_running_requests_end() {
    let up = Recorder::start(|mut line| {
        line.request();
        line.ends();
    });
    let mut inside = Inside::start(&config(&up, "limits.grace = \"20s\"\n[admin]\naddress = \"127.0.0.1:0\""));
    let admin = inside.gateway().admin_url().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let mut running = connect(inside.address());
    running.write_all(b"GET /open/a HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    up.wait_for(|got| got.contains("/open/a"));
    assert_eq!(ask(admin, "GET /readyz", "").status, 200);
    let gateway = inside.gateway.take().unwrap();
    std::thread::scope(|scope| {
        let inside = &inside;
        let stopping = scope.spawn(move || inside.wait(gateway.shutdown()).unwrap());
        let late = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while ask(admin, "GET /readyz", "").status != 503 {
            assert!(std::time::Instant::now() < late, "it is ready all the time");
        }
        assert_eq!(ask(admin, "GET /healthz", "").status, 200, "it lives");
        drop(running);
        stopping.join().unwrap();
    });
    let late = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while std::net::TcpStream::connect(admin).is_ok() {
        assert!(std::time::Instant::now() < late, "it still listens");
    }
}

#[test]
fn an_address_in_use_is_told_and_nothing_listens() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let up = Recorder::ok();
    let mut inside = Inside::start(&config(&up, ""));
    let error = inside.reload(&config(&up, &format!("[admin]\naddress = \"{address}\""))).unwrap_err();
    assert_eq!(error, format!("the admin listener cannot listen on {address}"));
    assert_eq!(inside.ask("GET /open/a", "").status, 200, "the old configuration goes on");
    drop(taken);
    inside.reload(&config(&up, &format!("[admin]\naddress = \"{address}\""))).unwrap();
    assert_eq!(ask(address, "GET /healthz", "").status, 200);
    assert_eq!(inside.ask("GET /open/a", "").status, 200);
    assert!(ask(address, "GET /metrics", "").text().contains("trackgate_requests_total{route=\"open\""));
    inside.reload(&config(&up, "")).unwrap();
    let late = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while std::net::TcpStream::connect(address).is_ok() {
        assert!(std::time::Instant::now() < late, "it still listens");
    }
}
