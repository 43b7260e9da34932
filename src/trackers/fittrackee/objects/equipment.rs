//! Equipment and its types.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use trackgate_schemes::{AccountId, Reason, Rejection};

use super::fields::{self, refused};
use super::kept::{self, EQUIPMENTS, Equipment, SportPreference};
use super::own::{self, Own, Piece};
use super::query::Query;
use super::sports::{self, EQUIPMENT_TYPES, EquipmentType, Sport};
use super::workouts;
use crate::trackers::fittrackee::profile::Profile;
use crate::trackers::fittrackee::routes::endpoint;
use crate::trackers::fittrackee::wire::{self, Json, Members, Stop};
use crate::trackers::fittrackee::{ID, Shared};
use crate::trackers::json::Scalar;
use crate::trackers::{Call, Endpoint};

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::GET, "/api/equipment-types", types).granted("profile:read"),
        endpoint(shared, Method::GET, "/api/equipment-types/{type_id}", one_type).granted("profile:read"),
        endpoint(shared, Method::GET, ALL, list).granted("profile:read"),
        endpoint(shared, Method::POST, ALL, add).granted("profile:write"),
        endpoint(shared, Method::GET, ONE, one).granted("profile:read"),
        endpoint(shared, Method::PATCH, ONE, edit).granted("profile:write"),
        endpoint(shared, Method::DELETE, ONE, delete).granted("profile:write"),
        endpoint(shared, Method::POST, "/api/equipments/{equipment_id}/refresh", refresh).granted("profile:write"),
    ]
}

async fn types(_shared: Arc<Shared>, _call: Call) -> Result<Response<Bytes>, Stop> {
    Ok(listed_types(EQUIPMENT_TYPES.iter()))
}

async fn one_type(_shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let kind = call.parameter("type_id").parse().ok().and_then(sports::equipment_type);
    Ok(kind.map_or_else(|| wire::not_found_in("equipment_types"), |kind| listed_types([kind])))
}

async fn list(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let own = Own::load(&shared, call.identity().account().ok_or(Stop::TOKEN)?).await?;
    let kind = Query::parse(call.request.uri().query()).whole("equipment_type_id")?;
    let wanted = |piece: &&Piece| kind.is_none_or(|kind| i32::from(piece.equipment.type_id) == kind);
    Ok(shown(StatusCode::OK, "success", own.pieces.iter().filter(wanted).map(|piece| own.show_piece(piece))))
}

async fn one(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let own = Own::load(&shared, call.identity().account().ok_or(Stop::TOKEN)?).await?;
    let piece = own.piece(call.parameter("equipment_id"))?;
    Ok(shown(StatusCode::OK, "success", [own.show_piece(piece)]))
}

/// The totals are always made anew here, so there is nothing to do.
async fn refresh(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    one(shared, call).await
}

async fn add(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let limit = shared.settings.max_body_bytes;
    let mut members = said(wire::members(call.request, limit, MEMBERS).await, NEEDED)?;
    let label = match members.take("label") {
        Scalar::Null => return Err(refused(NEEDED)),
        Scalar::Text(label) if label.is_empty() => return Err(refused(NEEDED)),
        value => label(value)?,
    };
    let type_id = members.take("equipment_type_id");
    if type_id == Scalar::Null {
        return Err(refused(NEEDED));
    }
    let own = Own::load(&shared, account).await?;
    unique(&own, &label, None)?;
    let kind = kind(&type_id)?;
    let sports = if members.has(DEFAULTS) { default_sports(&members.take(DEFAULTS), kind)? } else { Vec::new() };
    let description = description(members.take("description"))?;
    let equipment = Equipment { label, description, type_id: kind.id, is_active: true };
    let made = workouts::microseconds(call.now);
    let id = kept::fresh_id();
    shared.accounts.store().add_item(EQUIPMENTS, own::item(account, &id, made, &equipment)?).await?;
    shared.accounts.memories().forget_documents(account);
    make_default(&shared, account, &id, &sports).await?;
    let own = Own::load(&shared, account).await?;
    Ok(shown(StatusCode::CREATED, "created", [own.show_piece(own.piece(&id)?)]))
}

async fn edit(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let id = call.parameter("equipment_id").to_owned();
    let limit = shared.settings.max_body_bytes;
    let members = said(wire::members(call.request, limit, MEMBERS).await, "no request data was supplied")?;
    if !MEMBERS.iter().any(|name| members.has(name)) {
        return Err(refused("no valid parameters supplied"));
    }
    let (is_other_kind, sports) = replace(&shared, account, &id, &members).await?;
    if is_other_kind {
        leave_workouts(&shared, account, &id).await?;
    }
    shared.accounts.memories().forget_documents(account);
    if let Some(sports) = sports {
        make_default(&shared, account, &id, &sports).await?;
    }
    let own = Own::load(&shared, account).await?;
    Ok(shown(StatusCode::OK, "success", [own.show_piece(own.piece(&id)?)]))
}

async fn delete(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let own = Own::load(&shared, account).await?;
    let piece = own.piece(call.parameter("equipment_id"))?;
    let uses = own.uses(piece);
    if uses > 0 && !Query::parse(call.request.uri().query()).has("force") {
        let (id, plural) = (&piece.id, if uses == 1 { "" } else { "s" });
        let message = format!(
            "Cannot delete equipment that has associated workouts. Equipment id {id} has {uses} associated \
             workout{plural}. (Provide argument 'force' as a query parameter to override this check)"
        );
        return Err(Stop::Message(StatusCode::FORBIDDEN, message.into()));
    }
    make_default(&shared, account, &piece.id, &[]).await?;
    leave_workouts(&shared, account, &piece.id).await?;
    let deleted = shared.accounts.store().delete_item(EQUIPMENTS, account, &piece.id).await?;
    shared.accounts.memories().forget_documents(account);
    if deleted { Ok(wire::no_content()) } else { Err(wire::not_found_in("equipments").into()) }
}

/// Changes a piece. Whether its type is another now, and the sports whose default it becomes, if that changes.
async fn replace(
    shared: &Shared,
    account: AccountId,
    id: &str,
    members: &Members,
) -> Result<(bool, Option<Vec<&'static Sport>>), Stop> {
    for _ in 0..TRIES {
        let before = shared.accounts.store().item(EQUIPMENTS, id).await?.filter(|item| item.account == account);
        let before = before.ok_or_else(|| wire::not_found_in("equipments"))?;
        let own = Own::load(shared, account).await?;
        let piece = Piece { equipment: own::read(&before)?, made: before.place, id: Arc::clone(&before.id) };
        let (equipment, sports) = changed(&own, &piece, &mut members.clone())?;
        let after = own::item(account, id, piece.made, &equipment)?;
        if shared.accounts.store().replace_item(EQUIPMENTS, &before, after).await? {
            return Ok((equipment.type_id != piece.equipment.type_id, sports));
        }
    }
    Err(Rejection::new(Reason::Unavailable, ID).into())
}

/// What a piece becomes, and the sports whose default it becomes, if that changes.
fn changed(own: &Own, piece: &Piece, members: &mut Members) -> Result<(Equipment, Option<Vec<&'static Sport>>), Stop> {
    let mut equipment = piece.equipment.clone();
    if members.has("is_active") {
        let Scalar::Bool(is_active) = members.take("is_active") else { return Err(Stop::PAYLOAD) };
        equipment.is_active = is_active;
    }
    if members.has("label") {
        equipment.label = label(members.take("label"))?;
        unique(own, &equipment.label, Some(piece))?;
    }
    if members.has("description") {
        equipment.description = description(members.take("description"))?;
    }
    let is_other_kind = if members.has("equipment_type_id") {
        let kind = kind(&members.take("equipment_type_id"))?;
        std::mem::replace(&mut equipment.type_id, kind.id) != kind.id
    } else {
        false
    };
    let kind = sports::equipment_type(equipment.type_id).ok_or(Stop::PAYLOAD)?;
    let wanted = members.take(DEFAULTS);
    let is_default = |preference: &SportPreference| preference.default_equipment.as_deref() == Some(&*piece.id);
    let defaults = own.profile.sports.iter().filter(|(_, preference)| is_default(preference)).map(|(id, _)| *id);
    let sports = match wanted {
        // With another type and nothing said of the sports, it is the default of none any more.
        Scalar::Null if is_other_kind => Some(Vec::new()),
        Scalar::Null => None,
        Scalar::List(ids)
            if is_other_kind && ids.iter().map(|id| fields::number(id).ok().flatten()).eq(defaults.map(Some)) =>
        {
            Some(Vec::new())
        }
        ids => Some(default_sports(&ids, kind)?),
    };
    Ok((equipment, sports))
}

/// Makes a piece the default of these sports, and of no other.
async fn make_default(shared: &Shared, account: AccountId, id: &str, sports: &[&Sport]) -> Result<(), Stop> {
    let is_default = |preference: &SportPreference| preference.default_equipment.as_deref() == Some(id);
    let is_so = |profile: &Profile| {
        profile.sports.iter().filter(|(_, it)| is_default(it)).map(|(id, _)| *id).eq(sports.iter().map(|it| it.id))
    };
    if is_so(&Profile::load(&shared.accounts, account).await?) {
        return Ok(());
    }
    let change = |profile: &mut Profile| {
        for preference in profile.sports.values_mut().filter(|preference| is_default(preference)) {
            preference.default_equipment = None;
        }
        for sport in sports {
            let preference = profile.sports.entry(sport.id).or_insert_with(|| SportPreference::of(sport));
            preference.default_equipment = Some(id.to_owned());
        }
    };
    Profile::update(&shared.accounts, account, change).await?;
    Ok(())
}

/// Takes a piece out of all workouts.
async fn leave_workouts(shared: &Shared, account: AccountId, id: &str) -> Result<(), Stop> {
    for recorded in own::workouts(&shared.accounts, account).await? {
        if recorded.workout.equipment.iter().any(|name| name == id) {
            workouts::change(shared, account, &recorded.id, |_own, recorded| {
                recorded.workout.equipment.retain(|name| name != id);
                Ok(())
            })
            .await?;
        }
    }
    Ok(())
}

/// 1 to 50 characters.
fn label(value: Scalar) -> Result<String, Stop> {
    let Scalar::Text(label) = value else { return Err(Stop::PAYLOAD) };
    if label.chars().count() > 50 { Err(refused("label exceeds 50 characters")) } else { Ok(label) }
}

fn description(value: Scalar) -> Result<Option<String>, Stop> {
    match value {
        Scalar::Null => Ok(None),
        Scalar::Text(text) if text.chars().count() <= 200 => Ok(Some(text)),
        _ => Err(Stop::PAYLOAD),
    }
}

fn kind(value: &Scalar) -> Result<&'static EquipmentType, Stop> {
    let kind = fields::number(value)?.and_then(sports::equipment_type);
    kind.ok_or_else(|| refused("invalid equipment type id"))
}

/// No two pieces of an account have the same label.
fn unique(own: &Own, label: &str, but: Option<&Piece>) -> Result<(), Stop> {
    let others = own.pieces.iter().filter(|piece| but.is_none_or(|but| but.id != piece.id));
    if others.into_iter().any(|piece| piece.equipment.label == label) {
        return Err(refused("equipment already exists with the same label"));
    }
    Ok(())
}

/// The sports of a list of numbers, in their order; each must go with the type.
fn default_sports(value: &Scalar, kind: &EquipmentType) -> Result<Vec<&'static Sport>, Stop> {
    let Scalar::List(ids) = value else { return Err(Stop::PAYLOAD) };
    let mut chosen = Vec::new();
    for id in ids {
        let Some(sport) = fields::sport(id)? else {
            let named = match id {
                Scalar::Text(text) => text.chars().take(32).collect(),
                Scalar::Null => "None".to_owned(),
                other => other.number().ok_or(Stop::PAYLOAD)?.to_string(),
            };
            return Err(refused(format!("sport (id {named}) does not exist")));
        };
        if sport.equipment_type != Some(kind.id) {
            let message = format!("invalid sport '{}' for equipment type '{}'", sport.label, kind.label);
            return Err(refused(message));
        }
        chosen.push(sport);
    }
    chosen.sort_unstable_by_key(|sport| sport.id);
    chosen.dedup_by_key(|sport| sport.id);
    Ok(chosen)
}

/// An empty document is told of in words of its own here.
fn said(members: Result<Members, Stop>, message: &'static str) -> Result<Members, Stop> {
    members.map_err(|stop| match stop {
        Stop::Message(StatusCode::BAD_REQUEST, _) => refused(message),
        other => other,
    })
}

fn shown(status: StatusCode, outcome: &str, pieces: impl IntoIterator<Item = Json>) -> Response<Bytes> {
    let data = Json::object([("equipments", Json::List(pieces.into_iter().collect()))]);
    wire::success(status, [("data", data), ("status", Json::Text(outcome.to_owned()))])
}

fn listed_types(types: impl IntoIterator<Item = &'static EquipmentType>) -> Response<Bytes> {
    let types = Json::List(types.into_iter().map(EquipmentType::shown).collect());
    let data = Json::object([("equipment_types", types)]);
    wire::success(StatusCode::OK, [("data", data), ("status", Json::Text("success".into()))])
}

/// How often a change is tried while others change the same piece.
const TRIES: u32 = 32;

const ALL: &str = "/api/equipments";
const ONE: &str = "/api/equipments/{equipment_id}";

const DEFAULTS: &str = "default_for_sport_ids";
const MEMBERS: &[&str] = &["label", "description", "equipment_type_id", "is_active", DEFAULTS];
const NEEDED: &str = "the 'label' and 'equipment_type_id' parameters must be provided";
