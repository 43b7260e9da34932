//! Schemes and policies in front of any tower service.

mod dialect;
mod gate;
mod service;

pub use dialect::{Dialect, PlainDialect, Refusal};
pub use gate::{Entry, Gate, Mode, Permit, Waiting};
pub use service::{AuthBody, AuthLayer, AuthService, ResponseFuture};
