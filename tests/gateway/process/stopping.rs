//! Signals that end it.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Place, eventually};
use crate::harness::{connect, read_answer};

const LOGIN: &str = r#"{"login":"rider@example.org","password":"correct-horse","service":"s","version":"1.0"}"#;

#[test]
fn terminate_and_interrupt_end_it_with_code_0() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        let mut served = place.serve();
        assert_eq!(served.ask("GET /time", "").status, 200);
        let _idle = connect(served.address);
        served.signal(signal);
        let begun = Instant::now();
        let (status, _) = served.ended();
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(
            begun.elapsed() < Duration::from_secs(8),
            "an idle connection is not waited for: {:?}",
            begun.elapsed()
        );
        assert!(TcpStream::connect(served.address).is_err());
    }
}

#[test]
fn crs_06_slow_clients_get_the_grace_time_and_no_more() {
    let place = Place::with("[limits]\ngrace = \"3s\"\n");
    place.account("rider");
    let mut served = place.serve();
    let address = served.address;
    let head = format!("POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", LOGIN.len());
    let half_sent = || {
        let mut stream = connect(address);
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&LOGIN.as_bytes()[..10]).unwrap();
        stream
    };
    let (mut running, _stuck) = (half_sent(), half_sent());
    let mut half_a_head = connect(address);
    half_a_head.write_all(b"GET /time HTTP/1.1\r\nHo").unwrap();
    // One that reads nothing.
    let mut deaf = connect(address);
    deaf.write_all("GET /time HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100).as_bytes()).unwrap();
    // All of them were taken up before the signal.
    assert_eq!(served.ask("GET /time", "").status, 200);
    std::thread::sleep(Duration::from_millis(200));

    served.signal("TERM");
    let begun = Instant::now();
    eventually("no new connection is taken", || TcpStream::connect(address).is_err());
    running.write_all(&LOGIN.as_bytes()[10..]).unwrap();
    let answer = read_answer(&mut BufReader::new(running));
    assert_eq!(answer.json()["status"], "success");
    let (status, _) = served.ended();
    let took = begun.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took >= Duration::from_millis(2500), "the stuck one has the grace time: {took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
    eventually("half a head is ended", || half_a_head.read(&mut [0; 512]).is_ok_and(|read| read == 0));

    // What was acknowledged while it stopped is there afterwards.
    let served = place.serve();
    assert!(served.knows_sliding(answer.json()["result"]["token"].as_str().unwrap()));
}

#[test]
fn a_reader_of_its_log_that_goes_away_does_not_end_it() {
    let place = Place::new();
    let mut served = place.serve_to(Stdio::piped());
    drop(served.child.stderr.take());
    for signal in ["HUP", "HUP", "TERM"] {
        assert_eq!(served.ask("GET /time", "").status, 200);
        served.signal(signal);
        if signal == "HUP" {
            std::thread::sleep(Duration::from_millis(300));
        }
    }
    assert_eq!(served.ended().0.code(), Some(0));

    let mut refused = place.binary(&["user", "show", "nobody"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(refused.stderr.take());
    assert_eq!(refused.wait().unwrap().code(), Some(1));
}

#[test]
fn crs_06_a_reader_of_its_log_that_stands_still_does_not_keep_it_from_ending() {
    let place = Place::new();
    let mut served = place.serve_to(Stdio::piped());
    // More lines than any pipe takes.
    let mut client = connect(served.address);
    for _ in 0..40 {
        client.write_all("GET /time HTTP/1.1\r\nHost: x\r\n\r\n".repeat(20).as_bytes()).unwrap();
        let mut reader = BufReader::new(client);
        for _ in 0..20 {
            assert_eq!(read_answer(&mut reader).status, 200);
        }
        client = reader.into_inner();
    }
    served.signal("HUP");
    eventually("it reloads all the same", || place.done(&["audit"], "").contains("reload"));
    served.signal("TERM");
    assert_eq!(served.ended().0.code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once_with_code_0() {
    let place = Place::with("[limits]\ngrace = \"1h\"\n");
    let mut served = place.serve();
    let mut stuck = connect(served.address);
    stuck.write_all(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n").unwrap();
    assert_eq!(served.ask("GET /time", "").status, 200);
    std::thread::sleep(Duration::from_millis(200));
    served.signal("TERM");
    eventually("it stops", || place.times_said("stopping") == 1);
    assert!(served.child.try_wait().unwrap().is_none());
    served.signal("TERM");
    assert_eq!(served.ended().0.code(), Some(0));
}
