//! Two kinds of tokens behind `Bearer`: those that a test names, and signed ones that say whose they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderValue, header};
use trackgate_schemes::store::Account;
use trackgate_schemes::{
    AccountId, Carrier, Class, Credential, CredentialKind, Head, Identity, Reason, Rejection, Scheme, Secret, Step,
    Subject, Verdict,
};

use crate::ports::Store;
use crate::trackers::fittrackee::IssuedToken;

/// Reads both kinds of tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    store: Arc<dyn Store>,
    named: Mutex<HashMap<String, Identity>>,
}

impl Tokens {
    pub(super) fn of(store: Arc<dyn Store>) -> Self {
        Self { store, named: Mutex::default() }
    }

    pub(super) fn know(&self, text: &str, who: Identity) {
        self.named.lock().unwrap().insert(text.into(), who);
    }

    pub(super) fn forget(&self, text: &str) {
        self.named.lock().unwrap().remove(text);
    }
}

impl Scheme for Tokens {
    fn id(&self) -> &'static str {
        ID
    }

    fn carrier(&self) -> Carrier {
        Carrier::Header(header::AUTHORIZATION)
    }

    fn authenticate(&self, head: &Head<'_>) -> Step {
        let line = head.headers.get(header::AUTHORIZATION).and_then(|line| line.to_str().ok()).unwrap_or_default();
        let text = match line.split_once(' ') {
            Some((word, text)) if word.eq_ignore_ascii_case("bearer") => text.to_owned(),
            _ => return Step::ABSENT,
        };
        if let Some(who) = self.named.lock().unwrap().get(&text) {
            return Step::Done(Verdict::Known(who.clone()));
        }
        let (store, now) = (Arc::clone(&self.store), head.now);
        Step::ask(async move {
            match jwt(&*store, &text, now).await {
                Ok(who) => Verdict::Known(who),
                Err(Reason::Unavailable) => {
                    Verdict::Refused(Rejection::new(Reason::Unavailable, ID).after(Duration::from_secs(5)))
                }
                Err(reason) => Verdict::Refused(Rejection::new(reason, ID)),
            }
        })
    }

    fn challenge(&self, why: &Rejection) -> Option<HeaderValue> {
        let scope = why.wanted.as_ref().map(ToString::to_string).unwrap_or_default();
        let text = match why.reason.class() {
            Class::BadCredential => "Bearer realm=\"stage\", error=\"invalid_token\"".to_owned(),
            Class::Denied => format!("Bearer realm=\"stage\", error=\"insufficient_scope\", scope=\"{scope}\""),
            _ => "Bearer realm=\"stage\"".to_owned(),
        };
        Some(text.parse().unwrap())
    }
}

/// The identity that an account has by a credential.
pub(in crate::trackers) fn identity(account: &Account, kind: CredentialKind, id: &str) -> Identity {
    let subject = Subject::Account(account.id);
    Identity::new(subject, Arc::clone(&account.name), ID, Credential::new(kind, id)).with_grants(account.grants.clone())
}

/// The text of a signed token in these tests: whose it is and when it was issued.
pub(in crate::trackers) fn signed(account: AccountId, now: SystemTime) -> Secret {
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    format!("jwt.{account}.{seconds}").into()
}

/// Such a token, as it is issued.
pub(in crate::trackers) fn issued(account: AccountId, now: SystemTime) -> IssuedToken {
    let text = signed(account, now);
    let key = text.expose_text().unwrap().to_owned();
    IssuedToken { text, key, scheme: ID, ends_at: now + LIFETIME }
}

async fn jwt(store: &dyn Store, text: &str, now: SystemTime) -> Result<Identity, Reason> {
    let mut parts = text.strip_prefix("jwt.").ok_or(Reason::Malformed)?.split('.');
    let id: AccountId = parts.next().and_then(|id| id.parse().ok()).ok_or(Reason::Malformed)?;
    let issued: u64 = parts.next().and_then(|at| at.parse().ok()).ok_or(Reason::Malformed)?;
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(issued) + LIFETIME;
    if now >= expires {
        return Err(Reason::Expired);
    }
    let down = |_error| Reason::Unavailable;
    if store.blacklisted(text).await.map_err(down)?.is_some() {
        return Err(Reason::Revoked);
    }
    let account = store.account(id).await.map_err(down)?.ok_or(Reason::Unknown)?;
    if !account.is_active() {
        return Err(Reason::Disabled);
    }
    Ok(identity(&account, CredentialKind::Jwt, text).with_expiry(Some(expires)))
}

const ID: &str = "stage";
const LIFETIME: Duration = Duration::from_hours(30 * 24);
