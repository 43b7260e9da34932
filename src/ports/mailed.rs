//! Tokens that travel by mail: each is for one purpose, of use once, and stored as a digest.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use trackgate_schemes::store::Answer;
use trackgate_schemes::{AccountId, Digest};

/// What is kept of a mailed token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailedToken {
    /// Whose it is.
    pub account: AccountId,
    /// The one thing that it is for.
    pub purpose: MailedPurpose,
    /// SHA-256 of its text.
    pub digest: Digest,
    /// What it is about: for a change of address, the new one.
    pub about: Option<Arc<str>>,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it ends: at exactly this instant it is dead. `None` for never.
    pub expires_at: Option<SystemTime>,
}

/// What a mailed token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MailedPurpose {
    /// It makes an address the account's.
    ChangeEmail,
    /// It makes a new account active.
    ConfirmAccount,
    /// It sets a new password.
    ResetPassword,
}

impl MailedPurpose {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::ChangeEmail, Self::ConfirmAccount, Self::ResetPassword];

    /// The stable word in stores.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ChangeEmail => "change-email",
            Self::ConfirmAccount => "confirm-account",
            Self::ResetPassword => "reset-password",
        }
    }

    /// The purpose of this stable word.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|purpose| purpose.code() == code)
    }
}

/// Keeps mailed tokens: one of each purpose for each account.
pub trait MailedTokens: fmt::Debug + Send + Sync + 'static {
    /// Stores a token in the place of the account's earlier one of this purpose.
    fn put_mailed_token(&self, token: MailedToken) -> Answer<'_, ()>;

    /// The live token of this purpose and digest.
    fn mailed_token<'a>(
        &'a self,
        purpose: MailedPurpose,
        digest: &'a Digest,
        now: SystemTime,
    ) -> Answer<'a, Option<MailedToken>>;

    /// Takes it out: of two at once exactly one gets it.
    fn take_mailed_token<'a>(
        &'a self,
        purpose: MailedPurpose,
        digest: &'a Digest,
        now: SystemTime,
    ) -> Answer<'a, Option<MailedToken>>;

    /// Deletes the account's token of this purpose; whether there was one.
    fn delete_mailed_token(&self, account: AccountId, purpose: MailedPurpose) -> Answer<'_, bool>;
}
