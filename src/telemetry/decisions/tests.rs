use std::net::{Ipv4Addr, SocketAddr};
use std::time::SystemTime;

use http::Method;
use trackgate_schemes::{AccountId, Credential, CredentialKind, Identity, Reason, Subject};

use super::*;

const HERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

fn id(number: u64) -> Arc<str> {
    format!("id-{number}").into()
}

fn note(ring: &Ring, number: u64) -> (Arc<str>, Place) {
    let id = id(number);
    let place = note_this(ring, plain(&id, number));
    (id, place)
}

fn note_this(ring: &Ring, noted: Noted<'_>) -> Place {
    let schemes = [Said { id: "basic", word: "known", reason: None }];
    ring.note(&noted, schemes.into_iter(), std::iter::empty())
}

fn plain(id: &Arc<str>, number: u64) -> Noted<'_> {
    Noted {
        id,
        at: SystemTime::UNIX_EPOCH + Duration::from_secs(number),
        listener: HERE,
        method: &Method::GET,
        path: "/a",
        route: None,
        client: None,
        identity: None,
        upstream: None,
        address: None,
        status: 200,
        refused: None,
        took: Duration::from_millis(1),
    }
}

fn ids(decisions: &[Decision]) -> Vec<&str> {
    decisions.iter().map(|decision| &*decision.id).collect()
}

#[test]
fn the_ring_is_bounded_and_gives_the_newest_first() {
    let decisions = Decisions::new(2, 8);
    for number in 0..100 {
        note(decisions.ring(usize::from(number % 2 == 1)).unwrap(), number);
    }
    let all = decisions.latest(&Wanted::default(), 1000);
    assert_eq!(ids(&all), ["id-99", "id-98", "id-97", "id-96", "id-95", "id-94", "id-93", "id-92"]);
    assert_eq!(ids(&decisions.latest(&Wanted::default(), 2)), ["id-99", "id-98"]);
    assert!(decisions.find("id-92").is_some());
    assert!(decisions.find("id-91").is_none());
    assert!(Decisions::new(2, 0).ring(0).is_none());
}

#[test]
fn texts_are_cut_and_nothing_of_an_older_decision_is_left() {
    let decisions = Decisions::new(1, 1);
    let ring = decisions.ring(0).unwrap();
    let credential = Credential::new(CredentialKind::ApiToken, "token-id");
    let who = Identity::new(Subject::Account(AccountId(7)), "é".repeat(5000), "basic", credential);
    let first = id(1);
    let refused = Some((Reason::Grant, "grants"));
    note_this(ring, Noted { identity: Some(&who), upstream: Some("points"), refused, ..plain(&first, 1) });
    let told = decisions.find(&first).unwrap().to_json();
    assert_eq!(told["identity"]["name"].as_str().unwrap().len(), 128);
    assert_eq!((&told["identity"]["account"], &told["identity"]["credential"]), (&7.into(), &"token-id".into()));
    assert_eq!((&told["outcome"]["what"], &told["outcome"]["by"]), (&"refused".into(), &"grants".into()));
    let long = "/é".repeat(5000);
    let second = id(2);
    note_this(ring, Noted { path: &long, ..plain(&second, 2) });
    let told = decisions.find(&second).unwrap().to_json();
    assert!(told["path"].as_str().unwrap().len() <= 512);
    for empty in ["identity", "upstream", "client"] {
        assert!(told[empty].is_null(), "{told}");
    }
    assert_eq!((&told["outcome"]["what"], &told["outcome"]["reason"]), (&"answered".into(), &().into()));
    assert_eq!(told["schemes"][0]["verdict"], "known");
}

#[test]
fn an_end_is_noted_at_its_own_decision_only() {
    let decisions = Decisions::new(1, 2);
    let ring = decisions.ring(0).unwrap();
    let (first, place) = note(ring, 1);
    assert_eq!(decisions.find(&first).unwrap().to_json()["ended"], false);
    ring.ended(place, Duration::from_millis(5), 9);
    let told = decisions.find(&first).unwrap().to_json();
    assert_eq!((&told["ended"], &told["ms"], &told["bytes"]), (&true.into(), &5.0.into(), &9.into()));
    note(ring, 2);
    let (third, _) = note(ring, 3);
    ring.ended(place, Duration::from_secs(9), 99);
    assert_eq!(decisions.find(&third).unwrap().to_json()["bytes"], 0);
}

#[test]
fn only_what_is_wanted_is_told() {
    let decisions = Decisions::new(1, 100);
    let ring = decisions.ring(0).unwrap();
    let (one, other): (Arc<str>, Arc<str>) = ("one".into(), "other".into());
    let who = Identity::new(Subject::Account(AccountId(7)), "anna", "basic", Credential::new(CredentialKind::Jwt, ""));
    let ids_of = [id(1), id(2), id(3)];
    let [first, second, third] = &ids_of;
    note_this(ring, Noted { route: Some(&one), ..plain(first, 1) });
    note_this(ring, Noted { route: Some(&other), identity: Some(&who), ..plain(second, 2) });
    note_this(ring, Noted { refused: Some((Reason::Missing, "gate")), ..plain(third, 3) });
    let latest = |wanted: Wanted<'_>| decisions.latest(&wanted, 10);
    assert_eq!(ids(&latest(Wanted { route: Some("one"), ..Wanted::default() })), ["id-1"]);
    assert_eq!(ids(&latest(Wanted { user: Some("anna"), ..Wanted::default() })), ["id-2"]);
    assert_eq!(ids(&latest(Wanted { reason: Some("no_credential"), ..Wanted::default() })), ["id-3"]);
    assert!(latest(Wanted { user: Some("anna"), route: Some("one"), ..Wanted::default() }).is_empty());
}
