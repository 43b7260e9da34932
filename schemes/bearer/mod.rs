//! Bearer API tokens.

mod token;

pub use token::{NewToken, TokenText};
