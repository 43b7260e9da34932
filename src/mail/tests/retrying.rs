use trackgate_schemes::Clock;

use super::*;
use crate::mail::postman::{FIRST_WAIT, LONGEST_WAIT};
use crate::ports::{JobState, NewJob};

/// When a letter may be tried again after this many attempts.
fn due(now: SystemTime, attempts: u32) -> std::ops::RangeInclusive<SystemTime> {
    let most = (FIRST_WAIT * 2u32.pow(attempts - 1)).min(LONGEST_WAIT);
    now + most * 3 / 4..=now + most
}

#[tokio::test]
async fn a_letter_is_sent_once_and_then_gone() {
    let world = World::new(&[]).await;
    world.outbox.post(None, &letter()).await.unwrap();
    assert_eq!(world.job().await.work.kind.as_ref(), "mail");
    assert!(world.deliver().await);
    assert!(!world.deliver().await);
    assert_eq!(world.sink.letters().len(), 1);
    assert!(world.jobs().await.is_empty());
}

#[tokio::test]
async fn eml_05_what_fails_is_tried_again_later_and_sent_once() {
    let world = World::new(&[Does::Rcpt("451 busy"), Does::Rcpt("451 busy")]).await;
    world.outbox.post(None, &letter()).await.unwrap();
    for attempts in 1..=2 {
        assert!(world.deliver().await);
        let job = world.job().await;
        assert_eq!((job.state, job.attempts), (JobState::Waiting, attempts));
        assert!(due(world.clock.now(), attempts).contains(&job.work.due_at), "{attempts}");
        assert!(job.error.as_ref().unwrap().contains("451"), "{job:?}");
        world.clock.set(job.work.due_at - Duration::from_millis(2));
        assert!(!world.deliver().await, "before its time");
        world.clock.advance(Duration::from_millis(3));
    }
    assert!(world.deliver().await);
    assert_eq!(world.sink.letters().len(), 1);
    assert!(world.jobs().await.is_empty());
}

#[tokio::test]
async fn a_letter_whose_answer_was_lost_bears_the_same_message_id_again() {
    let world = World::new(&[Does::DropsAfterData]).await;
    world.outbox.post(None, &letter()).await.unwrap();
    assert!(world.deliver().await);
    world.clock.set(world.job().await.work.due_at + Duration::from_millis(1));
    assert!(world.deliver().await);
    world.outbox.post(None, &letter()).await.unwrap();
    assert!(world.deliver().await);
    let [first, second, other] = world.sink.letters().try_into().unwrap();
    assert_eq!(message_id(&first), message_id(&second));
    assert_ne!(message_id(&first), message_id(&other));
    assert!(message_id(&first).ends_with("@example.org>"));
}

#[tokio::test]
async fn eml_05_what_the_server_refuses_for_good_is_dead_at_once() {
    let world = World::new(&[Does::Rcpt("550 5.1.1 no such user here")]).await;
    world.outbox.post(None, &letter()).await.unwrap();
    assert!(world.deliver().await);
    let job = world.job().await;
    assert_eq!(job.state, JobState::Dead);
    assert!(job.error.unwrap().contains("no such user"));
    world.clock.advance(Duration::from_hours(48));
    assert!(!world.deliver().await);
    assert!(world.store.revive_job(job.id, world.clock.now()).await.unwrap());
    assert!(world.deliver().await);
    assert_eq!(world.sink.letters().len(), 1);
}

#[tokio::test]
async fn eml_05_a_letter_is_given_up_after_about_a_day() {
    let always = [Does::Rcpt("451 busy"); 2 * Postman::MAX_ATTEMPTS as usize];
    let world = World::new(&always).await;
    world.outbox.post(None, &letter()).await.unwrap();
    let began = world.clock.now();
    for _ in 1..Postman::MAX_ATTEMPTS {
        assert!(world.deliver().await);
        let job = world.job().await;
        assert_eq!(job.state, JobState::Waiting);
        assert!(job.work.due_at <= world.clock.now() + LONGEST_WAIT);
        world.clock.set(job.work.due_at + Duration::from_millis(1));
    }
    assert!(world.deliver().await);
    assert_eq!(world.job().await.state, JobState::Dead);
    let lasted = world.clock.now().duration_since(began).unwrap();
    assert!((Duration::from_hours(16)..Duration::from_hours(26)).contains(&lasted), "{lasted:?}");
    assert_eq!(world.sink.heard().len(), Postman::MAX_ATTEMPTS as usize);
}

#[tokio::test]
async fn a_wrong_password_for_the_server_is_not_the_letters_fault() {
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::start(&[Does::Auth("535 5.7.8 wrong")], None).await;
    let carrier = carrying::with_login(&folder, "smtp+plain", sink.address);
    let failed = carrier.carry(&letter(), 1, SystemTime::now()).await.unwrap_err();
    assert!(matches!(failed, Undelivered::Later(ref why) if why.contains("535")), "{failed}");
    carrier.carry(&letter(), 1, SystemTime::now()).await.unwrap();
}

#[tokio::test]
async fn what_is_no_letter_or_has_no_address_is_dead_at_once() {
    let world = World::new(&[]).await;
    let now = world.clock.now();
    let payload = "{\"to\":1}".into();
    let new = NewJob { kind: KIND.into(), account: None, payload, due_at: now, created_at: now };
    world.store.add_job(new).await.unwrap();
    world.outbox.post(None, &Letter { to: "a@b.c, d@e.f".to_owned(), ..letter() }).await.unwrap();
    assert!(world.deliver().await && world.deliver().await && !world.deliver().await);
    assert!(world.jobs().await.iter().all(|job| job.state == JobState::Dead));
    assert!(world.sink.heard().is_empty());
}

#[tokio::test]
async fn a_letter_survives_the_process_that_took_it() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("t.db").display());
    let world = World::on(crate::stores::open(&url).await.unwrap(), &[]).await;
    world.outbox.post(None, &letter()).await.unwrap();
    // It dies while it sends: the claim is what is left of it.
    let now = world.clock.now();
    assert!(world.store.claim_job(KIND, now, now + Duration::from_mins(2)).await.unwrap().is_some());
    world.store.close().await.unwrap();
    let again = World::on(crate::stores::open(&url).await.unwrap(), &[]).await;
    assert!(!again.deliver().await, "the claim still holds");
    again.clock.advance(Duration::from_mins(2));
    assert!(again.deliver().await);
    assert!(again.jobs().await.is_empty());
    assert_eq!((world.sink.letters().len(), again.sink.letters().len()), (0, 1));
    again.store.close().await.unwrap();
}

#[tokio::test]
async fn a_postman_at_work_wakes_at_once_and_stops_between_letters() {
    let World { sink, outbox, postman, store, .. } = World::new(&[]).await;
    let round = postman.start();
    let began = std::time::Instant::now();
    outbox.post(None, &letter()).await.unwrap();
    while sink.letters().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!(began.elapsed() < Duration::from_secs(4), "it waited for its next look");
    }
    round.stop(Duration::from_secs(5)).await;
    assert!(store.list_jobs(None).await.unwrap().is_empty(), "the letter under way was not finished");
    outbox.post(None, &letter()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(sink.letters().len(), 1);
}

#[tokio::test]
async fn a_letter_that_hangs_does_not_keep_the_gateway() {
    let World { sink, outbox, postman, store, .. } = World::new(&[Does::IsSilent]).await;
    let round = postman.start();
    outbox.post(None, &letter()).await.unwrap();
    while sink.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let began = std::time::Instant::now();
    round.stop(Duration::from_millis(50)).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(store.list_jobs(None).await.unwrap().len(), 1, "it is kept for the next start");
}

#[tokio::test]
async fn a_silent_server_is_left_after_the_time_out() {
    let world = World::new(&[Does::IsSilent]).await;
    world.outbox.post(None, &letter()).await.unwrap();
    assert!(world.deliver().await);
    let job = world.job().await;
    assert_eq!(job.state, JobState::Waiting);
    assert!(job.error.unwrap().contains("not done within 2 s"));
}
