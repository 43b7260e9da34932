//! What the web application asks besides (contract section 11): the configuration, users, third-party
//! applications.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use trackgate_schemes::{Reason, Rejection};

use super::query::Query;
use super::stats::STATS_WORKOUTS;
use super::summary;
use super::user;
use super::workouts;
use crate::accounts::{ChangeError, Origin};
use crate::trackers::fittrackee::profile::Profile;
use crate::trackers::fittrackee::routes::{endpoint, first_party};
use crate::trackers::fittrackee::wire::{self, Json, Stop};
use crate::trackers::fittrackee::{self, ID, Shared, sign_in};
use crate::trackers::{Call, Endpoint};

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::GET, "/api/config", config).public("the application asks before anybody signs in"),
        endpoint(shared, Method::GET, "/api/ping", ping).public("it tells that the server is there"),
        endpoint(shared, Method::GET, "/api/oauth/apps", apps),
        endpoint(shared, Method::GET, "/api/users/{username}", one_user).granted("profile:read"),
        endpoint(shared, Method::DELETE, "/api/users/{username}", delete),
    ]
}

async fn config(shared: Arc<Shared>, _call: Call) -> Result<Response<Bytes>, Stop> {
    let settings = &shared.settings;
    let is_open = sign_in::is_open(&shared).await?;
    let policy = settings.privacy_policy.as_ref();
    let policy_date = policy.map(|policy| Json::Date(workouts::microseconds(policy.date)));
    let size = |bytes: u64| Json::Int(i64::try_from(bytes).unwrap_or(i64::MAX));
    let data = Json::object([
        ("about", Json::text(settings.about.as_deref())),
        ("admin_contact", Json::text(settings.admin_contact.as_deref())),
        ("gpx_limit_import", Json::Int(10)),
        ("is_email_sending_enabled", Json::Bool(shared.outbox.is_some())),
        ("is_registration_enabled", Json::Bool(is_open)),
        ("map_attribution", Json::Text(MAP_ATTRIBUTION.into())),
        ("max_single_file_size", size(settings.picture_limit)),
        ("max_users", Json::Int(settings.max_users.into())),
        ("max_zip_file_size", size(settings.max_body_bytes)),
        ("privacy_policy", Json::text(policy.map(|policy| &*policy.text))),
        ("privacy_policy_date", policy_date.unwrap_or(Json::Null)),
        ("stats_workouts_limit", summary::count(STATS_WORKOUTS)),
        ("version", Json::Text(VERSION.into())),
        ("weather_provider", Json::Null),
    ]);
    Ok(success(data))
}

async fn ping(_shared: Arc<Shared>, _call: Call) -> Result<Response<Bytes>, Stop> {
    let status = Json::Text("success".into());
    Ok(wire::success(StatusCode::OK, [("message", Json::Text("pong!".into())), ("status", status)]))
}

/// There are none, for API tokens are issued otherwise here. Third parties do not learn even that.
async fn apps(_shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    first_party(&call)?;
    let page = Query::parse(call.request.uri().query()).whole("page")?.unwrap_or(1).max(1);
    let pagination = Json::object([
        ("has_next", Json::Bool(false)),
        ("has_prev", Json::Bool(page > 1)),
        ("page", Json::Int(page.into())),
        ("pages", Json::Int(0)),
        ("total", Json::Int(0)),
    ]);
    let data = Json::object([("clients", Json::List(Vec::new()))]);
    let status = Json::Text("success".into());
    Ok(wire::success(StatusCode::OK, [("data", data), ("pagination", pagination), ("status", status)]))
}

/// Everybody sees themselves alone, and does not learn who else is there.
async fn one_user(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    if call.parameter("username") != call.identity().name() {
        return Err(Stop::Message(StatusCode::FORBIDDEN, "you do not have permissions".into()));
    }
    let id = call.identity().account().ok_or(Stop::TOKEN)?;
    let account = shared.accounts.store().account(id).await?.ok_or(Stop::TOKEN)?;
    let profile = Profile::load(&shared.accounts, id).await?;
    let user = user::user(&shared, &account, &profile).await?;
    Ok(success(Json::object([("users", Json::List(vec![user]))])))
}

/// Everybody deletes themselves alone, with all that is kept about them.
async fn delete(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let id = first_party(&call)?;
    if call.parameter("username") != call.identity().name() {
        return Err(Stop::Message(StatusCode::FORBIDDEN, "you do not have permissions".into()));
    }
    let origin = Origin::of(call.identity(), ID, call.client);
    match fittrackee::delete_account(&shared.accounts, &*shared.files, id, &origin).await {
        // Whoever was first deleted it for both.
        Ok(_) | Err(ChangeError::NotFound) => Ok(wire::no_content()),
        Err(ChangeError::Stopped(why)) => Err(why.into()),
        Err(_other) => Err(Rejection::new(Reason::Internal, ID).into()),
    }
}

fn success(data: Json) -> Response<Bytes> {
    wire::success(StatusCode::OK, [("data", data), ("status", Json::Text("success".into()))])
}

/// The version whose wire this is.
const VERSION: &str = "0.8.13";

const MAP_ATTRIBUTION: &str = "&copy; <a href=\"http://www.openstreetmap.org/copyright\" target=\"_blank\" \
                               rel=\"noopener noreferrer\">OpenStreetMap</a> contributors";
