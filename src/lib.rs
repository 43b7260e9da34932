//! trackgate: a multi-protocol auth gateway.
//!
//! [`layer`] is for those who put the schemes and policies in front of a tower service of their own;
//! the rest is the gateway itself.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod layer;
pub mod message;
pub mod ports;
pub mod stores;
pub mod trackers;
