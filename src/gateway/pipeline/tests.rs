//! The pipeline by itself, with a route and a scheme of one.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::BodyExt as _;
use trackgate_schemes::{
    AccountId, Carrier, Credential, CredentialKind, Forget as _, Head, ManualClock, Scheme, Step, Subject, Verdict,
};

use super::super::TrustedProxies;
use super::*;
use crate::gateway::{ForwardedHeader, Route};
use crate::layer::{Gate, Mode};
use crate::message::BodyError;

/// Knows everybody as one account.
#[derive(Debug)]
struct One;

impl Scheme for One {
    fn id(&self) -> &'static str {
        "one"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(header::AUTHORIZATION)
    }

    fn authenticate(&self, _head: &Head<'_>) -> Step {
        let credential = Credential::new(CredentialKind::ApiToken, "token");
        let who = Identity::new(Subject::Account(AccountId(7)), "anna", "one", credential);
        Step::Done(Verdict::Known(who))
    }
}

/// One piece, and another that never comes.
struct Endless(Option<Bytes>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.take().map_or(Poll::Pending, |piece| Poll::Ready(Some(Ok(Frame::data(piece)))))
    }
}

#[tokio::test]
async fn exp_05_what_a_tracker_streams_ends_with_its_credential() {
    let route = Route {
        name: "one".into(),
        methods: vec![Method::GET],
        path: "/archive".to_owned(),
        hosts: Vec::new(),
        gate: Gate::new(Mode::Required, vec![Arc::new(One)], Vec::new()),
        target: Target::Tracker(Arc::new(async |_call: Call| {
            Response::new(Body::stream(Endless(Some("first".into()))))
        })),
        dialect: Arc::new(PlainDialect),
        max_body_bytes: 0,
        raw_path: false,
    };
    let table = RouteTable::new(vec![route], Vec::new()).unwrap();
    let proxies = TrustedProxies::new(Vec::new(), ForwardedHeader::XForwardedFor).unwrap();
    let (streams, clock) = (Arc::<Streams>::default(), Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH)));
    let running = Running { table, proxies };
    let pipeline = Pipeline::new(running, Arc::clone(&streams), clock, AccessLog::off());
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let request = Request::get("/archive").header("authorization", "One x").body(Body::empty()).unwrap();
    let mut body = pipeline.respond(request, &Peer::new(here, here)).await.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "first");
    assert_eq!(streams.len(), 1);
    streams.forget_credential("another");
    assert!(tokio::time::timeout(Duration::from_millis(5), body.frame()).await.is_err(), "it goes on");
    streams.forget_credential("token");
    let ended = tokio::time::timeout(Duration::from_secs(5), body.frame()).await.unwrap();
    assert!(ended.unwrap().is_err());
    drop(body);
    assert!(streams.is_empty());
}

#[tokio::test]
async fn rev_14_a_change_comes_to_its_end_though_its_client_leaves() {
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (done, is_done) = tokio::sync::oneshot::channel();
    let reply: Reply = Box::pin(async move {
        begun.send(()).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        done.send(()).unwrap();
        Response::new(Body::empty())
    });
    let mut answering = Box::pin(to_its_end(reply));
    tokio::select! {
        _ = answering.as_mut() => panic!("it ended before the client could leave"),
        begun = has_begun => begun.unwrap(),
    }
    drop(answering);
    tokio::time::timeout(Duration::from_secs(5), is_done).await.unwrap().unwrap();
}
