//! Connections that rest between requests: hyper's part of them is dropped and made again.

use std::future::poll_fn;
use std::task::Poll;

use bytes::BytesMut;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::io::duplex;

use super::*;
use crate::gateway::lent;
use crate::gateway::shared::Shared;
use crate::gateway::wire::Wire;

/// Longer than it takes to come to rest with [`short_limits`], and shorter than the idle limit.
const RESTED: Duration = Duration::from_millis(850);

#[test]
fn a_rested_connection_is_as_good_as_before() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send(get("/1"));
    assert_eq!(client.response().0, 200);
    std::thread::sleep(RESTED);
    client.send(format!("{}{}", get("/2"), get("/3")));
    assert_eq!(client.response(), (200, "GET /2 0".to_owned()));
    assert_eq!(client.response(), (200, "GET /3 0".to_owned()));
    std::thread::sleep(RESTED);
    client.send("POST /4 HTTP/1.1\r\nHo");
    std::thread::sleep(Duration::from_millis(100));
    client.send("st: a\r\nContent-Length: 2\r\n\r\n");
    std::thread::sleep(RESTED / 2);
    client.send("ab");
    assert_eq!(client.response(), (200, "POST /4 2".to_owned()));
    std::thread::sleep(RESTED);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    assert_eq!(client.response().0, 400);
    assert_eq!(client.rest(), "");
}

#[test]
fn a_rested_connection_can_become_a_tunnel() {
    let gateway = Gateway::new();
    let mut client = gateway.connect();
    client.send(get("/"));
    assert_eq!(client.response().0, 200);
    std::thread::sleep(RESTED);
    client.send("GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert!(client.until(b"\r\n\r\n").starts_with("HTTP/1.1 101 "));
    std::thread::sleep(RESTED);
    client.send("echo");
    assert_eq!(client.until(b"echo"), "echo");
    drop(client);
    gateway.witness.wait_for("tunnel ended");
}

#[test]
fn crs_06_a_rested_connection_and_a_new_one_end_with_the_gateway() {
    let gateway = Gateway::new();
    let mut rested = gateway.connect();
    rested.send(get("/"));
    assert_eq!(rested.response().0, 200);
    std::thread::sleep(RESTED);
    let mut new = gateway.connect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let begun = Instant::now();
    assert_eq!(runtime.block_on(gateway.handle.shutdown(Duration::from_secs(9))).cut, 0);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(rested.rest(), "");
    assert_eq!(new.rest(), "");
}

/// hyper's part of a connection over a pipe of this size, with a body of this size as every answer; whether it rests
/// when the time for that is over, and what the client, who asked once, can read then.
async fn rests(pipe: usize, body: usize) -> (bool, usize) {
    let (mut client, server) = duplex(pipe);
    let limits = Arc::new(Limits::default());
    let shared = Arc::new(Shared::new());
    let wire = Wire::http1(server, BytesMut::new(), limits, Arc::clone(&shared), ());
    let (lent, back) = lent::lend(wire);
    let service = service_fn(|_request| {
        let (running, _number) = crate::gateway::body::Running::begin(&shared);
        let body = Body::from(Bytes::from(vec![b'x'; body]));
        async {
            // Long enough that hyper has looked for another request before.
            tokio::time::sleep(Duration::from_millis(200)).await;
            Ok::<_, std::convert::Infallible>(Response::new(crate::gateway::body::Outgoing::new(body, running)))
        }
    });
    let mut http = Box::pin(http1::Builder::new().serve_connection(TokioIo::new(lent), service).with_upgrades());
    client.write_all(get("/").as_bytes()).await.unwrap();
    let resting = poll_fn(|cx| match http.as_mut().poll(cx) {
        Poll::Pending if shared.is_resting() => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
        Poll::Ready(ended) => panic!("{ended:?}"),
    });
    let rests = tokio::select! {
        biased;
        // Before the connection is looked at, which has to wake by itself.
        () = tokio::time::sleep(Duration::from_secs(4)) => false,
        () = resting => true,
    };
    drop(http);
    let wire = back.take().expect("the wire comes back");
    drop(wire);
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.unwrap();
    (rests, read.len())
}

#[tokio::test]
async fn a_connection_rests_when_the_client_has_all_of_its_answer_and_not_before() {
    let (rested, read) = rests(64 * 1024, 5000).await;
    assert!(rested);
    assert!(read > 5000);
    // The pipe is full: hyper holds the rest.
    let (rested, read) = rests(1024, 5000).await;
    assert!(!rested);
    assert_eq!(read, 1024);
}
