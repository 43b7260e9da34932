//! Stored forms of passwords: Argon2id for new ones, the legacy forms verified.

use crate::Secret;

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

/// The form in which a new password is stored: Argon2id, PHC text, own salt.
pub fn hash(_password: &Secret) -> Secret {
    todo!("schemes helper")
}

/// Compares a password to its stored form.
pub fn verify(_password: &Secret, _stored: &Secret) -> Check {
    todo!("schemes helper")
}

/// Spends the work of [`verify`] on nobody's password: always wrong.
pub fn verify_nobody(_password: &Secret) -> Check {
    todo!("schemes helper")
}
