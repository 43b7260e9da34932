//! Everything that is counted.
#![expect(clippy::unwrap_used, reason = "what is counted is made by hand: it cannot fail, or the count is void")]

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::Empty;
use tower::{Layer as _, Service as _, service_fn};
use trackgate::gateway::RouteTable;
use trackgate::layer::{AuthLayer, Dialect, Gate, Mode, Permit, PlainDialect, Refusal, Trail};
use trackgate::telemetry::decisions::{Decisions, Noted, Said};
use trackgate::telemetry::metrics::{Authenticated, Counters, Ledger};
use trackgate_policies::ManualSteadyClock;
use trackgate_schemes::{
    AccountId, CanonicalPath, Credential, CredentialKind, Identity, ManualClock, Reason, Rejection, Subject,
};

use super::counts::{Count, taken};
use super::world::routes::route;
use super::world::{Asked, CLIENT, World, block_on, decided, now};

/// Everything that is counted.
pub(crate) fn counts() -> Vec<Count> {
    let world = World::new();
    let mut counts = vec![count("counting an allocation", Some(1), || Box::new([0_u8; 32]))];
    counts.extend(world.known());
    counts.extend(world.refused());
    counts.extend(observed());
    counts.extend(world.around());
    counts
}

impl World {
    fn required(&self) -> Gate {
        self.gate("1000/h", Arc::new(ManualSteadyClock::default()))
    }

    /// Known credentials: the first use asks the store, each after that costs nothing up to the permit.
    fn known(&self) -> Vec<Count> {
        let gate = self.required();
        let rows = [
            ("gate: a known Basic pair", "authorization", &self.basic, "basic"),
            ("gate: a known API token", "authorization", &self.token, "api"),
            ("gate: a known JWT", "authorization", &self.jwt, "fit"),
            ("gate: a known sliding token", "token", &self.session, "lp"),
        ];
        let known = rows.map(|(what, name, value, scheme)| {
            let asked = Asked::with(&[(name, value)]);
            assert_eq!(asked.show(|head| block_on(gate.enter(head))).unwrap().identity().scheme(), scheme);
            asked.show(|head| {
                count_as(what, Some(0), || decided(&gate, head), |permit| permit.unwrap().identity().scheme() == scheme)
            })
        });
        let trailed = Asked::with(&[("authorization", &self.token)]).show(|head| {
            let enter = || {
                let mut trail = Trail::default();
                match pin!(gate.enter_leaving(&mut trail, head)).poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(entered) => entered,
                    Poll::Pending => panic!("memory should know this"),
                }
            };
            count_as("gate: a known API token, with its trail", Some(0), enter, |permit| permit.is_ok())
        });
        let nobody = |permit: Result<Permit, Rejection>| permit.unwrap().identity().is_anonymous();
        let open = Gate::new(Mode::Public { reason: "counted".into() }, self.schemes.clone(), Vec::new());
        let optional = Gate::new(Mode::Optional, self.schemes.clone(), Vec::new());
        let first = Asked::with(&[]).show(|head| decided(&open, head));
        assert!(nobody(first), "the identity of nobody is made once");
        let public = Asked::with(&[("authorization", &self.basic)])
            .show(|head| count_as("gate: a public route", Some(0), || decided(&open, head), nobody));
        let without = Asked::with(&[])
            .show(|head| count_as("gate: nobody on an optional route", Some(0), || decided(&optional, head), nobody));
        known.into_iter().chain([trailed, public, without]).collect()
    }

    fn refused(&self) -> Vec<Count> {
        let gate = self.required();
        let limited = self.gate("1/h", Arc::new(ManualSteadyClock::default()));
        // What memory must know for the policies to be asked at once.
        for value in [&self.basic, &self.limited] {
            let entered = Asked::with(&[("authorization", value)]).show(|head| block_on(limited.enter(head)));
            assert_eq!(entered.is_ok(), value == &self.basic);
        }
        let mistyped = self.token.replace("tg_", "tg_0");
        let unreadable = self.jwt.replace('.', "..");
        let rows: [Refused<'_>; 12] = [
            ("gate: no credential", &gate, &[], CLIENT, Reason::Missing),
            (
                "gate: two lines",
                &gate,
                &[("authorization", &self.basic), ("authorization", &self.token)],
                CLIENT,
                Reason::Ambiguous,
            ),
            (
                "gate: two places",
                &gate,
                &[("authorization", &self.basic), ("token", &self.session)],
                CLIENT,
                Reason::Ambiguous,
            ),
            ("gate: a scheme of nobody's", &gate, &[("authorization", "Digest a")], CLIENT, Reason::Malformed),
            ("gate: a malformed Basic pair", &gate, &[("authorization", "Basic !")], CLIENT, Reason::Malformed),
            ("gate: a mistyped API token", &gate, &[("authorization", &mistyped)], CLIENT, Reason::Malformed),
            ("gate: an unreadable JWT", &gate, &[("authorization", &unreadable)], CLIENT, Reason::Malformed),
            ("gate: a malformed sliding token", &gate, &[("token", "a b")], CLIENT, Reason::Malformed),
            ("gate: a grant is missing", &gate, &[("authorization", &self.limited)], CLIENT, Reason::Grant),
            // A password is remembered for one network only; a token for all.
            (
                "gate: a token from elsewhere",
                &gate,
                &[("authorization", &self.token)],
                ELSEWHERE,
                Reason::AddressDenied,
            ),
            ("gate: a session from elsewhere", &gate, &[("token", &self.session)], ELSEWHERE, Reason::AddressDenied),
            ("gate: too many requests", &limited, &[("authorization", &self.basic)], CLIENT, Reason::RateLimited),
        ];
        let count = |(what, gate, lines, client, reason): Refused<'_>| {
            let asked = Asked { client, ..Asked::with(lines) };
            asked
                .show(|head| count_as(what, Some(0), || decided(gate, head), |said| said.unwrap_err().reason == reason))
        };
        rows.into_iter().map(count).collect()
    }

    /// What stands around the gate; told, not judged.
    fn around(&self) -> Vec<Count> {
        let gate = self.required();
        let lacking = Rejection::new(Reason::Missing, "gate");
        let challenges = gate.challenges(&lacking);
        let refusal = Refusal::new(&lacking).with_challenges(&challenges);
        let layer = AuthLayer::new(gate.clone()).with_clock(Arc::new(ManualClock::new(now())));
        let mut service = layer.layer(service_fn(answer));
        let mut ask = |what, value: Option<&str>, status: u16| {
            let mut request = Request::builder().method(Method::POST).uri("/write");
            if let Some(value) = value {
                request = request.header(header::AUTHORIZATION, value);
            }
            let request = request.extension(CLIENT).body(Empty::new()).unwrap();
            count_as(
                what,
                None,
                || block_on(service.call(request)),
                |answer| answer.is_ok_and(|answer| answer.status() == status),
            )
        };
        let layer_known = ask("layer: a known Basic pair", Some(&self.basic), 200);
        let layer_refused = ask("layer: no credential", None, 401);
        let routes = RouteTable::new(vec![route("a", "/write"), route("b", "/user/{name}")], Vec::new()).unwrap();
        let find = |what, path| {
            let headers = HeaderMap::new();
            count_as(what, None, || routes.find(&Method::POST, None, path, &headers).is_ok(), |found| found)
        };
        vec![
            layer_known,
            layer_refused,
            count("gate: the challenges of all schemes", None, || gate.challenges(&lacking)),
            count("dialect: a plain 401", None, || PlainDialect.render(&refusal)),
            count("path: a canonical one", None, || CanonicalPath::parse("/user/rider").is_ok()),
            find("routes: a fixed path", "/write"),
            find("routes: a path with a parameter", "/user/rider"),
        ]
    }
}

/// What an admin listener costs: counting a request, and keeping the decision on it in the place of an older one.
fn observed() -> [Count; 2] {
    let (counters, route): (Arc<Counters>, Arc<str>) = (Arc::default(), "write".into());
    let ledger = Ledger::new(&counters, [&route], ["api"]);
    let count_it = || {
        ledger.begun();
        let line = ledger.answered(Some(&route), &Method::POST, 403);
        ledger.authenticated("api", Authenticated::Known);
        ledger.refused(line, Reason::Grant, "grants");
        ledger.ended(line, Duration::from_millis(1), 20);
        ledger.over();
    };
    let decisions = Decisions::new(1, 1);
    let (ring, id): (_, Arc<str>) = (decisions.ring(0).unwrap(), "id".into());
    let token = Credential::new(CredentialKind::ApiToken, "token");
    let rider = Identity::new(Subject::Account(AccountId(1)), "rider", "api", token);
    let noted = Noted {
        id: &id,
        at: now(),
        listener: SocketAddr::new(CLIENT, 80),
        method: &Method::POST,
        path: "/write",
        route: Some(&route),
        client: Some(CLIENT),
        identity: Some(&rider),
        upstream: Some("points"),
        address: None,
        status: 403,
        refused: Some((Reason::Grant, "grants")),
        took: Duration::from_millis(1),
    };
    let said = || [Said { id: "api", word: "known", reason: None }].into_iter();
    // What is first of its kind takes memory, and so it does not come again.
    count_it();
    ring.note(&noted, said(), said());
    [
        count("admin: counting a request", Some(0), count_it),
        count("admin: a decision in the place of an older one", Some(0), || ring.note(&noted, said(), said())),
    ]
}

fn count<T>(what: &'static str, most: Option<usize>, work: impl FnOnce() -> T) -> Count {
    count_as(what, most, work, |_result| true)
}

/// Counts `work`, whose result must be the expected one, or the count says nothing.
fn count_as<T>(
    what: &'static str,
    most: Option<usize>,
    work: impl FnOnce() -> T,
    expected: impl FnOnce(T) -> bool,
) -> Count {
    let (result, taken) = taken(work);
    assert!(expected(result), "{what}: another answer than the one that should be counted");
    Count { what, taken, most }
}

/// What is counted, the gate, the header lines, the client, and why it is refused.
type Refused<'a> = (&'static str, &'a Gate, &'a [(&'static str, &'a str)], IpAddr, Reason);

fn answer(_request: Request<Empty<Bytes>>) -> Ready<Result<Response<Empty<Bytes>>, Infallible>> {
    ready(Ok(Response::new(Empty::new())))
}

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
