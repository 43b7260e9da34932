//! The transcript, and what only letters, other doors and other clocks can show.

use std::num::NonZeroU32;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as STANDARD;
use trackgate_policies::{GuessLimits, Lockout};
use trackgate_schemes::{AccountId, Clock as _, Grants};

use super::*;
use crate::ports::{AuditAction, AuditFilter};
use crate::trackers::fittrackee::tests::{NOW, Tokens, letters, on, post, token_in, with_mail};
use crate::trackers::fittrackee::{FitTrackee, PrivacyPolicy, Settings};
use crate::trackers::testing::{Play, Stage, request_of, status_and_body};

/// Changes the account of the first number by its token; the status and the answer's text.
async fn patch(play: &Play, body: &str) -> (u16, String) {
    let ask = format!("PATCH {EDIT} HTTP/1.1\nauthorization: {RIDER}\ncontent-type: application/json\n\n{body}");
    let answer = play.answer(request_of(&ask)).await;
    let (status, body) = status_and_body(&answer);
    (status.as_u16(), body.to_owned())
}

async fn move_to(play: &Play, email: &str) -> String {
    let (status, body) = patch(play, &format!("{{\"email\":\"{email}\",\"password\":\"correct horse\"}}")).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn profile(play: &Play) -> String {
    let ask = format!("GET /api/auth/profile HTTP/1.1\nauthorization: {RIDER}\n\n");
    let answer = play.answer(request_of(&ask)).await;
    let (status, body) = status_and_body(&answer);
    assert_eq!(status, 200);
    body.to_owned()
}

async fn confirm(play: &Play, token: &str) -> u16 {
    play.answer(post("/api/auth/email/update", &format!("{{\"token\":\"{token}\"}}"))).await.status().as_u16()
}

/// To whom the letters were that were posted since `known`, and what they are about.
async fn posted_since(play: &Play, known: usize) -> Vec<(String, String)> {
    let subject = |text: String| text.replace("FitTrackee - ", "");
    letters(play).await.into_iter().skip(known).map(|letter| (letter.to, subject(letter.subject))).collect()
}

fn about(to: &str, subject: &str) -> (String, String) {
    (format!("{to}@example.org"), subject.to_owned())
}

#[tokio::test]
async fn pwd_07_transcript_of_an_account_without_mail() {
    for stage in Stage::on_each_store(NOW).await {
        let rider = stage.account("rider").await;
        stage.account("other").await;
        stage.api_token("tg-profile", &rider, "profile:read");
        stage.api_token("tg-write", &rider, "profile:write");
        stage.api_token("tg-all", &rider, "*");
        let play = on(stage);
        play.perform(include_str!("../transcripts/edit_account.txt")).await;
        let filter = AuditFilter { account: Some(rider.id), limit: 100, ..AuditFilter::default() };
        let trail = play.stage.store.audit(filter).await.unwrap();
        let told = |action| trail.iter().filter(|entry| entry.action == action && &*entry.actor == "rider").count();
        assert_eq!((told(AuditAction::PasswordChange), told(AuditAction::AccountChange)), (1, 2));
    }
}

#[tokio::test]
async fn a_new_address_waits_for_its_link_and_every_change_sends_both_letters_again() {
    for stage in Stage::on_each_store(NOW).await {
        stage.account("rider").await;
        let play = with_mail(stage);
        let body = move_to(&play, "New@example.org").await;
        assert!(body.contains(r#""email":"rider@example.org","email_to_confirm":"New@example.org","#), "{body}");
        assert!(body.contains(r#""message":"user account updated","status":"success"}"#));
        let both = [about("rider", "Email changed"), about("New", "Confirm email change")];
        assert_eq!(posted_since(&play, 0).await, both);
        let first = letters(&play).await;
        assert!(first[0].text.contains("New@example.org"));
        let first = token_in(&first[1], "/email-update");

        let body = r#"{"email":"rider@example.org","password":"correct horse","new_password":"battery staple"}"#;
        assert_eq!(patch(&play, body).await.0, 200);
        let [present, new] = both;
        assert_eq!(posted_since(&play, 2).await, [about("rider", "Password changed"), present, new]);
        let second = token_in(&letters(&play).await[4], "/email-update");
        assert_eq!(confirm(&play, &first).await, 400, "the second letter has the link that counts");
        assert_eq!(confirm(&play, &second).await, 200);
        assert_eq!(confirm(&play, &second).await, 400);
        let body = profile(&play).await;
        assert!(body.contains(r#""email":"New@example.org","email_to_confirm":null,"#), "{body}");

        let body = r#"{"email":"New@example.org","password":"battery staple"}"#;
        assert_eq!(patch(&play, body).await.0, 200);
        assert_eq!(letters(&play).await.len(), 5, "none waits any more");
    }
}

#[tokio::test]
async fn enu_03_an_address_of_somebody_else_looks_free_until_its_owner_confirms() {
    let stage = Stage::at(NOW);
    stage.account("rider").await;
    stage.account("other").await;
    let play = with_mail(stage);
    let free = move_to(&play, "free@example.org").await;
    let taken = move_to(&play, "OTHER@example.org").await;
    assert_eq!(free.replace("free", "OTHER"), taken);
    let link = token_in(letters(&play).await.last().unwrap(), "/email-update");
    assert_eq!(confirm(&play, &link).await, 400);
    assert!(profile(&play).await.contains(r#""email":"rider@example.org","email_to_confirm":"OTHER@example.org","#));
}

/// Whoever asked for it may not have been the owner.
#[tokio::test]
async fn a_waiting_address_is_off_once_an_operator_steps_in() {
    for ends in [Ends::Nothing, Ends::Credentials] {
        let stage = Stage::at(NOW);
        let rider = stage.account("rider").await;
        let play = with_mail(stage);
        move_to(&play, "thief@example.org").await;
        let token = token_in(&letters(&play).await[1], "/email-update");
        let mut change = AccountChange::default();
        if ends == Ends::Nothing {
            change.email = Some(("back@example.org".into(), EmailAddress::parse("back@example.org").unwrap()));
        }
        let account = play.stage.accounts.change(rider.id, change, ends, &Origin::operator()).await.unwrap();
        assert_eq!(confirm(&play, &token).await, 400);
        let loaded = Profile::load(&play.stage.accounts, rider.id).await.unwrap();
        assert_eq!(loaded.pending_email(&account), None);
        let present = account.email.unwrap();
        let body =
            format!("{{\"email\":\"{present}\",\"password\":\"correct horse\",\"new_password\":\"battery staple\"}}");
        assert_eq!(patch(&play, &body).await.0, 200);
        let after = posted_since(&play, 2).await;
        assert_eq!(after, [(present.to_string(), "Password changed".to_owned())], "nothing goes to the thief");
    }
}

#[tokio::test]
async fn a_waiting_address_is_forgotten_when_mail_is_off_and_another_is_set() {
    let stage = Stage::at(NOW);
    let rider = stage.account("rider").await;
    Profile::update(&stage.accounts, rider.id, |profile| profile.await_email(&rider, "old@example.org")).await.unwrap();
    let play = on(stage);
    assert!(profile(&play).await.contains(r#""email_to_confirm":"old@example.org""#));
    let body = move_to(&play, "new@example.org").await;
    assert!(body.contains(r#""email":"new@example.org","email_to_confirm":null,"#), "{body}");
    let kept = Profile::load(&play.stage.accounts, rider.id).await.unwrap();
    assert_eq!((kept.email_to_confirm, kept.email_to_confirm_at), (None, None));
}

#[tokio::test]
async fn pwd_07_wrong_passwords_count_as_guesses_and_change_nothing() {
    let limits = GuessLimits { per_account: NonZeroU32::new(3).unwrap(), ..GuessLimits::default() };
    let stage = Stage::with_guard(NOW, Arc::new(Lockout::new(limits)));
    let rider = stage.account("rider").await;
    let play = on(stage);
    let body = |password: &str| format!("{{\"email\":\"thief@example.org\",\"password\":\"{password}\"}}");
    let refused = "{\"status\": \"error\", \"message\": \"invalid credentials\"}";
    for _ in 0..3 {
        assert_eq!(patch(&play, &body("a guess")).await, (401, refused.to_owned()));
    }
    let ask = format!(
        "PATCH {EDIT} HTTP/1.1\nauthorization: {RIDER}\ncontent-type: application/json\n\n{}",
        body("correct horse")
    );
    let answer = play.answer(request_of(&ask)).await;
    assert_eq!(status_and_body(&answer), (StatusCode::UNAUTHORIZED, refused));
    assert!(answer.headers().contains_key("retry-after"));
    let now = play.stage.store.account(rider.id).await.unwrap().unwrap();
    assert_eq!(now, rider);
}

#[tokio::test]
async fn brt_14_an_api_token_as_the_password_of_basic_is_not_the_owner() {
    let stage = Stage::at(NOW);
    let rider = stage.account("rider").await;
    let issued = stage.accounts.issue_token(&rider, "app", Grants::EVERYDAY, None, &Origin::operator()).await.unwrap();
    let tracker = FitTrackee::new(stage.services(), Arc::new(Tokens), Settings::default());
    let basic = stage.basic();
    let play = stage.put_on_behind(vec![basic], &tracker);
    for (password, status) in [(issued.text.expose_text().unwrap(), 401), ("correct horse", 200)] {
        let line = format!("Basic {}", STANDARD.encode(format!("rider:{password}")));
        let headers = [("authorization", line.as_str()), ("content-type", "application/json")];
        let answer = play.ask(Method::POST, PRIVACY_POLICY, &headers, "{\"accepted_policy\":true}").await;
        assert_eq!(answer.status().as_u16(), status);
    }
}

#[tokio::test]
async fn a_newer_policy_must_be_accepted_anew_and_older_documents_are_read_right() {
    let stage = Stage::at(NOW);
    let rider = stage.account("rider").await;
    // As it was written before acceptance had a date: it counts from the day of the account.
    let old = r#"{"accepted_privacy_policy":true,"bio":"old"}"#;
    assert!(stage.store.replace_document(ID, rider.id, None, old).await.unwrap());
    let store = Arc::clone(&stage.store);
    let with_policy = |stage: Stage, date| {
        let policy = PrivacyPolicy { text: "We keep nothing.".into(), date };
        let settings = Settings { privacy_policy: Some(policy), ..Settings::default() };
        let tracker = FitTrackee::new(stage.services(), Arc::new(Tokens), settings);
        stage.put_on(&tracker)
    };
    let play = on(stage);
    assert!(profile(&play).await.contains("\"accepted_privacy_policy\":true"));
    let play = with_policy(play.stage, rider.created_at);
    assert!(profile(&play).await.contains("\"accepted_privacy_policy\":true"));
    let play = with_policy(play.stage, rider.created_at + Duration::from_mins(1));
    assert!(profile(&play).await.contains("\"accepted_privacy_policy\":false"));
    let accept = || {
        let head = format!("POST {PRIVACY_POLICY} HTTP/1.1\nauthorization: {RIDER}\ncontent-type: application/json");
        request_of(&format!("{head}\n\n{{\"accepted_policy\":true}}"))
    };
    assert_eq!(play.answer(accept()).await.status(), 200);
    assert!(profile(&play).await.contains("\"accepted_privacy_policy\":false"), "the policy is of tomorrow");
    play.stage.clock.advance(Duration::from_mins(2));
    assert_eq!(play.answer(accept()).await.status(), 200);
    let body = profile(&play).await;
    assert!(body.contains("\"accepted_privacy_policy\":true") && body.contains("\"bio\":\"old\""), "{body}");
    let kept = store.document(ID, rider.id).await.unwrap().unwrap();
    assert!(kept.contains("\"accepted_policy_at\":17953119") && !kept.contains("accepted_privacy_policy"), "{kept}");
}

#[tokio::test]
async fn an_accepted_policy_and_a_bio_at_once_are_both_kept() {
    for stage in Stage::on_each_store(NOW).await {
        let rider = stage.account("rider").await;
        let now = stage.clock.now();
        let accept = Profile::update(&stage.accounts, rider.id, |profile| profile.accept_policy(now));
        let write = Profile::update(&stage.accounts, rider.id, |profile| profile.bio = Some("both".into()));
        let (accepted, written) = tokio::join!(accept, write);
        accepted.unwrap();
        written.unwrap();
        let body = profile(&on(stage)).await;
        assert!(body.contains("\"accepted_privacy_policy\":true") && body.contains("\"bio\":\"both\""), "{body}");
    }
}

#[tokio::test]
async fn registration_closes_when_every_place_is_taken() {
    let stage = Stage::at(NOW);
    stage.account("rider").await;
    let settings = Settings { max_users: 2, ..Settings::default() };
    let tracker = FitTrackee::new(stage.services(), Arc::new(Tokens), settings);
    let play = stage.put_on(&tracker);
    let form = |name: &str| {
        let body = format!(
            "{{\"username\":\"{name}\",\"email\":\"{name}@example.org\",\"password\":\"12345678\",\
             \"accepted_policy\":true}}"
        );
        post("/api/auth/register", &body)
    };
    assert_eq!(play.answer(form("second")).await.status(), 200);
    let closed = play.answer(form("third")).await;
    let told = "{\"status\": \"error\", \"message\": \"error, registration is disabled\"}";
    assert_eq!(status_and_body(&closed), (StatusCode::FORBIDDEN, told));
    assert_eq!(play.stage.store.list_accounts(AccountId(0), 9).await.unwrap().len(), 2, "unconfirmed ones count");
}

const RIDER: &str = "Bearer jwt.1.1795311789";
