use std::net::{IpAddr, Ipv6Addr};

use super::*;
use crate::ManualSteadyClock;
use crate::testing::{Ask, at, rider, seconds};

fn rule(limit: &str, per: RatePer) -> (Rate, Arc<ManualSteadyClock>) {
    let clock = Arc::new(ManualSteadyClock::default());
    (Rate::custom(limit.parse().unwrap(), per, 1000, Arc::clone(&clock) as _), clock)
}

fn external(scheme: &'static str, name: &str) -> Identity {
    let credential = trackgate_schemes::Credential::new(trackgate_schemes::CredentialKind::Jwt, "x");
    Identity::new(Subject::External(name.into()), name, scheme, credential)
}

#[test]
fn rlk_11_the_limit_passes_and_one_more_is_refused_with_the_time_to_wait() {
    for per in [RatePer::Client, RatePer::Identity, RatePer::Route] {
        let (rule, clock) = rule("20/s", per);
        let ask = || Ask::new().client("192.0.2.1").decide(&rule, &rider(1));
        for n in 1..=20 {
            assert_eq!(ask(), Decision::Allow, "{n} per {per}");
        }
        let why = Rejection::new(Reason::RateLimited, "rate").after(std::time::Duration::from_millis(50));
        assert_eq!(ask(), Decision::Deny(why.clone()), "per {per}");
        assert_eq!(ask(), Decision::Deny(why), "a refused request does not count, per {per}");
        clock.advance(std::time::Duration::from_millis(50));
        assert!(ask().is_allow());
        assert!(!ask().is_allow());
        clock.advance(seconds(3600));
        assert_eq!((0..100).filter(|_| ask().is_allow()).count(), 20, "never more than the burst, per {per}");
    }
}

#[test]
fn rlk_11_stepping_the_wall_clock_gives_no_free_burst_and_no_endless_lock() {
    let (rule, clock) = rule("2/m", RatePer::Client);
    let ask = |now: &str| Ask::new().client("192.0.2.1").now(at(now)).decide(&rule, &rider(1)).is_allow();
    assert!(ask("2026-06-01T12:00:00Z"));
    assert!(ask("2026-06-01T12:00:00Z"));
    for now in ["2026-06-01T11:00:00Z", "1970-01-01T00:00:00Z", "2026-06-02T12:00:00Z", "2026-06-01T12:00:00Z"] {
        assert!(!ask(now), "{now}");
    }
    clock.advance(seconds(30));
    assert!(ask("1970-01-01T00:00:00Z"));
}

#[test]
fn each_key_has_its_own_count() {
    let nobody = Identity::anonymous();
    let (one, two) = (rider(1), rider(2));
    let (ours, theirs) = (external("ours", "1"), external("theirs", "1"));
    let rows = [
        // per, first request, second request, whether they share a count
        (RatePer::Client, (&one, "192.0.2.1"), (&two, "192.0.2.1"), true),
        (RatePer::Client, (&one, "192.0.2.1"), (&one, "192.0.2.2"), false),
        (RatePer::Client, (&one, "192.0.2.1"), (&one, "::ffff:192.0.2.1"), true),
        (RatePer::Client, (&one, "2001:db8::1"), (&one, "2001:db8::2"), true),
        (RatePer::Client, (&one, "2001:db8::1"), (&one, "2001:db8:0:1::1"), false),
        (RatePer::Client, (&one, "unknown"), (&two, "unknown"), true),
        (RatePer::Identity, (&one, "192.0.2.1"), (&one, "198.51.100.1"), true),
        (RatePer::Identity, (&one, "192.0.2.1"), (&two, "192.0.2.1"), false),
        (RatePer::Identity, (&one, "192.0.2.1"), (&ours, "192.0.2.1"), false),
        (RatePer::Identity, (&ours, "192.0.2.1"), (&theirs, "192.0.2.1"), false),
        (RatePer::Identity, (&nobody, "192.0.2.1"), (&nobody, "192.0.2.1"), true),
        (RatePer::Identity, (&nobody, "192.0.2.1"), (&nobody, "192.0.2.2"), false),
        (RatePer::Route, (&one, "192.0.2.1"), (&two, "192.0.2.2"), true),
    ];
    for (per, first, second, shared) in rows {
        let (rule, _clock) = rule("1/m", per);
        assert!(Ask::new().client(first.1).decide(&rule, first.0).is_allow());
        assert_eq!(Ask::new().client(second.1).decide(&rule, second.0).is_allow(), !shared, "{first:?} {second:?}");
    }
}

#[test]
fn rlk_06_a_flood_of_networks_stays_within_the_table_and_frees_nobody_who_is_refused() {
    let clock = Arc::new(ManualSteadyClock::default());
    let rule = Rate::custom("5/m".parse().unwrap(), RatePer::Client, 1000, clock);
    while Ask::new().client("192.0.2.1").decide(&rule, &rider(1)).is_allow() {}
    let headers = http::HeaderMap::new();
    let path = trackgate_schemes::CanonicalPath::parse("/").unwrap();
    for n in 0..100_000_u128 {
        let address = IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8_u128 << 96 | n << 64));
        let head = Head::new(&http::Method::GET, &path, &headers).with_client(Some(address));
        assert!(rule.decide(&rider(1), &head).is_allow());
    }
    let Counts::Keyed(limiter) = rule.counts else { unreachable!("it counts per client") };
    assert!(limiter.check_key(&Key::Client("192.0.2.1".parse().unwrap())).is_err(), "its count left the table");
    let kept = limiter.into_state_store().len();
    assert!((500..=1008).contains(&kept), "{kept}");
}

#[test]
fn parallel_requests_never_pass_the_limit() {
    let (rule, _clock) = rule("100/h", RatePer::Identity);
    let allowed: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..100).filter(|_| Ask::new().decide(&rule, &rider(1)).is_allow()).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(allowed, 100);
}

#[test]
fn the_rule_is_told_as_written() {
    for (limit, per, told) in [
        ("20/s", RatePer::Identity, "20/s per identity"),
        ("300/5m burst 9", RatePer::Client, "300/5m burst 9 per client"),
        ("1000/h", RatePer::Route, "1000/h per route"),
    ] {
        assert_eq!(rule(limit, per).0.describe(), told);
    }
}

#[test]
fn the_system_clock_goes_on() {
    let clock = SystemSteadyClock::new();
    let first = clock.elapsed();
    std::thread::sleep(std::time::Duration::from_millis(2));
    assert!(clock.elapsed() > first);
}
