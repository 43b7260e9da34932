//! May they?
//!
//! A [`Policy`] is a rule about an [`Identity`](trackgate_schemes::Identity) and a request's
//! [`Head`](trackgate_schemes::Head). It decides at once, from memory, and says why not.
#![forbid(unsafe_code)]

mod policy;
pub mod store;

pub use policy::{Decision, Policy, Term};
