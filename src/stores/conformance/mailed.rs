//! Rules about mailed tokens.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use trackgate_schemes::{AccountId, Digest};

use super::{account, at};
use crate::ports::{MailedPurpose, MailedToken, Store};

fn mailed(text: &str, account: AccountId, purpose: MailedPurpose) -> MailedToken {
    MailedToken { account, purpose, digest: digest(text), about: None, created_at: at(1), expires_at: Some(at(100)) }
}

fn digest(text: &str) -> Digest {
    Digest::sha256(text.as_bytes())
}

pub(super) async fn a_mailed_token_is_found_by_purpose_and_digest(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    for (n, purpose) in MailedPurpose::ALL.iter().enumerate() {
        let about = (n == 0).then(|| "Neue@Beispiel.example ä".into());
        let token = MailedToken { about, ..mailed(purpose.code(), anna, *purpose) };
        store.put_mailed_token(token.clone()).await.unwrap();
        for other in MailedPurpose::ALL {
            let found = store.mailed_token(*other, &token.digest, at(2)).await.unwrap();
            assert_eq!(found, (other == purpose).then(|| token.clone()), "{purpose:?} as {other:?}");
            if other != purpose {
                assert_eq!(store.take_mailed_token(*other, &token.digest, at(2)).await.unwrap(), None);
            }
        }
        assert_eq!(store.mailed_token(*purpose, &digest("other"), at(2)).await.unwrap(), None);
    }
}

pub(super) async fn a_mailed_token_is_of_use_once(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let token = mailed("one", anna, MailedPurpose::ResetPassword);
    store.put_mailed_token(token.clone()).await.unwrap();
    assert_eq!(store.mailed_token(token.purpose, &token.digest, at(2)).await.unwrap(), Some(token.clone()));
    assert_eq!(store.take_mailed_token(token.purpose, &token.digest, at(2)).await.unwrap(), Some(token.clone()));
    assert_eq!(store.take_mailed_token(token.purpose, &token.digest, at(2)).await.unwrap(), None);
    assert_eq!(store.mailed_token(token.purpose, &token.digest, at(2)).await.unwrap(), None);
}

pub(super) async fn of_many_takes_at_once_one_gets_it(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    for round in 0..4 {
        let token = mailed(&round.to_string(), anna, MailedPurpose::ConfirmAccount);
        store.put_mailed_token(token.clone()).await.unwrap();
        let mut racers = JoinSet::new();
        for _ in 0..8 {
            let (store, token) = (Arc::clone(&store), token.clone());
            racers.spawn(async move { store.take_mailed_token(token.purpose, &token.digest, at(2)).await.unwrap() });
        }
        let got: Vec<MailedToken> = racers.join_all().await.into_iter().flatten().collect();
        assert_eq!(got, [token], "round {round}");
    }
}

pub(super) async fn a_mailed_token_is_dead_at_exactly_its_end(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let token = mailed("one", anna, MailedPurpose::ResetPassword);
    let (purpose, digest) = (token.purpose, token.digest);
    store.put_mailed_token(token.clone()).await.unwrap();
    for late in [at(100), at(101)] {
        assert_eq!(store.mailed_token(purpose, &digest, late).await.unwrap(), None);
        assert_eq!(store.take_mailed_token(purpose, &digest, late).await.unwrap(), None);
    }
    let last = at(100) - Duration::from_micros(1);
    assert_eq!(store.mailed_token(purpose, &digest, last).await.unwrap(), Some(token.clone()));
    assert_eq!(store.take_mailed_token(purpose, &digest, last).await.unwrap(), Some(token.clone()));
    let endless = MailedToken { expires_at: None, ..token };
    store.put_mailed_token(endless.clone()).await.unwrap();
    assert_eq!(store.take_mailed_token(purpose, &digest, at(4_000_000_000)).await.unwrap(), Some(endless));
}

pub(super) async fn a_newer_mailed_token_takes_the_place_of_the_earlier(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let old = mailed("old", anna, MailedPurpose::ChangeEmail);
    let new = MailedToken { about: Some("new@example.org".into()), ..mailed("new", anna, MailedPurpose::ChangeEmail) };
    let beside = [mailed("reset", anna, MailedPurpose::ResetPassword), mailed("b", berta, MailedPurpose::ChangeEmail)];
    for token in [&old, &beside[0], &beside[1], &new, &new] {
        store.put_mailed_token(token.clone()).await.unwrap();
    }
    assert_eq!(store.mailed_token(old.purpose, &old.digest, at(2)).await.unwrap(), None);
    for token in [&new, &beside[0], &beside[1]] {
        assert_eq!(store.mailed_token(token.purpose, &token.digest, at(2)).await.unwrap().as_ref(), Some(token));
    }
}

pub(super) async fn two_accounts_never_have_one_mailed_token(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let of_anna = mailed("same", anna, MailedPurpose::ResetPassword);
    let earlier = mailed("earlier", berta, MailedPurpose::ResetPassword);
    store.put_mailed_token(of_anna.clone()).await.unwrap();
    store.put_mailed_token(earlier.clone()).await.unwrap();
    assert!(store.put_mailed_token(mailed("same", berta, MailedPurpose::ResetPassword)).await.is_err());
    for token in [of_anna, earlier] {
        assert_eq!(store.mailed_token(token.purpose, &token.digest, at(2)).await.unwrap(), Some(token));
    }
    store.put_mailed_token(mailed("same", berta, MailedPurpose::ConfirmAccount)).await.unwrap();
}

pub(super) async fn a_mailed_token_can_be_taken_back(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let token = mailed("one", anna, MailedPurpose::ChangeEmail);
    store.put_mailed_token(token.clone()).await.unwrap();
    assert!(!store.delete_mailed_token(berta, token.purpose).await.unwrap());
    assert!(!store.delete_mailed_token(anna, MailedPurpose::ResetPassword).await.unwrap());
    assert!(store.mailed_token(token.purpose, &token.digest, at(2)).await.unwrap().is_some());
    assert!(store.delete_mailed_token(anna, token.purpose).await.unwrap());
    assert!(!store.delete_mailed_token(anna, token.purpose).await.unwrap());
    assert_eq!(store.mailed_token(token.purpose, &token.digest, at(2)).await.unwrap(), None);
}

pub(super) async fn rev_16_mailed_tokens_leave_with_their_account(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let berta = account(&*store, "berta").await.id;
    let gone = mailed("a", anna, MailedPurpose::ResetPassword);
    let left = mailed("b", berta, MailedPurpose::ResetPassword);
    for token in [&gone, &left] {
        store.put_mailed_token(token.clone()).await.unwrap();
    }
    store.delete_account(anna, at(1)).await.unwrap();
    assert_eq!(store.take_mailed_token(gone.purpose, &gone.digest, at(2)).await.unwrap(), None);
    assert!(store.put_mailed_token(gone).await.is_err(), "no orphan afterwards either");
    assert_eq!(store.take_mailed_token(left.purpose, &left.digest, at(2)).await.unwrap(), Some(left));
}

pub(super) async fn sto_mailed_tokens_that_cannot_be_kept_are_refused(store: Arc<dyn Store>) {
    let anna = account(&*store, "anna").await.id;
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 42);
    let good = mailed("one", anna, MailedPurpose::ChangeEmail);
    store.put_mailed_token(good.clone()).await.unwrap();
    for bad in [
        MailedToken { about: Some("a\0b".into()), ..good.clone() },
        MailedToken { created_at: far, ..good.clone() },
        MailedToken { expires_at: Some(far), ..good.clone() },
        MailedToken { account: AccountId(99), ..good.clone() },
    ] {
        assert!(store.put_mailed_token(bad).await.is_err());
    }
    assert_eq!(store.mailed_token(good.purpose, &good.digest, at(2)).await.unwrap(), Some(good));
}
