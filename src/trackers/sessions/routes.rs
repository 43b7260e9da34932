//! The endpoints and what answers them.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode};
use jiff::tz::TimeZone;
use trackgate_schemes::{AccountId, Grant, Grants, Identity, Reason, Rejection};

use super::query::Query;
use super::stats::Stats;
use super::wire::{self, Commas, Form, Json, MAX_BODY_BYTES, Members, Stop};
use super::{ID, Preferences, Shared, dialect, insert, list};
use crate::layer::Refusal;
use crate::message::because;
use crate::ports::{Added, NewTracked};
use crate::trackers::{Call, Endpoint, whole};

/// All endpoints of the tracker.
pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    let write = |endpoint: Endpoint| endpoint.granted("sessions:write").max_body(MAX_BODY_BYTES);
    vec![
        write(endpoint(shared, Form::V1, Method::POST, "/api/liveinsert.php", live_insert)),
        write(endpoint(shared, Form::V1, Method::POST, "/api/sesinsert.php", past_insert)),
        endpoint(shared, Form::V1, Method::GET, "/api/userstats.php", |shared, call| stats(shared, call, Form::V1)),
        endpoint(shared, Form::V2, Method::GET, "/api/v2/sessions.php", sessions),
        endpoint(shared, Form::V2, Method::GET, "/api/v2/stats.php", |shared, call| stats(shared, call, Form::V2)),
    ]
}

/// An endpoint whose handler may stop early.
fn endpoint<F, A>(shared: &Arc<Shared>, form: Form, method: Method, path: &'static str, answer: F) -> Endpoint
where
    F: Fn(Arc<Shared>, Call) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Result<Response<Bytes>, Stop>> + Send + 'static,
{
    let shared = Arc::clone(shared);
    Endpoint::new(method, path, move |call| {
        let answering = answer(Arc::clone(&shared), call);
        async move { whole(answering.await.unwrap_or_else(|stop| stopped(form, &stop))) }
    })
}

fn stopped(form: Form, stop: &Stop) -> Response<Bytes> {
    match stop {
        Stop::Conflict => wire::error(form, StatusCode::CONFLICT, "an overlapping session exists"),
        Stop::Fault(text) => wire::error(form, StatusCode::BAD_REQUEST, text),
        Stop::NotFound => wire::error(form, StatusCode::NOT_FOUND, "not found"),
        Stop::Rejected(why) => {
            // The gate is passed already: the one challenge that a handler can owe is its own (RFC 6750 §3).
            let scope =
                HeaderValue::from_static("Bearer realm=\"sessions\", error=\"insufficient_scope\", scope=\"read\"");
            let challenges = if why.reason == Reason::Grant { std::slice::from_ref(&scope) } else { &[] };
            because(why, dialect::render(form, &Refusal::new(why).with_challenges(challenges)))
        }
    }
}

async fn live_insert(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = account(call.identity())?;
    let members = Members::read(call.request.into_body(), Commas::Lenient, LIVE_MEMBERS).await?;
    let (zone, _chosen) = chosen(&shared, account).await?;
    let new = insert::live(&members, &zone, call.now)?;
    add(&shared, account, new, "Session started succesfully").await
}

async fn past_insert(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = account(call.identity())?;
    let members = Members::read(call.request.into_body(), Commas::Strict, PAST_MEMBERS).await?;
    let (zone, _chosen) = chosen(&shared, account).await?;
    let new = insert::past(&members, &zone, call.now)?;
    add(&shared, account, new, "Session created succesfully").await
}

/// Stores a session. The messages are misspelt on the wire, and clients may compare them.
async fn add(
    shared: &Shared,
    account: AccountId,
    new: NewTracked,
    message: &'static str,
) -> Result<Response<Bytes>, Stop> {
    let now = shared.accounts.clock().now();
    match shared.accounts.store().add_tracked(account, new, now).await? {
        Added::Overlaps => Err(Stop::Conflict),
        Added::Added(tracked) => {
            let data = Json::Object(vec![("message", Json::text(message)), ("session_id", Json::Int(tracked.id))]);
            Ok(wire::success(Form::V1, StatusCode::CREATED, data))
        }
    }
}

async fn stats(shared: Arc<Shared>, call: Call, form: Form) -> Result<Response<Bytes>, Stop> {
    let account = reader(call.identity())?;
    Query::parse(call.request.uri().query())?;
    let (_zone, chosen) = chosen(&shared, account).await?;
    let stats = Stats::of(&**shared.accounts.store(), account, call.now).await?;
    let data = stats.json(call.identity().name(), &shared.settings, &chosen, call.now);
    Ok(wire::success(form, StatusCode::OK, data))
}

async fn sessions(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = reader(call.identity())?;
    let query = Query::parse(call.request.uri().query())?;
    let (zone, _chosen) = chosen(&shared, account).await?;
    let store = shared.accounts.store();
    let data = if let Some(id) = query.number("id")? {
        let tracked = store.tracked(account, id).await?.ok_or(Stop::NotFound)?;
        list::item(&tracked, &zone)
    } else {
        let filter = list::filter(&query, &zone)?;
        let page = store.list_tracked(account, filter).await?;
        list::page(&page, &filter, &zone)
    };
    Ok(wire::success(Form::V2, StatusCode::OK, data))
}

/// The account that asks. Sessions belong to accounts, so whoever has none here may do nothing.
fn account(who: &Identity) -> Result<AccountId, Stop> {
    who.account().ok_or_else(|| Rejection::new(Reason::Grant, ID).into())
}

/// The account that asks, if it may read: the right to write holds the right to read.
fn reader(who: &Identity) -> Result<AccountId, Stop> {
    let read: Grant = "sessions:read".parse().expect("it is area:action");
    let write: Grant = "sessions:write".parse().expect("it is area:action");
    if who.grants().allow(&read) || who.grants().allow(&write) {
        account(who)
    } else {
        Err(Rejection::new(Reason::Grant, ID).wanting(Grants::of([read])).into())
    }
}

/// The time zone of an account and what else it chose. A text that cannot be read stops the request, for
/// a guess would store sessions at the wrong hour.
async fn chosen(shared: &Shared, account: AccountId) -> Result<(TimeZone, Preferences), Stop> {
    let Some(text) = shared.accounts.store().document(ID, account).await? else {
        return Ok((shared.settings.timezone.clone(), Preferences::default()));
    };
    let unreadable = || {
        tracing::error!(%account, "the stored preferences cannot be read");
        Rejection::new(Reason::Internal, ID)
    };
    let chosen = Preferences::parse(&text).ok_or_else(unreadable)?;
    let zone = match &chosen.timezone {
        None => shared.settings.timezone.clone(),
        Some(name) => TimeZone::get(name).map_err(|_unknown| unreadable())?,
    };
    Ok((zone, chosen))
}

const LIVE_MEMBERS: &[&str] =
    &["insertl", "startdate", "starttime", "public", "lockedby", "scheduledend", "scheduledendtime"];
const PAST_MEMBERS: &[&str] = &["inserts", "startdate", "starttime", "enddate", "endtime", "public", "lockedby"];
