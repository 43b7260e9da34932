//! What holds for every policy, whatever the request: it answers, it says who refuses and for what,
//! and its explanation says the same as its decision.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, Method};
use proptest::prelude::*;
use trackgate_policies::{
    All, Any, Decision, Methods, Networks, Not, Policy, Rate, RatePer, RequireGrants, Term, TimeWindow,
};
use trackgate_schemes::{AccountId, CanonicalPath, Class, Credential, CredentialKind, Grants, Head, Identity, Subject};

/// One of each. Rates are so wide that none is used up.
fn policies() -> Vec<Arc<dyn Policy>> {
    let grants: Arc<dyn Policy> = Arc::new(RequireGrants::new("points:read points:write".parse().unwrap()));
    let networks: Arc<dyn Policy> =
        Arc::new("10.0.0.0/8 0.0.0.0/1 8000::/1 !10.66.0.0/16".parse::<Networks>().unwrap());
    let hours: Arc<dyn Policy> = Arc::new("mon-fri 22:00-08:30 Europe/Berlin".parse::<TimeWindow>().unwrap());
    let methods: Arc<dyn Policy> = Arc::new(Methods::new([Method::GET, Method::POST]));
    let rate = |per| Arc::new(Rate::new("1000000/ms".parse().unwrap(), per)) as Arc<dyn Policy>;
    let all: Arc<dyn Policy> = Arc::new(All::new([Arc::clone(&methods), Arc::clone(&networks)]));
    let any: Arc<dyn Policy> = Arc::new(Any::new([Arc::clone(&grants), Arc::clone(&hours)]));
    let not: Arc<dyn Policy> = Arc::new(Not::new(Arc::clone(&any)));
    let rates = [RatePer::Client, RatePer::Identity, RatePer::Route].map(rate);
    [grants, networks, hours, methods, all, any, not].into_iter().chain(rates).collect()
}

fn identities() -> impl Strategy<Value = Identity> {
    let subject = prop_oneof![
        Just(Subject::Anonymous),
        any::<i64>().prop_map(|id| Subject::Account(AccountId(id))),
        ".{0,20}".prop_map(|name| Subject::External(name.into())),
    ];
    let grants = prop_oneof![
        Just(Grants::NONE),
        Just(Grants::EVERYDAY),
        Just("points:read".parse().unwrap()),
        Just("points:read points:write".parse().unwrap()),
    ];
    (subject, grants).prop_map(|(subject, grants)| {
        Identity::new(subject, "somebody", "test", Credential::new(CredentialKind::Other, "x")).with_grants(grants)
    })
}

fn instants() -> impl Strategy<Value = SystemTime> {
    let near = 0..4_000_000_000_u64;
    let far = 0..=i64::MAX as u64 / 2;
    (prop_oneof![near, far], any::<bool>()).prop_filter_map("past the clock", |(seconds, after)| {
        let wait = Duration::from_secs(seconds);
        if after { SystemTime::UNIX_EPOCH.checked_add(wait) } else { SystemTime::UNIX_EPOCH.checked_sub(wait) }
    })
}

fn ids(term: &Term) -> Vec<&'static str> {
    let parts = term.parts.iter().flat_map(ids);
    std::iter::once(term.policy).chain(parts).collect()
}

proptest! {
    #[test]
    fn every_policy_answers_every_request(
        who in identities(),
        method in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}|GET|POST|HEAD",
        path in "(/[a-zA-Z0-9._~-]{1,10}){1,4}",
        query: Option<String>,
        client: Option<IpAddr>,
        now in instants(),
    ) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let Ok(path) = CanonicalPath::parse(&path) else { return Ok(()) };
        let headers = HeaderMap::new();
        let head = Head::new(&method, &path, &headers).with_query(query.as_deref()).with_client(client).with_now(now);
        for policy in policies() {
            let decision = policy.decide(&who, &head);
            let term = policy.explain(&who, &head);
            prop_assert_eq!(&term.decision, &decision, "{}", policy.describe());
            prop_assert_eq!((term.policy, &term.rule), (policy.id(), &policy.describe()));
            if let Decision::Deny(why) = decision {
                prop_assert_eq!(why.reason.class(), Class::Denied);
                prop_assert!(ids(&term).contains(&why.by), "{} is not part of {}", why.by, policy.describe());
            }
        }
    }

    #[test]
    fn a_client_is_the_same_in_both_of_its_forms(address: std::net::Ipv4Addr, who in identities()) {
        let (path, headers) = (CanonicalPath::parse("/").unwrap(), HeaderMap::new());
        let mut plain = Head::new(&Method::GET, &path, &headers);
        plain.client = Some(address.into());
        let mut mapped = plain;
        mapped.client = Some(address.to_ipv6_mapped().into());
        for policy in policies() {
            prop_assert_eq!(policy.decide(&who, &plain), policy.decide(&who, &mapped), "{}", policy.describe());
        }
    }
}
