//! Tokens of links in letters: 40 URL-safe characters, for one purpose, of use once (contract section 5.8).
//!
//! The store keeps their digest alone, so that whoever reads it cannot follow a link.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rand::TryRng as _;
use rand::rngs::SysRng;
use trackgate_schemes::store::StoreError;
use trackgate_schemes::{AccountId, Digest};

use crate::ports::{MailedPurpose, MailedToken, Store};

/// Makes a token, in the place of the account's earlier one of this purpose; the answer is its text.
///
/// # Errors
///
/// The store is down, or there is no such account.
pub(super) async fn make(
    store: &dyn Store,
    account: AccountId,
    purpose: MailedPurpose,
    about: Option<&str>,
    now: SystemTime,
) -> Result<String, StoreError> {
    let text = random();
    let token = MailedToken {
        account,
        purpose,
        digest: Digest::sha256(text.as_bytes()),
        about: about.map(Arc::from),
        created_at: now,
        expires_at: (purpose == MailedPurpose::ResetPassword).then(|| now + RESET_LIFE),
    };
    store.put_mailed_token(token).await?;
    Ok(text)
}

/// The live token of this purpose and text, left where it is.
///
/// # Errors
///
/// The store is down.
pub(super) async fn look_up(
    store: &dyn Store,
    purpose: MailedPurpose,
    text: &str,
    now: SystemTime,
) -> Result<Option<MailedToken>, StoreError> {
    match digest(text) {
        Some(digest) => store.mailed_token(purpose, &digest, now).await,
        None => Ok(None),
    }
}

/// Uses a token up: of two at once exactly one gets `true`.
///
/// # Errors
///
/// The store is down.
pub(super) async fn use_up(store: &dyn Store, token: &MailedToken, now: SystemTime) -> Result<bool, StoreError> {
    Ok(store.take_mailed_token(token.purpose, &token.digest, now).await?.is_some())
}

/// What a token of this text is stored under; `None` if no token has such a text.
fn digest(text: &str) -> Option<Digest> {
    let fits = text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    fits.then(|| Digest::sha256(text.as_bytes()))
}

pub(super) fn random() -> String {
    let mut bytes = [0; LENGTH / 4 * 3];
    SysRng.try_fill_bytes(&mut bytes).expect("the system has random numbers");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Letters of a token.
const LENGTH: usize = 40;

/// For how long a password can be reset by a letter.
pub(super) const RESET_LIFE: Duration = Duration::from_hours(1);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_40_url_safe_characters_and_no_two_are_alike() {
        let tokens: HashSet<String> = (0..1000).map(|_| random()).collect();
        assert_eq!(tokens.len(), 1000);
        assert!(tokens.iter().all(|token| digest(token) == Some(Digest::sha256(token.as_bytes()))));
        let letters: HashSet<char> = tokens.iter().flat_map(|token| token.chars()).collect();
        assert_eq!(letters.len(), 64);
    }

    proptest! {
        #[test]
        fn what_is_longer_shorter_or_of_other_letters_is_none(text in "\\PC{0,39}|\\PC{41,60}|[ -~]{39}[^A-Za-z0-9_-]") {
            prop_assert_eq!(digest(&text), None);
        }
    }
}
