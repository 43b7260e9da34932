//! What one thread counts of its requests.
//!
//! Each serving thread has counters of its own, so that counting is an addition in memory that nobody else
//! writes; whoever reads the page adds them up. Routes are found by the address of their name, not by hashing
//! it. Labels are names of the configuration and words of ours: nothing that a client sends makes a new one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::Method;
use trackgate_schemes::Reason;

use super::histogram::Histogram;
use super::{Page, real};

/// The counters of one serving thread, kept while configurations are replaced.
#[derive(Debug, Default)]
pub struct Counters {
    routes: Mutex<BTreeMap<Arc<str>, Arc<OfRoute>>>,
    schemes: Mutex<BTreeMap<&'static str, Arc<OfScheme>>>,
    in_flight: AtomicI64,
    abandoned: AtomicU64,
    /// Requests on which no credential was found where one is needed.
    without: AtomicU64,
}

#[derive(Debug, Default)]
struct OfRoute {
    /// By method and hundred of the status; a page is made when it is first needed.
    answers: [[OnceLock<Box<[AtomicU64; 100]>>; 5]; METHODS.len()],
    /// Answers whose status is no status.
    odd: AtomicU64,
    refusals: Mutex<Vec<(Reason, &'static str, u64)>>,
    took: Histogram,
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct OfScheme {
    known: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

/// What a scheme said of a credential that it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever counts must choose one of the three")]
pub enum Authenticated {
    /// Nothing was decided.
    Failed,
    /// It is good.
    Known,
    /// It is not good.
    Refused,
}

/// The counters of one thread, ready for the routes and schemes of one configuration.
#[derive(Debug)]
pub struct Ledger {
    counters: Arc<Counters>,
    /// Sorted by the address of the name.
    routes: Box<[(Arc<str>, Arc<OfRoute>)]>,
    unrouted: Arc<OfRoute>,
    schemes: Box<[(&'static str, Arc<OfScheme>)]>,
}

/// Where the rest of a request is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line(Option<usize>);

impl Ledger {
    /// For routes of these names and schemes of these ids.
    pub fn new<'a>(
        counters: &Arc<Counters>,
        routes: impl IntoIterator<Item = &'a Arc<str>>,
        schemes: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let mut names: Vec<&Arc<str>> = routes.into_iter().collect();
        names.sort_unstable_by_key(|name| address(name));
        names.dedup_by_key(|name| address(name));
        let mut ids: Vec<&'static str> = schemes.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Self {
            routes: names.into_iter().map(|name| (Arc::clone(name), counters.route(name))).collect(),
            unrouted: counters.route(""),
            schemes: ids.into_iter().map(|id| (id, counters.scheme(id))).collect(),
            counters: Arc::clone(counters),
        }
    }

    /// A request comes in.
    pub fn begun(&self) {
        self.counters.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    /// It is over, whichever way.
    pub fn over(&self) {
        self.counters.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// Its client left before there was an answer.
    pub fn abandoned(&self) {
        self.counters.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    /// There is an answer by this route, `None` when no route was found.
    pub fn answered(&self, route: Option<&Arc<str>>, method: &Method, status: u16) -> Line {
        let line = Line(
            route.and_then(|name| self.routes.binary_search_by_key(&address(name), |(known, _)| address(known)).ok()),
        );
        let counted = self.of(line).answer(method, status);
        counted.fetch_add(1, Ordering::Relaxed);
        line
    }

    /// It is a refusal.
    pub fn refused(&self, line: Line, reason: Reason, by: &'static str) {
        let mut refusals = lock(&self.of(line).refusals);
        if let Some((_, _, count)) = refusals.iter_mut().find(|(known, who, _)| *known == reason && *who == by) {
            *count += 1;
        } else if refusals.len() < MAX_REFUSALS {
            refusals.push((reason, by, 1));
        }
    }

    /// The answer was sent to its end.
    pub fn ended(&self, line: Line, took: Duration, bytes: u64) {
        let route = self.of(line);
        route.took.observe(took);
        route.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A scheme found a credential of its own.
    pub fn authenticated(&self, scheme: &'static str, said: Authenticated) {
        if let Some((_, counts)) = self.schemes.iter().find(|(id, _)| *id == scheme) {
            let count = match said {
                Authenticated::Failed => &counts.failed,
                Authenticated::Known => &counts.known,
                Authenticated::Refused => &counts.refused,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// No scheme found one where one is needed.
    pub fn without_credential(&self) {
        self.counters.without.fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, line: Line) -> &OfRoute {
        line.0.and_then(|index| self.routes.get(index)).map_or(&self.unrouted, |(_, route)| route)
    }
}

impl OfRoute {
    fn answer(&self, method: &Method, status: u16) -> &AtomicU64 {
        let method = METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1);
        let (hundred, rest) = (usize::from(status / 100), usize::from(status % 100));
        let page = hundred.checked_sub(1).and_then(|hundred| self.answers.get(method)?.get(hundred));
        let page = page.map(|page| page.get_or_init(|| Box::new([const { AtomicU64::new(0) }; 100])));
        page.and_then(|page| page.get(rest)).unwrap_or(&self.odd)
    }

    fn tell(&self, page: &mut Page, route: &str) {
        for (method, hundreds) in METHODS.iter().zip(&self.answers) {
            for (hundred, counts) in hundreds.iter().enumerate() {
                for (rest, count) in counts.get().iter().flat_map(|counts| counts.iter()).enumerate() {
                    let count = count.load(Ordering::Relaxed);
                    if count > 0 {
                        let status = (100 * (hundred + 1) + rest).to_string();
                        let labels = [("route", route), ("method", *method), ("status", status.as_str())];
                        page.counter(REQUESTS.0, REQUESTS.1, &labels, real(count));
                    }
                }
            }
        }
        let odd = self.odd.load(Ordering::Relaxed);
        if odd > 0 {
            let labels = [("route", route), ("method", OTHER), ("status", "other")];
            page.counter(REQUESTS.0, REQUESTS.1, &labels, real(odd));
        }
        for (reason, by, count) in lock(&self.refusals).iter() {
            let labels = [("route", route), ("reason", reason.code()), ("by", *by)];
            let help = "Requests that were refused here, by reason and by who refused them.";
            page.counter("trackgate_refusals_total", help, &labels, real(*count));
        }
        let took = self.took.distribution();
        if !took.is_empty() {
            let help = "Time from the whole head of a request to the end of its answer.";
            page.histogram("trackgate_request_duration_seconds", help, &[("route", route)], &took);
            let help = "Bytes of the bodies of answers that were sent.";
            let bytes = real(self.bytes.load(Ordering::Relaxed));
            page.counter("trackgate_response_body_bytes_total", help, &[("route", route)], bytes);
        }
    }
}

impl Counters {
    fn route(&self, name: &str) -> Arc<OfRoute> {
        let mut routes = lock(&self.routes);
        if let Some(known) = routes.get(name) {
            return Arc::clone(known);
        }
        Arc::clone(routes.entry(Arc::from(name)).or_default())
    }

    fn scheme(&self, id: &'static str) -> Arc<OfScheme> {
        Arc::clone(lock(&self.schemes).entry(id).or_default())
    }

    pub(super) fn tell(&self, page: &mut Page) {
        for (name, route) in lock(&self.routes).iter() {
            route.tell(page, name);
        }
        let help = "Credentials that schemes judged; `absent` counts requests without one where one is needed.";
        let mut told = |scheme: &str, verdict: &str, count: &AtomicU64| {
            let labels = [("scheme", scheme), ("verdict", verdict)];
            page.counter("trackgate_authentications_total", help, &labels, real(count.load(Ordering::Relaxed)));
        };
        for (id, counts) in lock(&self.schemes).iter() {
            told(id, "known", &counts.known);
            told(id, "refused", &counts.refused);
            told(id, "failed", &counts.failed);
        }
        told("", "absent", &self.without);
        let in_flight = u64::try_from(self.in_flight.load(Ordering::Relaxed)).unwrap_or_default();
        let help = "Requests from their head to the end of their answer.";
        page.gauge("trackgate_requests_in_flight", help, &[], real(in_flight));
        let help = "Requests whose client left before there was an answer.";
        page.counter("trackgate_requests_abandoned_total", help, &[], real(self.abandoned.load(Ordering::Relaxed)));
    }
}

/// By what a name is known again without reading it.
fn address(name: &Arc<str>) -> usize {
    Arc::as_ptr(name).cast::<u8>().addr()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The methods that are told apart; whatever else there is counts as the last.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER];
const OTHER: &str = "OTHER";

/// Reasons and those who give them are words of ours; this is for words that are not.
const MAX_REFUSALS: usize = 256;

const REQUESTS: (&str, &str) = ("trackgate_requests_total", "Requests that were answered, also refused ones.");

#[cfg(test)]
mod tests {
    use super::*;

    fn told(counters: &Counters) -> String {
        let mut page = Page::default();
        counters.tell(&mut page);
        page.text()
    }

    #[test]
    fn routes_are_known_by_their_names_also_after_a_reload() {
        let counters = Arc::new(Counters::default());
        let (one, same): (Arc<str>, Arc<str>) = ("one".into(), "one".into());
        let before = Ledger::new(&counters, [&one], ["basic"]);
        let line = before.answered(Some(&one), &Method::GET, 200);
        before.ended(line, Duration::from_millis(2), 10);
        before.authenticated("basic", Authenticated::Known);
        let after = Ledger::new(&counters, [&same, &one], ["api", "basic"]);
        let line = after.answered(Some(&same), &Method::GET, 200);
        after.ended(line, Duration::from_millis(2), 5);
        after.authenticated("basic", Authenticated::Known);
        let text = told(&counters);
        for line in [
            "trackgate_requests_total{route=\"one\",method=\"GET\",status=\"200\"} 2\n",
            "trackgate_response_body_bytes_total{route=\"one\"} 15\n",
            "trackgate_authentications_total{scheme=\"basic\",verdict=\"known\"} 2\n",
            "trackgate_authentications_total{scheme=\"api\",verdict=\"known\"} 0\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }

    #[test]
    fn unknown_methods_and_statuses_make_no_labels() {
        let counters = Arc::new(Counters::default());
        let ledger = Ledger::new(&counters, [], []);
        for n in 0..1000 {
            let method = Method::from_bytes(format!("M{n}").as_bytes()).unwrap();
            ledger.answered(None, &method, 600 + n % 400);
            ledger.answered(None, &method, 404);
            ledger.refused(Line::default(), Reason::NotFound, "gateway");
        }
        let text = told(&counters);
        assert!(text.contains("trackgate_requests_total{route=\"\",method=\"OTHER\",status=\"404\"} 1000\n"), "{text}");
        assert!(text.contains("trackgate_requests_total{route=\"\",method=\"OTHER\",status=\"other\"} 1000\n"));
        assert!(text.contains("trackgate_refusals_total{route=\"\",reason=\"not_found\",by=\"gateway\"} 1000\n"));
        assert!(text.lines().count() < 20, "{text}");
    }
}
