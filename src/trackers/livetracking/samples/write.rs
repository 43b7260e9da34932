//! `POST /write`: lines in, nothing out (contract section 6).
//!
//! The order of checks is that of the original: credentials, `db`, the database, permission, the body, the lines,
//! `consistency`, `rp`, and then the store. The answer comes when the points are durable.

use std::sync::Arc;
use std::time::SystemTime;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Response, StatusCode};
use trackgate_schemes::{AccountId, Identity, Reason, Rejection};

use super::access::{self, Writing};
use super::answers::Answers;
use super::body::{self, Held};
use super::parameters::Parameters;
use super::quote;
use crate::message::Body;
use crate::ports::{Conflict, PointsWritten};
use crate::trackers::livetracking::line::{self, Parsed, Precision, Rules};
use crate::trackers::livetracking::{ID, RETENTION_POLICY, State};
use crate::trackers::{Call, unavailable};

pub(super) async fn write(state: Arc<State>, call: Call) -> Response<Body> {
    let answers = Answers::of(&call);
    match take(&state, call).await {
        Ok(()) => answers.empty(),
        Err(Failure::Said(status, text)) => answers.error(status, &text),
        Err(Failure::Stopped(why)) => answers.refused(&why, state.settings.compat),
    }
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// In these words.
    Said(StatusCode, Vec<u8>),
    /// In those of the dialect.
    Stopped(Rejection),
}

impl Failure {
    pub(super) fn bad_request(text: impl Into<Vec<u8>>) -> Self {
        Self::Said(StatusCode::BAD_REQUEST, text.into())
    }
}

impl From<Rejection> for Failure {
    fn from(why: Rejection) -> Self {
        Self::Stopped(why)
    }
}

async fn take(state: &Arc<State>, call: Call) -> Result<(), Failure> {
    let parameters = Parameters::of_query(call.request.uri().query());
    let now = nanoseconds(call.now);
    let retention = state.points.retention();
    let rules = Rules {
        now,
        precision: Precision::named(parameters.get("precision")),
        oldest: retention.map(|kept| now.saturating_sub(i64::try_from(kept.as_nanos()).unwrap_or(i64::MAX))),
    };
    let who = call.identity().clone();
    let (head, body) = call.request.into_parts();
    let account = match account(state, who, parameters.get("db")).await {
        Ok(account) => account,
        Err(failure) => {
            body::drain(body).await;
            return Err(failure);
        }
    };
    if declared_length(&head.headers).is_some_and(|length| length > body::MAX_BYTES as u64) {
        return Err(Rejection::new(Reason::BodyTooLarge, ID).into());
    }
    let is_packed = head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let whole = body::read(body, &state.room).await?;
    let parsed = parse(state, whole, is_packed, rules).await?;
    if let Some(faults) = parsed.faults.as_ref().filter(|_| parsed.has_no_point()) {
        return Err(Failure::bad_request(faults.clone()));
    }
    check_consistency(parameters.get("consistency"))?;
    check_policy(parameters.get("rp"))?;
    store(state, account, parsed).await
}

/// Whose points they are.
async fn account(state: &State, who: Identity, database: &str) -> Result<AccountId, Failure> {
    if database.is_empty() {
        return Err(Failure::bad_request("database is required"));
    }
    match access::writing(state, &who, database).await? {
        Writing::Granted(account) => Ok(account),
        Writing::Unknown => {
            let text = format!("database not found: {}", quote::go(database));
            Err(Failure::Said(StatusCode::NOT_FOUND, text.into()))
        }
        Writing::Denied => {
            let who = quote::go(&access::shown(&who));
            let text = format!("{who} user is not authorized to write to database {}", quote::go(database));
            Err(Failure::Said(StatusCode::FORBIDDEN, text.into()))
        }
    }
}

/// Reads the lines: at once if they are few, else where it keeps nobody waiting.
async fn parse(state: &Arc<State>, held: Held, is_packed: bool, rules: Rules) -> Result<Parsed, Failure> {
    if !is_packed && held.bytes.len() <= PARSED_AT_ONCE {
        return Ok(line::parse(&held.bytes, rules));
    }
    let room = state.room.clone();
    let parsing = tokio::task::spawn_blocking(move || {
        let held = if is_packed { body::unpack(&held, &room)? } else { held };
        Ok(line::parse(&held.bytes, rules))
    });
    parsing.await.unwrap_or_else(|_broken| Err(Rejection::new(Reason::Internal, ID).into()))
}

fn check_consistency(level: &str) -> Result<(), Failure> {
    let is_known = matches!(level.to_ascii_lowercase().as_str(), "" | "any" | "one" | "quorum" | "all");
    if is_known { Ok(()) } else { Err(Failure::bad_request("invalid consistency level")) }
}

fn check_policy(policy: &str) -> Result<(), Failure> {
    if policy.is_empty() || policy == RETENTION_POLICY {
        return Ok(());
    }
    let text = format!("retention policy not found: {policy}");
    Err(Failure::Said(StatusCode::INTERNAL_SERVER_ERROR, text.into()))
}

async fn store(state: &State, account: AccountId, parsed: Parsed) -> Result<(), Failure> {
    let written = if parsed.batch.rows.is_empty() {
        PointsWritten::default()
    } else {
        state.points.write(account, parsed.batch).await.map_err(unavailable(ID))?
    };
    let dropped = parsed.left_out_points + written.dropped;
    let conflict = written.conflict.map(|conflict| told(&conflict));
    let partial = |reason: &[u8], dropped: u64| {
        let text = [b"partial write: ", reason, format!(" dropped={dropped}").as_bytes()].concat();
        Err(Failure::bad_request(text))
    };
    // Of several causes the original tells one.
    match (parsed.left_out.or(conflict), parsed.faults) {
        (Some(reason), _) => partial(reason.as_bytes(), dropped),
        (None, _) if parsed.too_old > 0 => partial(b"points beyond retention policy", parsed.too_old),
        (None, Some(faults)) => partial(&faults, 0),
        (None, None) => Ok(()),
    }
}

/// A conflict of types in the original's words.
pub(super) fn told(conflict: &Conflict) -> String {
    format!(
        "field type conflict: input field \"{}\" on measurement \"{}\" is type {}, already exists as type {}",
        conflict.field, conflict.measurement, conflict.written, conflict.existing
    )
}

/// Since 1970; clocks before that, or beyond 2262, are set wrong.
pub(super) fn nanoseconds(at: SystemTime) -> i64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Some 0.1 ms of work.
const PARSED_AT_ONCE: usize = 64 << 10;
