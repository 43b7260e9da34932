//! `GET` and `POST /query`: statements in, tables out (contract section 7).
//!
//! The order of checks is that of the original: credentials, `q`, `params`, the statements, and then whether each of
//! them may run, before any does. Statements that change something run by `GET` too, with a warning where the original
//! has one.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method, Response, StatusCode, header};
use tokio::sync::OwnedSemaphorePermit;
use trackgate_schemes::{AccountId, Identity, Reason, Rejection};

use super::access;
use super::answers::{Answers, Packing};
use super::parameters::Parameters;
use super::running::{Run, run};
use super::sources::Databases;
use super::write::{Failure, nanoseconds};
use crate::message::Body;
use crate::trackers::Call;
use crate::trackers::livetracking::influxql::ast::{Budget, Privilege, Show, Shown, Statement};
use crate::trackers::livetracking::influxql::{self, Params, Parsed};
use crate::trackers::livetracking::query::{Epoch, Output};
use crate::trackers::livetracking::{ID, State};

pub(super) async fn query(state: Arc<State>, call: Call) -> Response<Body> {
    let answers = Answers::of(&call);
    match answer(&state, call, &answers).await {
        Ok(answer) => answer,
        Err(Failure::Said(status, text)) => answers.error(status, &text),
        Err(Failure::Stopped(why)) => answers.refused(&why, state.settings.compat),
    }
}

/// `HEAD`, which a `GET` would answer else.
pub(super) async fn no_head(state: Arc<State>, call: Call) -> Response<Body> {
    Answers::of(&call).refused(&Rejection::new(Reason::MethodNotAllowed, ID), state.settings.compat)
}

async fn answer(state: &Arc<State>, call: Call, answers: &Answers) -> Result<Response<Body>, Failure> {
    let (who, now) = (call.identity().clone(), nanoseconds(call.now));
    let (head, body) = call.request.into_parts();
    let parameters = Parameters::of_request(&head, body).await?;
    let statements = Arc::new(read(&parameters).await?);
    let database = parameters.get("db").to_owned();
    let databases = permitted(state, &who, &statements, &database).await?;
    let output = Output {
        format: answers.format(),
        epoch: Epoch::from_parameter(parameters.get("epoch").trim()),
        chunk: (parameters.get("chunked") == "true").then(|| chunk_size(parameters.get("chunk_size"))),
    };
    let turn = turn(state).await?;
    let packing = packing(&head.headers);
    let limits = state.settings.query;
    let body = run(Run {
        statements,
        databases,
        database,
        retention_policy: parameters.get("rp").to_owned(),
        now,
        budget: Budget { time: limits.time, bytes: limits.memory },
        read_only: head.method == Method::GET,
        output,
        packing,
        turn,
    });
    Ok(answers.tables(output.format, packing, body))
}

/// The statements of a request.
async fn read(parameters: &Parameters) -> Result<Vec<Parsed>, Failure> {
    let text = parameters.statements();
    if text.is_empty() {
        return Err(Failure::bad_request("missing required parameter \"q\""));
    }
    let params = Params::parse(parameters.get("params")).map_err(|error| Failure::bad_request(error.to_string()))?;
    // Long ones, and regular expressions, take their time.
    let is_quick = text.len() <= READ_AT_ONCE && !text.contains(['~', '/']);
    let parsed = if is_quick {
        influxql::parse(text, Some(&params))
    } else {
        let text = text.to_owned();
        let reading = tokio::task::spawn_blocking(move || influxql::parse(&text, Some(&params)));
        reading.await.map_err(|_broken| Rejection::new(Reason::Internal, ID))?
    };
    parsed.map_err(|error| Failure::bad_request(format!("error parsing query: {error}")))
}

/// What the statements are run on, if `who` may run each of them.
async fn permitted(
    state: &Arc<State>,
    who: &Identity,
    statements: &[Parsed],
    database: &str,
) -> Result<Databases, Failure> {
    let mut read: HashMap<Arc<str>, Option<AccountId>> = HashMap::new();
    let mut written: HashMap<Arc<str>, Option<AccountId>> = HashMap::new();
    let mut lists = false;
    for parsed in statements {
        let refused = |wants: &str| {
            let (who, text) = (access::shown(who), &parsed.text);
            let text = format!(
                "error authorizing query: {who} not authorized to execute statement '{text}', requires {wants}"
            );
            Failure::Said(StatusCode::FORBIDDEN, text.into())
        };
        if matches!(parsed.statement, Statement::Admin(_)) {
            return Err(refused("admin privilege"));
        }
        lists |= matches!(parsed.statement, Statement::Show(Show { what: Shown::Databases, .. }));
        for need in &parsed.needs {
            let name = if need.database.is_empty() { Arc::from(database) } else { Arc::clone(&need.database) };
            let (known, word) = match need.privilege {
                Privilege::Read => (&mut read, "READ"),
                Privilege::Write => (&mut written, "WRITE"),
            };
            let owner = match known.get(&name) {
                Some(owner) => *owner,
                None => match need.privilege {
                    Privilege::Read => access::reading(state, who, &name).await?,
                    Privilege::Write => access::writable(who, &name),
                },
            };
            if owner.is_none() {
                return Err(refused(&format!("{word} on {name}")));
            }
            known.insert(name, owner);
        }
    }
    let listed = if lists { access::readable(state, who).await? } else { Vec::new() };
    let granted = |known: HashMap<Arc<str>, Option<AccountId>>| {
        known.into_iter().filter_map(|(name, owner)| Some((name, owner?))).collect()
    };
    Ok(Databases::new(Arc::clone(&state.points), granted(read), granted(written), listed))
}

/// A turn to run, if one is free soon.
async fn turn(state: &State) -> Result<OwnedSemaphorePermit, Rejection> {
    let turn = tokio::time::timeout(PATIENCE, Arc::clone(&state.turns).acquire_owned()).await;
    turn.ok().and_then(Result::ok).ok_or_else(|| Rejection::new(Reason::Overloaded, ID).after(PATIENCE))
}

fn chunk_size(text: &str) -> NonZeroUsize {
    text.parse().ok().and_then(NonZeroUsize::new).unwrap_or(Output::CHUNK)
}

/// Gzip if the client takes it, and does not say that it would rather not.
fn packing(headers: &HeaderMap) -> Packing {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let takes_gzip = lines.flat_map(|line| line.split(',')).any(|coding| {
        let (coding, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse().ok()).unwrap_or(1.0_f32);
        coding.trim() == "gzip" && weight > 0.0
    });
    if takes_gzip { Packing::Gzip } else { Packing::None }
}

const READ_AT_ONCE: usize = 4 << 10;

/// How long to wait for a turn.
const PATIENCE: Duration = Duration::from_secs(2);
