//! Reading a stored form: which one it is, and whether it can be computed within the limits.

use sha_crypt::ShaCrypt;

use password_hash::PasswordVerifier;
use subtle::ConstantTimeEq;

use super::argon::Argon;
use super::htpasswd::{self, Md5Crypt};
use super::kdf::{Pbkdf2, Scrypt};

/// A stored form that can be read and costs no more than its kind may.
#[derive(Debug)]
pub(super) enum Stored<'a> {
    Argon(Argon),
    Bcrypt(&'a str),
    Md5Crypt(Md5Crypt<'a>),
    Pbkdf2(Pbkdf2),
    Scrypt(Scrypt),
    Sha1([u8; 20]),
    ShaCrypt(&'a str),
}

impl<'a> Stored<'a> {
    /// `None` for an unknown kind, a broken text or an absurd cost.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        if let Some(rest) = text.strip_prefix("{SHA}") {
            return htpasswd::sha1(rest).map(Self::Sha1);
        }
        if text.starts_with("pbkdf2_") {
            return Pbkdf2::django(text).map(Self::Pbkdf2);
        }
        match text.strip_prefix('$')?.split_once('$')?.0 {
            "argon2d" | "argon2i" | "argon2id" => Argon::read(text).map(Self::Argon),
            "2a" | "2b" | "2y" => bcrypt_within_limits(text).then_some(Self::Bcrypt(text)),
            "1" | "apr1" => Md5Crypt::read(text).map(Self::Md5Crypt),
            "pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" => Pbkdf2::modular(text).map(Self::Pbkdf2),
            "scrypt" => Scrypt::read(text).map(Self::Scrypt),
            "5" | "6" => sha_crypt_within_limits(text).then_some(Self::ShaCrypt(text)),
            _ => None,
        }
    }

    /// Whether the form tells such a password from every other one.
    ///
    /// bcrypt looks at 72 bytes. To bcrypt, and to the zero-padded keys of HMAC, some passwords with NUL are
    /// the same as some without; no program that made these forms took one.
    pub(super) fn takes(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon(_) => true,
            Self::Bcrypt(_) => password.len() <= BCRYPT_MAX_PASSWORD && !password.contains(&0),
            _ => !password.contains(&0),
        }
    }

    /// Whether it was made of this password.
    pub(super) fn matches(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon(argon) => argon.matches(password),
            Self::Bcrypt(text) => bcrypt::verify(password, text).unwrap_or(false),
            Self::Md5Crypt(md5) => md5.matches(password),
            Self::Pbkdf2(pbkdf2) => pbkdf2.matches(password),
            Self::Scrypt(scrypt) => scrypt.matches(password),
            Self::Sha1(digest) => htpasswd::sha1_of(password).ct_eq(digest).into(),
            Self::ShaCrypt(text) => ShaCrypt::default().verify_password(password, *text).is_ok(),
        }
    }

    /// Whether it is at least as strong as what we would store today.
    pub(super) fn is_strong(&self) -> bool {
        matches!(self, Self::Argon(argon) if argon.is_strong())
    }
}

/// Salt and digest are fixed in length and checked by the crate; only the cost needs a limit.
fn bcrypt_within_limits(text: &str) -> bool {
    text.parse::<bcrypt::HashParts>().is_ok_and(|parts| (4..=BCRYPT_MAX_COST).contains(&parts.get_cost()))
}

/// `$5$[rounds=N$]salt$digest`, 5000 rounds when it does not say.
fn sha_crypt_within_limits(text: &str) -> bool {
    let mut fields = text.split('$').skip(2);
    let Some(first) = fields.next() else { return false };
    let rounds = first.strip_prefix("rounds=");
    let fits = rounds.is_none_or(|rounds| {
        htpasswd::number(rounds).is_some_and(|rounds| (1_000..=SHA_CRYPT_MAX_ROUNDS).contains(&rounds))
    });
    // Salt and digest, or the digest alone behind the salt that was read above.
    fits && fields.count() == if rounds.is_some() { 2 } else { 1 }
}

/// Longer than any of the forms.
const MAX_TEXT: usize = 1024;
const BCRYPT_MAX_COST: u32 = 16;
const BCRYPT_MAX_PASSWORD: usize = 72;
const SHA_CRYPT_MAX_ROUNDS: u32 = 1_000_000;
