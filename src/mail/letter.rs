//! What is sent to whom.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One letter to one person, in words and as a page.
///
/// It may hold a link that lets its reader in, so `Debug` shows neither form of its text.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "a record that trackers build")]
pub struct Letter {
    /// The address alone, without a name.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The letter as plain text; lines end with `\n`.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl Letter {
    /// Its form in a store.
    pub(super) fn payload(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// The letter of a stored form; `None` if it is none.
    pub fn from_payload(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("to", &self.to).field("subject", &self.subject).finish_non_exhaustive()
    }
}
