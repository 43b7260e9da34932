//! Sports as somebody wants them (contract sections 4.2, 6.4 and 6.5).

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};

use super::fields::{self, refused};
use super::own::Own;
use super::sports::{self, SPORTS, Sport};
use crate::trackers::fittrackee::Shared;
use crate::trackers::fittrackee::objects::kept::SportPreference;
use crate::trackers::fittrackee::profile::Profile;
use crate::trackers::fittrackee::routes::endpoint;
use crate::trackers::fittrackee::wire::{self, Json, Stop};
use crate::trackers::json::Scalar;
use crate::trackers::{Call, Endpoint};

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::GET, "/api/sports", list).granted("profile:read"),
        endpoint(shared, Method::GET, "/api/sports/{sport_id}", one).granted("profile:read"),
        endpoint(shared, Method::POST, "/api/auth/profile/edit/sports", edit).granted("profile:write"),
        endpoint(shared, Method::DELETE, "/api/auth/profile/reset/sports/{sport_id}", reset).granted("profile:write"),
    ]
}

async fn list(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let own = Own::load(&shared, call.identity().account().ok_or(Stop::TOKEN)?).await?;
    Ok(listed(SPORTS.iter().map(|sport| show(&own, sport))))
}

async fn one(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let own = Own::load(&shared, call.identity().account().ok_or(Stop::TOKEN)?).await?;
    match named(call.parameter("sport_id")) {
        Some(sport) => Ok(listed([show(&own, sport)])),
        None => Ok(wire::not_found_in("sports")),
    }
}

async fn edit(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let mut members = wire::members(call.request, shared.settings.max_body_bytes, MEMBERS).await?;
    if !members.has("sport_id") || !members.has_beside("sport_id") {
        return Err(Stop::PAYLOAD);
    }
    let sport = fields::sport(&members.take("sport_id"))?.ok_or_else(no_sport)?;
    let change = Change::read(&mut members)?;
    let own = Own::load(&shared, account).await?;
    let used = own.preference(sport).default_equipment;
    let equipment = match members.take("default_equipment_ids") {
        Scalar::Null => None,
        ids => Some(fields::equipment(&ids, &own, sport, used.as_slice())?.map(|piece| piece.id.to_string())),
    };
    let profile = Profile::update(&shared.accounts, account, |profile| {
        let preference = profile.sports.entry(sport.id).or_insert_with(|| SportPreference::of(sport));
        change.apply(preference);
        if let Some(equipment) = &equipment {
            preference.default_equipment.clone_from(equipment);
        }
    })
    .await?;
    let own = Own { profile, ..own };
    let preference = own.preference(sport);
    let ids = preference.default_equipment.iter().filter(|id| own.find_piece(id).is_some());
    let data = Json::object([
        ("color", Json::text(preference.color.as_deref())),
        ("default_equipment_ids", Json::List(ids.map(|id| Json::Text(id.clone())).collect())),
        ("default_equipments", own.show_pieces(&preference.default_equipment)),
        ("is_active", Json::Bool(preference.is_active)),
        ("sport_id", Json::Int(sport.id.into())),
        ("stopped_speed_threshold", Json::Float(preference.stopped_speed_threshold)),
        ("user_id", Json::Int(account.0)),
    ]);
    let message = Json::Text("user sport preferences updated".into());
    Ok(wire::success(StatusCode::OK, [("data", data), ("message", message), ("status", success())]))
}

/// Forgets the default equipment too; the original leaves it behind.
async fn reset(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let sport = named(call.parameter("sport_id")).ok_or_else(no_sport)?;
    if Profile::load(&shared.accounts, account).await?.sports.contains_key(&sport.id) {
        Profile::update(&shared.accounts, account, |profile| drop(profile.sports.remove(&sport.id))).await?;
    }
    Ok(wire::no_content())
}

/// What a request wants changed, its equipment aside.
struct Change {
    color: Option<String>,
    is_active: Option<bool>,
    stopped_speed_threshold: Option<f64>,
}

impl Change {
    fn read(members: &mut wire::Members) -> Result<Self, Stop> {
        let color = match members.take("color") {
            Scalar::Null => None,
            Scalar::Text(color) if color.is_empty() => None,
            Scalar::Text(color) if is_color(&color) => Some(color),
            Scalar::Text(_) => return Err(refused("invalid hexadecimal color")),
            _ => return Err(Stop::PAYLOAD),
        };
        let is_active = match members.take("is_active") {
            Scalar::Null => None,
            Scalar::Bool(value) => Some(value),
            _ => return Err(Stop::PAYLOAD),
        };
        let threshold = match members.take("stopped_speed_threshold") {
            Scalar::Null => None,
            Scalar::Text(text) if text.is_empty() => None,
            Scalar::Text(text) => Some(text.trim().parse().map_err(|_other| Stop::PAYLOAD)?),
            value => Some(value.number().ok_or(Stop::PAYLOAD)?),
        };
        if threshold.is_some_and(|threshold: f64| !threshold.is_finite()) {
            return Err(Stop::PAYLOAD);
        }
        Ok(Self { color, is_active, stopped_speed_threshold: threshold.filter(|threshold| *threshold != 0.0) })
    }

    fn apply(&self, preference: &mut SportPreference) {
        if self.color.is_some() {
            preference.color.clone_from(&self.color);
        }
        preference.is_active = self.is_active.unwrap_or(preference.is_active);
        preference.stopped_speed_threshold = self.stopped_speed_threshold.unwrap_or(preference.stopped_speed_threshold);
    }
}

/// `#` and 3 or 6 hex digits.
fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The sport that a path names.
fn named(text: &str) -> Option<&'static Sport> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).and_then(sports::sport)
}

fn show(own: &Own, sport: &Sport) -> Json {
    let preference = own.preference(sport);
    Json::object([
        ("color", Json::text(preference.color.as_deref())),
        ("default_equipments", own.show_pieces(&preference.default_equipment)),
        ("id", Json::Int(sport.id.into())),
        ("is_active", Json::Bool(true)),
        ("is_active_for_user", Json::Bool(preference.is_active)),
        ("label", Json::Text(sport.label.into())),
        ("stopped_speed_threshold", Json::Float(preference.stopped_speed_threshold)),
    ])
}

fn listed(sports: impl IntoIterator<Item = Json>) -> Response<Bytes> {
    let data = Json::object([("sports", Json::List(sports.into_iter().collect()))]);
    wire::success(StatusCode::OK, [("data", data), ("status", success())])
}

fn success() -> Json {
    Json::Text("success".into())
}

fn no_sport() -> Stop {
    wire::error(StatusCode::NOT_FOUND, &[("status", "not found"), ("message", "sport does not exist")]).into()
}

const MEMBERS: &[&str] = &["sport_id", "color", "is_active", "stopped_speed_threshold", "default_equipment_ids"];
