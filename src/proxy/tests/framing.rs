//! Where messages end, seen from both sides.

use trackgate_schemes::Reason;

use super::*;

#[tokio::test]
async fn frm_17_a_body_keeps_exact_framing_with_any_method() {
    for method in [Method::GET, Method::HEAD, Method::DELETE, Method::POST] {
        let answer = if method == Method::HEAD { "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" } else { OK };
        let recorder = Recorder::answering(answer).await;
        let upstream = recorder.upstream();
        let sized = ask(method.clone(), "/1", &[("Content-Length", "6")], streamed(Some(6), &["abc", "def"]));
        let unsized_ = ask(method.clone(), "/2", &[("Transfer-Encoding", "chunked")], streamed(None, &["abc", "def"]));
        for request in [sized, unsized_, ask(method.clone(), "/3", &[], Body::empty())] {
            let answer = in_time(send(&upstream, request)).await.unwrap();
            assert_eq!(answer.headers()["content-length"], "2");
            in_time(text(answer)).await;
        }
        let tapes = recorder.tapes().concat();
        let requests: Vec<&str> = tapes.split(" HTTP/1.1\r\n").collect();
        assert_eq!(requests.len(), 4, "{tapes}");
        assert!(requests[1].contains("\r\ncontent-length: 6\r\n"), "{tapes}");
        assert!(requests[1].ends_with(&format!("\r\n\r\nabcdef{method} /2")), "{tapes}");
        assert!(requests[2].contains("\r\ntransfer-encoding: chunked\r\n"), "{tapes}");
        assert!(requests[2].ends_with(&format!("\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n{method} /3")), "{tapes}");
        let length =
            if method == Method::POST { "\r\ncontent-length: 0\r\n\r\n" } else { "x-trackgate-service: \r\n\r\n" };
        assert!(requests[3].ends_with(length) && !requests[3].contains("chunked"), "{tapes}");
    }
}

#[tokio::test]
async fn frm_17_an_announced_empty_body_stays_announced() {
    for (body, announced) in [(Body::empty(), true), (streamed(Some(0), &[]), true), (Body::empty(), false)] {
        let recorder = Recorder::answering(OK).await;
        let lines: &[_] = if announced { &[("Content-Length", "0")] } else { &[] };
        in_time(send(&recorder.upstream(), ask(Method::DELETE, "/", lines, body))).await.unwrap();
        let tape = recorder.tape();
        assert_eq!(tape.contains("\r\ncontent-length: 0\r\n"), announced, "{tape}");
        assert!(!tape.contains("chunked"), "{tape}");
    }
}

/// An upstream that waits for whole requests, with a body under way to it.
async fn under_way(length: Option<u64>) -> (Recorder, mpsc::UnboundedSender<Piece>, Request<Body>) {
    let recorder = Recorder::start(|mut line| async move {
        while let Some(request) = line.request().await {
            line.write(if request.starts_with("GET") { OK } else { "HTTP/1.1 500 Complete\r\n\r\n" }).await;
        }
        line.tape.lock().unwrap().extend_from_slice(b"<end>");
    })
    .await;
    let (sender, body) = pieces(length);
    sender.send(data("abc")).unwrap();
    (recorder, sender, ask(Method::POST, "/", &[], body))
}

#[tokio::test]
async fn frm_18_a_body_that_breaks_off_is_never_a_complete_request() {
    for length in [None, Some(6)] {
        for (error, reason) in [
            (BodyError::Broken("reset".into()), Reason::BadRequest),
            (BodyError::TimedOut, Reason::BodyTimeout),
            (BodyError::TooLarge, Reason::BodyTooLarge),
        ] {
            let (recorder, sender, request) = under_way(length).await;
            let upstream = recorder.upstream();
            let breaking = async {
                until(|| recorder.tapes().concat().contains("abc")).await;
                sender.send(Err(error)).unwrap();
            };
            let (answer, ()) = in_time(async { tokio::join!(send(&upstream, request), breaking) }).await;
            let refused = answer.unwrap_err();
            assert_eq!((refused.reason, refused.by), (reason, "proxy"));
            until(|| recorder.tape().ends_with("<end>")).await;
            let tape = recorder.tape();
            assert!(tape.ends_with("\r\n\r\nabc<end>") || tape.ends_with("\r\n\r\n3\r\nabc\r\n<end>"), "{tape}");

            in_time(send(&upstream, get("/next"))).await.unwrap();
            assert_eq!(recorder.tapes().len(), 2, "the connection is not used again");
        }
    }
}

#[tokio::test]
async fn frm_18_a_client_that_leaves_aborts_the_request() {
    let (recorder, sender, request) = under_way(None).await;
    let upstream = recorder.upstream();
    let sending = tokio::spawn({
        let upstream = upstream.clone();
        async move { send(&upstream, request).await }
    });
    until(|| recorder.tapes().concat().contains("abc")).await;
    sending.abort();
    until(|| recorder.tape().ends_with("\r\n\r\n3\r\nabc\r\n<end>")).await;
    assert!(sender.is_closed(), "nobody holds the body any more");
    in_time(send(&upstream, get("/next"))).await.unwrap();
    assert_eq!(recorder.tapes().len(), 2);
}

#[tokio::test]
async fn frm_19_an_early_answer_passes_and_the_upload_ends_with_the_connection() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        line.write("HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\nConnection: close\r\n\r\nstop").await;
    })
    .await;
    let (sender, body) = pieces(None);
    let answer = in_time(send(&recorder.upstream(), ask(Method::POST, "/", &[], body))).await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(in_time(text(answer)).await, "stop");
    until(|| sender.is_closed()).await;
}

#[tokio::test]
async fn frm_19_an_early_answer_does_not_cut_the_upload_short() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        line.write(OK).await;
        while line.request().await.is_some() {
            line.write(OK).await;
        }
    })
    .await;
    let upstream = recorder.upstream();
    let (sender, body) = pieces(None);
    let answer = in_time(send(&upstream, ask(Method::POST, "/1", &[], body))).await.unwrap();
    assert_eq!(in_time(text(answer)).await, "ok");
    sender.send(data("abc")).unwrap();
    drop(sender);
    until(|| recorder.tape().ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n")).await;
}

#[tokio::test]
async fn frm_19_extra_bytes_are_nobody_elses_answer() {
    let recorder = Recorder::start(|mut line| async move {
        while line.request().await.is_some() {
            line.write(format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")).await;
        }
    })
    .await;
    let upstream = recorder.upstream();
    for _ in 0..3 {
        let answer = in_time(send(&upstream, get("/"))).await.unwrap();
        assert_eq!(in_time(text(answer)).await, "ok");
    }
    assert_eq!(recorder.tapes().len(), 3, "no connection is used again");
}

#[tokio::test]
async fn frm_19_a_body_to_head_is_nobody_elses_answer() {
    let recorder = Recorder::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let upstream = recorder.upstream();
    for _ in 0..2 {
        let answer = in_time(send(&upstream, ask(Method::HEAD, "/", &[], Body::empty()))).await.unwrap();
        assert_eq!(answer.headers()["content-length"], "2");
        assert_eq!(in_time(text(answer)).await, "");
    }
    assert_eq!(recorder.tapes().len(), 2);
}

#[tokio::test]
async fn frm_19_garbled_answers_are_502_and_end_the_connection() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nBad Name: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tunnel\r\n\r\nraw",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "\0\0\0\0\0\0\0\0",
        "",
    ] {
        let recorder = Recorder::start(move |mut line| async move {
            line.head().await;
            line.write(answer).await;
            if answer.is_empty() {
                return;
            }
            line.end().await;
            line.tape.lock().unwrap().extend_from_slice(b"<end>");
        })
        .await;
        let mut settings = recorder.settings();
        settings.pool_idle_timeout = Duration::from_mins(5);
        let upstream = Upstream::new(settings).unwrap();
        let refused = in_time(send(&upstream, get("/"))).await.unwrap_err();
        assert_eq!((refused.reason, refused.by), (Reason::UpstreamDown, "proxy"), "{answer}");
        until(|| answer.is_empty() || recorder.tape().ends_with("<end>")).await;
    }
}

#[tokio::test]
async fn frm_19_a_storm_of_interim_answers_ends_at_the_time_limit() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        while line.write("HTTP/1.1 102 Processing\r\n\r\n".repeat(64)).await {
            tokio::task::yield_now().await;
        }
        line.tape.lock().unwrap().extend_from_slice(b"<end>");
    })
    .await;
    let mut settings = recorder.settings();
    settings.response_timeout = Duration::from_millis(300);
    let refused = in_time(send(&Upstream::new(settings).unwrap(), get("/"))).await.unwrap_err();
    assert_eq!(refused.reason, Reason::UpstreamSlow);
    until(|| recorder.tape().ends_with("<end>")).await;
}

#[tokio::test]
async fn interim_answers_are_passed_over_and_answers_without_body_keep_their_length() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        line.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
        line.write("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n").await;
        line.head().await;
        line.write("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").await;
        line.end().await;
    })
    .await;
    let upstream = recorder.upstream();
    let answer = in_time(send(&upstream, get("/"))).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["content-length"]), (304, &HeaderValue::from(9)));
    let answer = in_time(send(&upstream, get("/"))).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().len()), (204, 0));
    assert_eq!(recorder.tapes().len(), 1);
}
