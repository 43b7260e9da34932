//! Schemes and policies in front of any tower service.

mod dialect;
mod gate;
mod service;
#[cfg(test)]
mod tests;
mod trail;

pub use dialect::{Dialect, PlainDialect, Refusal, about_link};
pub use gate::{Entry, Gate, Mode, Permit, Turn, Waiting};
pub use service::{AuthBody, AuthLayer, AuthService, ResponseFuture};
pub use trail::{Said, Trail, Word};
