//! Stored forms of passwords: Argon2id for new ones, the legacy forms verified.
//!
//! ```
//! use trackgate_schemes::Secret;
//! use trackgate_schemes::password::{Check, hash, verify};
//!
//! let stored = hash(&Secret::from("opensesame"));
//! assert_eq!(verify(&Secret::from("opensesame"), &stored), Check::Right);
//! assert_eq!(verify(&Secret::from("opensesamf"), &stored), Check::Wrong);
//! // An entry of an Apache password file is good once more, then it should be replaced.
//! let imported = Secret::from("$apr1$01234567$ci/pK3.qnUZOyE.Xerv.C0");
//! assert_eq!(verify(&Secret::from("correct horse"), &imported), Check::RightButWeak);
//! ```
//!
//! Verified: Argon2 (PHC), bcrypt (`$2a$ $2b$ $2y$`), PBKDF2 (PHC, passlib, Django), scrypt (PHC), `{SHA}`,
//! `$apr1$`, `$1$`, `$5$`, `$6$`. Refused uncomputed: what cannot be read, what would cost more than the
//! limits of each form allow, and a password over 72 bytes against bcrypt, which would look at 72 of them.

use std::sync::LazyLock;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::TryRng;
use rand::rngs::SysRng;

use crate::Secret;

mod argon;
mod htpasswd;
mod kdf;
mod stored;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use argon::work;
use stored::Stored;

/// Longest password in bytes; a longer one is refused before it is hashed.
pub const MAX_BYTES: usize = 1024;

/// How a password compares to a stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a door must handle each of the three, and there is no fourth")]
pub enum Check {
    /// It is the password.
    Right,
    /// It is the password, and its stored form should be replaced by [`hash`]'s.
    RightButWeak,
    /// It is not, or the stored form cannot be read or would cost too much.
    Wrong,
}

/// The form in which a new password is stored: Argon2id (RFC 9106) with 19 MiB, two passes and one lane,
/// as PHC text, with a salt of its own of 16 bytes.
///
/// # Panics
///
/// When the system has no random numbers or no memory.
pub fn hash(password: &Secret) -> Secret {
    let mut salt = [0; SALT_BYTES];
    fill(&mut salt);
    let mut output = [0; OUTPUT_BYTES];
    argon::compute(&argon2id(), password.expose(), &salt, &mut output).expect("lengths and costs are in range");
    Secret::from(phc(&salt, &output))
}

/// Compares a password to a stored form.
///
/// What is refused uncomputed costs what [`verify_nobody`] costs, so that time tells nothing about it.
/// A password over [`MAX_BYTES`] is wrong at once.
///
/// # Panics
///
/// When the system has no memory or, the first time, no random numbers. No stored text makes it panic.
pub fn verify(password: &Secret, stored: &Secret) -> Check {
    let bytes = password.expose();
    if bytes.len() > MAX_BYTES {
        return Check::Wrong;
    }
    match stored.expose_text().and_then(Stored::read) {
        Some(form) if form.takes(bytes) => match form.matches(bytes) {
            false => Check::Wrong,
            true if form.is_strong() => Check::Right,
            true => Check::RightButWeak,
        },
        _ => verify_nobody(password),
    }
}

/// Whether a stored form is one that [`verify`] computes: else no password is right.
pub fn is_readable(stored: &Secret) -> bool {
    stored.expose_text().and_then(Stored::read).is_some()
}

/// Spends the work of [`verify`] on nobody's password: always wrong.
///
/// # Panics
///
/// When the system has no memory or, the first time, no random numbers.
pub fn verify_nobody(password: &Secret) -> Check {
    // A random output has no password that anybody knows; making it costs no hash, so that the first
    // sign-in of a process takes as long as the next.
    static NOBODY: LazyLock<Secret> = LazyLock::new(|| {
        let (mut salt, mut output) = ([0; SALT_BYTES], [0; OUTPUT_BYTES]);
        fill(&mut salt);
        fill(&mut output);
        Secret::from(phc(&salt, &output))
    });
    if let Some(form) = NOBODY.expose_text().and_then(Stored::read) {
        // The answer is used, so that the work cannot be optimised away.
        std::hint::black_box(form.matches(password.expose()));
    }
    Check::Wrong
}

fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES)).expect("the parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn phc(salt: &[u8], output: &[u8]) -> String {
    let params = argon2id().params().try_into().expect("three numbers fit");
    PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params,
        salt: Some(Salt::new(salt).expect("a salt of 16 bytes")),
        hash: Some(Output::new(output).expect("an output of 32 bytes")),
    }
    .to_string()
}

fn fill(bytes: &mut [u8]) {
    SysRng.try_fill_bytes(bytes).expect("the system has random numbers");
}

/// OWASP's first choice for Argon2id where memory is scarce; also ASVS 5.0 appendix C.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = 32;
