//! Samples of riders: `/write`, `/query` and `/status` (contract sections 3, 4 and 6 to 8).
//!
//! In the original these paths are answered by an InfluxDB 1.6, and so they are here as its clients know them:
//! texts of errors, their order, headers, the echo of an `Origin`. A *database* is what one account has recorded;
//! its name is the account's, in lower case. Its owner reads and writes it, the user `public` with the password
//! that the original gave away reads those that are not private.
//!
//! What differs on purpose:
//!
//! - Wrong credentials are 403, as the manual says, unless the setting `compat = "influx"` makes them 401. An empty
//!   user name is a wrong one.
//! - A header and `u` with `p` at once are refused, whichever of them is good: the original believes `u` and `p`.
//! - API tokens are taken in the password's place and as bearer tokens, with `points:write` for `/write` and for
//!   statements that change something, `points:read` for the rest. JWTs are not.
//! - `X-Influxdb-Error` is plain ASCII and 1 KiB at most, whatever was in the body.
//! - A private database is unknown to `public`.
//! - A field that comes with two types for the first time in one body keeps the first; the points with the second
//!   are left out, and the answer says so. The original stores nothing and names neither.
//! - A refusal by the gate carries its id as `X-Request-Id` alone.
//! - Unknown paths are 404 in these words below `/write/` and `/query/`; elsewhere in those of whose paths are
//!   nearest.

use std::sync::Arc;

use http::{Method, StatusCode};

use super::{LiveTracking, State};
use crate::message::Body;
use crate::trackers::{Call, Endpoint, Handler, Reply};

mod access;
mod answers;
mod body;
mod dialect;
mod leftovers;
mod operations;
mod parameters;
mod query;
mod quote;
mod running;
mod sources;
#[cfg(test)]
mod tests;
mod write;

use answers::Answers;

pub(super) use access::READER;
pub(super) use body::Room;
pub use dialect::SampleDialect;
pub(super) use leftovers::Leftovers;
pub(super) use operations::told_of;
pub(super) use parameters::decoded;

/// The end points. Within a path the order is that of the original's `Allow` lines.
pub(super) fn endpoints(tracker: &LiveTracking) -> Vec<Endpoint> {
    let dialect = Arc::new(SampleDialect::new(tracker.state.settings.compat));
    let open = |method, path, handler: fn(Arc<State>, Call) -> Reply| {
        Endpoint::new(method, path, on(tracker, handler)).public("clients ask it before they sign in")
    };
    let asking = |method, path, handler: fn(Arc<State>, Call) -> Reply| {
        let endpoint = Endpoint::new(method, path, on(tracker, handler));
        if tracker.schemes.is_empty() { endpoint } else { endpoint.asking(tracker.schemes.clone()) }
    };
    let endpoints = vec![
        open(Method::OPTIONS, "/write", options),
        // The handler has its own limit, which comes behind other checks.
        asking(Method::POST, "/write", write::write).max_body(u64::MAX),
        open(Method::OPTIONS, "/query", options),
        asking(Method::GET, "/query", query::query),
        asking(Method::POST, "/query", query::query).max_body(parameters::MAX_BYTES),
        open(Method::HEAD, "/query", query::no_head),
        open(Method::GET, "/status", status),
    ];
    endpoints.into_iter().map(|endpoint| endpoint.worded(Arc::clone(&dialect) as _)).collect()
}

fn on(tracker: &LiveTracking, answer: fn(Arc<State>, Call) -> Reply) -> impl Handler + use<> {
    let state = Arc::clone(&tracker.state);
    move |call| answer(Arc::clone(&state), call)
}

fn options(_state: Arc<State>, call: Call) -> Reply {
    let answer = Answers::of(&call).bare(StatusCode::OK);
    Box::pin(async { answer.map(|()| Body::empty()) })
}

fn status(_state: Arc<State>, call: Call) -> Reply {
    let answer = Answers::of(&call).empty();
    Box::pin(async { answer })
}
