//! Mail: letters that were promised are sent, also after a crash, and once in the normal case.
//!
//! [`Outbox::post`] stores a [`Letter`] as a job of kind `mail` before it answers. The [`Postman`] claims such
//! jobs, has the [`Carrier`] speak SMTP with the configured server, and deletes what was taken. What fails is
//! tried again for about a day, then it lies dead until an operator looks (`trackgate mail list --dead`).
//!
//! A process that dies between the server's `250` and the deletion sends a letter twice. Both bear the same
//! `Message-ID`, by which mail servers and programs know the second for what it is.
//!
//! What is refused: an address that an account could not have; a server without STARTTLS where it is asked
//! for, before any credential or letter is sent; control characters in a header line.

mod carrier;
mod compose;
mod letter;
mod lines;
mod outbox;
mod postman;
#[cfg(test)]
mod tests;

pub use carrier::{Carrier, CarrierError, Undelivered};
pub use letter::Letter;
pub use outbox::Outbox;
pub use postman::{Postman, Round};

/// The kind of the jobs that letters are.
pub const KIND: &str = "mail";
