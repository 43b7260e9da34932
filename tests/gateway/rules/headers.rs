//! Upstream headers are built, not edited.

use super::{Upstream, jwt};
use crate::harness::{Inside, basic};

fn start(upstream: &Upstream) -> Inside {
    let route = "[[routes]]\nname = \"a\"\nmatch = \"GET /a\"\nauth = [\"basic\", \"fit\", \"lp\"]\noptional = true\n\
                 upstream = \"up\"\n[[routes]]\nname = \"fit\"\ntracker = \"fittrackee\"\n";
    Inside::start(&format!("{}{route}", upstream.config()))
}

/// The sorted header lines that the upstream gets for a request with these, without the request's id.
fn received(inside: &Inside, upstream: &Upstream, lines: &str) -> Vec<String> {
    let answer = inside.ask(&format!("GET /a\n{lines}"), "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let head = upstream.heads().pop().unwrap();
    let mut lines: Vec<_> = head.trim_end().lines().skip(1).map(str::to_owned).collect();
    lines.retain(|line| !line.starts_with("x-request-id: "));
    lines.sort();
    lines
}

#[test]
fn hdr_01_to_08_nothing_of_ours_can_be_sent_by_a_client() {
    let upstream = Upstream::start();
    let inside = start(&upstream);
    inside.account("rider");
    let plain = received(&inside, &upstream, &basic("rider", "correct-horse"));
    assert!(plain.contains(&"x-trackgate-user: rider".to_owned()), "{plain:?}");
    assert!(plain.contains(&"x-trackgate-scheme: basic".to_owned()), "{plain:?}");
    assert!(plain.contains(&"x-forwarded-for: 127.0.0.1".to_owned()), "{plain:?}");
    assert!(plain.iter().all(|line| !line.starts_with("authorization")), "{plain:?}");

    let families = [
        "X-Trackgate-User",
        "X-TRACKGATE-SUBJECT",
        "X-Trackgate-Grants",
        "X-Trackgate-Service",
        "X-Trackgate-Scheme",
        "X-Trackgate-Anything",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-User",
        "Forwarded",
        "X-Real-IP",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Http-Method-Override",
        "True-Client-IP",
        "Via",
        "Proxy",
        "Proxy-Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
    ];
    let mut hostile = basic("rider", "correct-horse");
    for name in families {
        hostile.extend(["\n", name, ": root"]);
        if name != "TE" && name.contains('-') {
            hostile.extend(["_", "."].map(|mark| format!("\n{}: root", name.replace('-', mark))));
        }
    }
    hostile.push_str("\nConnection: x-trackgate-user, x-forwarded-for, authorization, x-mine\nX-Mine: 1");
    assert_eq!(received(&inside, &upstream, &hostile), plain);
}

#[test]
fn hdr_01_ours_are_empty_rather_than_absent() {
    let upstream = Upstream::start();
    let inside = start(&upstream);
    inside.account("rider");
    let names = |lines: &[String]| {
        let ours = lines.iter().filter(|line| line.starts_with("x-trackgate-"));
        ours.map(|line| line.split(':').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let known = received(&inside, &upstream, &basic("rider", "correct-horse"));
    let anonymous = received(&inside, &upstream, "X-Trackgate-User: root");
    assert_eq!(names(&known), names(&anonymous));
    assert!(anonymous.contains(&"x-trackgate-user: ".to_owned()), "{anonymous:?}");
    assert!(anonymous.contains(&"x-trackgate-subject: ".to_owned()), "{anonymous:?}");
}

#[test]
fn hdr_07_no_credential_of_the_gateway_reaches_the_upstream() {
    let upstream = Upstream::start();
    let inside = start(&upstream);
    inside.account("rider");
    let token = jwt(&inside, "127.0.0.1", "rider");
    let lines = received(&inside, &upstream, &format!("Authorization: Bearer {token}\nX-Other: kept"));
    assert!(lines.contains(&"x-other: kept".to_owned()), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains(&token)), "{lines:?}");
}
