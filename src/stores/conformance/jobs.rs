//! Rules about promised work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use trackgate_schemes::AccountId;

use super::{account, at};
use crate::ports::{Job, JobState, NewJob, Store};

/// Work that is due so many seconds after the beginning.
fn mail(payload: &str, due: u64) -> NewJob {
    NewJob { kind: "mail".into(), account: None, payload: payload.into(), due_at: at(due), created_at: at(0) }
}

async fn add(store: &dyn Store, payload: &str, due: u64) -> i64 {
    store.add_job(mail(payload, due)).await.unwrap()
}

async fn claim(store: &dyn Store, now: u64, until: u64) -> Option<Job> {
    store.claim_job("mail", at(now), at(until)).await.unwrap()
}

async fn stored(store: &dyn Store, id: i64) -> Option<Job> {
    store.list_jobs(None).await.unwrap().into_iter().find(|job| job.id == id)
}

/// Whether any of the acts on a claimed job was accepted.
async fn any_accepted(store: &dyn Store, job: &Job) -> bool {
    store.extend_job(job, at(1000)).await.unwrap()
        || store.postpone_job(job, at(1000), "late").await.unwrap()
        || store.bury_job(job, "late").await.unwrap()
        || store.finish_job(job).await.unwrap()
}

pub(super) async fn work_is_listed_as_it_was_promised(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let wanted = NewJob {
        kind: "archive".into(),
        account: Some(anna),
        payload: "{\"text\": \"ä\n\u{1f4e6}\"}".into(),
        due_at: at(9),
        created_at: at(3),
    };
    let first = add(&*store, "one", 50).await;
    let second = store.add_job(wanted.clone()).await.unwrap();
    let third = add(&*store, "three", 7).await;
    assert!(0 < first && first < second && second < third);
    let new = |id, work| Job { id, work, attempts: 0, state: JobState::Waiting, error: None };
    let all = [new(first, mail("one", 50)), new(second, wanted), new(third, mail("three", 7))];
    assert_eq!(store.list_jobs(None).await.unwrap(), all);
    assert_eq!(store.list_jobs(Some("archive")).await.unwrap(), all[1..2]);
    assert!(store.list_jobs(Some("Mail")).await.unwrap().is_empty());
}

pub(super) async fn work_is_claimed_from_the_instant_at_which_it_is_due(store: Arc<dyn Store>) {
    let id = add(&*store, "one", 10).await;
    assert_eq!(store.claim_job("mail", at(10) - Duration::from_micros(1), at(20)).await.unwrap(), None);
    assert_eq!(store.claim_job("archive", at(10), at(20)).await.unwrap(), None);
    let claimed = claim(&*store, 10, 20).await.unwrap();
    let state = JobState::Running { until: at(20) };
    assert_eq!(claimed, Job { id, work: mail("one", 10), attempts: 1, state, error: None });
    assert_eq!(store.list_jobs(None).await.unwrap(), [claimed]);
    assert_eq!(claim(&*store, 10, 20).await, None, "somebody does it");
}

pub(super) async fn what_is_due_the_longest_comes_first(store: Arc<dyn Store>) {
    for (payload, due) in [("late", 30), ("early", 10), ("first of two", 20), ("second of two", 20), ("not yet", 99)] {
        add(&*store, payload, due).await;
    }
    let stopped = claim(&*store, 50, 60).await.unwrap();
    assert_eq!(&*stopped.work.payload, "early");
    add(&*store, "behind it", 61).await;
    add(&*store, "with it", 60).await;
    let mut order = Vec::new();
    while let Some(job) = claim(&*store, 70, 500).await {
        order.push(job.work.payload.to_string());
    }
    assert_eq!(order, ["first of two", "second of two", "late", "early", "with it", "behind it"]);
}

pub(super) async fn a_claim_ends_at_exactly_its_instant(store: Arc<dyn Store>) {
    let id = add(&*store, "one", 10).await;
    let first = claim(&*store, 10, 20).await.unwrap();
    assert_eq!(store.claim_job("mail", at(20) - Duration::from_micros(1), at(40)).await.unwrap(), None);
    let second = claim(&*store, 20, 40).await.unwrap();
    assert_eq!((second.id, second.attempts, &second.work), (id, 2, &first.work));
    assert_eq!(second.state, JobState::Running { until: at(40) });
    assert_eq!(claim(&*store, 39, 99).await, None);
}

pub(super) async fn of_many_claims_at_once_each_gets_another(store: Arc<dyn Store>) {
    for n in 0..10 {
        add(&*store, &n.to_string(), n).await;
    }
    let mut racers = JoinSet::new();
    for _ in 0..16 {
        let store = Arc::clone(&store);
        racers.spawn(async move { claim(&*store, 50, 60).await });
    }
    let claimed: Vec<Job> = racers.join_all().await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), 10);
    assert_eq!(claimed.iter().map(|job| job.id).collect::<BTreeSet<_>>().len(), 10);
    assert!(claimed.iter().all(|job| job.attempts == 1));
}

pub(super) async fn of_two_that_take_over_an_ended_claim_one_does(store: Arc<dyn Store>) {
    add(&*store, "one", 0).await;
    claim(&*store, 0, 10).await.unwrap();
    for round in 1..=8 {
        let mut racers = JoinSet::new();
        for _ in 0..2 {
            let store = Arc::clone(&store);
            racers.spawn(async move { claim(&*store, round * 10, round * 10 + 10).await });
        }
        let claimed: Vec<Job> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(claimed.len(), 1, "round {round}");
        assert_eq!(u64::from(claimed[0].attempts), round + 1);
    }
}

pub(super) async fn whoever_lost_a_claim_changes_nothing(store: Arc<dyn Store>) {
    let id = add(&*store, "one", 0).await;
    let first = claim(&*store, 0, 10).await.unwrap();
    let second = claim(&*store, 10, 20).await.unwrap();
    assert!(!any_accepted(&*store, &first).await);
    assert_eq!(stored(&*store, id).await, Some(second.clone()));
    assert!(store.finish_job(&second).await.unwrap());
    assert!(!any_accepted(&*store, &second).await, "it is gone");
}

pub(super) async fn who_never_claimed_changes_nothing(store: Arc<dyn Store>) {
    let id = add(&*store, "one", 0).await;
    let waiting = stored(&*store, id).await.unwrap();
    assert!(!any_accepted(&*store, &waiting).await);
    assert_eq!(stored(&*store, id).await, Some(waiting));
}

pub(super) async fn an_ended_claim_that_nobody_took_over_still_counts(store: Arc<dyn Store>) {
    add(&*store, "one", 0).await;
    let claimed = claim(&*store, 0, 10).await.unwrap();
    assert!(store.extend_job(&claimed, at(30)).await.unwrap(), "whatever the time is");
    assert_eq!(claim(&*store, 29, 99).await, None);
    assert_eq!(stored(&*store, claimed.id).await.unwrap().state, JobState::Running { until: at(30) });
    // The job as it was claimed is enough, though it ends later now.
    assert!(store.extend_job(&claimed, at(40)).await.unwrap());
    assert!(store.finish_job(&claimed).await.unwrap());
    assert!(store.list_jobs(None).await.unwrap().is_empty());
}

pub(super) async fn postponed_work_waits_for_its_time(store: Arc<dyn Store>) {
    let id = add(&*store, "one", 0).await;
    let first = claim(&*store, 5, 10).await.unwrap();
    assert!(store.postpone_job(&first, at(60), "no answer: ä").await.unwrap());
    let waiting = stored(&*store, id).await.unwrap();
    assert_eq!((waiting.state, waiting.attempts, waiting.work.due_at), (JobState::Waiting, 1, at(60)));
    assert_eq!(waiting.error.as_deref(), Some("no answer: ä"));
    assert!(!any_accepted(&*store, &first).await, "the claim is given back");
    assert_eq!(claim(&*store, 59, 99).await, None);
    let second = claim(&*store, 60, 99).await.unwrap();
    assert_eq!((second.attempts, second.error.as_deref()), (2, Some("no answer: ä")));
    assert!(store.postpone_job(&second, at(70), "worse").await.unwrap());
    assert_eq!(stored(&*store, id).await.unwrap().error.as_deref(), Some("worse"));
}

pub(super) async fn buried_work_rests_until_it_is_revived(store: Arc<dyn Store>) {
    let id = add(&*store, "one", 0).await;
    assert!(!store.revive_job(id, at(1)).await.unwrap(), "it waits");
    let claimed = claim(&*store, 1, 10).await.unwrap();
    assert!(!store.revive_job(id, at(1)).await.unwrap(), "it runs");
    assert!(store.bury_job(&claimed, "no such mailbox").await.unwrap());
    let dead = stored(&*store, id).await.unwrap();
    assert_eq!((dead.state, dead.attempts, dead.error.as_deref()), (JobState::Dead, 1, Some("no such mailbox")));
    assert!(!any_accepted(&*store, &claimed).await);
    assert_eq!(claim(&*store, 1_000_000, 1_000_001).await, None);
    assert!(store.revive_job(id, at(50)).await.unwrap());
    assert!(!store.revive_job(id, at(51)).await.unwrap(), "twice is once");
    assert!(!store.revive_job(id + 1, at(50)).await.unwrap());
    let revived = stored(&*store, id).await.unwrap();
    assert_eq!((revived.state, revived.attempts, revived.work.due_at), (JobState::Waiting, 0, at(50)));
    assert_eq!(claim(&*store, 49, 60).await, None);
    assert_eq!(claim(&*store, 50, 60).await.unwrap().attempts, 1);
}

pub(super) async fn a_claim_from_before_a_revival_is_lost(store: Arc<dyn Store>) {
    let id = add(&*store, "one", 0).await;
    let forgotten = claim(&*store, 1, 10).await.unwrap();
    let second = claim(&*store, 10, 20).await.unwrap();
    store.bury_job(&second, "given up").await.unwrap();
    store.revive_job(id, at(30)).await.unwrap();
    let third = claim(&*store, 30, 40).await.unwrap();
    assert_eq!(third.attempts, forgotten.attempts);
    assert!(!any_accepted(&*store, &forgotten).await);
    assert!(store.finish_job(&third).await.unwrap());
}

pub(super) async fn work_is_deleted_in_any_state_and_its_number_is_gone(store: Arc<dyn Store>) {
    let dead = add(&*store, "dead", 0).await;
    let claimed = claim(&*store, 0, 10).await.unwrap();
    store.bury_job(&claimed, "given up").await.unwrap();
    let running = add(&*store, "running", 0).await;
    let claimed = claim(&*store, 0, 10).await.unwrap();
    let waiting = add(&*store, "waiting", 0).await;
    for id in [dead, running, waiting] {
        assert!(store.delete_job(id).await.unwrap());
        assert!(!store.delete_job(id).await.unwrap());
    }
    assert!(!any_accepted(&*store, &claimed).await);
    assert!(store.list_jobs(None).await.unwrap().is_empty());
    assert!(add(&*store, "next", 0).await > waiting);
}

pub(super) async fn rev_16_work_leaves_with_its_account(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let of = |account: AccountId| NewJob { account: Some(account), ..mail("x", 0) };
    store.add_job(of(anna)).await.unwrap();
    let claimed = claim(&*store, 0, 10).await.unwrap();
    let left = [store.add_job(of(berta)).await.unwrap(), add(&*store, "of nobody", 0).await];
    store.delete_account(anna, at(1)).await.unwrap();
    assert!(!any_accepted(&*store, &claimed).await);
    let found: Vec<i64> = store.list_jobs(None).await.unwrap().iter().map(|job| job.id).collect();
    assert_eq!(found, left);
    assert!(store.add_job(of(anna)).await.is_err(), "no orphan afterwards either");
}

pub(super) async fn sto_work_that_cannot_be_kept_is_refused(store: Arc<dyn Store>) {
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 42);
    for bad in [
        NewJob { kind: "\0".into(), ..mail("x", 0) },
        mail("\0", 0),
        NewJob { due_at: far, ..mail("x", 0) },
        NewJob { created_at: far, ..mail("x", 0) },
    ] {
        assert!(store.add_job(bad).await.is_err());
    }
    assert!(store.list_jobs(None).await.unwrap().is_empty());
    let id = add(&*store, "one", 0).await;
    assert!(store.claim_job("mail", at(1), far).await.is_err());
    let claimed = claim(&*store, 1, 10).await.unwrap();
    assert_eq!(claimed.attempts, 1, "what was refused counted nothing");
    assert!(store.extend_job(&claimed, far).await.is_err());
    assert!(store.postpone_job(&claimed, at(9), "\0").await.is_err());
    assert!(store.bury_job(&claimed, "\0").await.is_err());
    assert_eq!(stored(&*store, id).await, Some(claimed));
}
