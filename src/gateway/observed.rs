//! A request as it is counted and kept, from its head to the end of its answer.

use std::sync::Arc;
use std::time::Duration;

use trackgate_schemes::Reason;

use super::routes::RouteTable;
use crate::layer::{Trail, Word};
use crate::telemetry::decisions::{Noted, Place, Ring, Said};
use crate::telemetry::metrics::{Authenticated, Counters, Ledger, Line};

/// What the requests of one thread are counted and kept in, for one configuration.
#[derive(Clone, Debug)]
pub struct Observer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    ledger: Ledger,
    ring: Option<Arc<Ring>>,
}

impl Observer {
    /// Counts for the routes of this table, and keeps decisions where there is a ring.
    pub fn new(counters: &Arc<Counters>, ring: Option<&Arc<Ring>>, table: &RouteTable) -> Self {
        let names = table.all().map(|route| &route.name);
        let schemes = table.all().flat_map(|route| route.gate.schemes()).map(|scheme| scheme.id());
        Self(Arc::new(Inner { ledger: Ledger::new(counters, names, schemes), ring: ring.cloned() }))
    }

    /// A request comes in.
    pub(super) fn begin(&self) -> Flight {
        self.0.ledger.begun();
        Flight { observer: self.clone(), answered: None }
    }
}

/// A request under way. Its client left when it is dropped before it was answered.
#[derive(Debug)]
pub(super) struct Flight {
    observer: Observer,
    answered: Option<(Line, Option<Place>)>,
}

impl Flight {
    /// The head of its answer is known.
    pub(super) fn answered(&mut self, noted: &Noted<'_>, trail: &Trail) {
        let Inner { ledger, ring } = &*self.observer.0;
        let line = ledger.answered(noted.route, noted.method, noted.status);
        if let Some((reason, by)) = noted.refused {
            ledger.refused(line, reason, by);
            if reason == Reason::Missing {
                ledger.without_credential();
            }
        }
        for said in trail.schemes() {
            match said.word {
                Word::Known => ledger.authenticated(said.id, Authenticated::Known),
                Word::Refused => ledger.authenticated(said.id, Authenticated::Refused),
                Word::Failed => ledger.authenticated(said.id, Authenticated::Failed),
                _ => {}
            }
        }
        let said = |said: &crate::layer::Said| Said { id: said.id, word: said.word.as_str(), reason: said.reason };
        let place = ring.as_ref().map(|ring| ring.note(noted, trail.schemes().map(said), trail.policies().map(said)));
        self.answered = Some((line, place));
    }

    /// Its answer was sent to its end, or broke off.
    pub(super) fn ended(&self, took: Duration, bytes: u64) {
        let Inner { ledger, ring } = &*self.observer.0;
        let Some((line, place)) = self.answered else { return };
        ledger.ended(line, took, bytes);
        if let Some((ring, place)) = ring.as_ref().zip(place) {
            ring.ended(place, took, bytes);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.observer.0.ledger.over();
        if self.answered.is_none() {
            self.observer.0.ledger.abandoned();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::SystemTime;

    use http::{Method, Request, Response};
    use trackgate_schemes::ManualClock;

    use super::*;
    use crate::gateway::{
        ForwardedHeader, Peer, Pipeline, Respond as _, Route, Running, Streams, Target, TrustedProxies,
    };
    use crate::layer::{Gate, Mode, PlainDialect};
    use crate::message::Body;
    use crate::telemetry::AccessLog;
    use crate::telemetry::decisions::Decisions;
    use crate::telemetry::metrics::Meter;
    use crate::trackers::{Call, Reply};

    struct Watched {
        pipeline: Pipeline,
        meter: Meter,
        decisions: Decisions,
    }

    impl Watched {
        /// A gateway with one public route, which answers like this.
        fn new(answer: fn() -> Reply) -> Self {
            let route = Route {
                name: "one".into(),
                methods: vec![Method::GET],
                path: "/one".to_owned(),
                hosts: Vec::new(),
                gate: Gate::new(Mode::Public { reason: "a test".into() }, Vec::new(), Vec::new()),
                target: Target::Tracker(Arc::new(move |_call: Call| answer())),
                dialect: Arc::new(PlainDialect),
                max_body_bytes: 0,
                raw_path: false,
            };
            let table = RouteTable::new(vec![route], Vec::new()).unwrap();
            let (meter, decisions) = (Meter::new(1, SystemTime::UNIX_EPOCH), Decisions::new(1, 10));
            let observer = Observer::new(meter.thread(0).unwrap(), decisions.ring(0), &table);
            let proxies = TrustedProxies::new(Vec::new(), ForwardedHeader::XForwardedFor).unwrap();
            let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH));
            let running = Running { table, proxies };
            let pipeline = Pipeline::new(running, Arc::<Streams>::default(), clock, AccessLog::off());
            Self { pipeline: pipeline.with_observer(Some(observer)), meter, decisions }
        }

        async fn ask(&self) -> Response<Body> {
            let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
            let request = Request::get("/one").body(Body::empty()).unwrap();
            self.pipeline.respond(request, &Peer::new(here, here)).await
        }

        fn has(&self, line: &str) -> bool {
            self.meter.page().text().lines().any(|told| told == line)
        }
    }

    #[tokio::test]
    async fn crs_05_a_panic_has_a_reason_and_a_decision() {
        let watched = Watched::new(|| Box::pin(async { panic!("as asked") }));
        let answer = watched.ask().await;
        let told = watched.decisions.find(answer.headers()["x-request-id"].to_str().unwrap()).unwrap().to_json();
        assert_eq!((&told["outcome"]["status"], &told["outcome"]["reason"]), (&500.into(), &"internal".into()));
        assert!(watched.has("trackgate_refusals_total{route=\"one\",reason=\"internal\",by=\"gateway\"} 1"));
        assert!(watched.has("trackgate_requests_in_flight 0"));
    }

    #[tokio::test]
    async fn a_request_is_in_flight_until_its_answer_was_sent_or_its_client_left() {
        let endless = || -> Reply { Box::pin(async { Response::new(Body::stream(Body::from("x"))) }) };
        let watched = Watched::new(endless);
        let answer = watched.ask().await;
        assert!(watched.has("trackgate_requests_in_flight 1"));
        let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(watched.decisions.find(&id).unwrap().to_json()["ended"], false);
        drop(answer);
        assert!(watched.has("trackgate_requests_in_flight 0"));
        assert_eq!(watched.decisions.find(&id).unwrap().to_json()["ended"], true);
        assert!(watched.has("trackgate_requests_abandoned_total 0"));

        let watched = Watched::new(|| Box::pin(std::future::pending()));
        let late = tokio::time::timeout(Duration::from_millis(5), watched.ask()).await;
        assert!(late.is_err());
        assert!(watched.has("trackgate_requests_in_flight 0"));
        assert!(watched.has("trackgate_requests_abandoned_total 1"));
    }
}
