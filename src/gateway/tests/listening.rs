//! Sockets, PROXY headers and the end of the gateway.

use super::*;

fn shutdown(gateway: Gateway, grace: Duration) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(gateway.handle.shutdown(grace)).cut
}

#[test]
fn all_cores_share_one_port_and_answer() {
    let gateway = Gateway::on_cores(3, short_limits(), loopback());
    assert_ne!(gateway.address.port(), 0);
    for _ in 0..30 {
        let mut client = gateway.connect();
        client.send(get("/"));
        assert_eq!(client.response().0, 200);
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_with_its_address() {
    let gateway = Gateway::new();
    let again = start(vec![Listener::new(gateway.address)], short_limits(), None, |_core| Witness::default());
    let text = again.unwrap_err().to_string();
    assert!(text.contains(&gateway.address.to_string()), "{text}");
}

#[test]
fn crs_06_running_requests_end_and_new_ones_are_not_taken() {
    let gateway = Gateway::on_cores(2, short_limits(), loopback());
    let mut idle = gateway.connect();
    idle.send(get("/"));
    assert_eq!(idle.response().0, 200);
    let mut running = gateway.connect();
    running.send(get("/slow"));
    gateway.witness.wait_for("GET /slow");
    let address = gateway.address;
    let begun = Instant::now();
    assert_eq!(shutdown(gateway, Duration::from_secs(9)), 0);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(running.response(), (200, "GET /slow 0".to_owned()));
    assert_eq!(running.rest(), "");
    assert_eq!(idle.rest(), "");
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn crs_06_what_does_not_end_within_the_grace_time_is_cut() {
    let limits = Limits { head_timeout: PATIENCE, body_idle: PATIENCE, ..Limits::default() };
    let gateway = Gateway::with(limits, loopback());
    let mut stuck = gateway.connect();
    stuck.send(get("/stuck"));
    gateway.witness.wait_for("GET /stuck");
    let mut slow_body = gateway.connect();
    slow_body.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na");
    gateway.witness.wait_for("POST /body");
    let mut slow_head = gateway.connect();
    slow_head.send("GET / HT");
    let mut tunnel = gateway.connect();
    tunnel.send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert!(tunnel.until(b"\r\n\r\n").starts_with("HTTP/1.1 101 "));
    let begun = Instant::now();
    let cut = shutdown(gateway, Duration::from_millis(300));
    assert_eq!(cut, 3);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for client in [&mut stuck, &mut slow_body, &mut slow_head, &mut tunnel] {
        assert_eq!(client.rest(), "");
    }
}

#[test]
fn dropping_the_handle_cuts_everything() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send(get("/stuck"));
    gateway.witness.wait_for("GET /stuck");
    drop(gateway);
    assert_eq!(client.rest(), "");
}

#[test]
fn proxy_headers_of_listed_peers_name_the_client() {
    let listener = loopback().with_proxy_protocol(&["127.0.0.0/8".parse().unwrap()]);
    let gateway = Gateway::with(short_limits(), listener);
    let mut client = gateway.connect();
    client.send("PROXY TCP4 192.0.2.7 192.0.2.9 4711 80\r\n");
    client.send(get("/peer"));
    assert_eq!(client.response().1, "192.0.2.7:4711 false ");
    // In pieces, and version 2 with the first request in one.
    let mut client = gateway.connect();
    client.stream.set_nodelay(true).unwrap();
    for piece in ["PROXY TC", "P4 192.0.2.8 192.0.2.9 4", "711 80\r", "\nGET /peer HTTP/1.1\r\nHost: a\r\n\r\n"] {
        client.send(piece);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(client.response().1, "192.0.2.8:4711 false ");
    let mut client = gateway.connect();
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x05\xc0\0\x02\x09\0\x01\0\x50".to_vec();
    bytes.extend_from_slice(get("/peer").as_bytes());
    client.send(bytes);
    assert_eq!(client.response().1, "192.0.2.5:1 false ");
    // A listed peer must send one, in time.
    assert_eq!(gateway.talk(get("/without")), "");
    let begun = Instant::now();
    assert_eq!(gateway.talk("PROXY TCP4 "), "");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(gateway.witness.seen(), ["GET /peer"; 3]);
}

#[test]
fn proxy_headers_of_other_peers_are_bad_requests() {
    let listener = loopback().with_proxy_protocol(&["192.0.2.0/24".parse().unwrap()]);
    let gateway = Gateway::with(short_limits(), listener);
    let text = gateway.talk(format!("PROXY TCP4 192.0.2.7 192.0.2.9 4711 80\r\n{}", get("/peer")));
    assert_eq!(statuses(&text), [400]);
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x05\xc0\0\x02\x09\0\x01\0\x50".to_vec();
    bytes.extend_from_slice(get("/peer").as_bytes());
    assert_eq!(statuses(&gateway.talk(bytes)), [400]);
    assert_eq!(gateway.witness.seen(), ["refused bad_request"; 2]);
}
