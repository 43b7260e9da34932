//! `SIGHUP` reads the configuration anew without dropping a connection.

use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{KEPT, Place, RELOADED};
use crate::harness::{Answer, basic, connect, read_answer};

/// A client that keeps its connection.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(address: SocketAddr) -> Self {
        Self(BufReader::new(connect(address)))
    }

    fn ask(&mut self, head: &str) -> Answer {
        let wire = format!("{}\r\nHost: x\r\n\r\n", head.replacen('\n', " HTTP/1.1\r\n", 1));
        self.0.get_mut().write_all(wire.as_bytes()).unwrap();
        read_answer(&mut self.0)
    }

    fn status(&mut self, path: &str) -> u16 {
        self.ask(&format!("GET {path}\nAccept: */*")).status
    }
}

fn trackers(names: &[&str]) -> String {
    let route = |name: &&str| format!("[[routes]]\nname = \"{name}\"\ntracker = \"{name}\"\n");
    names.iter().map(route).collect()
}

#[test]
fn a_good_file_changes_routes_under_an_open_connection() {
    let place = Place::with(&trackers(&["livetracking"]));
    let served = place.serve();
    let mut client = Client::new(served.address);
    assert_eq!(client.status("/time"), 200);
    place.configure(&trackers(&["lptracker"]));
    place.reload(&served);
    assert_eq!(client.status("/time"), 404);
    assert_eq!(client.ask("GET /projects\ntoken: no-such-token").json()["errors"][0]["code"], 401);
    place.configure(&trackers(&["livetracking", "lptracker"]));
    place.reload(&served);
    assert_eq!(client.status("/time"), 200);
    assert_eq!((place.times_said(RELOADED), place.times_said(KEPT)), (2, 0));
    assert!(place.done(&["audit"], "").contains("reload"));
}

#[test]
fn crs_07_a_bad_file_changes_nothing_and_is_told_with_its_place() {
    let place = Place::with(&trackers(&["livetracking"]));
    let served = place.serve();
    let mut client = Client::new(served.address);
    let file = place.path("trackgate.toml").display().to_string();
    for (text, told) in [
        ("[[routes]]\nname = \"a\"\ntraker = \"lptracker\"\n", ":3:1: unknown field `traker`"),
        ("[[routes]]\nname = \"a\"\ntracker = \"lptraker\"\n", "did you mean `lptracker`?"),
        ("[listen\n", ":1:"),
        ("[schemes.x]\nkind = \"jwt\"\nkey = \"env:NO_SUCH_VARIABLE_HERE\"\n", "NO_SUCH_VARIABLE_HERE"),
        ("[limits]\nhead = \"64KiB\"\n", "can only be changed by a restart"),
    ] {
        let before = place.log().len();
        place.configure(text);
        place.reload(&served);
        let said = place.log().split_off(before);
        assert!(said.contains(KEPT) && said.contains(told), "{text} told {said}");
        assert!(said.contains("restart") || said.contains(&file) || text.contains("env:"), "{said}");
        assert_eq!(client.status("/time"), 200);
        assert_eq!(client.status("/projects"), 404);
    }
    std::fs::remove_file(place.path("trackgate.toml")).unwrap();
    place.reload(&served);
    assert_eq!(client.status("/time"), 200);
    place.configure(&trackers(&["lptracker"]));
    place.reload(&served);
    assert_eq!(client.status("/time"), 404);
}

#[test]
fn crs_07_no_request_fails_while_good_and_bad_files_are_read() {
    let place = Place::with(&trackers(&["livetracking"]));
    place.account("rider");
    let served = place.serve();
    let over = AtomicBool::new(false);
    let head = format!("GET /auth\n{}", basic("rider", "correct-horse"));
    let good = [&["livetracking"][..], &["livetracking", "lptracker"], &["livetracking", "lptracker", "fittrackee"]];
    thread::scope(|scope| {
        let load = |keeps: bool| {
            let (over, head, address) = (&over, &head, served.address);
            move || {
                let mut client = Client::new(address);
                let mut answered = 0;
                while !over.load(Ordering::Relaxed) {
                    if !keeps {
                        client = Client::new(address);
                    }
                    let answer = client.ask(head);
                    assert_eq!(answer.status, 200, "{answer:?}");
                    answered += 1;
                }
                answered
            }
        };
        let clients: Vec<_> = [true, true, false].map(|keeps| scope.spawn(load(keeps))).into();
        for round in 0..30 {
            match round % 3 {
                0 => place.configure(&trackers(good[round / 3 % good.len()])),
                1 => place.configure("[[routes]]\nname = \"livetracking\"\ntracker = \"nothing\"\n"),
                _ => place.configure("[[["),
            }
            place.reload(&served);
            if round % 3 == 0 {
                let has_projects = Client::new(served.address).status("/projects") != 404;
                assert_eq!(has_projects, round / 3 % good.len() != 0);
            }
        }
        over.store(true, Ordering::Relaxed);
        for client in clients {
            let answered: u32 = client.join().unwrap();
            assert!(answered > 30, "{answered}");
        }
    });
    assert_eq!((place.times_said(RELOADED), place.times_said(KEPT)), (10, 20));
}
