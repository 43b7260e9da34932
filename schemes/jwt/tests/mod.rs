//! The rules of JSON web tokens, over accounts and a blacklist that are maps.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method};

use super::*;
use crate::store::{Answer, StoreError, StoreErrorKind};
use crate::testing::account;
use crate::{AccountId, CanonicalPath, Login};

mod algorithms;
mod claims;
mod forged;
mod scheme;
mod vectors;

/// Accounts and blacklist, with a count of what was asked.
#[derive(Debug, Default)]
struct Fake {
    accounts: Mutex<HashMap<AccountId, Account>>,
    signed_out: Mutex<HashMap<String, SystemTime>>,
    asked: AtomicUsize,
    down: AtomicBool,
}

impl Fake {
    fn add(&self, account: Account) {
        self.accounts.lock().unwrap().insert(account.id, account);
    }

    fn up(&self) -> Result<(), StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "switched off"));
        }
        Ok(())
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Accounts for Fake {
    fn account(&self, id: AccountId) -> Answer<'_, Option<Account>> {
        Box::pin(async move {
            self.up()?;
            Ok(self.accounts.lock().unwrap().get(&id).cloned())
        })
    }

    fn account_by_login<'a>(&'a self, _login: &'a Login) -> Answer<'a, Option<Account>> {
        Box::pin(async { panic!("a token names its account by number") })
    }

    fn upgrade_password<'a>(&'a self, _id: AccountId, _from: &'a Secret, _to: &'a Secret) -> Answer<'a, ()> {
        Box::pin(async { panic!("a token is no password") })
    }
}

impl Blacklist for Fake {
    fn blacklisted<'a>(&'a self, key: &'a str) -> Answer<'a, Option<SystemTime>> {
        Box::pin(async move {
            self.up()?;
            Ok(self.signed_out.lock().unwrap().get(key).copied())
        })
    }

    fn blacklist<'a>(
        &'a self,
        key: &'a str,
        _account: Option<AccountId>,
        _until: SystemTime,
        now: SystemTime,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            self.up()?;
            self.signed_out.lock().unwrap().entry(key.into()).or_insert(now);
            Ok(())
        })
    }
}

/// 2026-11-22T01:44:09Z, the moment of the recorded token.
const IAT: u64 = 1_795_311_849;
const EXP: u64 = 1_797_903_849;
const SECRET: &str = "trackgate-reference-secret-key-0123456789abcdef";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn keys() -> Keys {
    Keys::secret(Algorithm::HS256, &Secret::from(SECRET)).unwrap()
}

/// A scheme with account 1, and its store.
fn with(settings: Settings, keys: Keys) -> (Jwt, Arc<Fake>) {
    let store = Arc::new(Fake::default());
    store.add(account(1));
    let jwt =
        Jwt::new(settings, keys, Arc::clone(&store) as Arc<dyn Accounts>, Arc::clone(&store) as Arc<dyn Blacklist>);
    (jwt, store)
}

fn fit() -> (Jwt, Arc<Fake>) {
    with(Settings::new("fit"), keys())
}

/// A token of these bytes, signed by the only key as its own algorithm.
fn sign(keys: &Keys, header: &str, payload: impl AsRef<[u8]>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = keys.signer(SystemTime::UNIX_EPOCH).unwrap().sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A well-signed token with these claims.
fn token(claims: impl AsRef<[u8]>) -> String {
    sign(&keys(), r#"{"alg":"HS256","typ":"JWT"}"#, claims)
}

fn step(jwt: &Jwt, authorization: &[u8], now: SystemTime) -> Step {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_bytes(authorization).unwrap());
    let path = CanonicalPath::parse("/api/auth/profile").unwrap();
    jwt.authenticate(&Head::new(&Method::GET, &path, &headers).with_now(now))
}

async fn present(jwt: &Jwt, token: &str, now: SystemTime) -> Result<Identity, Reason> {
    match step(jwt, format!("Bearer {token}").as_bytes(), now).verdict().await {
        Verdict::Known(who) => Ok(who),
        Verdict::Refused(why) => Err(why.reason),
        Verdict::Absent => panic!("the token stands in its header"),
    }
}

async fn refused(jwt: &Jwt, token: &str) -> Reason {
    present(jwt, token, at(IAT)).await.expect_err(token)
}
