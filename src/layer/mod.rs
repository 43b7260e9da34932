//! Schemes and policies in front of any tower service.

mod dialect;
mod gate;

pub use dialect::{Dialect, PlainDialect, Refusal};
pub use gate::{Gate, Mode, Permit};
