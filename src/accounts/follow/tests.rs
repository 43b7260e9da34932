use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use http::HeaderName;
use trackgate_policies::{Decision, Policy};
use trackgate_schemes::sliding::{self, Sliding};
use trackgate_schemes::store::{Answer, Life, StoreErrorKind};
use trackgate_schemes::testing::{Sample, block_on};
use trackgate_schemes::{AccountId, Forget, Grants, Head, Identity, Reason};

use super::*;
use crate::accounts::Origin;
use crate::accounts::tests::{named, service};
use crate::layer::{Gate, Mode};
use crate::ports::{AccountChange, Ends};

/// An event log that holds what a test wants, or does not answer.
#[derive(Debug, Default)]
struct Log {
    events: Mutex<Vec<Event>>,
    is_down: AtomicBool,
}

impl Log {
    fn answer<T: Send + 'static>(&self, answer: impl FnOnce(&[Event]) -> T) -> Answer<'_, T> {
        let answer = if self.is_down.load(Ordering::SeqCst) {
            Err(StoreError::new(StoreErrorKind::Unavailable, "by the test"))
        } else {
            Ok(answer(&self.events.lock().unwrap()))
        };
        Box::pin(std::future::ready(answer))
    }

    fn add(&self, seq: u64, account: i64) {
        let kind = EventKind::Account(AccountId(account));
        self.events.lock().unwrap().push(Event { seq, at: SystemTime::UNIX_EPOCH, kind });
    }
}

impl Events for Log {
    fn newest_event(&self) -> Answer<'_, u64> {
        self.answer(|events| events.iter().map(|event| event.seq).max().unwrap_or(0))
    }

    fn events_after(&self, after: u64, limit: u32) -> Answer<'_, Vec<Event>> {
        self.answer(|events| events.iter().filter(|event| event.seq > after).take(limit as usize).cloned().collect())
    }
}

/// Writes down what it was told to forget.
#[derive(Debug, Default)]
struct Forgotten(Mutex<Vec<String>>);

impl Forgotten {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Forget for Forgotten {
    fn forget_account(&self, account: AccountId) {
        self.0.lock().unwrap().push(account.to_string());
    }

    fn forget_credential(&self, id: &str) {
        self.0.lock().unwrap().push(id.to_owned());
    }

    fn forget_all(&self) {
        self.0.lock().unwrap().push("all".to_owned());
    }
}

async fn started(log: &Arc<Log>) -> (Follower, Arc<Forgotten>) {
    let (memories, forgotten) = (Memories::default(), Arc::new(Forgotten::default()));
    memories.add(Arc::clone(&forgotten) as _);
    let follower = Follower::start(Arc::clone(log) as _, Arc::new(memories)).await.unwrap();
    (follower, forgotten)
}

#[tokio::test]
async fn what_is_new_is_forgotten_once() {
    let log = Arc::new(Log::default());
    log.add(1, 11);
    let (mut follower, forgotten) = started(&log).await;
    follower.catch_up().await.unwrap();
    assert_eq!(forgotten.take(), NOTHING, "what was before the start");
    log.add(2, 12);
    let kind = EventKind::Credential { id: "token".into(), account: None };
    log.events.lock().unwrap().push(Event { seq: 3, at: SystemTime::UNIX_EPOCH, kind });
    follower.catch_up().await.unwrap();
    assert_eq!(forgotten.take(), ["12", "token"]);
    follower.catch_up().await.unwrap();
    assert_eq!(forgotten.take(), NOTHING);
}

#[tokio::test]
async fn a_changed_document_ends_no_credential_and_an_account_takes_its_documents_along() {
    let log = Arc::new(Log::default());
    let memories = Arc::new(Memories::default());
    let (credentials, documents) = (Arc::new(Forgotten::default()), Arc::new(Forgotten::default()));
    memories.add(Arc::clone(&credentials) as _);
    let held: Arc<dyn Forget> = Arc::clone(&documents) as _;
    memories.add_of_documents(&held);
    let mut follower = Follower::start(Arc::clone(&log) as _, Arc::clone(&memories)).await.unwrap();
    let kind = EventKind::Document(AccountId(7));
    log.events.lock().unwrap().push(Event { seq: 1, at: SystemTime::UNIX_EPOCH, kind });
    follower.catch_up().await.unwrap();
    assert_eq!((credentials.take(), documents.take()), (NOTHING.map(String::from).to_vec(), vec!["7".to_owned()]));
    log.add(2, 8);
    follower.catch_up().await.unwrap();
    assert_eq!((credentials.take(), documents.take()), (vec!["8".to_owned()], vec!["8".to_owned()]));
    drop(held);
    let left = Arc::downgrade(&documents);
    drop(documents);
    assert!(left.upgrade().is_none(), "a memory that nobody holds is not kept");
    memories.forget_all();
}

#[tokio::test]
async fn more_than_a_batch_is_read_at_once() {
    let log = Arc::new(Log::default());
    let (mut follower, forgotten) = started(&log).await;
    let many = u64::from(BATCH) * 2 + 1;
    for seq in 1..=many {
        log.add(seq, i64::try_from(seq).unwrap());
    }
    follower.catch_up().await.unwrap();
    assert_eq!(forgotten.take().len() as u64, many);
}

#[tokio::test]
async fn rev_11_memories_are_not_trusted_when_the_log_is_not_read_for_long() {
    let log = Arc::new(Log::default());
    let (mut follower, forgotten) = started(&log).await;
    let begun = Instant::now();
    follower.catch_up_at(begun).await.unwrap();
    log.is_down.store(true, Ordering::SeqCst);
    for (after, expected) in [
        (Duration::from_secs(1), &NOTHING[..]),
        (Follower::BOUND, &NOTHING),
        (Follower::BOUND + Duration::from_millis(1), &["all"]),
        (Follower::BOUND * 2, &["all"]),
    ] {
        follower.catch_up_at(begun + after).await.unwrap_err();
        assert_eq!(forgotten.take(), expected, "{after:?}");
    }
    // It heals by itself, and what happened meanwhile is not missed.
    log.add(1, 11);
    log.is_down.store(false, Ordering::SeqCst);
    follower.catch_up_at(begun + Follower::BOUND * 3).await.unwrap();
    assert_eq!(forgotten.take(), ["11"]);
    log.is_down.store(true, Ordering::SeqCst);
    follower.catch_up_at(begun + Follower::BOUND * 3 + Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(forgotten.take(), NOTHING, "the bound is counted anew");
}

#[tokio::test]
async fn rev_12_a_gap_or_another_order_forgets_everything_and_goes_on() {
    let log = Arc::new(Log::default());
    let (mut follower, forgotten) = started(&log).await;
    for (seq, expected) in [(1, &["11"][..]), (3, &["all", "11"]), (4, &["11"])] {
        log.add(seq, 11);
        follower.catch_up().await.unwrap();
        assert_eq!(forgotten.take(), expected, "{seq}");
    }
    // Two in the wrong order.
    log.add(6, 16);
    log.add(5, 15);
    follower.catch_up().await.unwrap();
    assert_eq!(forgotten.take(), ["all", "16", "all", "15"]);
    follower.catch_up().await.unwrap();
    assert_eq!(forgotten.take(), NOTHING, "and nothing is read for ever");
}

/// A rule whose decision takes so long that, the first time, the log is read meanwhile.
#[derive(Debug)]
struct Meanwhile(Mutex<Option<Follower>>);

impl Policy for Meanwhile {
    fn id(&self) -> &'static str {
        "meanwhile"
    }

    fn decide(&self, _who: &Identity, _head: &Head<'_>) -> Decision {
        if let Some(mut follower) = self.0.lock().unwrap().take() {
            block_on(follower.catch_up()).unwrap();
        }
        Decision::Allow
    }

    fn describe(&self) -> String {
        "meanwhile".to_owned()
    }
}

#[tokio::test]
async fn sld_a_request_that_runs_while_the_log_is_read_is_judged_by_what_is_now() {
    let open = || {
        let settings = sliding::Settings {
            id: "lp",
            place: sliding::Place::Header(HeaderName::from_static("token")),
            life: Life { idle: Duration::from_hours(24), absolute: None },
            ip: sliding::IpMode::Off,
            per_account: 8,
            capacity: 100,
        };
        let accounts = service();
        let sliding = Sliding::new(settings, Arc::clone(&accounts.store) as _);
        accounts.memories.add(sliding.memory());
        (accounts, sliding)
    };
    let everyday = Grants::EVERYDAY.to_string();
    for (deed, wanted) in
        [("nothing", Ok(&*everyday)), ("grant less", Ok("points:read")), ("close", Err(Reason::Unknown))]
    {
        let (accounts, sliding) = open();
        let follower = accounts.follow().await.unwrap();
        let now = accounts.clock.now();
        // The log has an entry about the account from here on.
        let rider = accounts.register(named("rider"), &Origin::operator()).await.unwrap();
        let session = sliding.open(&rider, "test", None, now).await.unwrap();
        // As if another process had done it, so that nobody here was told but by the log.
        match deed {
            "close" => drop(accounts.store.close_session(&session.id).await.unwrap()),
            "grant less" => {
                let less = AccountChange { grants: "points:read".parse().ok(), ..AccountChange::default() };
                accounts.store.change_account(rider.id, less, Ends::Nothing, now).await.unwrap();
            }
            _ => {}
        }
        let rule = Arc::new(Meanwhile(Mutex::new(Some(follower))));
        let gate = Gate::new(Mode::Required, vec![Arc::new(sliding)], vec![rule]);
        let token = session.token.expose_text().unwrap();
        let sample = Sample::new().header("token", token);
        let entered = sample.show(now, |head| block_on(gate.enter(head)));
        let grants = entered.map(|permit| permit.identity().grants().to_string());
        assert_eq!(grants.as_deref().map_err(|why| why.reason), wanted, "{deed}");
    }
}

const NOTHING: [&str; 0] = [];
