//! Samples of riders: `/write`, `/query`, `/ping` and `/status` (contract sections 3, 4 and 6 to 8).
//!
//! In the original these paths are answered by an InfluxDB 1.6, and so they are here as its clients know them:
//! texts of errors, their order, headers, the echo of an `Origin`. A *database* is what one account has recorded;
//! its name is the account's, in lower case. Its owner reads and writes it, the user `public` with the password
//! that the original gave away reads those that are not private.
//!
//! What differs on purpose:
//!
//! - Wrong credentials are 403, as the manual says, unless the setting `compat = "influx"` makes them 401.
//! - A header and `u` with `p` at once are refused, whichever of them is good: the original believes `u` and `p`.
//! - API tokens are taken in the password's place and as bearer tokens, with `points:write` for `/write` and for
//!   statements that change something, `points:read` for the rest. JWTs are not.
//! - `X-Influxdb-Error` is plain ASCII and 1 KiB at most, whatever was in the body.
//! - A private database is unknown to `public`.
//! - A field that comes with two types for the first time in one body keeps the first; the points with the second
//!   are left out, and the answer says so. The original stores nothing and names neither.
//! - `/ping` is 503 when the store is down, and takes `OPTIONS`, as the PHP program's does.
//! - Unknown paths are 404 in these words below `/write/` and `/query/`; elsewhere in those of whose paths are
//!   nearest.

use std::sync::Arc;

use http::{Method, Response, StatusCode};

use super::{ID, LiveTracking, State};
use crate::message::Body;
use crate::trackers::{Call, Endpoint, Handler, unavailable};

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
    let open = |endpoint: Endpoint| endpoint.public("clients ask it before they sign in");
    let asking = |endpoint: Endpoint| {
        if tracker.schemes.is_empty() { endpoint } else { endpoint.asking(tracker.schemes.clone()) }
    };
    let endpoints = vec![
        open(Endpoint::new(Method::OPTIONS, "/write", on(tracker, options))),
        // The handler has its own limit, which comes behind other checks.
        asking(Endpoint::new(Method::POST, "/write", on(tracker, write::write))).max_body(u64::MAX),
        open(Endpoint::new(Method::OPTIONS, "/query", on(tracker, options))),
        asking(Endpoint::new(Method::GET, "/query", on(tracker, query::query))),
        asking(Endpoint::new(Method::POST, "/query", on(tracker, query::query))).max_body(parameters::MAX_BYTES),
        open(Endpoint::new(Method::HEAD, "/query", on(tracker, query::no_head))),
        open(Endpoint::new(Method::GET, "/ping", on(tracker, ping))),
        open(Endpoint::new(Method::OPTIONS, "/ping", on(tracker, options))),
        open(Endpoint::new(Method::GET, "/status", on(tracker, ping))),
    ];
    endpoints.into_iter().map(|endpoint| endpoint.worded(Arc::clone(&dialect) as _)).collect()
}

fn on<A>(tracker: &LiveTracking, answer: fn(Arc<State>, Call) -> A) -> impl Handler + use<A>
where
    A: Future<Output = Response<Body>> + Send + 'static,
{
    let state = Arc::clone(&tracker.state);
    move |call| answer(Arc::clone(&state), call)
}

async fn options(_state: Arc<State>, call: Call) -> Response<Body> {
    Answers::of(&call).bare(StatusCode::OK).map(|()| Body::empty())
}

/// As InfluxDB answers, which every known client takes (contract section 8); but like the PHP program it says so when
/// the store is down.
async fn ping(state: Arc<State>, call: Call) -> Response<Body> {
    let answers = Answers::of(&call);
    match state.accounts.store().newest_event().await.map_err(unavailable(ID)) {
        Ok(_) => answers.empty(),
        Err(why) => answers.refused(&why, state.settings.compat),
    }
}
