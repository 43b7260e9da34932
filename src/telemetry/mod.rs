//! What the gateway tells of itself: the access log and its own messages.

mod access;
mod messages;

pub use access::{AccessLog, AccessRecord, Form};
pub use messages::{Messages, start_messages};
