//! The rules of the layer.

use std::convert::Infallible;
use std::future::Ready;
use std::net::IpAddr;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use tokio::sync::oneshot;
use tower::{Layer as _, Service, ServiceExt as _};
use trackgate_schemes::ManualClock;

use super::*;
use crate::layer::{AuthLayer, AuthService, Dialect, Gate, Mode, Permit, Refusal};

type Body = Empty<bytes::Bytes>;

/// Answers with the name of whoever was let through, and counts.
#[derive(Clone, Debug, Default)]
struct Inner {
    called: Arc<AtomicUsize>,
    /// Only the one that was polled ready may be called; a clone is not ready.
    ready: Readiness,
}

#[derive(Debug, Default)]
struct Readiness(bool);

impl Clone for Readiness {
    fn clone(&self) -> Self {
        Self(false)
    }
}

impl Service<Request<Body>> for Inner {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready.0 = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready.0), "it was not polled ready");
        self.called.fetch_add(1, Ordering::SeqCst);
        let identity = request.extensions().get::<Identity>().unwrap();
        assert_eq!(request.extensions().get::<Permit>().unwrap().identity(), identity);
        std::future::ready(Ok(Response::new(Full::from(format!("{} by {}", identity.name(), identity.scheme())))))
    }
}

struct Case {
    service: AuthService<Inner>,
    called: Arc<AtomicUsize>,
}

fn layer_of(mode: Mode, scheme: impl Scheme) -> AuthLayer {
    AuthLayer::new(Gate::new(mode, vec![Arc::new(scheme)], Vec::new()))
}

fn case(layer: &AuthLayer) -> Case {
    let inner = Inner::default();
    Case { called: Arc::clone(&inner.called), service: layer.layer(inner) }
}

impl Case {
    fn called(&self) -> usize {
        self.called.load(Ordering::SeqCst)
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, Vec<String>, String) {
        let (head, body) = self.service.clone().oneshot(request).await.unwrap().into_parts();
        let challenges = head.headers.get_all(header::WWW_AUTHENTICATE).iter();
        let challenges = challenges.map(|value| value.to_str().unwrap().to_owned()).collect();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status, challenges, String::from_utf8(body.into()).unwrap())
    }
}

fn request(authorization: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().uri("/write?db=points");
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    request.body(Empty::new()).unwrap()
}

#[tokio::test]
async fn whoever_is_let_through_stands_in_the_extensions() {
    for scheme in [Told::says("basic", Says::Known), Told::says("basic", Says::Known).later()] {
        let case = case(&layer_of(Mode::Required, scheme));
        let answer = case.ask(request(Some("x"))).await;
        assert_eq!(answer, (StatusCode::OK, vec![], "rider by basic".into()));
        assert_eq!(case.called(), 1);
    }
}

#[tokio::test]
async fn nobody_stands_there_on_an_open_route() {
    for mode in [Mode::Optional, Mode::Public { reason: "a test".into() }] {
        let case = case(&layer_of(mode, Told::says("basic", Says::Refused)));
        assert_eq!(case.ask(request(None)).await, (StatusCode::OK, vec![], " by none".into()));
    }
}

#[tokio::test]
async fn a_refused_request_never_reaches_the_service() {
    let error = |status: StatusCode, word: &str, challenges: &[&str]| {
        let challenges = challenges.iter().map(ToString::to_string).collect::<Vec<_>>();
        (status, challenges, format!("{{\"error\":\"{word}\"}}\n"))
    };
    for scheme in [Told::says("basic", Says::Refused), Told::says("basic", Says::Refused).later()] {
        let case = case(&layer_of(Mode::Required, scheme));
        let unauthorized = |challenge| error(StatusCode::UNAUTHORIZED, "unauthorized", &[challenge]);
        assert_eq!(case.ask(request(None)).await, unauthorized("basic"));
        assert_eq!(case.ask(request(Some("x"))).await, unauthorized("basic!"));
        let mut twice = request(Some("x"));
        twice.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_static("x"));
        assert_eq!(case.ask(twice).await, error(StatusCode::BAD_REQUEST, "bad request", &[]));
        assert_eq!(case.called(), 0);
    }
}

#[tokio::test]
async fn a_path_that_could_be_read_in_two_ways_is_refused_even_on_a_public_route() {
    let case = case(&layer_of(Mode::Public { reason: "a test".into() }, Told::says("basic", Says::Known)));
    for path in ["/a/../b", "/a//b", "/a%2fb", "/a;b", "/%zz"] {
        let request = Request::builder().uri(path).body(Empty::new()).unwrap();
        assert_eq!(case.ask(request).await.0, StatusCode::BAD_REQUEST, "{path}");
    }
    assert_eq!(case.called(), 0);
}

#[tokio::test]
async fn a_policy_refuses_for_the_layer_too() {
    let scheme = Arc::new(Told::says("basic", Says::Known).later());
    let gate = Gate::new(Mode::Required, vec![scheme.clone()], vec![Rule::denies(Reason::RateLimited)]);
    let case = case(&AuthLayer::new(gate));
    assert_eq!(case.ask(request(Some("x"))).await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((case.called(), scheme.accepted()), (0, 0));
}

#[tokio::test]
async fn refusals_are_worded_by_the_dialect_of_the_layer() {
    #[derive(Debug)]
    struct Short;

    impl Dialect for Short {
        fn render(&self, refusal: &Refusal<'_>) -> Response<bytes::Bytes> {
            let path = refusal.path.unwrap();
            Response::new(format!("{} {path} {:?}", refusal.why.reason, refusal.challenges).into())
        }
    }

    let layer = layer_of(Mode::Required, Told::says("basic", Says::Refused)).with_dialect(Arc::new(Short));
    let answer = case(&layer).ask(request(Some("x"))).await;
    assert_eq!(answer, (StatusCode::OK, vec![], "wrong_secret /write [\"basic!\"]".into()));
}

/// Query, client and clock, as a scheme was shown them.
type Seen = (Option<String>, Option<IpAddr>, SystemTime);

#[derive(Clone, Debug, Default)]
struct Shown(Arc<Mutex<Option<Seen>>>);

impl Scheme for Shown {
    fn id(&self) -> &'static str {
        "shown"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(header::AUTHORIZATION)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        *self.0.lock().unwrap() = Some((head.query.map(ToOwned::to_owned), head.client, head.now));
        Step::Done(Verdict::Known(rider("shown")))
    }
}

#[tokio::test]
async fn schemes_see_query_client_and_clock_of_the_layer() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_hours(24);
    let shown = Shown::default();
    let layer = layer_of(Mode::Required, shown.clone()).with_clock(Arc::new(ManualClock::new(now)));
    let address: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    let (plain, socket) = (Some("192.0.2.1".parse().unwrap()), std::net::SocketAddr::new(address, 80));
    let told = |layer: &AuthLayer, request: Request<Body>| {
        let case = case(layer);
        let shown = shown.clone();
        async move {
            assert_eq!(case.ask(request).await.0, StatusCode::OK);
            shown.0.lock().unwrap().take().unwrap()
        }
    };
    let query = Some("db=points".to_owned());
    assert_eq!(told(&layer, request(Some("x"))).await, (query.clone(), None, now));
    let mut from = request(Some("x"));
    from.extensions_mut().insert(address);
    assert_eq!(told(&layer, from).await, (query.clone(), plain, now));
    let mut from = request(Some("x"));
    from.extensions_mut().insert(socket);
    assert_eq!(told(&layer, from).await, (query.clone(), plain, now));
    let fixed = layer.with_client(|_extensions| Some(IpAddr::from([203, 0, 113, 9])));
    assert_eq!(told(&fixed, request(Some("x"))).await, (query, Some([203, 0, 113, 9].into()), now));
}

/// Answers only when the test says so: with whoever the test names.
#[derive(Clone, Debug, Default)]
struct OnDemand(Arc<Mutex<Vec<oneshot::Sender<Verdict>>>>);

impl OnDemand {
    fn waiting(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn answer(&self, verdict: Verdict) {
        let oldest = self.0.lock().unwrap().remove(0);
        // The request may have gone away by now.
        drop(oldest.send(verdict));
    }
}

impl Scheme for OnDemand {
    fn id(&self) -> &'static str {
        "on-demand"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(header::AUTHORIZATION)
    }

    /// The word `known` needs no asking.
    fn authenticate(&self, head: &Head<'_>) -> Step {
        if head.headers.get(header::AUTHORIZATION).is_some_and(|word| word == "known") {
            return Step::Done(Verdict::Known(rider("on-demand")));
        }
        let (answer, asked) = oneshot::channel();
        self.0.lock().unwrap().push(answer);
        Step::ask(async { asked.await.unwrap_or(Verdict::Absent) })
    }
}

#[tokio::test]
async fn a_request_that_waits_is_in_nobody_s_way() {
    let scheme = OnDemand::default();
    let case = case(&layer_of(Mode::Required, scheme.clone()));
    let waiting = tokio::spawn(case.service.clone().oneshot(request(Some("asked"))));
    while scheme.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(case.ask(request(Some("known"))).await.0, StatusCode::OK);
    assert_eq!((case.called(), waiting.is_finished()), (1, false), "the service has not seen the one that waits");
    scheme.answer(Verdict::Known(rider("on-demand")));
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(case.called(), 2);
}

#[tokio::test]
async fn a_request_that_goes_away_while_it_waits_reaches_nobody() {
    let scheme = OnDemand::default();
    let mut case = case(&layer_of(Mode::Required, scheme.clone()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(case.service.poll_ready(&mut context).is_ready());
    let mut future = Box::pin(case.service.call(request(Some("asked"))));
    assert!(future.as_mut().poll(&mut context).is_pending());
    drop(future);
    scheme.answer(Verdict::Known(rider("on-demand")));
    assert_eq!(case.called(), 0);
}

#[tokio::test]
async fn the_service_that_was_polled_ready_takes_the_call() {
    let scheme = OnDemand::default();
    let mut case = case(&layer_of(Mode::Required, scheme.clone()));
    let mut calls = Vec::new();
    // `Inner` panics when one that is not ready is called, and clones of it are not.
    for _ in 0..3 {
        case.service.ready().await.unwrap();
        calls.push(case.service.call(request(Some("asked"))));
        case.service.ready().await.unwrap();
        assert_eq!(case.service.call(request(Some("known"))).await.unwrap().status(), StatusCode::OK);
    }
    for call in calls {
        scheme.answer(Verdict::Known(rider("on-demand")));
        assert_eq!(call.await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(case.called(), 6);
}

#[tokio::test]
async fn the_layer_is_ready_when_the_service_is_and_fails_as_it_fails() {
    #[derive(Clone)]
    struct Gated(bool);

    impl Service<Request<Body>> for Gated {
        type Response = Response<Body>;
        type Error = &'static str;
        type Future = Ready<Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            if std::mem::replace(&mut self.0, true) { Poll::Ready(Err("closed")) } else { Poll::Pending }
        }

        fn call(&mut self, _request: Request<Body>) -> Self::Future {
            std::future::ready(Err("broken"))
        }
    }

    let mut service = layer_of(Mode::Required, Told::says("basic", Says::Known)).layer(Gated(false));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(service.poll_ready(&mut context), Poll::Pending);
    assert_eq!(service.poll_ready(&mut context), Poll::Ready(Err("closed")));
    assert_eq!(service.call(request(Some("x"))).await.map(drop), Err("broken"));
}

/// Knows as many people as there are words, each after some turns of the runtime.
#[derive(Debug)]
struct Everybody;

impl Scheme for Everybody {
    fn id(&self) -> &'static str {
        "everybody"
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(header::AUTHORIZATION)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let word = head.headers.get(header::AUTHORIZATION).and_then(|word| word.to_str().ok()).unwrap_or_default();
        let (turns, credential) = (word.len() % 5, Credential::new(CredentialKind::Other, word));
        let who = Identity::new(Subject::External(word.into()), word, "everybody", credential);
        if turns == 0 {
            return Step::Done(Verdict::Known(who));
        }
        Step::ask(async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            Verdict::Known(who)
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_each_is_who_it_is() {
    let case = Arc::new(case(&layer_of(Mode::Required, Everybody)));
    let asking: Vec<_> = (0..200_usize)
        .map(|n| {
            let case = Arc::clone(&case);
            let name = format!("{n}{}", "x".repeat(n % 7));
            tokio::spawn(async move {
                let (status, _, body) = case.ask(request(Some(&name))).await;
                assert_eq!((status, body), (StatusCode::OK, format!("{name} by everybody")));
            })
        })
        .collect();
    for one in asking {
        one.await.unwrap();
    }
    assert_eq!(case.called(), 200);
}
