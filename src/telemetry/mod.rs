//! What the gateway tells of itself: the access log, its own messages, metrics, and the latest decisions.

mod access;
pub mod decisions;
mod messages;
pub mod metrics;

pub use access::{AccessLog, AccessRecord, Form};
pub use messages::{Messages, start_messages};
