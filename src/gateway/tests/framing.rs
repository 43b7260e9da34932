//! Message framing on whole connections: what reaches the service, and that nothing behind a refusal does.

use super::*;

/// A request that must never be seen.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

fn refused(head: &str, status: u16) {
    let gateway = Gateway::new();
    let text = gateway.talk(format!("{head}{SMUGGLED}"));
    assert_eq!(statuses(&text), [status], "{head:?}: {text}");
    assert!(text.to_lowercase().contains("connection: close"), "{text}");
    let seen = gateway.witness.seen();
    assert_eq!(seen.len(), 1, "{head:?}: {seen:?}");
    assert!(seen[0].starts_with("refused "), "{head:?}: {seen:?}");
}

#[test]
fn frm_01_to_11_bad_heads_are_400_close_and_nothing_passes() {
    let post = |lines: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n\r\n");
    for head in [
        post("Content-Length: 3\r\nTransfer-Encoding: chunked"),
        post("Transfer-Encoding: chunked\r\nContent-Length: 3"),
        post("Transfer-Encoding: gzip, chunked"),
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        post("Content-Length: +3"),
        post("Content-Length: 3\r\nContent-Length: 3"),
        post("X : y"),
        post(" folded"),
        post("X: a\0b"),
        "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "get / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
    ] {
        refused(&head, 400);
    }
}

#[test]
fn frm_06_to_08_bad_chunks_break_the_body_and_are_400_close() {
    for body in
        ["3 \r\nabc\r\n", "+3\r\nabc\r\n", "3\nabc\r\n", "3\r\nabcd\r\n", "3\r\nabc\r\n0\r\nA : b\r\n\r\n", "\r\n"]
    {
        for path in ["/", "/slow"] {
            let gateway = Gateway::new();
            let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
            let mut client = gateway.connect();
            client.send(&head);
            gateway.witness.wait_for(&format!("POST {path}"));
            client.send(format!("{body}{SMUGGLED}"));
            let text = client.rest();
            assert_eq!(statuses(&text), [400], "{body:?}: {text}");
            assert!(text.contains("connection: close"), "{text}");
            let seen = gateway.witness.seen();
            assert_eq!(seen, [&format!("POST {path}"), "broken", "refused bad_request"], "{body:?}");
        }
    }
}

#[test]
fn frm_08_many_small_chunks_are_read() {
    let gateway = Gateway::new();
    let body = "1\r\nx\r\n".repeat(900);
    let mut client = gateway.connect();
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\nT: t\r\n\r\n"));
    assert_eq!(client.response(), (200, "POST / 900".to_owned()));
}

#[test]
fn frm_12_a_body_that_nobody_reads_is_no_request() {
    // Small: drained, and the connection goes on.
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    let body = SMUGGLED;
    client.send(format!("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    assert_eq!(client.response().0, 200);
    // Large: the connection is closed, and the client can read the answer all the same.
    let mut client = gateway.connect();
    let body = SMUGGLED.repeat(5000);
    client.send(format!("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len() + 1));
    let text = client.rest();
    assert_eq!(statuses(&text), [200], "{text}");
    assert_eq!(gateway.witness.seen(), ["POST /ignore", "POST /ignore"]);
}

#[test]
fn frm_13_no_100_before_the_body_is_asked_for() {
    let gateway = Gateway::new();
    let expect =
        |path: &str| format!("POST {path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    let mut client = gateway.connect();
    client.send(expect("/unauthorized"));
    assert_eq!(client.response(), (401, "who?".to_owned()));
    let mut client = gateway.connect();
    client.send(expect("/"));
    assert_eq!(client.until(b"\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    assert_eq!(client.response(), (200, "POST / 3".to_owned()));
    refused("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 0\r\n\r\n", 417);
}

#[test]
fn frm_14_a_refused_upgrade_leaves_plain_requests() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    let upgrade = "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    client.send(format!("{upgrade}{}", get("/second")));
    assert_eq!(client.response(), (200, "GET /slow 0".to_owned()));
    assert_eq!(client.response(), (200, "GET /second 0".to_owned()));
    // The same when the second comes later, and when it is at fault.
    client.send(upgrade);
    assert_eq!(client.response().0, 200);
    client.send("GET /third HTTP/1.1\r\n\r\n");
    assert_eq!(client.response().0, 400);
    assert_eq!(client.rest(), "");
}

#[test]
fn frm_15_h2c_is_not_switched_to() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    assert_eq!(client.response(), (200, "GET / 0".to_owned()));
}

#[test]
fn frm_16_bytes_before_the_switch_are_no_tunnel_data() {
    let gateway = Gateway::new();
    let upgrade = "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    let mut client = gateway.connect();
    client.send(upgrade);
    assert!(client.until(b"\r\n\r\n").starts_with("HTTP/1.1 101 "));
    client.send("hello");
    assert_eq!(client.until(b"hello"), "hello");
    // Longer than any time-out of requests.
    std::thread::sleep(Duration::from_millis(1500));
    client.send("again");
    assert_eq!(client.until(b"again"), "again");
    drop(client);
    gateway.witness.wait_for("tunnel ended");

    let mut client = gateway.connect();
    client.send(format!("{upgrade}early"));
    let text = client.rest();
    assert!(!text.contains("early"), "{text}");
}

#[test]
fn frm_17_bodies_on_get_and_delete_leave_the_next_request_unharmed() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    for method in ["GET", "DELETE"] {
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /{}", get("/next")));
        assert_eq!(client.response(), (200, format!("{method} / 5")));
        assert_eq!(client.response(), (200, "GET /next 0".to_owned()));
    }
}

#[test]
fn frm_18_a_client_that_leaves_breaks_its_body() {
    for head in ["Content-Length: 5\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nabc"] {
        let gateway = Gateway::new();
        let mut client = gateway.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{head}"));
        gateway.witness.wait_for("POST /");
        drop(client);
        gateway.witness.wait_for("broken");
    }
}

#[test]
fn frm_20_pipelined_requests_are_answered_in_order_up_to_the_first_bad_one() {
    let gateway = Gateway::new();
    let mut text = String::new();
    for number in 0..500 {
        text.push_str(&get(&format!("/{number}")));
    }
    let good = gateway.talk(text.clone() + "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(statuses(&good), [200; 501]);
    let mut rest = good.as_str();
    for number in 0..500 {
        rest = rest.split_once(&format!("GET /{number} 0")).unwrap().1;
    }

    let gateway = Gateway::new();
    let bad = "GET /bad HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n";
    let mixed = gateway.talk(format!("{text}{bad}{text}"));
    let mut wanted = vec![200; 500];
    wanted.push(400);
    assert_eq!(statuses(&mixed), wanted);
    assert_eq!(gateway.witness.seen().len(), 501);
}

#[test]
fn frm_20_a_bad_head_waits_for_the_answer_before_it() {
    let gateway = Gateway::new();
    let text = gateway.talk(format!("{}GET /bad\r\n\r\n{SMUGGLED}", get("/slow")));
    assert_eq!(statuses(&text), [200, 400], "{text}");
    assert_eq!(gateway.witness.seen(), ["GET /slow", "refused bad_request"]);
}

#[test]
fn a_head_that_trickles_in_is_read() {
    let gateway = Gateway::with(Limits::default(), loopback());
    let mut client = gateway.connect();
    client.stream.set_nodelay(true).unwrap();
    for byte in "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab".bytes() {
        client.send([byte]);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(client.response(), (200, "POST /a 2".to_owned()));
}

#[test]
fn a_client_cannot_pretend_to_be_refused() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    let zeros = "0".repeat(32);
    let forged = format!("GET /a HTTP/1.1\r\nHost: a\r\nX-Trackgate-Refused: {zeros}bad_request\r\n\r\n");
    client.send(&forged);
    assert_eq!(client.response(), (200, "GET /a 0".to_owned()));
    // Nor when a head behind it really is refused.
    client.send(format!("{forged}GET / HTTP/1.1\r\n\r\n"));
    assert_eq!(client.response(), (200, "GET /a 0".to_owned()));
    assert_eq!(client.response().0, 400);
}

#[test]
fn refusals_of_head_requests_have_no_body() {
    let gateway = Gateway::new();
    let text = gateway.talk("HEAD / HTTP/1.1\r\n\r\n");
    assert!(text.starts_with("HTTP/1.1 400 ") && text.ends_with("\r\n\r\n"), "{text}");
}

#[test]
fn pth_09_connect_and_trace_and_options_star() {
    refused("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405);
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().0, 405);
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().0, 501);
    assert_eq!(gateway.witness.seen(), ["refused method_not_allowed", "refused not_implemented"]);
}

#[test]
fn a_panic_is_500_and_the_gateway_goes_on() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send(get("/panic"));
    assert_eq!(client.response(), (500, "internal".to_owned()));
    client.send(get("/"));
    assert_eq!(client.response().0, 200);
}
