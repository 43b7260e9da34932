//! Trackers: legacy APIs that the gateway speaks itself.
//!
//! A tracker is a folder: its endpoints, its dialect, its recorded transcripts. It names its endpoints
//! to the gateway, which matches, authenticates and applies policies before a handler runs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use trackgate_schemes::store::StoreError;
use trackgate_schemes::{Reason, Rejection};

use crate::accounts::AccountService;
use crate::layer::Dialect;
use crate::mail::Outbox;
use crate::message::Body;
use crate::ports::{Files, Points};
use work::Worker;

pub mod fittrackee;
mod input;
mod json;
pub mod livetracking;
pub mod lptracker;
mod manual;
mod schema;
pub mod sessions;
#[cfg(test)]
mod testing;
pub mod work;

/// What trackers may use besides their schemes.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record that whoever assembles builds")]
pub struct Services {
    /// The account base.
    pub accounts: AccountService,
    /// Pictures, archives, tracks.
    pub files: Arc<dyn Files>,
    /// Takes letters; `None` when mail is off.
    pub outbox: Option<Outbox>,
    /// Samples of riders.
    pub points: Arc<dyn Points>,
}

pub use crate::endpoint::{Access, Call, Endpoint, Handler, Reach, Reply};
pub use manual::Manual;

/// A legacy API spoken in-process.
pub trait Tracker: fmt::Debug + Send + Sync + 'static {
    /// Its name in configuration and logs.
    fn id(&self) -> &'static str;

    /// The wording of its refusals, also for unknown paths below its own.
    fn dialect(&self) -> Arc<dyn Dialect>;

    /// What it answers.
    fn endpoints(&self) -> Vec<Endpoint>;

    /// Who does its work in the background.
    fn workers(&self) -> Vec<Arc<dyn Worker>> {
        Vec::new()
    }

    /// Ends what would go on for ever, such as streams: the gateway stops, or runs by another configuration.
    fn stop(&self) {}

    /// What it tells of them: each but `OPTIONS`, for nobody calls that by hand.
    fn manual(&self) -> Manual;
}

/// The rejection by this tracker for a store that did not answer; the operator's log learns why.
fn unavailable(by: &'static str) -> impl Fn(StoreError) -> Rejection {
    move |error| {
        tracing::error!(%error, tracker = by, "the store did not answer");
        Rejection::new(Reason::Unavailable, by).after(Duration::from_secs(5))
    }
}

/// A response whose body is whole.
pub fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(Body::from)
}
