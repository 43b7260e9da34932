//! Several addresses, and which requests are sent again. The upstreams count.

use std::sync::atomic::{AtomicBool, Ordering};

use trackgate_schemes::Reason;

use super::*;
use crate::proxy::{Checkup, Eject, Health, RequestLimits};

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn at(addresses: &[&str]) -> Settings {
    let mut settings = Settings::new("points", addresses[0].parse().unwrap());
    settings.addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    settings
}

fn url(recorder: &Recorder) -> String {
    format!("http://{}", recorder.address)
}

fn count(recorder: &Recorder, line: &str) -> usize {
    recorder.tapes().concat().matches(line).count()
}

/// Reads a head, then does what `answer` says: bytes, or a reset when there are none.
async fn breaking(answer: &'static str) -> Recorder {
    Recorder::start(move |mut line| async move {
        line.request().await;
        line.write(answer).await;
        socket2::SockRef::from(&line.stream).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await
}

#[tokio::test]
async fn dos_08_one_address_that_is_dead_costs_no_request() {
    let (living, dead) = (Recorder::answering(OK).await, nobody().await);
    let upstream = Upstream::new(at(&[&dead, &url(&living)])).unwrap();
    for n in 0..40 {
        let method = if n % 2 == 0 { Method::POST } else { Method::GET };
        let body = if n % 4 == 0 { "abc".into() } else { Body::empty() };
        let answer = in_time(send(&upstream, ask(method, "/a", &[], body))).await.unwrap();
        assert_eq!(in_time(text(answer)).await, "ok");
    }
    assert_eq!(count(&living, " /a HTTP/1.1"), 40);
    let snapshot = upstream.snapshot();
    let [dead, living] = &snapshot.addresses[..] else { panic!("{snapshot:?}") };
    assert_eq!((dead.failed, dead.is_ejected, dead.connects), (5, true, 0), "left out after five: {snapshot:?}");
    assert_eq!((living.requests, living.retries, living.failed), (40, 5, 0), "{snapshot:?}");
    assert_eq!((snapshot.in_flight, living.in_flight), (0, 0));
}

#[tokio::test]
async fn dos_09_a_post_is_sent_once_whatever_happens_to_it() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-", "garbage\r\n\r\n"] {
        let recorders = [breaking(answer).await, breaking(answer).await];
        let upstream = Upstream::new(at(&[&url(&recorders[0]), &url(&recorders[1])])).unwrap();
        for body in ["abc", ""] {
            let before: usize = recorders.iter().map(|recorder| count(recorder, "POST /a ")).sum();
            let refused = in_time(send(&upstream, ask(Method::POST, "/a", &[], body.into()))).await.unwrap_err();
            assert_eq!(refused.reason, Reason::UpstreamDown);
            let after: usize = recorders.iter().map(|recorder| count(recorder, "POST /a ")).sum();
            assert_eq!(after - before, 1, "{answer:?} {body:?}");
        }
    }
}

#[tokio::test]
async fn dos_09_what_may_be_repeated_goes_to_the_other_address_once() {
    let (broken, living) = (breaking("").await, Recorder::answering(OK).await);
    let mut settings = at(&[&(url(&broken) + "/old"), &(url(&living) + "/new/base")]);
    settings.eject = None;
    let upstream = Upstream::new(settings).unwrap();
    for (n, method) in [Method::GET, Method::OPTIONS, Method::DELETE, Method::PUT, Method::HEAD].into_iter().enumerate()
    {
        for _ in 0..2 {
            let answer = in_time(send(&upstream, ask(method.clone(), "/a?b", &[("X-A", "1")], Body::empty()))).await;
            assert_eq!(answer.unwrap().status(), 200, "{method}");
        }
        assert_eq!(count(&broken, &format!("{method} /old/a?b HTTP/1.1\r\nhost: {}\r\n", broken.address)), 1);
        let sent = format!("{method} /new/base/a?b HTTP/1.1\r\nhost: {}\r\n", living.address);
        assert_eq!(count(&living, &sent), 2, "{method} {n}");
    }
    assert_eq!(count(&living, "\r\nx-a: 1\r\n"), 10);
}

#[tokio::test]
async fn dos_09_nothing_is_repeated_once_an_answer_began_or_after_a_time_out() {
    for answer in ["HTTP/1.1 200 OK\r\nContent-", "garbage\r\n\r\n", "HTTP/1.1 103 Early\r\n\r\n"] {
        let recorder = breaking(answer).await;
        let refused = in_time(send(&recorder.upstream(), get("/a"))).await.unwrap_err();
        assert_eq!((refused.reason, count(&recorder, "GET /a ")), (Reason::UpstreamDown, 1), "{answer:?}");
    }
    let silent = Recorder::start(|mut line| async move { line.end().await }).await;
    let mut settings = silent.settings();
    settings.response_timeout = Duration::from_millis(200);
    let refused = in_time(send(&Upstream::new(settings).unwrap(), get("/a"))).await.unwrap_err();
    assert_eq!((refused.reason, count(&silent, "GET /a ")), (Reason::UpstreamSlow, 1));
}

#[tokio::test]
async fn dos_09_a_connection_that_is_closed_as_it_is_used_again_costs_a_get_nothing() {
    let recorder = Recorder::start(|mut line| async move {
        line.request().await;
        line.write(OK).await;
        // The next request is read, and the connection closed.
        line.head().await;
    })
    .await;
    let upstream = recorder.upstream();
    for n in 1..=6 {
        let answer = in_time(send(&upstream, get("/a"))).await.unwrap();
        assert_eq!(in_time(text(answer)).await, "ok", "{n}");
    }
    let refused = in_time(send(&upstream, ask(Method::POST, "/p", &[], "abc".into()))).await.unwrap_err();
    assert_eq!((refused.reason, count(&recorder, "POST /p ")), (Reason::UpstreamDown, 1));
}

#[tokio::test]
async fn dos_09_an_upstream_that_is_down_gets_a_fifth_more_at_most() {
    let recorder = breaking("").await;
    let upstream = recorder.upstream();
    for _ in 0..150 {
        let refused = in_time(send(&upstream, get("/a"))).await.unwrap_err();
        assert_eq!(refused.reason, Reason::UpstreamDown);
    }
    let seen = count(&recorder, "GET /a ");
    assert!((180..=190).contains(&seen), "{seen} of 150");
    let mut settings = recorder.settings();
    settings.retries = 0;
    let upstream = Upstream::new(settings).unwrap();
    for _ in 0..20 {
        in_time(send(&upstream, get("/b"))).await.unwrap_err();
    }
    assert_eq!(count(&recorder, "GET /b "), 20);
}

#[tokio::test]
async fn dos_08_the_circuit_of_an_upstream_that_cannot_be_reached_opens_and_others_are_unharmed() {
    let other = Recorder::answering(OK).await;
    let dead = nobody().await;
    let mut settings = at(&[&dead]);
    settings.eject = Some(Eject { time: Duration::from_mins(1), ..Eject::default() });
    let upstream = Upstream::new(settings).unwrap();
    for _ in 0..5 {
        let refused = in_time(send(&upstream, get("/"))).await.unwrap_err();
        assert_eq!((refused.reason, refused.retry_after), (Reason::UpstreamDown, None));
    }
    let refused = in_time(send(&upstream, get("/"))).await.unwrap_err();
    assert!(refused.retry_after.is_some_and(|wait| wait > Duration::from_secs(50)), "{refused:?}");
    assert_eq!(upstream.snapshot().addresses[0].requests, 5, "nobody knocked a sixth time");
    assert_eq!(in_time(send(&other.upstream(), get("/"))).await.unwrap().status(), 200);
}

#[tokio::test]
async fn requests_go_where_the_fewest_are_under_way() {
    let held = || {
        Recorder::start(|mut line| async move {
            line.head().await;
            line.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await;
            line.end().await;
        })
    };
    let (a, b) = (held().await, held().await);
    let upstream = Upstream::new(at(&[&url(&a), &url(&b)])).unwrap();
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(in_time(send(&upstream, get("/"))).await.unwrap());
    }
    assert_eq!((a.tapes().len(), b.tapes().len()), (3, 3));
    assert_eq!(upstream.snapshot().in_flight, 6, "an answer is under way until its body ends");
    drop(answers);
    assert_eq!(upstream.snapshot().in_flight, 0);
}

#[tokio::test]
async fn dos_08_no_more_than_the_limit_is_under_way_and_others_wait_in_line() {
    let recorder = Recorder::start(|mut line| async move {
        while line.request().await.is_some() {
            line.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await;
            tokio::time::sleep(Duration::from_millis(60)).await;
            line.write("k").await;
        }
    })
    .await;
    let mut settings = recorder.settings();
    settings.limits = Some(RequestLimits { requests: 2, queue: 2, queue_timeout: Duration::from_secs(10) });
    let upstream = Upstream::new(settings).unwrap();
    let mut asking = tokio::task::JoinSet::new();
    for core in 0..12 {
        // The limit holds for all cores together.
        let own = if core % 2 == 0 { upstream.clone() } else { upstream.with_own_connections() };
        asking.spawn(async move {
            match send(&own, get("/")).await {
                Ok(answer) => Ok(text(answer).await),
                Err(why) => Err((why.reason, why.retry_after_seconds())),
            }
        });
        until(|| upstream.snapshot().in_flight + upstream.snapshot().queued >= (core + 1).min(4)).await;
    }
    let outcomes = in_time(asking.join_all()).await;
    let served = outcomes.iter().filter(|outcome| outcome.as_deref() == Ok("ok")).count();
    let refused = outcomes.iter().filter(|outcome| **outcome == Err((Reason::UpstreamBusy, Some(1)))).count();
    assert_eq!(served + refused, 12, "{outcomes:?}");
    assert!(served >= 4 && refused >= 1, "{outcomes:?}");
    assert_eq!((upstream.snapshot().in_flight, upstream.snapshot().queued), (0, 0));
    assert_eq!(upstream.snapshot().refused, refused as u64);
}

#[tokio::test]
async fn dos_08_who_waits_too_long_or_leaves_gives_up_the_place() {
    let recorder = Recorder::start(|mut line| async move {
        line.head().await;
        line.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").await;
        line.end().await;
    })
    .await;
    let mut settings = recorder.settings();
    settings.limits = Some(RequestLimits { requests: 1, queue: 1, queue_timeout: Duration::from_millis(200) });
    let upstream = Upstream::new(settings).unwrap();
    let held = in_time(send(&upstream, get("/1"))).await.unwrap();
    let refused = in_time(send(&upstream, get("/2"))).await.unwrap_err();
    assert_eq!(refused.reason, Reason::UpstreamBusy);
    assert_eq!(count(&recorder, "GET /2 "), 0);
    let leaving = tokio::spawn({
        let upstream = upstream.clone();
        async move { send(&upstream, get("/3")).await }
    });
    until(|| upstream.snapshot().queued == 1).await;
    leaving.abort();
    until(|| upstream.snapshot().queued == 0).await;
    drop(held);
    assert_eq!(in_time(send(&upstream, get("/4"))).await.unwrap().status(), 200);
    assert_eq!(count(&recorder, "GET /3 "), 0);
}

#[tokio::test]
async fn health_checks_take_an_address_out_and_bring_it_back() {
    let is_well = Arc::new(AtomicBool::new(true));
    let ill = is_well.clone();
    let recorder = Recorder::start(move |mut line| {
        let ill = ill.clone();
        async move {
            while line.request().await.is_some() {
                let answer =
                    if ill.load(Ordering::SeqCst) { OK } else { "HTTP/1.1 503 Ill\r\nContent-Length: 0\r\n\r\n" };
                line.write(answer).await;
            }
        }
    })
    .await;
    let mut settings = at(&[&(url(&recorder) + "/base")]);
    let mut health = Health::new("/ping?deep".parse().unwrap());
    health.every = Duration::from_millis(20);
    settings.health = Some(health);
    let upstream = Upstream::new(settings).unwrap();
    let checkup = Checkup::start([&upstream]);
    assert_eq!(checkup.addresses(), 1);
    until(|| count(&recorder, "GET /ping?deep HTTP/1.1\r\n") > 3).await;
    assert_eq!(in_time(send(&upstream, get("/a"))).await.unwrap().status(), 200);

    is_well.store(false, Ordering::SeqCst);
    until(|| !upstream.snapshot().addresses[0].is_healthy).await;
    let refused = in_time(send(&upstream.with_own_connections(), get("/b"))).await.unwrap_err();
    assert_eq!((refused.reason, refused.retry_after_seconds()), (Reason::UpstreamDown, Some(5)));
    assert_eq!(count(&recorder, "GET /base/b "), 0);

    is_well.store(true, Ordering::SeqCst);
    until(|| upstream.snapshot().addresses[0].is_healthy).await;
    assert_eq!(in_time(send(&upstream, get("/c"))).await.unwrap().status(), 200);

    drop(checkup);
    let before = recorder.tapes().len();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(recorder.tapes().len() <= before + 1, "nobody asks any more");
}

#[tokio::test]
async fn a_socket_in_the_file_system_is_an_upstream() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("up.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let heads = Arc::new(Mutex::new(Vec::<String>::new()));
    let seen = heads.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    seen.lock().unwrap().push(String::from_utf8_lossy(&buffer[..read]).into_owned());
                    stream.write_all(OK.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let upstream = Upstream::new(at(&[&format!("unix:{}:/base", socket.display())])).unwrap();
    for _ in 0..3 {
        let answer = in_time(send(&upstream, get("/a"))).await.unwrap();
        assert_eq!(in_time(text(answer)).await, "ok");
    }
    let heads = heads.lock().unwrap().clone();
    assert!(heads.iter().all(|head| head.starts_with("GET /base/a HTTP/1.1\r\nhost: localhost\r\n")), "{heads:?}");
    assert_eq!((heads.len(), upstream.snapshot().addresses[0].connects), (3, 1));
    std::fs::remove_file(&socket).unwrap();
    let gone = Upstream::new(at(&[&format!("unix:{}", socket.display())])).unwrap();
    assert_eq!(in_time(send(&gone, get("/a"))).await.unwrap_err().reason, Reason::UpstreamDown);
}

#[tokio::test]
async fn a_host_of_ones_own_is_sent() {
    let recorder = Recorder::answering(OK).await;
    let mut settings = recorder.settings();
    settings.host = crate::proxy::HostHeader::Named(HeaderValue::from_static("tracker.internal"));
    in_time(send(&Upstream::new(settings).unwrap(), get("/a"))).await.unwrap();
    assert!(recorder.tape().starts_with("GET /a HTTP/1.1\r\nhost: tracker.internal\r\n"));
}
