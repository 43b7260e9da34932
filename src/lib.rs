//! trackgate: a multi-protocol auth gateway.
//!
//! [`layer`] is for those who put the schemes and policies in front of a tower service of their own;
//! the rest is the gateway itself.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod admin;
pub mod assemble;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod endpoint;
pub mod gateway;
pub mod layer;
pub mod mail;
pub mod message;
pub mod ports;
pub mod proxy;
mod served;
pub mod stores;
pub mod telemetry;
pub mod trackers;
pub mod web;
