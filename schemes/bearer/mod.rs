//! Bearer API tokens.

use std::sync::Arc;

use crate::{Digest, Secret};

/// A token that was just made.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "taken apart by whoever stores it")]
pub struct NewToken {
    /// Its public id.
    pub id: Arc<str>,
    /// SHA-256 of its text.
    pub digest: Digest,
    /// Its text, to be shown once.
    pub text: Secret,
}

impl NewToken {
    /// A new token from the system's generator.
    pub fn random() -> Self {
        todo!("schemes helper")
    }
}
