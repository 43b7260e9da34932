//! What a store says of an API token, for every door that takes one.

use std::time::{Duration, SystemTime};

use crate::store::{Account, ApiToken, ApiTokens};
use crate::{Credential, CredentialKind, Digest, Identity, Reason, Rejection, Subject};

/// The token of this id and digest with its account, if both are good at `now`.
///
/// Unknown, revoked, expired and disabled differ in their reason only, which a client never sees.
pub(crate) async fn token(
    by: &'static str,
    tokens: &dyn ApiTokens,
    id: &str,
    digest: Digest,
    now: SystemTime,
) -> Result<(ApiToken, Account), Rejection> {
    let found = match tokens.api_token(id).await {
        Ok(found) => found,
        Err(_down) => return Err(Rejection::new(Reason::Unavailable, by).after(RETRY_WHEN_DOWN)),
    };
    let reason = match &found {
        Some((token, _)) if token.digest != digest => Reason::Unknown,
        Some((token, _)) if token.expires_at.is_some_and(|end| now >= end) => Reason::Expired,
        Some((_, account)) if !account.is_active() => Reason::Disabled,
        Some(_) => return found.ok_or_else(|| Rejection::new(Reason::Unknown, by)),
        None => Reason::Unknown,
    };
    Err(Rejection::new(reason, by))
}

/// The identity of a good token: its grants as far as its account still has them.
pub(crate) fn identity(by: &'static str, token: &ApiToken, account: &Account) -> Identity {
    let credential = Credential::new(CredentialKind::ApiToken, token.id.clone());
    Identity::new(Subject::Account(account.id), account.name.clone(), by, credential)
        .with_grants(token.grants.intersection(&account.grants))
        .with_expiry(token.expires_at)
}

const RETRY_WHEN_DOWN: Duration = Duration::from_secs(5);
