//! What an account has: its profile, its equipment, its workouts, read together.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use trackgate_schemes::{AccountId, Reason, Rejection};

use super::kept::{EQUIPMENTS, Equipment, Measures, SportPreference, WORKOUTS, Workout};
use super::shown;
use super::sports::{self, Sport};
use super::summary::{self, Summary};
use crate::accounts::AccountService;
use crate::ports::{Item, ItemFilter};
use crate::trackers::fittrackee::profile::Profile;
use crate::trackers::fittrackee::wire::{Json, Stop};
use crate::trackers::fittrackee::{ID, Shared};

/// A stored workout.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::trackers::fittrackee) struct Recorded {
    /// Its name.
    pub(in crate::trackers::fittrackee) id: Arc<str>,
    /// When it began, in microseconds since 1970 (UTC).
    pub(in crate::trackers::fittrackee) began: i64,
    pub(in crate::trackers::fittrackee) workout: Workout,
}

/// A stored piece of equipment.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::trackers::fittrackee) struct Piece {
    /// Its name.
    pub(in crate::trackers::fittrackee) id: Arc<str>,
    /// When it was made, in microseconds since 1970 (UTC).
    pub(in crate::trackers::fittrackee) made: i64,
    pub(in crate::trackers::fittrackee) equipment: Equipment,
}

/// What an account has.
#[derive(Debug)]
pub(in crate::trackers::fittrackee) struct Own {
    pub(in crate::trackers::fittrackee) account: AccountId,
    pub(in crate::trackers::fittrackee) profile: Profile,
    /// In the order of their making.
    pub(in crate::trackers::fittrackee) pieces: Vec<Piece>,
    /// In the order of their beginnings.
    pub(in crate::trackers::fittrackee) workouts: Vec<Recorded>,
}

impl Own {
    /// Reads it all. Names of equipment that is gone are left out.
    ///
    /// # Errors
    ///
    /// The store is down, or holds what cannot be read.
    pub(in crate::trackers::fittrackee) async fn load(shared: &Shared, account: AccountId) -> Result<Self, Stop> {
        let mut profile = Profile::load(&shared.accounts, account).await?;
        let pieces = pieces(shared, account).await?;
        let mut workouts = workouts(&shared.accounts, account).await?;
        let is_there = |id: &String| pieces.iter().any(|piece| *piece.id == **id);
        for preference in profile.sports.values_mut() {
            preference.default_equipment.take_if(|id| !is_there(id));
        }
        for recorded in &mut workouts {
            recorded.workout.equipment.retain(is_there);
        }
        Ok(Self { account, profile, pieces, workouts })
    }

    /// A workout of the account.
    ///
    /// # Errors
    ///
    /// 404, for one of somebody else as for one that never was.
    pub(in crate::trackers::fittrackee) fn workout(&self, id: &str) -> Result<&Recorded, Stop> {
        let found = self.workouts.iter().find(|recorded| *recorded.id == *id);
        found.ok_or_else(|| crate::trackers::fittrackee::wire::not_found_in("workouts").into())
    }

    /// A piece of equipment of the account.
    ///
    /// # Errors
    ///
    /// 404, for one of somebody else as for one that never was.
    pub(in crate::trackers::fittrackee) fn piece(&self, id: &str) -> Result<&Piece, Stop> {
        self.find_piece(id).ok_or_else(|| crate::trackers::fittrackee::wire::not_found_in("equipments").into())
    }

    /// A piece of equipment of the account, if it has it.
    pub(in crate::trackers::fittrackee) fn find_piece(&self, id: &str) -> Option<&Piece> {
        self.pieces.iter().find(|piece| *piece.id == *id)
    }

    /// What the account wants of a sport, or what everybody gets.
    pub(in crate::trackers::fittrackee) fn preference(&self, sport: &Sport) -> SportPreference {
        self.profile.sports.get(&sport.id).cloned().unwrap_or_else(|| SportPreference::of(sport))
    }

    /// How many workouts were done with a piece of equipment.
    pub(in crate::trackers::fittrackee) fn uses(&self, piece: &Piece) -> usize {
        self.used(piece).count()
    }

    fn used(&self, piece: &Piece) -> impl Iterator<Item = &Measures> {
        let with_it = |recorded: &&Recorded| recorded.workout.equipment.iter().any(|id| **id == *piece.id);
        self.workouts.iter().filter(with_it).map(|recorded| &recorded.workout.measures)
    }

    /// A piece of equipment as the original shows it.
    pub(in crate::trackers::fittrackee) fn show_piece(&self, piece: &Piece) -> Json {
        let Piece { id, made, equipment } = piece;
        let kind = sports::equipment_type(equipment.type_id);
        let is_default = |preference: &SportPreference| preference.default_equipment.as_deref() == Some(id);
        let sports = self.profile.sports.iter().filter(|(_, preference)| is_default(preference));
        let total = |of: fn(&Measures) -> i64| self.used(piece).map(of).fold(0, i64::saturating_add);
        let distance = summary::sum(self.used(piece).map(|measures| measures.distance)).unwrap_or(0.0);
        Json::object([
            ("creation_date", Json::Date(*made)),
            ("default_for_sport_ids", Json::List(sports.map(|(sport, _)| Json::Int((*sport).into())).collect())),
            ("description", Json::text(equipment.description.as_deref())),
            ("equipment_type", kind.map_or(Json::Null, sports::EquipmentType::shown)),
            ("id", Json::Text(id.to_string())),
            ("is_active", Json::Bool(equipment.is_active)),
            ("label", Json::Text(equipment.label.clone())),
            ("total_distance", Json::Float(distance)),
            ("total_duration", Json::Text(shown::duration(total(|measures| measures.duration)))),
            ("total_moving", Json::Text(shown::duration(total(|measures| measures.moving.unwrap_or(0))))),
            ("user_id", Json::Int(self.account.0)),
            ("workouts_count", summary::count(self.uses(piece))),
        ])
    }

    /// The pieces of these names.
    pub(in crate::trackers::fittrackee) fn show_pieces<'a>(&self, ids: impl IntoIterator<Item = &'a String>) -> Json {
        let pieces = ids.into_iter().filter_map(|id| self.find_piece(id));
        Json::List(pieces.map(|piece| self.show_piece(piece)).collect())
    }
}

/// Shows workouts of one account.
pub(in crate::trackers::fittrackee) struct Shown<'a> {
    user: &'a str,
    /// By workout.
    records: HashMap<Arc<str>, Vec<Json>>,
    /// By name: each is summed up over all workouts, which is too much to do for each workout.
    pieces: HashMap<&'a str, Json>,
    /// Those among which neighbours are found, in the order of their beginnings.
    among: Vec<&'a Recorded>,
}

impl<'a> Shown<'a> {
    /// Shows to this user; neighbours are those that `wanted` takes.
    pub(in crate::trackers::fittrackee) fn new(
        own: &'a Own,
        user: &'a str,
        wanted: impl Fn(&Recorded) -> bool,
    ) -> Self {
        let mut records: HashMap<Arc<str>, Vec<Json>> = HashMap::new();
        for record in Summary::of(&own.workouts).records() {
            records.entry(Arc::clone(&record.workout)).or_default().push(record.shown(user));
        }
        let pieces = own.pieces.iter().map(|piece| (&*piece.id, own.show_piece(piece))).collect();
        Self { user, records, pieces, among: own.workouts.iter().filter(|recorded| wanted(recorded)).collect() }
    }

    /// A workout as the original shows it. There are no maps and no weather here.
    pub(in crate::trackers::fittrackee) fn workout(&self, recorded: &Recorded) -> Json {
        let Recorded { id, began, workout } = recorded;
        let neighbour = |found: Option<&&Recorded>| Json::text(found.map(|found| &*found.id));
        let others = || self.among.iter().filter(|other| other.id != *id);
        let previous = others().rfind(|other| other.began <= *began);
        let next = others().find(|other| other.began >= *began);
        let segments = workout.segments.iter().enumerate().map(|(n, segment)| show_segment(id, n, segment));
        let equipment = workout.equipment.iter().filter_map(|id| self.pieces.get(id.as_str()));
        let mut members = show_measures(&workout.measures);
        members.extend([
            ("bounds", Json::List(workout.bounds.iter().flatten().map(|bound| Json::Float(*bound)).collect())),
            ("creation_date", Json::Date(workout.created_at)),
            ("description", Json::text(workout.description.as_deref())),
            ("equipments", Json::List(equipment.cloned().collect())),
            ("id", Json::Text(id.to_string())),
            ("map", Json::Null),
            ("modification_date", workout.modified_at.map_or(Json::Null, Json::Date)),
            ("next_workout", neighbour(next)),
            ("notes", Json::text(workout.notes.as_deref())),
            ("previous_workout", neighbour(previous)),
            ("records", Json::List(self.records.get(id).cloned().unwrap_or_default())),
            ("segments", Json::List(segments.collect())),
            ("sport_id", Json::Int(workout.sport_id.into())),
            ("title", Json::text(workout.title.as_deref())),
            ("user", Json::Text(self.user.to_owned())),
            ("weather_end", Json::Null),
            ("weather_start", Json::Null),
            // Whoever reads `true` asks for the track, which is kept for the archive alone.
            ("with_gpx", Json::Bool(false)),
            ("workout_date", Json::Date(*began)),
        ]);
        Json::object(members)
    }
}

fn show_measures(measures: &Measures) -> Vec<(&'static str, Json)> {
    let float = |value: Option<f64>| value.map_or(Json::Null, Json::Float);
    let seconds = |value: Option<i64>| value.map_or(Json::Null, |value| Json::Text(shown::duration(value)));
    vec![
        ("ascent", float(measures.ascent)),
        ("ave_speed", float(measures.ave_speed)),
        ("descent", float(measures.descent)),
        ("distance", float(measures.distance)),
        ("duration", seconds(Some(measures.duration))),
        ("max_alt", float(measures.max_alt)),
        ("max_speed", float(measures.max_speed)),
        ("min_alt", float(measures.min_alt)),
        ("moving", seconds(measures.moving)),
        ("pauses", seconds(measures.pauses.filter(|seconds| *seconds != 0))),
    ]
}

/// A part of a track. Of these the original shows nothing where it is zero.
fn show_segment(workout: &str, number: usize, measures: &Measures) -> Json {
    let there = |value: Option<f64>| value.filter(|value| *value != 0.0);
    let mut members = show_measures(&Measures {
        ascent: there(measures.ascent),
        ave_speed: there(measures.ave_speed),
        descent: there(measures.descent),
        distance: there(measures.distance),
        max_alt: there(measures.max_alt),
        max_speed: there(measures.max_speed),
        min_alt: there(measures.min_alt),
        moving: measures.moving.filter(|seconds| *seconds != 0),
        ..measures.clone()
    });
    if measures.duration == 0 {
        members.push(("duration", Json::Null));
    }
    members.extend([("segment_id", summary::count(number)), ("workout_id", Json::Text(workout.to_owned()))]);
    Json::object(members)
}

/// The workouts of an account, in the order of their beginnings.
///
/// # Errors
///
/// The store is down, or holds what cannot be read.
pub(in crate::trackers::fittrackee) async fn workouts(
    accounts: &AccountService,
    account: AccountId,
) -> Result<Vec<Recorded>, Stop> {
    let items = accounts.store().items(WORKOUTS, account, ItemFilter::default()).await?;
    items.into_iter().map(|item| Ok(Recorded { workout: read(&item)?, began: item.place, id: item.id })).collect()
}

/// The equipment of an account, in the order of its making.
async fn pieces(shared: &Shared, account: AccountId) -> Result<Vec<Piece>, Stop> {
    let items = shared.accounts.store().items(EQUIPMENTS, account, ItemFilter::default()).await?;
    items.into_iter().map(|item| Ok(Piece { equipment: read(&item)?, made: item.place, id: item.id })).collect()
}

/// What an item holds.
///
/// # Errors
///
/// [`Reason::Internal`] for what cannot be read.
pub(super) fn read<T: DeserializeOwned>(item: &Item) -> Result<T, Stop> {
    serde_json::from_str(&item.body).map_err(|_unreadable| {
        tracing::error!(account = %item.account, item = %item.id, "a stored item cannot be read");
        Rejection::new(Reason::Internal, ID).into()
    })
}

/// An item that holds this.
///
/// # Errors
///
/// [`Reason::Internal`] for what JSON cannot hold.
pub(super) fn item(account: AccountId, id: &str, place: i64, holds: &impl Serialize) -> Result<Item, Stop> {
    let body = serde_json::to_string(holds).map_err(|_never| Rejection::new(Reason::Internal, ID))?;
    Ok(Item { id: id.into(), account, place, body })
}
