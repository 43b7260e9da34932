//! Upstreams that are down, slow or astray.

use std::time::Instant;

use http::{Version, header};
use trackgate_schemes::Reason;

use super::*;

/// Limits that a test can wait for, and that a busy machine does not reach by itself.
fn hasty(recorder: &Recorder) -> Upstream {
    let mut settings = recorder.settings();
    settings.response_timeout = Duration::from_millis(700);
    settings.idle_timeout = Duration::from_millis(700);
    Upstream::new(settings).unwrap()
}

#[tokio::test]
async fn dos_08_an_upstream_that_is_not_there_is_502() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let upstream = Upstream::new(Settings::new("gone", format!("http://{address}").parse().unwrap())).unwrap();
    let refused = in_time(send(&upstream, get("/"))).await.unwrap_err();
    assert_eq!((refused.reason, refused.by), (Reason::UpstreamDown, "proxy"));
}

#[tokio::test]
async fn dos_08_an_upstream_that_takes_no_connection_is_504() {
    // A listener whose queue is full does not answer further connections.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queue.push(stream.unwrap());
        assert!(queue.len() < 64, "the queue never fills");
    }

    let mut settings = Settings::new("full", format!("http://{address}").parse().unwrap());
    settings.connect_timeout = Duration::from_millis(300);
    let started = Instant::now();
    let refused = in_time(send(&Upstream::new(settings).unwrap(), get("/"))).await.unwrap_err();
    assert_eq!((refused.reason, refused.by), (Reason::UpstreamSlow, "proxy"));
    assert!(started.elapsed() >= Duration::from_millis(290), "{:?}", started.elapsed());
}

#[tokio::test]
async fn dos_08_a_silent_upstream_is_504_and_the_request_is_aborted() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        line.write("HTTP/1.1 200 OK\r\nX-A: ").await;
        line.end().await;
        line.tape.lock().unwrap().extend_from_slice(b"<end>");
    })
    .await;
    let started = Instant::now();
    let refused = in_time(send(&hasty(&recorder), get("/"))).await.unwrap_err();
    assert_eq!((refused.reason, refused.by), (Reason::UpstreamSlow, "proxy"));
    assert!(started.elapsed() >= Duration::from_millis(690), "{:?}", started.elapsed());
    until(|| recorder.tape().ends_with("<end>")).await;
}

#[tokio::test]
async fn dos_08_a_reset_before_or_in_the_head_is_502() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-"] {
        let recorder = Recorder::start(move |mut line| async move {
            line.head().await;
            line.write(answer).await;
            socket2::SockRef::from(&line.stream).set_linger(Some(Duration::ZERO)).unwrap();
        })
        .await;
        let refused = in_time(send(&recorder.upstream(), get("/"))).await.unwrap_err();
        assert_eq!(refused.reason, Reason::UpstreamDown);
        // Before a byte of an answer, what may be repeated is, once.
        assert_eq!(recorder.tapes().len(), if answer.is_empty() { 2 } else { 1 });
    }
}

#[tokio::test]
async fn dos_08_a_body_that_stops_or_stands_still_is_an_error_not_an_end() {
    for framing in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        for stands_still in [true, false] {
            let recorder = Recorder::start(move |mut line| async move {
                line.head().await;
                line.write(format!("HTTP/1.1 200 OK\r\n{framing}")).await;
                if stands_still {
                    line.end().await;
                    line.tape.lock().unwrap().extend_from_slice(b"<end>");
                }
            })
            .await;
            let answer = in_time(send(&hasty(&recorder), get("/"))).await.unwrap();
            let error = in_time(answer.into_body().read(100)).await.unwrap_err();
            assert_eq!(matches!(error, BodyError::TimedOut), stands_still, "{error:?}");
            assert_eq!(matches!(error, BodyError::Broken(_)), !stands_still, "{error:?}");
            until(|| !stands_still || recorder.tape().ends_with("<end>")).await;
        }
    }
}

#[tokio::test]
async fn a_body_that_keeps_coming_is_not_idle() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        line.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n").await;
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            line.write("x").await;
        }
        line.end().await;
    })
    .await;
    let answer = in_time(send(&hasty(&recorder), get("/"))).await.unwrap();
    assert_eq!(in_time(text(answer)).await, "xxxxxxxx");
}

#[tokio::test]
async fn dos_08_a_slow_client_is_not_a_slow_upstream() {
    let recorder = Recorder::answering(OK).await;
    let upstream = hasty(&recorder);
    let (sender, body) = pieces(None);
    let typing = async {
        for _ in 0..2 {
            sender.send(data("abc")).unwrap();
            tokio::time::sleep(Duration::from_millis(1600)).await;
        }
        drop(sender);
    };
    let (answer, ()) =
        in_time(async { tokio::join!(send(&upstream, ask(Method::POST, "/", &[], body)), typing) }).await;
    assert_eq!(answer.unwrap().status(), 200);
}

/// More than the buffers of both sockets take.
fn flood() -> (mpsc::UnboundedSender<Piece>, Body) {
    let (sender, body) = pieces(None);
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    for _ in 0..64 {
        sender.send(Ok(Frame::data(piece.clone()))).unwrap();
    }
    (sender, body)
}

#[tokio::test]
async fn dos_08_an_upstream_that_stops_reading_is_slow() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut settings = recorder.settings();
    settings.response_timeout = Duration::from_millis(500);
    settings.idle_timeout = Duration::from_millis(1500);
    let upstream = Upstream::new(settings).unwrap();
    let (sender, body) = flood();
    let refused = in_time(send(&upstream, ask(Method::POST, "/", &[], body))).await.unwrap_err();
    assert_eq!(refused.reason, Reason::UpstreamSlow);
    until(|| sender.is_closed()).await;
}

#[tokio::test]
async fn dos_08_an_upstream_that_answers_and_stops_reading_holds_no_body() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        line.write(OK).await;
        std::future::pending::<()>().await;
    })
    .await;
    let (sender, body) = flood();
    let answer = in_time(send(&hasty(&recorder), ask(Method::POST, "/", &[], body))).await.unwrap();
    assert_eq!(in_time(text(answer)).await, "ok");
    assert!(!sender.is_closed(), "the upload is still under way");
    until(|| sender.is_closed()).await;
}

#[tokio::test]
async fn dos_09_a_request_of_which_a_byte_was_sent_is_never_sent_again() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        if line.number == 1 {
            line.write(OK).await;
            line.head().await;
        }
    })
    .await;
    let upstream = recorder.upstream();
    in_time(text(in_time(send(&upstream, get("/1"))).await.unwrap())).await;
    for (method, body) in [(Method::POST, "abc"), (Method::POST, ""), (Method::PATCH, ""), (Method::PUT, "abc")] {
        let request = ask(method.clone(), "/2", &[], body.into());
        let refused = in_time(send(&upstream, request)).await.unwrap_err();
        assert_eq!((refused.reason, refused.by), (Reason::UpstreamDown, "proxy"));
        let seen = recorder.tapes().concat();
        assert_eq!(
            seen.matches(&format!("{method} /2 ")).count(),
            if method == Method::POST && body.is_empty() { 2 } else { 1 },
            "{seen}"
        );
    }
}

#[tokio::test]
async fn dos_09_a_connection_that_died_in_the_pool_costs_no_request() {
    let recorder = Recorder::start(|mut line| async move {
        line.request().await;
        line.write(OK).await;
    })
    .await;
    let upstream = recorder.upstream();
    for n in 1..=20 {
        let request = ask(Method::POST, "/", &[], "abc".into());
        // The upstream may be closing just now: then it may have to be a failure, but never a second try.
        if let Ok(answer) = in_time(send(&upstream, request)).await {
            assert_eq!(in_time(text(answer)).await, "ok");
        }
        let seen = recorder.tapes().concat().matches("POST / ").count();
        assert!(seen <= n, "{seen} of {n}");
        if n % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let answer = in_time(send(&upstream, ask(Method::PUT, "/", &[], "abc".into()))).await.unwrap();
            assert_eq!(in_time(text(answer)).await, "ok");
        }
    }
    assert_eq!(recorder.tapes().concat().matches("PUT / ").count(), 10);
}

#[tokio::test]
async fn connections_are_shared_by_clones_and_used_again() {
    let recorder = Recorder::answering(OK).await;
    let upstream = recorder.upstream();
    for _ in 0..3 {
        let answer = in_time(send(&upstream.clone(), get("/"))).await.unwrap();
        assert_eq!(in_time(text(answer)).await, "ok");
    }
    assert_eq!(recorder.tape().matches("GET / ").count(), 3);
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_the_upstream_would() {
    let recorder = Recorder::start(|mut line| async move {
        line.request().await;
        line.write(OK).await;
        line.end().await;
        line.tape.lock().unwrap().extend_from_slice(b"<end>");
    })
    .await;
    let mut settings = recorder.settings();
    settings.pool_idle_timeout = Duration::from_millis(200);
    let upstream = Upstream::new(settings).unwrap();
    in_time(text(in_time(send(&upstream, get("/"))).await.unwrap())).await;
    until(|| recorder.tape().ends_with("<end>")).await;
}

#[tokio::test]
async fn dos_12_the_request_does_not_choose_the_upstream_and_redirects_are_passed_on() {
    let elsewhere = Recorder::answering(OK).await;
    let to = elsewhere.address;
    let recorder = Recorder::start(move |mut line| async move {
        while line.request().await.is_some() {
            line.write(format!("HTTP/1.1 307 Away\r\nLocation: http://{to}/\r\nContent-Length: 0\r\n\r\n")).await;
        }
    })
    .await;
    let target = format!("http://{to}/a");
    let host = to.to_string();
    let lines = [("Host", host.as_str()), ("X-Forwarded-Host", host.as_str())];
    for upstream in [recorder.upstream(), {
        let mut settings = recorder.settings();
        settings.host = super::super::HostHeader::Client;
        Upstream::new(settings).unwrap()
    }] {
        let answer = in_time(send(&upstream, ask(Method::GET, &target, &lines, Body::empty()))).await.unwrap();
        assert_eq!(answer.status(), 307);
        assert_eq!(answer.headers()[header::LOCATION], format!("http://{to}/").as_str());
    }
    assert_eq!(recorder.tapes().concat().matches("GET /a HTTP/1.1\r\n").count(), 2);
    assert_eq!(elsewhere.tapes().len(), 0, "nobody called the other one");
}

#[tokio::test]
async fn connect_and_trace_are_refused_before_anything_is_sent() {
    let recorder = Recorder::answering(OK).await;
    for method in [Method::CONNECT, Method::TRACE] {
        let refused = in_time(send(&recorder.upstream(), ask(method, "/", &[], Body::empty()))).await.unwrap_err();
        assert_eq!((refused.reason, refused.by), (Reason::NotImplemented, "proxy"));
    }
    assert_eq!(recorder.tapes().len(), 0);
}

#[tokio::test]
async fn each_hop_has_a_version_of_its_own() {
    let recorder = Recorder::answering("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    for (version, via) in [(Version::HTTP_10, "1.0"), (Version::HTTP_11, "1.1"), (Version::HTTP_2, "2")] {
        let mut request = get("/");
        *request.version_mut() = version;
        let answer = in_time(send(&recorder.upstream(), request)).await.unwrap();
        assert_eq!(answer.version(), Version::HTTP_11);
        let tape = recorder.tapes().pop().unwrap();
        assert!(tape.starts_with("GET / HTTP/1.1\r\n"), "{tape}");
        assert!(tape.contains(&format!("\r\nvia: {via} trackgate\r\n")), "{tape}");
    }
}

#[tokio::test]
async fn forwarding_can_move_between_threads() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let recorder = Recorder::answering(OK).await;
    let upstream = recorder.upstream();
    let answer = tokio::spawn(async move { is_send(send(&upstream, get("/"))).await }).await.unwrap();
    assert_eq!(answer.unwrap().status(), 200);
}
