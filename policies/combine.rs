//! All, any, not: rules made of rules.

use std::sync::Arc;

use trackgate_schemes::{Head, Identity, Reason, Rejection};

use crate::{Decision, Policy, Term};

/// Lets through what every one of its rules lets through; asks them as written, up to the first refusal.
///
/// Without rules it lets everything through. Put rules that count (rates) last, so that a request which
/// another rule refuses is not counted.
///
/// ```
/// use std::sync::Arc;
/// use http::Method;
/// use trackgate_policies::{All, Any, Methods, Networks, Not, Policy};
///
/// let office: Arc<dyn Policy> = Arc::new("10.0.0.0/8".parse::<Networks>()?);
/// let reading: Arc<dyn Policy> = Arc::new(Methods::new([Method::GET]));
/// let rule = Any::new([office, Arc::new(All::new([reading]))]);
/// assert_eq!(rule.describe(), "any(10.0.0.0/8, all(GET))");
/// assert_eq!(Not::new(Arc::new(rule)).describe(), "not(any(10.0.0.0/8, all(GET)))");
/// # Ok::<(), trackgate_policies::NetworkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct All {
    parts: Box<[Arc<dyn Policy>]>,
}

impl All {
    /// All of these.
    pub fn new(parts: impl IntoIterator<Item = Arc<dyn Policy>>) -> Self {
        Self { parts: parts.into_iter().collect() }
    }
}

impl Policy for All {
    fn id(&self) -> &'static str {
        "all"
    }

    fn decide(&self, who: &Identity, head: &Head<'_>) -> Decision {
        for part in &self.parts {
            let decision = part.decide(who, head);
            if !decision.is_allow() {
                return decision;
            }
        }
        Decision::Allow
    }

    fn describe(&self) -> String {
        call("all", &self.parts)
    }

    /// Its parts are those that were asked.
    fn explain(&self, who: &Identity, head: &Head<'_>) -> Term {
        let mut terms: Vec<Term> = Vec::new();
        for part in &self.parts {
            terms.push(part.explain(who, head));
            if terms.last().is_some_and(|term| !term.decision.is_allow()) {
                break;
            }
        }
        let decision = terms.last().map_or(Decision::Allow, |term| term.decision.clone());
        Term::with_parts(self.id(), self.describe(), decision, terms)
    }
}

/// Lets through what one of its rules lets through; asks them as written, up to the first that does.
///
/// Without rules it lets nothing through. Its refusal is the one of its parts that helps most: the
/// shortest wait if waiting helps, else the first that names wanted grants, else the first. When the
/// client's address cannot be known, a refusal for the address comes before all of them, so that
/// [`Not`] can tell that nobody knows.
///
/// ```
/// use std::sync::Arc;
/// use http::{HeaderMap, Method};
/// use trackgate_policies::{Any, Decision, Methods, Policy, RequireGrants};
/// use trackgate_schemes::{CanonicalPath, Head, Identity, Reason};
///
/// let rule = Any::new([
///     Arc::new(Methods::new([Method::GET])) as Arc<dyn Policy>,
///     Arc::new(RequireGrants::new("points:write".parse()?)),
/// ]);
/// let (path, headers) = (CanonicalPath::parse("/points")?, HeaderMap::new());
/// let nobody = Identity::anonymous();
/// assert!(rule.decide(&nobody, &Head::new(&Method::GET, &path, &headers)).is_allow());
/// let Decision::Deny(why) = rule.decide(&nobody, &Head::new(&Method::POST, &path, &headers)) else {
///     unreachable!("nobody has no grants")
/// };
/// assert_eq!(why.reason, Reason::Grant);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Any {
    parts: Box<[Arc<dyn Policy>]>,
}

impl Any {
    /// Any of these.
    pub fn new(parts: impl IntoIterator<Item = Arc<dyn Policy>>) -> Self {
        Self { parts: parts.into_iter().collect() }
    }
}

impl Policy for Any {
    fn id(&self) -> &'static str {
        ANY
    }

    fn decide(&self, who: &Identity, head: &Head<'_>) -> Decision {
        let mut best = None;
        for part in &self.parts {
            match part.decide(who, head) {
                Decision::Allow => return Decision::Allow,
                Decision::Deny(why) => best = Some(more_helpful(best, why, head)),
            }
        }
        Decision::Deny(best.unwrap_or(Rejection::new(Reason::Policy, ANY)))
    }

    fn describe(&self) -> String {
        call(ANY, &self.parts)
    }

    /// Its parts are those that were asked.
    fn explain(&self, who: &Identity, head: &Head<'_>) -> Term {
        let (mut terms, mut best, mut allowed) = (Vec::new(), None, false);
        for part in &self.parts {
            let term = part.explain(who, head);
            match &term.decision {
                Decision::Allow => allowed = true,
                Decision::Deny(why) => best = Some(more_helpful(best, why.clone(), head)),
            }
            terms.push(term);
            if allowed {
                break;
            }
        }
        let decision =
            if allowed { Decision::Allow } else { Decision::Deny(best.unwrap_or(Rejection::new(Reason::Policy, ANY))) };
        Term::with_parts(ANY, self.describe(), decision, terms)
    }
}

/// Lets through what its rule refuses, and refuses what it lets through.
///
/// It fails closed: when its rule refuses for the address because the client's address cannot be known,
/// that refusal stands.
///
/// ```
/// use std::sync::Arc;
/// use http::{HeaderMap, Method};
/// use trackgate_policies::{Networks, Not, Policy};
/// use trackgate_schemes::{CanonicalPath, Head, Identity};
///
/// let outside = Not::new(Arc::new("10.0.0.0/8".parse::<Networks>()?));
/// let (path, headers) = (CanonicalPath::parse("/")?, HeaderMap::new());
/// let head = Head::new(&Method::GET, &path, &headers);
/// assert!(outside.decide(&Identity::anonymous(), &head.with_client(Some("192.0.2.1".parse()?))).is_allow());
/// assert!(!outside.decide(&Identity::anonymous(), &head.with_client(None)).is_allow());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Not {
    part: Arc<dyn Policy>,
}

impl Not {
    /// The opposite of this.
    pub fn new(part: Arc<dyn Policy>) -> Self {
        Self { part }
    }

    fn turn(decision: Decision, head: &Head<'_>) -> Decision {
        match decision {
            Decision::Allow => Decision::Deny(Rejection::new(Reason::Policy, "not")),
            Decision::Deny(why) if nobody_knows(&why, head) => Decision::Deny(why),
            Decision::Deny(_) => Decision::Allow,
        }
    }
}

impl Policy for Not {
    fn id(&self) -> &'static str {
        "not"
    }

    fn decide(&self, who: &Identity, head: &Head<'_>) -> Decision {
        Self::turn(self.part.decide(who, head), head)
    }

    fn describe(&self) -> String {
        format!("not({})", self.part.describe())
    }

    fn explain(&self, who: &Identity, head: &Head<'_>) -> Term {
        let part = self.part.explain(who, head);
        Term::with_parts(self.id(), self.describe(), Self::turn(part.decision.clone(), head), vec![part])
    }
}

/// The rejection that says more about what the client could do.
fn more_helpful(best: Option<Rejection>, other: Rejection, head: &Head<'_>) -> Rejection {
    let Some(best) = best else { return other };
    // Smaller is better; on a tie the earlier one stays.
    let rank = |why: &Rejection| {
        let kind = match (nobody_knows(why, head), why.retry_after, &why.wanted) {
            (true, ..) => 0,
            (_, Some(_), _) => 1,
            (_, None, Some(_)) => 2,
            (_, None, None) => 3,
        };
        (kind, why.retry_after)
    };
    if rank(&other) < rank(&best) { other } else { best }
}

/// Whether this refuses only because the client's address cannot be known.
fn nobody_knows(why: &Rejection, head: &Head<'_>) -> bool {
    head.client.is_none() && why.reason == Reason::AddressDenied
}

fn call(name: &str, parts: &[Arc<dyn Policy>]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| part.describe()).collect();
    format!("{name}({})", parts.join(", "))
}

const ANY: &str = "any";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Method;

    use super::*;
    use crate::testing::{Ask, rider};
    use crate::{ManualSteadyClock, Methods, Networks, Rate, RatePer, RequireGrants};

    fn get() -> Arc<dyn Policy> {
        Arc::new(Methods::new([Method::GET]))
    }

    fn post() -> Arc<dyn Policy> {
        Arc::new(Methods::new([Method::POST]))
    }

    fn grants(wanted: &str) -> Arc<dyn Policy> {
        Arc::new(RequireGrants::new(wanted.parse().unwrap()))
    }

    fn from(networks: &str) -> Arc<dyn Policy> {
        Arc::new(networks.parse::<Networks>().unwrap())
    }

    /// A rate that stands still, with this many requests left.
    fn rate(limit: &str, left: u32) -> Arc<dyn Policy> {
        let rate = Rate::custom(limit.parse().unwrap(), RatePer::Route, 1, Arc::new(ManualSteadyClock::default()));
        let burst = limit.parse::<crate::RateLimit>().unwrap().burst().get();
        for _ in left..burst {
            assert!(Ask::new().decide(&rate, &rider(1)).is_allow());
        }
        Arc::new(rate)
    }

    fn all(parts: impl IntoIterator<Item = Arc<dyn Policy>>) -> Arc<dyn Policy> {
        Arc::new(All::new(parts))
    }

    fn any(parts: impl IntoIterator<Item = Arc<dyn Policy>>) -> Arc<dyn Policy> {
        Arc::new(Any::new(parts))
    }

    fn not(part: Arc<dyn Policy>) -> Arc<dyn Policy> {
        Arc::new(Not::new(part))
    }

    #[test]
    fn each_rule_of_rules_decides_as_its_word_says() {
        use Reason::{AddressDenied, Grant, MethodDenied, Policy, RateLimited};
        let rows: [(Arc<dyn crate::Policy>, &str, Option<Reason>); 30] = [
            // rule, client, reason of the refusal; each is asked `GET` by somebody without grants
            (all([]), "", None),
            (all([get(), get()]), "", None),
            (all([get(), post()]), "", Some(MethodDenied)),
            (all([grants("a:b"), post()]), "", Some(Grant)),
            (any([]), "", Some(Policy)),
            (any([get()]), "", None),
            (any([post(), get()]), "", None),
            (any([get(), grants("a:b")]), "", None),
            (any([post(), grants("a:b")]), "", Some(Grant)),
            (any([grants("a:b"), post()]), "", Some(Grant)),
            (any([post(), from("10.0.0.0/8")]), "192.0.2.1", Some(MethodDenied)),
            (any([from("10.0.0.0/8"), post()]), "192.0.2.1", Some(AddressDenied)),
            (any([grants("a:b"), rate("1/m", 0)]), "", Some(RateLimited)),
            (any([rate("1/m", 0), grants("a:b")]), "", Some(RateLimited)),
            (not(get()), "", Some(Policy)),
            (not(post()), "", None),
            (not(not(get())), "", None),
            (not(all([get(), post()])), "", None),
            (not(any([post(), get()])), "", Some(Policy)),
            (not(from("10.0.0.0/8")), "10.0.0.1", Some(Policy)),
            (not(from("10.0.0.0/8")), "192.0.2.1", None),
            // Nobody knows the address: it never opens a door, however deep it stands.
            (not(from("10.0.0.0/8")), "", Some(AddressDenied)),
            (not(not(from("10.0.0.0/8"))), "", Some(AddressDenied)),
            (not(all([get(), from("10.0.0.0/8")])), "", Some(AddressDenied)),
            (not(any([grants("a:b"), from("10.0.0.0/8")])), "", Some(AddressDenied)),
            (not(any([from("10.0.0.0/8"), rate("1/m", 0)])), "", Some(AddressDenied)),
            (not(any([post(), not(from("10.0.0.0/8"))])), "", Some(AddressDenied)),
            // … unless the rest decides alone.
            (any([from("10.0.0.0/8"), get()]), "", None),
            (not(all([post(), from("10.0.0.0/8")])), "", None),
            (all([from("!10.0.0.0/8"), get()]), "", Some(AddressDenied)),
        ];
        for (rule, client, refused) in rows {
            let decision = Ask::new().client(client).decide(&*rule, &rider(1));
            let reason = match &decision {
                Decision::Allow => None,
                Decision::Deny(why) => Some(why.reason),
            };
            assert_eq!(reason, refused, "{} from {client:?}", rule.describe());
            let term = Ask::new().client(client).explain(&*rule, &rider(1));
            assert_eq!(term.decision, decision, "the explanation says the same");
            assert_eq!((term.policy, term.rule), (rule.id(), rule.describe()));
        }
    }

    #[test]
    fn of_two_waits_the_shorter_is_told() {
        let rule = any([rate("1/h", 0), rate("1/m", 0), rate("1/d", 0)]);
        let Decision::Deny(why) = Ask::new().decide(&*rule, &rider(1)) else { panic!("all are used up") };
        assert_eq!(why.retry_after, Some(Duration::from_mins(1)));
    }

    #[test]
    fn a_rate_behind_the_decision_is_not_used_up() {
        for (rule_of, refused) in [
            ((|rate| any([get(), rate])) as fn(Arc<dyn Policy>) -> Arc<dyn Policy>, false),
            (|rate| all([post(), rate]), true),
        ] {
            let rate = rate("3/m", 1);
            let rule = rule_of(Arc::clone(&rate));
            for _ in 0..5 {
                assert_eq!(Ask::new().decide(&*rule, &rider(1)).is_allow(), !refused);
                assert_eq!(Ask::new().explain(&*rule, &rider(1)).parts.len(), 1);
            }
            assert!(Ask::new().decide(&*rate, &rider(1)).is_allow(), "its last request is still there");
            assert!(!Ask::new().decide(&*rate, &rider(1)).is_allow());
        }
    }

    #[test]
    fn an_explanation_shows_the_parts_that_were_asked() {
        let rule = all([get(), any([post(), grants("a:b"), get()]), not(get()), post()]);
        let term = Ask::new().explain(&*rule, &rider(1));
        assert_eq!(term.rule, "all(GET, any(POST, a:b, GET), not(GET), POST)");
        let told: Vec<_> = term.parts.iter().map(|t| (t.rule.as_str(), t.decision.is_allow(), t.parts.len())).collect();
        assert_eq!(told, [("GET", true, 0), ("any(POST, a:b, GET)", true, 3), ("not(GET)", false, 1)]);
    }
}
