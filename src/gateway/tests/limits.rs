//! Sizes, clocks and counts of whole connections.

use super::*;

/// Sends this over and over, a byte at a time, until the gateway closes; how long that took.
fn trickle(gateway: &Gateway, head: &str, byte: u8) -> Duration {
    let mut client = gateway.connect();
    client.send(head);
    let begun = Instant::now();
    client.stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut chunk = [0; 1024];
    loop {
        assert!(begun.elapsed() < PATIENCE, "never closed");
        let sent = client.stream.write_all(&[byte]);
        match client.stream.read(&mut chunk) {
            Ok(0) => return begun.elapsed(),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_reset) => return begun.elapsed(),
        }
        if sent.is_err() {
            return begun.elapsed();
        }
    }
}

#[test]
fn dos_01_a_slow_head_is_ended() {
    let gateway = Gateway::new();
    let took = trickle(&gateway, "GET / HTTP/1.1\r\nHost: a\r\nX: ", b'x');
    assert!(took >= Duration::from_millis(700) && took < Duration::from_secs(5), "{took:?}");
    assert!(gateway.witness.seen().is_empty());
}

#[test]
fn dos_01_a_silent_client_is_ended() {
    let gateway = Gateway::new();
    let begun = Instant::now();
    assert_eq!(gateway.talk(""), "");
    assert_eq!(gateway.talk("GET / HT"), "");
    assert!(begun.elapsed() < Duration::from_secs(6));
}

#[test]
fn dos_01_a_silent_body_is_ended() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    assert_eq!(client.response(), (408, "late".to_owned()));
    assert_eq!(client.rest(), "");
}

#[test]
fn dos_01_a_crawling_body_is_ended() {
    let gateway = Gateway::with(Limits { body_rate: 1_000, ..short_limits() }, loopback());
    let took = trickle(&gateway, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n", b'x');
    assert!(took < Duration::from_secs(6), "{took:?}");
    gateway.witness.wait_for("late");
}

#[test]
fn dos_01_a_client_that_reads_nothing_is_ended() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send(get("/large"));
    gateway.witness.wait_for("GET /large");
    let begun = Instant::now();
    while gateway.handle.open_connections() > 0 {
        assert!(begun.elapsed() < PATIENCE, "never closed");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(begun.elapsed() > Duration::from_millis(500));
    let text = client.rest();
    assert!(text.len() < 32 << 20);
}

#[test]
fn dos_01_a_new_client_is_served_beside_slow_ones() {
    let gateway = Gateway::with(Limits::default(), loopback());
    let slow: Vec<_> = (0..200)
        .map(|_| {
            let mut client = gateway.connect();
            client.send("GET / HTTP/1.1\r\nHo");
            client
        })
        .collect();
    let begun = Instant::now();
    let mut client = gateway.connect();
    client.send(get("/"));
    assert_eq!(client.response().0, 200);
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop(slow);
}

#[test]
fn dos_02_a_kept_connection_is_closed_at_the_idle_limit_and_not_before() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    for _ in 0..3 {
        client.send(get("/"));
        assert_eq!(client.response().0, 200);
        std::thread::sleep(Duration::from_millis(450));
    }
    let begun = Instant::now();
    assert_eq!(client.rest(), "");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // A request that runs longer than the idle limit is no idle connection.
    let gateway = Gateway::with(Limits { keep_alive_idle: Duration::from_millis(100), ..short_limits() }, loopback());
    let mut client = gateway.connect();
    client.send(get("/slow"));
    assert_eq!(client.response().0, 200);
    assert_eq!(client.rest(), "");
}

#[test]
fn dos_03_sizes() {
    let gateway = Gateway::new();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    assert!(gateway.talk(head).starts_with("HTTP/1.1 431 "));
    let lines = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    assert!(gateway.talk(lines).starts_with("HTTP/1.1 431 "));
    let target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(70_000));
    assert!(gateway.talk(target).starts_with("HTTP/1.1 414 "));
    let mut client = gateway.connect();
    let lines = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", format!("X: {}\r\n", "y".repeat(300)).repeat(99));
    client.send(lines);
    assert_eq!(client.response().0, 200);

    let declared = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n{}", "x".repeat(200_000));
    assert!(gateway.talk(declared).starts_with("HTTP/1.1 413 "));
    let chunked = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        format!("{:x}\r\n{}\r\n", 10_000, "x".repeat(10_000)).repeat(20)
    );
    assert!(gateway.talk(chunked).starts_with("HTTP/1.1 413 "));
}

#[test]
fn connections_beyond_the_limit_wait_for_one_to_end() {
    let gateway = Gateway::with(Limits { connections: 2, ..Limits::default() }, loopback());
    let mut clients: Vec<_> = (0..2).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        client.send(get("/"));
        assert_eq!(client.response().0, 200);
    }
    assert_eq!(gateway.handle.open_connections(), 2);
    let mut late = gateway.connect();
    late.send(get("/late"));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(gateway.witness.seen().len(), 2);
    clients.pop();
    assert_eq!(late.response(), (200, "GET /late 0".to_owned()));
}
