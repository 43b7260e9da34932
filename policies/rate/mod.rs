//! Rates: so many requests in so much time, counted per client, per identity or for the whole route.

use std::fmt;
use std::sync::Arc;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use trackgate_schemes::{AccountId, Head, Identity, Reason, Rejection, Subject};

use crate::{ClientNetwork, Decision, Policy, SteadyClock, SystemSteadyClock};

use buckets::Buckets;
pub use limit::{RateLimit, RateLimitError};

mod buckets;
mod limit;
#[cfg(test)]
mod tests;

/// Whose requests share one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "configuration must choose one of the three")]
pub enum RatePer {
    /// Those of one client: an IPv4 address or an IPv6 /64. Clients without a known address share one.
    Client,
    /// Those of one identity, over all its credentials. Nobody counts as the client.
    Identity,
    /// All that come to this rule.
    Route,
}

impl fmt::Display for RatePer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Client => "client",
            Self::Identity => "identity",
            Self::Route => "route",
        })
    }
}

/// Lets through so many requests in so much time, by the generic cell rate algorithm.
///
/// It follows the steady clock: a step of the wall clock gives no free burst and no endless lock. A
/// refused request does not count, and the refusal says how long to wait for the next.
///
/// The table of counts is bounded, by default to about [`Rate::CAPACITY`] keys. Past that the keys that
/// have most of their burst left leave first, an eighth of a shard at once. A key that is seen for the
/// first time may make the table grow; a known one costs no allocation.
///
/// ```
/// use http::{HeaderMap, Method};
/// use trackgate_policies::{Policy, Rate, RatePer};
/// use trackgate_schemes::{CanonicalPath, Head, Identity};
///
/// let rule = Rate::new("2/m".parse()?, RatePer::Client);
/// let (path, headers) = (CanonicalPath::parse("/write")?, HeaderMap::new());
/// let head = Head::new(&Method::POST, &path, &headers).with_client(Some("192.0.2.1".parse()?));
/// let nobody = Identity::anonymous();
/// assert!(rule.decide(&nobody, &head).is_allow());
/// assert!(rule.decide(&nobody, &head).is_allow());
/// assert!(!rule.decide(&nobody, &head).is_allow());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With a burst of its own, a bound of the table and a clock that a test moves:
///
/// ```
/// use std::sync::Arc;
/// use trackgate_policies::{ManualSteadyClock, Policy, Rate, RatePer};
///
/// let clock = Arc::new(ManualSteadyClock::default());
/// let rule = Rate::custom("20/s burst 40".parse()?, RatePer::Identity, 10_000, clock);
/// assert_eq!(rule.describe(), "20/s burst 40 per identity");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Rate {
    limit: RateLimit,
    per: RatePer,
    counts: Counts,
}

enum Counts {
    Keyed(Limiter<Key, Buckets<Key>>),
    One(Limiter<NotKeyed, InMemoryState>),
}

type Limiter<K, S> = RateLimiter<K, S, Steady, NoOpMiddleware<Nanos>>;

impl Rate {
    /// Counts on the system's steady clock in a table of [`Rate::CAPACITY`] keys.
    pub fn new(limit: RateLimit, per: RatePer) -> Self {
        Self::custom(limit, per, Self::CAPACITY, Arc::new(SystemSteadyClock::new()))
    }

    /// Counts on this clock in a table of about `capacity` keys.
    pub fn custom(limit: RateLimit, per: RatePer, capacity: usize, clock: Arc<dyn SteadyClock>) -> Self {
        let (quota, clock) = (quota(limit), Steady(clock));
        let counts = match per {
            RatePer::Route => Counts::One(RateLimiter::new(quota, InMemoryState::default(), clock)),
            _ => Counts::Keyed(RateLimiter::new(quota, Buckets::new(capacity), clock)),
        };
        Self { limit, per, counts }
    }

    /// How many keys a table holds by default.
    pub const CAPACITY: usize = 65_536;

    fn key(&self, who: &Identity, head: &Head<'_>) -> Key {
        match (self.per, who.subject()) {
            (RatePer::Identity, Subject::Account(id)) => Key::Account(*id),
            (RatePer::Identity, Subject::External(name)) => Key::External(who.scheme(), Arc::clone(name)),
            _ => Key::Client(ClientNetwork::of(head.client)),
        }
    }
}

impl Policy for Rate {
    fn id(&self) -> &'static str {
        ID
    }

    fn decide(&self, who: &Identity, head: &Head<'_>) -> Decision {
        let (answer, clock) = match &self.counts {
            Counts::Keyed(limiter) => (limiter.check_key(&self.key(who, head)), limiter.clock()),
            Counts::One(limiter) => (limiter.check(), limiter.clock()),
        };
        match answer {
            Ok(()) => Decision::Allow,
            Err(not_yet) => {
                let wait = not_yet.wait_time_from(clock.now());
                Decision::Deny(Rejection::new(Reason::RateLimited, ID).after(wait))
            }
        }
    }

    fn describe(&self) -> String {
        format!("{} per {}", self.limit, self.per)
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate").field("limit", &self.limit).field("per", &self.per).finish_non_exhaustive()
    }
}

/// Whose requests are counted together. Two issuers may know two people by one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Account(AccountId),
    Client(ClientNetwork),
    External(&'static str, Arc<str>),
}

/// Our steady clock, as the limiter wants it.
#[derive(Clone)]
struct Steady(Arc<dyn SteadyClock>);

impl Clock for Steady {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

fn quota(limit: RateLimit) -> Quota {
    let one_by_one = Quota::with_period(limit.interval()).expect("a limit's interval is at least a nanosecond");
    one_by_one.allow_burst(limit.burst())
}

const ID: &str = "rate";
