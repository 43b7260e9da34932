//! The scheme as a whole: header, purposes, accounts, sign-out, memory.

use super::*;

fn text(secret: &Secret) -> String {
    secret.expose_text().unwrap().to_owned()
}

fn issue(jwt: &Jwt, account: &Account, purpose: Purpose) -> String {
    text(&jwt.issue(account, purpose, at(IAT)).unwrap())
}

fn payload(token: &str) -> String {
    let payload = token.split('.').nth(1).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn sign_out(jwt: &Jwt, store: &Fake, who: &Identity) {
    let key = &who.credential().id;
    store.blacklist(key, who.account(), who.expires_at().unwrap(), at(IAT)).await.unwrap();
    jwt.memory().forget_credential(key);
}

#[tokio::test]
async fn the_header_is_read_as_the_contract_says() {
    let (jwt, _) = fit();
    let good = issue(&jwt, &account(1), Purpose::Access);
    for line in [format!("Bearer {good}"), format!("bEaReR {good}"), format!("Bearer {good} and more")] {
        assert!(matches!(step(&jwt, line.as_bytes(), at(IAT)).verdict().await, Verdict::Known(_)), "{line}");
    }
    for line in ["", "Basic dGVzdDp0ZXN0", "Digest x", "Bearerx y", &good, "Bearer tg_abc", &format!("Token {good}")] {
        let step = step(&jwt, line.as_bytes(), at(IAT));
        assert!(matches!(step, Step::Done(Verdict::Absent)), "{line}");
    }
    for line in [
        "Bearer",
        "Bearer ",
        "bearer  ",
        &format!("Bearer  {good}"),
        &format!("Bearer\t{good}"),
        "Bearer junk",
        "Bearer \u{e4}",
    ] {
        match step(&jwt, line.as_bytes(), at(IAT)) {
            Step::Done(Verdict::Refused(why)) => assert_eq!((why.reason, why.by), (Reason::Malformed, "fit"), "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
    let mut headers = HeaderMap::new();
    let path = CanonicalPath::parse("/").unwrap();
    assert!(matches!(jwt.authenticate(&Head::new(&Method::GET, &path, &headers)), Step::Done(Verdict::Absent)));
    for _ in 0..2 {
        headers.append(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {good}")).unwrap());
    }
    let head = Head::new(&Method::GET, &path, &headers).with_now(at(IAT));
    assert!(matches!(jwt.authenticate(&head), Step::Done(Verdict::Refused(_))));
}

#[tokio::test]
async fn a_new_token_says_what_the_original_says_and_then_ours() {
    let (jwt, _) = fit();
    let owner = Account { generation: 7, ..account(1) };
    let access = issue(&jwt, &owner, Purpose::Access);
    assert!(access.starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."));
    let claims = payload(&access);
    let start = format!(r#"{{"exp":{EXP},"iat":{IAT},"sub":"1","jti":""#);
    assert!(claims.starts_with(&start) && claims.ends_with(r#"","gen":7}"#), "{claims}");
    assert_ne!(access, issue(&jwt, &owner, Purpose::Access), "two sign-ins in one second give two tokens");
    assert!(access.len() <= 500, "the original keeps at most 500 characters");
    let reset = payload(&issue(&jwt, &owner, Purpose::ResetPassword));
    assert!(reset.starts_with(&format!(r#"{{"exp":{},"#, IAT + 3600)), "{reset}");
    assert!(reset.ends_with(r#","purpose":"reset-password"}"#), "{reset}");

    let strict = Settings { issuer: Some("i".into()), audience: Some("a".into()), ..Settings::new("fit") };
    let (jwt, _) = with(strict, keys());
    let own = issue(&jwt, &account(1), Purpose::Access);
    assert!(present(&jwt, &own, at(IAT)).await.is_ok(), "it takes what it issues");
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let (jwt, _) = with(Settings::new("fit"), Keys::jwks(&Secret::from(jwk)).unwrap());
    assert_eq!(jwt.issue(&account(1), Purpose::Access, at(IAT)).unwrap_err().reason, Reason::Internal);
}

#[tokio::test]
async fn jwt_20_a_token_is_good_for_its_own_purpose_only_and_is_not_used_up() {
    let purposes = [Purpose::Access, Purpose::ChangeEmail, Purpose::ConfirmAccount, Purpose::ResetPassword];
    let (jwt, store) = fit();
    for own in purposes {
        let token = issue(&jwt, &account(1), own);
        for other in purposes {
            let checked = jwt.verify_purpose(&token, other, at(IAT)).await;
            assert_eq!(checked.is_ok(), own == other, "{own:?} as {other:?}");
            if let Err(why) = checked {
                assert_eq!(why.reason, Reason::Purpose);
            }
        }
        assert_eq!(present(&jwt, &token, at(IAT)).await.is_ok(), own == Purpose::Access);
        assert!(jwt.verify_purpose(&token, own, at(IAT)).await.is_ok(), "not used up");
    }
    for claim in [r#""purpose":"access""#, r#""purpose":"other""#, r#""purpose":"""#] {
        let token = token(format!("{{\"exp\":{EXP},\"sub\":\"1\",{claim}}}"));
        assert_eq!(refused(&jwt, &token).await, Reason::Purpose, "{claim}");
    }
    let odd = token(format!("{{\"exp\":{EXP},\"sub\":\"1\",\"purpose\":null}}"));
    assert_eq!(refused(&jwt, &odd).await, Reason::Malformed);

    let mail = jwt.issue_about(&account(1), Purpose::ChangeEmail, Some("new@example.org"), at(IAT)).unwrap();
    let checked = jwt.verify_purpose(&text(&mail), Purpose::ChangeEmail, at(IAT)).await.unwrap();
    assert_eq!(checked.about.as_deref(), Some("new@example.org"));
    sign_out(&jwt, &store, &checked.identity).await;
    let again = jwt.verify_purpose(&text(&mail), Purpose::ChangeEmail, at(IAT)).await;
    assert_eq!(again.unwrap_err().reason, Reason::Revoked, "once it was used");
}

#[tokio::test]
async fn jwt_21_a_token_of_an_account_that_may_not_sign_in_is_refused() {
    let (jwt, store) = fit();
    let token = issue(&jwt, &account(1), Purpose::Access);
    let confirm = issue(&jwt, &account(1), Purpose::ConfirmAccount);
    for (state, may_confirm) in [(AccountState::Disabled, false), (AccountState::Unconfirmed, true)] {
        store.add(Account { state, ..account(1) });
        jwt.memory().forget_account(AccountId(1));
        assert_eq!(refused(&jwt, &token).await, Reason::Disabled);
        let confirmed = jwt.verify_purpose(&confirm, Purpose::ConfirmAccount, at(IAT)).await;
        assert_eq!(confirmed.is_ok(), may_confirm);
    }
    store.accounts.lock().unwrap().clear();
    // The same name again is another account, with another number.
    store.add(Account { name: "rider1".into(), ..account(2) });
    assert_eq!(refused(&jwt, &token).await, Reason::Unknown);
}

#[tokio::test]
async fn rev_01_and_rev_05_a_signed_out_token_is_dead_in_every_spelling() {
    let (jwt, store) = fit();
    let spellings = [
        format!("{{\"exp\":{EXP},\"iat\":{IAT},\"sub\":\"1\"}}"),
        format!(" {{ \"sub\" : \"\\u0031\", \"exp\" : {EXP}.0 ,\"iat\":{IAT} }} "),
    ];
    let with_jti = spellings.clone().map(|claims| claims.replacen('{', "{\"jti\":\"a\",", 1));
    for [first, second] in [spellings, with_jti] {
        let (first, second) = (token(first), sign(&keys(), r#"{ "typ":"JWT","alg":"HS256" }"#, second));
        let who = present(&jwt, &first, at(IAT)).await.unwrap();
        let same = present(&jwt, &second, at(IAT)).await.unwrap();
        assert_eq!(who.credential(), same.credential());
        assert_eq!(who.credential().id.len(), 64);
        sign_out(&jwt, &store, &who).await;
        assert_eq!(refused(&jwt, &first).await, Reason::Revoked);
        assert_eq!(refused(&jwt, &second).await, Reason::Revoked);
    }
    assert!(present(&jwt, &issue(&jwt, &account(1), Purpose::Access), at(IAT)).await.is_ok());
}

#[tokio::test]
async fn the_same_jti_of_two_issuers_or_schemes_is_two_tokens() {
    let of = |issuer: &str| token(format!("{{\"exp\":{EXP},\"sub\":\"1\",\"jti\":\"1\"{issuer}}}"));
    let (fit, _) = fit();
    let (other, _) = with(Settings::new("other"), keys());
    let id = async |jwt: &Jwt, issuer: &str| present(jwt, &of(issuer), at(IAT)).await.unwrap().credential().id.clone();
    let mut ids = vec![
        id(&fit, "").await,
        id(&other, "").await,
        id(&fit, r#","iss":"a""#).await,
        id(&fit, r#","iss":"b""#).await,
        id(&fit, r#","iss":"fit""#).await,
    ];
    assert_eq!(ids[2], id(&other, r#","iss":"a""#).await, "one issuer's token is one, whoever reads it");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn rev_08_a_store_that_is_down_is_not_a_bad_token() {
    let (jwt, store) = fit();
    let token = issue(&jwt, &account(1), Purpose::Access);
    store.down.store(true, Ordering::SeqCst);
    match step(&jwt, format!("Bearer {token}").as_bytes(), at(IAT)).verdict().await {
        Verdict::Refused(why) => {
            assert_eq!((why.reason, why.retry_after_seconds()), (Reason::Unavailable, Some(5)));
        }
        other => panic!("{other:?}"),
    }
    assert!(jwt.0.known.is_empty());
    store.down.store(false, Ordering::SeqCst);
    assert!(present(&jwt, &token, at(IAT)).await.is_ok());
}

#[tokio::test]
async fn rev_09_when_all_credentials_end_older_tokens_are_dead() {
    let (jwt, store) = fit();
    let counted = issue(&jwt, &account(1), Purpose::Access);
    let reset = issue(&jwt, &account(1), Purpose::ResetPassword);
    let ended = Account { generation: 1, not_before: at(IAT) + Duration::from_millis(700), ..account(1) };
    store.add(ended.clone());
    assert_eq!(refused(&jwt, &counted).await, Reason::Revoked);
    let checked = jwt.verify_purpose(&reset, Purpose::ResetPassword, at(IAT)).await;
    assert_eq!(checked.unwrap_err().reason, Reason::Revoked);
    let fresh = issue(&jwt, &ended, Purpose::Access);
    assert!(present(&jwt, &fresh, at(IAT)).await.is_ok(), "one of the same second, but of the new count");
}

#[tokio::test]
async fn rev_09_tokens_of_another_server_that_counts_as_we_do_end_by_whole_seconds() {
    let (jwt, store) = with(Settings { uncounted: Uncounted::AnyAccount, ..Settings::new("fit") }, keys());
    store.add(Account { generation: 1, not_before: at(IAT) + Duration::from_millis(700), ..account(1) });
    // The second itself is dead.
    let now = at(IAT + 9);
    for (issued_at, good) in [(IAT - 1, false), (IAT, false), (IAT + 1, true)] {
        let old = token(format!("{{\"exp\":{EXP},\"iat\":{issued_at},\"sub\":\"1\"}}"));
        assert_eq!(present(&jwt, &old, now).await.is_ok(), good, "{issued_at}");
    }
    let odd = token(format!("{{\"exp\":{EXP},\"iat\":{IAT}.9,\"sub\":\"1\"}}"));
    assert_eq!(present(&jwt, &odd, now).await.unwrap_err(), Reason::Revoked);
    let undated = token(format!("{{\"exp\":{EXP},\"sub\":\"1\"}}"));
    assert_eq!(present(&jwt, &undated, now).await.unwrap_err(), Reason::Revoked);
}

#[tokio::test]
async fn tokens_of_an_old_server_are_good_for_imported_accounts_alone_whenever_they_were_issued() {
    let (jwt, store) = fit();
    store.add(Account { not_before: at(IAT - 100), ..account(2) });
    store.add(Account { not_before: at(IAT - 100), generation: 1, ..account(3) });
    for issued_at in [IAT - 200, IAT - 100, IAT - 99, IAT] {
        for (number, good) in [(1, true), (2, false), (3, false), (4, false)] {
            let old = token(format!("{{\"exp\":{EXP},\"iat\":{issued_at},\"sub\":\"{number}\"}}"));
            assert_eq!(present(&jwt, &old, at(IAT)).await.is_ok(), good, "{number} at {issued_at}");
        }
    }
    let own = issue(&jwt, &Account { not_before: at(IAT - 100), ..account(2) }, Purpose::Access);
    assert!(present(&jwt, &own, at(IAT)).await.is_ok(), "ours count");
    // The old server mails a token of an hour to set a password, which nothing but its life tells.
    for (life, end) in [(3600, Err(Reason::Purpose)), (3601, Ok(()))] {
        let old = token(format!("{{\"exp\":{},\"iat\":{IAT},\"sub\":\"1\"}}", IAT + life));
        assert_eq!(present(&jwt, &old, at(IAT)).await.map(drop), end, "{life}");
    }
}

#[tokio::test]
async fn a_sign_out_taken_over_from_another_server_is_the_one_that_is_asked_for() {
    let (jwt, store) = fit();
    let settings = Settings::new("fit");
    let plain = token(format!("{{\"exp\":{EXP},\"iat\":{IAT},\"sub\":\"1\"}}"));
    let other = token(format!("{{\"exp\":{},\"iat\":{IAT},\"sub\":\"1\"}}", EXP - 1));
    let own = issue(&jwt, &account(1), Purpose::Access);
    for (token, bystander) in [(&plain, &other), (&own, &other)] {
        assert!(present(&jwt, token, at(IAT)).await.is_ok());
        let signed_out = settings.signed_out(token, at(IAT)).unwrap();
        assert_eq!((signed_out.account, signed_out.until), (Some(AccountId(1)), at(EXP)));
        store.blacklist(&signed_out.key, None, signed_out.until, at(IAT)).await.unwrap();
        jwt.memory().forget_credential(&signed_out.key);
        assert_eq!(present(&jwt, token, at(IAT)).await.unwrap_err(), Reason::Revoked);
        assert!(present(&jwt, bystander, at(IAT)).await.is_ok());
    }
    // The key of the signature changes nothing; what is refused anyway has no place in the list.
    let resigned = format!("{}AAAA", plain.rsplit_once('.').map(|(signed, _)| format!("{signed}.")).unwrap());
    assert_eq!(settings.signed_out(&resigned, at(IAT)), settings.signed_out(&plain, at(IAT)));
    assert_eq!(settings.signed_out(&plain, at(EXP)), Err(Reason::Expired));
    assert!(settings.signed_out(&plain, at(IAT - 9)).is_ok(), "a clock that is late lets nobody in later");
    let number = token(format!("{{\"exp\":{EXP},\"iat\":{IAT},\"sub\":1}}"));
    for unfit in [number.as_str(), "", "a.b.c", "tg_token", &format!("{plain}=")] {
        assert_eq!(settings.signed_out(unfit, at(IAT)), Err(Reason::Malformed), "{unfit}");
    }
}

#[tokio::test]
async fn rev_15_a_known_token_asks_nobody_until_its_account_changes() {
    let (jwt, store) = fit();
    let token = issue(&jwt, &account(1), Purpose::Access);
    present(&jwt, &token, at(IAT)).await.unwrap();
    let asked = store.asked();
    let line = format!("Bearer {token}");
    assert!(matches!(step(&jwt, line.as_bytes(), at(EXP - 1)), Step::Done(Verdict::Known(_))));
    assert_eq!(store.asked(), asked);
    store.add(Account { grants: "points:read".parse().unwrap(), ..account(1) });
    jwt.memory().forget_account(AccountId(1));
    let who = present(&jwt, &token, at(IAT)).await.unwrap();
    assert_eq!(who.grants().to_string(), "points:read");
}

#[test]
fn the_challenge_tells_a_bad_token_from_none() {
    let challenge = |settings: Settings, reason, by| {
        let value = with(settings, keys()).0.challenge(&Rejection::new(reason, by)).unwrap();
        value.to_str().unwrap().to_owned()
    };
    let bad = "error=\"invalid_token\", error_description=\"The access token provided is expired, revoked, malformed, or \
               invalid for other reasons.\"";
    assert_eq!(challenge(Settings::new("fit"), Reason::Expired, "fit"), format!("Bearer {bad}"));
    assert_eq!(challenge(Settings::new("fit"), Reason::Missing, "gate"), "Bearer");
    assert_eq!(challenge(Settings::new("fit"), Reason::WrongSecret, "basic"), "Bearer");
    let realm = || Settings { realm: Some("a \"b\"\r\n".into()), ..Settings::new("fit") };
    assert_eq!(challenge(realm(), Reason::Missing, "gate"), "Bearer realm=\"a \\\"b\\\"\"");
    assert_eq!(challenge(realm(), Reason::Revoked, "fit"), format!("Bearer realm=\"a \\\"b\\\"\", {bad}"));
}

#[test]
fn rev_04_after_the_acknowledgement_of_a_sign_out_nothing_is_accepted() {
    fn wait<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }
    for _ in 0..30 {
        let (jwt, store) = fit();
        let token = issue(&jwt, &account(1), Purpose::Access);
        let who = wait(present(&jwt, &token, at(IAT))).unwrap();
        let (done, accepted) = (AtomicBool::new(false), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (jwt, token, done, accepted) = (&jwt, &token, &done, &accepted);
                scope.spawn(move || {
                    for round in 0..200 {
                        let late = done.load(Ordering::SeqCst);
                        if wait(present(jwt, token, at(IAT))).is_ok() {
                            assert!(!late, "accepted after the acknowledgement");
                            accepted.fetch_add(1, Ordering::SeqCst);
                        }
                        if (n + round) % 16 == 0 {
                            jwt.memory().forget_account(AccountId(2));
                        }
                    }
                });
            }
            scope.spawn(|| {
                while accepted.load(Ordering::SeqCst) < 20 {
                    std::thread::yield_now();
                }
                wait(sign_out(&jwt, &store, &who));
                done.store(true, Ordering::SeqCst);
            });
        });
        assert_eq!(wait(present(&jwt, &token, at(IAT))).unwrap_err(), Reason::Revoked);
    }
}
