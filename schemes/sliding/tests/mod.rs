//! The rules of sliding sessions, over a store that keeps them in a map.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use proptest::prelude::*;

use super::*;
use crate::store::AccountState;
use crate::{AccountId, CanonicalPath};

mod fake;
mod model;
mod races;

pub(super) use crate::testing::account;
use fake::Fake;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const ONE_MS: Duration = Duration::from_millis(1);
/// A 48th of a day.
const STEP: Duration = Duration::from_mins(30);

const REFUSE: IpMode = IpMode::OneUser { on_conflict: OnConflict::Refuse };
const DISPLACE: IpMode = IpMode::OneUser { on_conflict: OnConflict::Displace };

fn start() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

fn settings(ip: IpMode) -> Settings {
    Settings {
        id: "lp",
        place: Place::Header(HeaderName::from_static("token")),
        life: Life { idle: DAY, absolute: None },
        ip,
        per_account: 50,
        capacity: 1000,
    }
}

fn scheme(ip: IpMode) -> (Sliding, Arc<Fake>) {
    let store = Arc::new(Fake::default());
    (Sliding::new(settings(ip), Arc::clone(&store) as Arc<dyn Sessions>), store)
}

/// Calls `then` with the head of a request that carries this token.
fn with_head<T>(token: &[u8], client: Option<IpAddr>, now: SystemTime, then: impl FnOnce(&Head<'_>) -> T) -> T {
    let mut headers = HeaderMap::new();
    headers.insert("token", HeaderValue::from_bytes(token).unwrap());
    let path = CanonicalPath::parse("/contact").unwrap();
    then(&Head::new(&Method::GET, &path, &headers).with_client(client).with_now(now))
}

fn step(scheme: &Sliding, token: &[u8], client: Option<IpAddr>, now: SystemTime) -> Step {
    with_head(token, client, now, |head| scheme.authenticate(head))
}

/// One request that is let through, or the reason why not; judged again when something changes meanwhile.
async fn use_it(scheme: &Sliding, token: &Secret, now: SystemTime) -> Result<Identity, Reason> {
    loop {
        let who = look(scheme, token, None, now).await?;
        match with_head(token.expose(), None, now, |head| scheme.accept(&who, head)) {
            Ok(()) => return Ok(who),
            Err(Unaccepted::Refused(why)) => return Err(why.reason),
            Err(Unaccepted::Changed) => {}
        }
    }
}

/// One request that is judged and then not let through.
async fn look(scheme: &Sliding, token: &Secret, client: Option<IpAddr>, now: SystemTime) -> Result<Identity, Reason> {
    match step(scheme, token.expose(), client, now).verdict().await {
        Verdict::Known(who) => Ok(who),
        Verdict::Refused(why) => Err(why.reason),
        Verdict::Absent => panic!("the token stands in its header"),
    }
}

async fn open(scheme: &Sliding, id: i64, client: Option<IpAddr>, now: SystemTime) -> Result<OpenedSession, Reason> {
    scheme.open(&account(id), "PHP SDK", client, now).await.map_err(|why| why.reason)
}

#[tokio::test]
async fn sld_01_a_token_lives_from_use_to_use_and_is_dead_at_exactly_24_hours() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    let token = open(&scheme, 1, None, start()).await.unwrap().token;
    let mut now = start();
    for _ in 0..3 {
        now = now + DAY - Duration::from_secs(1);
        assert!(use_it(&scheme, &token, now).await.is_ok());
    }
    now = now + DAY - ONE_MS;
    assert!(use_it(&scheme, &token, now).await.is_ok());
    assert_eq!(use_it(&scheme, &token, now + DAY).await.unwrap_err(), Reason::Expired);
    assert_eq!(use_it(&scheme, &token, now + DAY * 2).await.unwrap_err(), Reason::Expired);
    assert_eq!(use_it(&scheme, &token, now + DAY - ONE_MS).await.unwrap_err(), Reason::Expired, "never alive again");
}

#[tokio::test]
async fn sld_02_a_request_that_is_not_let_through_does_not_slide() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    let token = open(&scheme, 1, None, start()).await.unwrap().token;
    for hour in 1..24 {
        assert!(look(&scheme, &token, None, start() + HOUR * hour).await.is_ok());
    }
    assert_eq!(look(&scheme, &token, None, start() + DAY).await.unwrap_err(), Reason::Expired);
}

#[tokio::test]
async fn sld_04_a_crash_ends_a_session_one_step_early_at_most_and_never_late() {
    for last_use in [HOUR / 7, STEP, STEP * 3 + HOUR / 7, DAY * 2 + ONE_MS] {
        let store = Arc::new(Fake::default());
        store.add(account(1));
        let before = Sliding::new(settings(IpMode::Off), Arc::clone(&store) as Arc<dyn Sessions>);
        let token = open(&before, 1, None, start()).await.unwrap().token;
        for n in 1..=10_000 {
            use_it(&before, &token, start() + last_use * n / 10_000).await.unwrap();
        }
        let written = store.uses.load(Ordering::SeqCst);
        assert!(u128::try_from(written).unwrap() <= last_use.as_nanos() / STEP.as_nanos(), "{written} writes");
        drop(before);
        let rebuilt = || Sliding::new(settings(IpMode::Off), Arc::clone(&store) as Arc<dyn Sessions>);
        let end = start() + last_use + DAY;
        assert!(look(&rebuilt(), &token, None, end - STEP).await.is_ok());
        assert_eq!(look(&rebuilt(), &token, None, end).await.unwrap_err(), Reason::Expired);
    }
}

#[tokio::test]
async fn sld_05_a_second_user_at_one_address_is_refused_or_displaces() {
    let (scheme, store) = scheme(REFUSE);
    store.add(account(1));
    store.add(account(2));
    let here = ip("192.0.2.1");
    let first = open(&scheme, 1, here, start()).await.unwrap();
    assert_eq!(open(&scheme, 2, ip("::ffff:192.0.2.1"), start()).await.unwrap_err(), Reason::AddressTaken);
    assert!(use_it(&scheme, &first.token, start()).await.is_ok());
    assert!(open(&scheme, 2, ip("192.0.2.2"), start()).await.is_ok());
    assert_eq!(open(&scheme, 1, None, start()).await.unwrap_err(), Reason::AddressDenied);

    let (scheme, store) = self::scheme(DISPLACE);
    store.add(account(1));
    store.add(account(2));
    let first = open(&scheme, 1, here, start()).await.unwrap();
    let elsewhere = open(&scheme, 1, ip("192.0.2.9"), start()).await.unwrap();
    let second = open(&scheme, 2, here, start()).await.unwrap();
    assert_eq!(second.ended, [first.id]);
    assert_eq!(use_it(&scheme, &first.token, start()).await.unwrap_err(), Reason::Unknown);
    assert!(use_it(&scheme, &second.token, start()).await.is_ok());
    assert!(use_it(&scheme, &elsewhere.token, start()).await.is_ok());
}

#[tokio::test]
async fn sld_05_a_use_that_was_not_written_yet_still_holds_the_address() {
    let (scheme, store) = scheme(REFUSE);
    store.add(account(1));
    store.add(account(2));
    let here = ip("192.0.2.1");
    let first = open(&scheme, 1, here, start()).await.unwrap();
    use_it(&scheme, &first.token, start() + STEP - ONE_MS).await.unwrap();
    assert_eq!(store.uses.load(Ordering::SeqCst), 0);
    let later = start() + DAY + STEP - ONE_MS * 2;
    assert_eq!(open(&scheme, 2, here, later).await.unwrap_err(), Reason::AddressTaken);
    assert!(use_it(&scheme, &first.token, later).await.is_ok());
}

#[tokio::test]
async fn sld_07_one_user_has_any_number_of_services_at_one_address() {
    let (scheme, store) = scheme(REFUSE);
    store.add(account(1));
    let here = ip("2001:db8::1");
    let mut opened = Vec::new();
    for service in ["a", "b", "b", "c"] {
        opened.push(scheme.open(&account(1), service, here, start()).await.unwrap());
    }
    for (session, service) in opened.iter().zip(["a", "b", "b", "c"]) {
        let who = use_it(&scheme, &session.token, start()).await.unwrap();
        assert_eq!(who.service(), Some(service));
        assert_eq!(who, session.identity);
    }
    scheme.close(&opened[1].id).await.unwrap();
    for (n, session) in opened.iter().enumerate() {
        assert_eq!(use_it(&scheme, &session.token, start()).await.is_ok(), n != 1);
    }
}

#[tokio::test]
async fn sld_08_the_address_is_free_at_the_instant_of_sign_out_or_expiry() {
    let (scheme, store) = scheme(REFUSE);
    store.add(account(1));
    store.add(account(2));
    let here = ip("192.0.2.1");
    let first = open(&scheme, 1, here, start()).await.unwrap();
    scheme.close(&first.id).await.unwrap();
    let second = open(&scheme, 2, here, start()).await.unwrap();
    assert_eq!(open(&scheme, 1, here, start() + DAY - ONE_MS).await.unwrap_err(), Reason::AddressTaken);
    assert!(open(&scheme, 1, here, start() + DAY).await.is_ok());
    let late = use_it(&scheme, &second.token, start() + DAY - ONE_MS).await;
    assert!(matches!(late, Err(Reason::Expired | Reason::Unknown)), "the slot is gone");
}

#[tokio::test]
async fn sld_12_twice_empty_long_or_strange_tokens_are_refused_without_the_store() {
    let (scheme, store) = scheme(IpMode::Off);
    let long = [b'a'; 129];
    let huge = vec![b'a'; 100 * 1024];
    for text in [&b""[..], b" ", b"a b", b"a-b", b"abc=", b"a\xc3\xa4", b"a\xff", &long, &huge] {
        match step(&scheme, text, None, start()) {
            Step::Done(Verdict::Refused(why)) => assert_eq!((why.reason, why.by), (Reason::Malformed, "lp")),
            other => panic!("{other:?}"),
        }
    }
    let mut headers = HeaderMap::new();
    headers.append("token", HeaderValue::from_static("a"));
    headers.append("token", HeaderValue::from_static("b"));
    let path = CanonicalPath::parse("/").unwrap();
    let head = Head::new(&Method::GET, &path, &headers);
    assert_eq!(scheme.carrier().count(&head), 2);
    assert!(matches!(
        scheme.authenticate(&head),
        Step::Done(Verdict::Refused(Rejection { reason: Reason::Malformed, .. }))
    ));
    assert_eq!(store.reads.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn sld_13_a_token_elsewhere_than_in_its_header_is_not_looked_at() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    let token = open(&scheme, 1, None, start()).await.unwrap().token;
    let text = token.expose_text().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::try_from(format!("token={text}")).unwrap());
    headers.insert("authorization", HeaderValue::try_from(format!("Bearer {text}")).unwrap());
    let query = format!("token={text}");
    let path = CanonicalPath::parse("/").unwrap();
    let head = Head::new(&Method::GET, &path, &headers).with_query(Some(&query)).with_now(start());
    assert!(matches!(scheme.authenticate(&head), Step::Done(Verdict::Absent)));
}

#[tokio::test]
async fn sld_14_each_sign_in_gives_a_new_token() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    let first = open(&scheme, 1, None, start()).await.unwrap();
    let second = open(&scheme, 1, None, start()).await.unwrap();
    assert_ne!(first.token, second.token);
    assert_ne!(first.id, second.id);
    assert!(use_it(&scheme, &first.token, start()).await.is_ok());
}

#[tokio::test]
async fn sld_15_a_bound_token_is_refused_elsewhere_and_lives_on_at_home() {
    let mode = IpMode::Exact { on_conflict: OnConflict::Refuse };
    let (scheme, store) = scheme(mode);
    store.add(account(1));
    let home = ip("192.0.2.1");
    let token = open(&scheme, 1, home, start()).await.unwrap().token;
    let cold = Sliding::new(settings(mode), Arc::clone(&store) as Arc<dyn Sessions>);
    for scheme in [&scheme, &cold] {
        for client in [ip("192.0.2.2"), ip("2001:db8::1"), None] {
            assert_eq!(look(scheme, &token, client, start()).await.unwrap_err(), Reason::AddressMismatch);
        }
        assert!(look(scheme, &token, ip("::ffff:192.0.2.1"), start()).await.is_ok());
    }
    let other = open(&scheme, 1, ip("192.0.2.2"), start()).await.unwrap();
    assert!(other.ended.is_empty());
    assert!(look(&scheme, &token, home, start()).await.is_ok());

    let (scheme, store) = self::scheme(IpMode::Exact { on_conflict: OnConflict::Displace });
    store.add(account(1));
    let first = open(&scheme, 1, home, start()).await.unwrap();
    let second = open(&scheme, 1, ip("192.0.2.2"), start()).await.unwrap();
    assert_eq!(second.ended, [first.id]);
    assert_eq!(look(&scheme, &first.token, home, start()).await.unwrap_err(), Reason::Unknown);
}

#[tokio::test]
async fn sld_16_the_absolute_life_ends_a_token_that_is_in_use() {
    let store = Arc::new(Fake::default());
    store.add(account(1));
    let mut settings = settings(IpMode::Off);
    settings.life.absolute = Some(DAY * 30);
    let scheme = Sliding::new(settings, Arc::clone(&store) as Arc<dyn Sessions>);
    let opened = open(&scheme, 1, None, start()).await.unwrap();
    assert_eq!(opened.identity.expires_at(), Some(start() + DAY * 30));
    for hour in 1..30 * 24 {
        assert!(use_it(&scheme, &opened.token, start() + HOUR * hour).await.is_ok(), "hour {hour}");
    }
    assert!(use_it(&scheme, &opened.token, start() + DAY * 30 - ONE_MS).await.is_ok());
    assert_eq!(use_it(&scheme, &opened.token, start() + DAY * 30).await.unwrap_err(), Reason::Expired);
}

#[tokio::test]
async fn sld_17_sign_ins_without_sign_out_are_bounded() {
    let store = Arc::new(Fake::default());
    store.add(account(1));
    let scheme = Sliding::new(
        Settings { per_account: 3, capacity: 8, ..settings(IpMode::Off) },
        Arc::clone(&store) as Arc<dyn Sessions>,
    );
    let mut opened = Vec::new();
    for n in 0..200 {
        opened.push(open(&scheme, 1, None, start() + ONE_MS * n).await.unwrap());
    }
    let now = start() + HOUR;
    for (n, session) in opened.iter().enumerate() {
        assert_eq!(use_it(&scheme, &session.token, now).await.is_ok(), n >= 197, "{n}");
    }
    assert_eq!(store.count(), 3);
    for n in 2..300 {
        store.add(account(n));
        open(&scheme, n, None, now).await.unwrap();
    }
    assert!(scheme.0.memory.len() <= 8);
}

#[tokio::test]
async fn sld_18_a_signed_out_token_is_dead_and_cannot_be_signed_out_again() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    let opened = open(&scheme, 1, None, start()).await.unwrap();
    let who = use_it(&scheme, &opened.token, start()).await.unwrap();
    scheme.close(&who.credential().id).await.unwrap();
    assert_eq!(use_it(&scheme, &opened.token, start()).await.unwrap_err(), Reason::Unknown);
    assert_eq!(scheme.close(&who.credential().id).await.unwrap_err().reason, Reason::Unknown);
    let accepted = with_head(opened.token.expose(), None, start(), |head| scheme.accept(&who, head));
    assert!(accepted.is_err(), "a verdict from before is worth nothing after");
}

#[tokio::test]
async fn sld_19_a_service_name_over_its_limit_opens_nothing() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    for service in ["", "a\r\nSet-Cookie: b", &"x".repeat(10 * 1024)] {
        let refused = scheme.open(&account(1), service, None, start()).await.unwrap_err();
        assert_eq!(refused.reason, Reason::BadRequest);
    }
    assert_eq!(store.count(), 0);
}

#[tokio::test]
async fn rev_07_and_rev_08_a_store_that_is_down_is_no_open_door() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    let opened = open(&scheme, 1, None, start()).await.unwrap();
    store.down.store(true, Ordering::SeqCst);
    let refused = scheme.close(&opened.id).await.unwrap_err();
    assert_eq!((refused.reason, refused.retry_after_seconds()), (Reason::Unavailable, Some(5)));
    assert!(use_it(&scheme, &opened.token, start()).await.is_ok(), "it is as it was");
    let cold = Sliding::new(settings(IpMode::Off), Arc::clone(&store) as Arc<dyn Sessions>);
    assert_eq!(use_it(&cold, &opened.token, start()).await.unwrap_err(), Reason::Unavailable);
    assert_eq!(open(&cold, 1, None, start()).await.unwrap_err(), Reason::Unavailable);
    store.down.store(false, Ordering::SeqCst);
    assert!(use_it(&cold, &opened.token, start()).await.is_ok());
}

#[tokio::test]
async fn rev_15_the_next_request_sees_a_change_of_the_account() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    let token = open(&scheme, 1, None, start()).await.unwrap().token;
    let now = start() + HOUR;
    let old = use_it(&scheme, &token, now).await.unwrap();
    let reads = store.reads.load(Ordering::SeqCst);
    assert!(matches!(step(&scheme, token.expose(), None, now), Step::Done(Verdict::Known(_))));
    assert_eq!(store.reads.load(Ordering::SeqCst), reads, "memory knows it");

    store.add(Account { grants: "points:read".parse().unwrap(), ..account(1) });
    scheme.memory().forget_account(AccountId(1));
    let late = with_head(token.expose(), None, now, |head| scheme.accept(&old, head));
    assert_eq!(late, Err(Unaccepted::Changed), "judged by what was, to be judged again");
    let new = use_it(&scheme, &token, now).await.unwrap();
    assert_eq!(new.grants().to_string(), "points:read");
    assert!(use_it(&scheme, &token, now + DAY - ONE_MS).await.is_ok(), "the use before the change still counts");

    store.add(Account { state: AccountState::Disabled, ..account(1) });
    scheme.memory().forget_all();
    assert_eq!(use_it(&scheme, &token, now).await.unwrap_err(), Reason::Disabled);
    assert_eq!(scheme.open(&store.account(1), "x", None, now).await.unwrap_err().reason, Reason::Disabled);
    store.add(Account { not_before: start() + ONE_MS, ..account(1) });
    assert_eq!(use_it(&scheme, &token, now).await.unwrap_err(), Reason::Revoked);
}

#[tokio::test]
async fn an_answer_that_went_stale_while_it_was_on_its_way_is_asked_again() {
    let (scheme, store) = scheme(IpMode::Off);
    store.add(account(1));
    let opened = open(&scheme, 1, None, start()).await.unwrap();
    scheme.memory().forget_all();
    let (other, id) = (scheme.clone(), Arc::clone(&opened.id));
    // The session ends between the store's reading and our hearing of it.
    store.after_next_read(move |store| {
        store.remove(&id);
        other.memory().forget_credential(&id);
    });
    assert_eq!(use_it(&scheme, &opened.token, start()).await.unwrap_err(), Reason::Unknown);
}

#[tokio::test]
async fn what_memory_must_let_go_is_written_first() {
    let store = Arc::new(Fake::default());
    let scheme =
        Sliding::new(Settings { capacity: 2, ..settings(IpMode::Off) }, Arc::clone(&store) as Arc<dyn Sessions>);
    store.add(account(1));
    let first = open(&scheme, 1, None, start()).await.unwrap();
    use_it(&scheme, &first.token, start() + ONE_MS).await.unwrap();
    assert_eq!(store.last_used(&first.id), start());
    for n in 2..7 {
        store.add(account(n));
        open(&scheme, n, None, start()).await.unwrap();
    }
    assert_eq!(store.last_used(&first.id), start() + ONE_MS);
}

proptest! {
    #[test]
    fn any_header_is_read_without_panic_and_never_accepted(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (scheme, store) = scheme(IpMode::Off);
        if HeaderValue::from_bytes(&bytes).is_ok() {
            let step = step(&scheme, &bytes, None, start());
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let verdict = runtime.block_on(step.verdict());
            prop_assert!(matches!(verdict, Verdict::Refused(_)));
            let asked = store.reads.load(Ordering::SeqCst) > 0;
            prop_assert_eq!(asked, token::is_token(&bytes));
        }
    }
}

#[tokio::test]
async fn web_06_a_cookie_carries_the_token_in_place_of_a_header() {
    let store = Arc::new(Fake::default());
    store.add(account(1));
    let settings = Settings { id: "web", place: Place::Cookie("__Host-tg"), ..settings(IpMode::Off) };
    let scheme = Sliding::new(settings, Arc::clone(&store) as Arc<dyn Sessions>);
    let opened = open(&scheme, 1, None, start()).await.unwrap();
    let token = opened.token.expose_text().unwrap();
    let path = CanonicalPath::parse("/account").unwrap();
    let ask = async |lines: &[String]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().unwrap());
        }
        let head = Head::new(&Method::GET, &path, &headers).with_now(start());
        let verdict = scheme.authenticate(&head).verdict().await;
        if let Verdict::Known(who) = &verdict {
            assert_eq!(scheme.accept(who, &head), Ok(()));
        }
        (scheme.carrier().count(&head), verdict)
    };
    let refused = |reason| Verdict::Refused(Rejection::new(reason, "web"));
    let known = Verdict::Known(opened.identity.clone());
    assert_eq!(ask(&[format!("a=1; __Host-tg={token}; b=2")]).await, (1, known.clone()));
    assert_eq!(ask(&["a=1".to_owned(), format!("__Host-tg={token}")]).await, (1, known));
    assert_eq!(ask(&[format!("tg={token}; __host-tg={token}; __Host-tg2={token}")]).await, (0, Verdict::Absent));
    let twice = [format!("__Host-tg={token}; __Host-tg={token}")];
    assert_eq!(ask(&twice).await, (2, refused(Reason::Malformed)));
    let twice = [format!("__Host-tg={token}"), "__Host-tg=".to_owned()];
    assert_eq!(ask(&twice).await, (2, refused(Reason::Malformed)));
    for bad in ["", "\"a\"", "a b", "a,b", &"a".repeat(129)] {
        assert_eq!(ask(&[format!("__Host-tg={bad}")]).await, (1, refused(Reason::Malformed)), "{bad}");
    }
    assert_eq!(ask(&["__Host-tg=another".to_owned()]).await, (1, refused(Reason::Unknown)));
}
