//! Transcripts, and what only letters and races can show.

use std::time::Duration;

use http::HeaderValue;
use trackgate_schemes::testing::Occupied;
use trackgate_schemes::{AccountId, Clock as _, Digest, HashPool};

use super::*;
use crate::mail::Letter;
use crate::ports::MailedToken;
use crate::trackers::fittrackee::tests::{NOW, letters, on, post, token_in, with_mail};
use crate::trackers::testing::{Play, Stage, request_of, run, status_and_body};

/// `rider` in use and `fresh` unconfirmed, each with a password `correct horse`.
async fn people(stage: &Stage) -> (Account, Account) {
    let rider = stage.account("rider").await;
    let fresh = stage.account("fresh").await;
    (rider, set_state(stage, fresh.id, AccountState::Unconfirmed).await)
}

async fn set_state(stage: &Stage, id: AccountId, new: AccountState) -> Account {
    let change = AccountChange { state: Some(new), ..AccountChange::default() };
    stage.accounts.change(id, change, Ends::Nothing, &Origin::operator()).await.unwrap()
}

/// A link of this text, as if it had been mailed.
async fn put(stage: &Stage, account: &Account, purpose: MailedPurpose, text: &str, about: Option<&str>) {
    let created_at = stage.clock.now();
    let digest = Digest::sha256(text.as_bytes());
    let expires_at = (purpose == MailedPurpose::ResetPassword).then(|| created_at + links::RESET_LIFE);
    let about = about.map(Arc::from);
    let token = MailedToken { account: account.id, purpose, digest, about, created_at, expires_at };
    stage.store.put_mailed_token(token).await.unwrap();
}

/// The people of [`people`], with a link of each purpose.
async fn linked(stage: &Stage) {
    let (rider, fresh) = people(stage).await;
    put(stage, &rider, MailedPurpose::ResetPassword, RESET, None).await;
    put(stage, &rider, MailedPurpose::ChangeEmail, EMAIL, Some("New@example.org")).await;
    put(stage, &fresh, MailedPurpose::ConfirmAccount, FRESH, None).await;
}

/// Sends a body; the status and whether it went well.
async fn send(play: &Play, path: &str, body: &str) -> u16 {
    play.answer(post(path, body)).await.status().as_u16()
}

async fn ask_for_letter(play: &Play, path: &str, email: &str) -> Letter {
    let before = letters(play).await.len();
    assert_eq!(send(play, path, &format!("{{\"email\":\"{email}\"}}")).await, 200);
    let mut posted = letters(play).await;
    assert_eq!(posted.len(), before + 1);
    posted.pop().unwrap()
}

fn with_token(token: &str) -> String {
    format!("{{\"token\":\"{token}\"}}")
}

fn new_password(token: &str, password: &str) -> String {
    format!("{{\"token\":\"{token}\",\"password\":\"{password}\"}}")
}

async fn signs_in(play: &Play, name: &str, password: &str) -> bool {
    let body = format!("{{\"email\":\"{name}@example.org\",\"password\":\"{password}\"}}");
    send(play, "/api/auth/login", &body).await == 200
}

#[tokio::test]
async fn jwt_20_transcripts_of_mailed_links() {
    for transcript in [include_str!("../transcripts/mailed.txt"), include_str!("../transcripts/mailed_links.txt")] {
        for stage in Stage::on_each_store(NOW).await {
            linked(&stage).await;
            with_mail(stage).perform(transcript).await;
        }
    }
}

#[tokio::test]
async fn transcript_without_mail() {
    for stage in Stage::on_each_store(NOW).await {
        linked(&stage).await;
        let play = on(stage);
        play.perform(include_str!("../transcripts/mailed_off.txt")).await;
        assert!(letters(&play).await.is_empty());
    }
}

#[tokio::test]
async fn pwd_08_a_reset_link_works_once_within_its_hour_and_not_after_another() {
    for stage in Stage::on_each_store(NOW).await {
        let (rider, _fresh) = people(&stage).await;
        let play = with_mail(stage);
        let first = token_in(&ask_for_letter(&play, RESET_REQUEST, "rider@example.org").await, "/password-reset");
        let letter = ask_for_letter(&play, RESET_REQUEST, "rider@example.org").await;
        let second = token_in(&letter, "/password-reset");
        assert_eq!((&*letter.to, &*letter.subject), ("rider@example.org", "FitTrackee - Password reset request"));
        assert_ne!(first, second);
        assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(&first, "first try")).await, 401);
        play.stage.clock.advance(Duration::from_micros(3_599_999_999));
        assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(&second, "second try")).await, 200);
        assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(&second, "third try")).await, 401);
        let changed = letters(&play).await.pop().unwrap();
        assert_eq!((&*changed.to, &*changed.subject), ("rider@example.org", "FitTrackee - Password changed"));
        assert!(signs_in(&play, "rider", "second try").await && !signs_in(&play, "rider", "third try").await);

        let late = token_in(&ask_for_letter(&play, RESET_REQUEST, "rider@example.org").await, "/password-reset");
        play.stage.clock.advance(links::RESET_LIFE);
        assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(&late, "too late")).await, 401);

        let stale = token_in(&ask_for_letter(&play, RESET_REQUEST, "rider@example.org").await, "/password-reset");
        let set = "set elsewhere".into();
        play.stage.accounts.change_password(rider.id, set, Ends::Nothing, &Origin::operator()).await.unwrap();
        assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(&stale, "taken back")).await, 401);
        assert!(signs_in(&play, "rider", "set elsewhere").await);
    }
}

#[tokio::test]
async fn pwd_08_a_reset_link_is_for_its_own_account_and_activates_nobody() {
    let stage = Stage::at(NOW);
    people(&stage).await;
    let play = with_mail(stage);
    let token = token_in(&ask_for_letter(&play, RESET_REQUEST, "fresh@example.org").await, "/password-reset");
    assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(&token, "new for fresh")).await, 200);
    assert!(signs_in(&play, "rider", "correct horse").await);
    assert!(!signs_in(&play, "rider", "new for fresh").await);
    assert!(!signs_in(&play, "fresh", "new for fresh").await, "it is not confirmed");
}

#[tokio::test]
async fn pwd_08_of_two_tabs_at_once_one_wins() {
    for stage in Stage::on_each_store(NOW).await {
        linked(&stage).await;
        let play = with_mail(stage);
        let tab = |password: &str| post(UPDATE_PASSWORD, &new_password(RESET, password));
        let (one, other) =
            (play.pass(tab("the first tab")).await.unwrap(), play.pass(tab("the other tab")).await.unwrap());
        let (one, other) = tokio::join!(run(one), run(other));
        let mut statuses = [one.status().as_u16(), other.status().as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
        assert_eq!(signs_in(&play, "rider", "the first tab").await, one.status() == 200);
        assert_eq!(signs_in(&play, "rider", "the other tab").await, other.status() == 200);
        assert_eq!(letters(&play).await.len(), 1);
    }
}

#[tokio::test]
async fn pwd_08_of_two_confirmations_at_once_one_signs_in() {
    for stage in Stage::on_each_store(NOW).await {
        linked(&stage).await;
        let play = with_mail(stage);
        for (path, token) in [(CONFIRM, FRESH), (UPDATE_EMAIL, EMAIL)] {
            let ask = || post(path, &with_token(token));
            let (one, other) = (play.pass(ask()).await.unwrap(), play.pass(ask()).await.unwrap());
            let (one, other) = tokio::join!(run(one), run(other));
            let mut statuses = [one.status().as_u16(), other.status().as_u16()];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 400], "{path}");
        }
    }
}

#[tokio::test]
async fn jwt_20_purposes_are_not_exchanged_and_a_refusal_uses_nothing_up() {
    for stage in Stage::on_each_store(NOW).await {
        linked(&stage).await;
        let play = with_mail(stage);
        let jwt = "jwt.1.1795311789";
        for token in [RESET, EMAIL, jwt] {
            assert_eq!(send(&play, CONFIRM, &with_token(token)).await, 400);
        }
        for token in [RESET, FRESH, jwt] {
            assert_eq!(send(&play, UPDATE_EMAIL, &with_token(token)).await, 400);
        }
        for token in [EMAIL, FRESH, jwt] {
            assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(token, "long enough")).await, 401);
        }
        for token in [RESET, EMAIL, FRESH] {
            let ask = format!("GET /api/auth/profile HTTP/1.1\nauthorization: Bearer {token}\n\n");
            assert_eq!(play.answer(request_of(&ask)).await.status(), 401);
        }
        assert_eq!(send(&play, CONFIRM, &with_token(FRESH)).await, 200);
        assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(RESET, "long enough")).await, 200);
        assert_eq!(send(&play, UPDATE_EMAIL, &with_token(EMAIL)).await, 200);
    }
}

/// The answers are the same to the byte, and the store writes as often: each takes one number of a job.
#[tokio::test]
async fn enu_03_known_and_unknown_addresses_have_one_answer_and_one_kind_of_work() {
    for stage in Stage::on_each_store(NOW).await {
        people(&stage).await;
        let play = with_mail(stage);
        for path in [RESET_REQUEST, RESEND] {
            let mut seen = Vec::new();
            for name in ["rider", "Rider", "fresh", "nobody"] {
                let before = next_job(&play).await;
                let answer = play.answer(post(path, &format!("{{\"email\":\"{name}@example.org\"}}"))).await;
                let took = next_job(&play).await - before;
                seen.push((answer.status(), answer.headers().clone(), answer.into_body(), took));
            }
            assert!(seen.windows(2).all(|pair| pair.first() == pair.last()), "{path}: {seen:?}");
        }
        let sent: Vec<_> = letters(&play).await.into_iter().map(|letter| (letter.to, letter.subject)).collect();
        let to = |name: &str, subject: &str| (format!("{name}@example.org"), format!("FitTrackee - {subject}"));
        let (reset, confirm) = ("Password reset request", "Confirm your account");
        assert_eq!(sent, [to("rider", reset), to("fresh", reset), to("fresh", confirm)]);
        let left = play.stage.store.list_jobs(None).await.unwrap();
        assert_eq!(left.len(), 3, "a pretence leaves nothing behind");
        play.stage.store.close().await.unwrap();
        for name in ["rider", "nobody"] {
            assert_eq!(send(&play, RESET_REQUEST, &format!("{{\"email\":\"{name}@example.org\"}}")).await, 503);
        }
    }
}

/// The number that the next job gets.
async fn next_job(play: &Play) -> i64 {
    let now = play.stage.clock.now();
    let new =
        crate::ports::NewJob { kind: "test".into(), account: None, payload: "".into(), due_at: now, created_at: now };
    let id = play.stage.store.add_job(new).await.unwrap();
    assert!(play.stage.store.delete_job(id).await.unwrap());
    id
}

#[tokio::test]
async fn eml_04_a_link_leads_to_the_configured_address() {
    let stage = Stage::at(NOW);
    people(&stage).await;
    let play = with_mail(stage);
    let ask = "HTTP/1.1\nhost: evil.example\nx-forwarded-host: evil.example\nforwarded: host=evil.example\n\
        origin: https://evil.example\ncontent-type: application/json\n\n{\"email\":\"fresh@example.org\"}";
    for path in [RESEND, RESET_REQUEST] {
        assert_eq!(play.answer(request_of(&format!("POST {path} {ask}"))).await.status(), 200);
    }
    let sent = letters(&play).await;
    token_in(&sent[0], "/account-confirmation");
    token_in(&sent[1], "/password-reset");
    assert!(sent.iter().all(|letter| !letter.text.contains("evil") && !letter.html.contains("evil")));
}

#[tokio::test]
async fn a_letter_is_in_the_language_of_the_account_and_names_the_device() {
    let stage = Stage::at(NOW);
    let (rider, _fresh) = people(&stage).await;
    Profile::update(&stage.accounts, rider.id, |profile| profile.language = Some("fr".into())).await.unwrap();
    let play = with_mail(stage);
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";
    let ask = format!(
        "POST {RESET_REQUEST} HTTP/1.1\nuser-agent: {agent}\ncontent-type: application/json\n\n{}",
        "{\"email\":\"rider@example.org\"}"
    );
    assert_eq!(play.answer(request_of(&ask)).await.status(), 200);
    let letter = letters(&play).await.pop().unwrap();
    assert!(letter.html.contains("<html lang=\"fr\">"));
    assert!(letter.text.contains("Linux") && letter.text.contains("Firefox"), "{}", letter.text);
}

#[tokio::test]
async fn a_new_confirmation_replaces_the_old_and_only_who_awaits_it_gets_one() {
    for stage in Stage::on_each_store(NOW).await {
        let (rider, fresh) = people(&stage).await;
        let play = with_mail(stage);
        set_state(&play.stage, rider.id, AccountState::Disabled).await;
        let first = token_in(&ask_for_letter(&play, RESEND, "fresh@example.org").await, "/account-confirmation");
        let second = token_in(&ask_for_letter(&play, RESEND, "fresh@example.org").await, "/account-confirmation");
        assert_eq!(send(&play, RESEND, "{\"email\":\"rider@example.org\"}").await, 200);
        assert_eq!(letters(&play).await.len(), 2, "what an operator disabled confirms nobody");
        assert_eq!(send(&play, CONFIRM, &with_token(&first)).await, 400);
        assert_eq!(send(&play, CONFIRM, &with_token(&second)).await, 200);
        assert!(play.stage.store.account(fresh.id).await.unwrap().unwrap().is_active());
    }
}

#[tokio::test]
async fn what_an_operator_decided_is_not_undone_by_an_old_link() {
    for state in [AccountState::Active, AccountState::Disabled] {
        let stage = Stage::at(NOW);
        linked(&stage).await;
        let play = with_mail(stage);
        let fresh = account_by(&play, "fresh@example.org").await;
        set_state(&play.stage, fresh.id, state).await;
        assert_eq!(send(&play, CONFIRM, &with_token(FRESH)).await, 400);
        // Also if the link came into the store behind the change.
        put(&play.stage, &fresh, MailedPurpose::ConfirmAccount, FRESH, None).await;
        assert_eq!(send(&play, CONFIRM, &with_token(FRESH)).await, 400);
        assert_eq!(play.stage.store.account(fresh.id).await.unwrap().unwrap().state, state);
    }
}

async fn account_by(play: &Play, email: &str) -> Account {
    play.stage.store.account_by_login(&Login::parse(email).unwrap()).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_address_that_somebody_took_meanwhile_stays_theirs() {
    for stage in Stage::on_each_store(NOW).await {
        linked(&stage).await;
        stage.account_with("thief", Some("NEW@example.org"), "correct horse").await;
        let play = with_mail(stage);
        assert_eq!(send(&play, UPDATE_EMAIL, &with_token(EMAIL)).await, 400);
        assert_eq!(account_by(&play, "new@example.org").await.name.as_ref(), "thief");
        assert_eq!(account_by(&play, "rider@example.org").await.name.as_ref(), "rider");
    }
}

#[tokio::test]
async fn pwd_09_a_link_survives_that_there_is_no_room_to_hash() {
    let pool = HashPool::new(1, 1);
    let stage = Stage::with_pool(NOW, pool.clone());
    linked(&stage).await;
    let play = with_mail(stage);
    let busy = Occupied::thread_of(&pool);
    let waiting = pool.run(None, || ());
    let answer = play.answer(post(UPDATE_PASSWORD, &new_password(RESET, "long enough"))).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &HeaderValue::from(1)));
    busy.let_go().await;
    waiting.await.unwrap();
    assert_eq!(send(&play, UPDATE_PASSWORD, &new_password(RESET, "long enough")).await, 200);
}

#[tokio::test]
async fn registration_posts_a_link_that_confirms_and_a_known_address_gets_none() {
    for stage in Stage::on_each_store(NOW).await {
        stage.account("rider").await;
        let play = with_mail(stage);
        let form = |name: &str, email: &str| {
            format!(
                "{{\"username\":\"{name}\",\"email\":\"{email}\",\"password\":\"12345678\",\"accepted_policy\":true,\
                 \"language\":\"fr\"}}"
            )
        };
        let known = play.answer(post("/api/auth/register", &form("Eve", "RIDER@example.org"))).await;
        let new = play.answer(post("/api/auth/register", &form("Ada", "Ada@example.org"))).await;
        assert_eq!((known.status(), known.headers(), known.body()), (new.status(), new.headers(), new.body()));
        assert_eq!(status_and_body(&new), (StatusCode::OK, "{\"status\":\"success\"}\n"));
        let mut sent = letters(&play).await;
        let letter = sent.pop().unwrap();
        assert!(sent.is_empty() && letter.to == "Ada@example.org" && letter.html.contains("<html lang=\"fr\">"));
        assert!(!signs_in(&play, "ada", "12345678").await);
        let token = token_in(&letter, "/account-confirmation");
        let confirmed = play.answer(post(CONFIRM, &with_token(&token))).await;
        assert_eq!(confirmed.status(), StatusCode::OK);
        assert_eq!(confirmed.headers()["cache-control"], "no-store");
        assert!(signs_in(&play, "ada", "12345678").await);
    }
}

const EMAIL: &str = "email___________________________________";
const FRESH: &str = "fresh___________________________________";
const RESET: &str = "reset___________________________________";
