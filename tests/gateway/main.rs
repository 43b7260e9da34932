//! Whole-gateway tests: a real gateway on port 0, driven over sockets. No test leans on another.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may fail loudly")]

mod account;
mod admin;
mod bad_input;
mod crashes;
mod documented;
mod doors;
mod forward_auth;
mod harness;
mod process;
mod proxying;
mod revocation;
mod rules;
mod samples;
#[path = "../shared/skipped.rs"]
mod skipped;
mod smoke;
mod translate;
mod watch;
mod web_app;
