//! Workouts: listed, shown, added, changed, deleted.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use jiff::Timestamp;
use trackgate_schemes::{AccountId, Reason, Rejection};

use super::kept::{self, Measures, WORKOUTS, Workout};
use super::own::{self, Own, Recorded, Shown};
use super::query::{self, Days, Query};
use super::upload;
use super::writing::{self, Form};
use crate::ports::Area;
use crate::trackers::fittrackee::routes::endpoint;
use crate::trackers::fittrackee::wire::{self, Json, Stop};
use crate::trackers::fittrackee::{ID, Shared, leftovers};
use crate::trackers::{Call, Endpoint};

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::GET, ALL, list).granted("profile:read"),
        endpoint(shared, Method::POST, ALL, upload::upload).granted("profile:write"),
        endpoint(shared, Method::POST, "/api/workouts/no_gpx", add).granted("profile:write"),
        endpoint(shared, Method::GET, ONE, one).granted("profile:read"),
        endpoint(shared, Method::PATCH, ONE, edit).granted("profile:write"),
        endpoint(shared, Method::DELETE, ONE, delete).granted("profile:write"),
    ]
}

async fn list(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let own = Own::load(&shared, call.identity().account().ok_or(Stop::TOKEN)?).await?;
    let query = Query::parse(call.request.uri().query());
    let page = i64::from(query.whole("page")?.unwrap_or(1).max(1));
    let per_page = match query.whole("per_page")?.unwrap_or(5) {
        ..=0 => 20,
        wanted => i64::from(wanted.min(100)),
    };
    let order = Order::read(&query)?;
    let filter = Filter::read(&query, own.profile.timezone.as_deref())?;
    let mut found: Vec<_> = own.workouts.iter().filter(|recorded| filter.takes(recorded)).collect();
    order.sort(&mut found);
    let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let pages = (total + per_page - 1) / per_page;
    let shown = Shown::new(&own, call.identity().name(), |recorded| filter.takes_measures(recorded));
    let first = usize::try_from((page - 1).saturating_mul(per_page)).unwrap_or(usize::MAX);
    let here = found.into_iter().skip(first).take(usize::try_from(per_page).unwrap_or(100));
    let data = Json::object([("workouts", Json::List(here.map(|recorded| shown.workout(recorded)).collect()))]);
    let pagination = Json::object([
        ("has_next", Json::Bool(page < pages)),
        ("has_prev", Json::Bool(page > 1)),
        ("page", Json::Int(page)),
        ("pages", Json::Int(pages)),
        ("total", Json::Int(total)),
    ]);
    let status = Json::Text("success".into());
    Ok(wire::success(StatusCode::OK, [("data", data), ("pagination", pagination), ("status", status)]))
}

async fn one(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let own = Own::load(&shared, call.identity().account().ok_or(Stop::TOKEN)?).await?;
    answer(&own, call.identity().name(), call.parameter("workout_id"), StatusCode::OK, "success")
}

async fn add(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let user = call.identity().name().to_owned();
    let members = wire::members(call.request, shared.settings.max_body_bytes, writing::MEMBERS).await?;
    let form = Form::read(members)?;
    let own = Own::load(&shared, account).await?;
    let (began, workout) = form.workout(&own, microseconds(call.now))?;
    store(&shared, account, &user, began, &workout).await
}

async fn edit(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let (user, id) = (call.identity().name().to_owned(), call.parameter("workout_id").to_owned());
    let members = wire::members(call.request, shared.settings.max_body_bytes, writing::MEMBERS).await?;
    let form = Form::read(members)?;
    let now = microseconds(call.now);
    change(&shared, account, &id, |own, recorded| form.apply(own, recorded, now)).await?;
    let own = Own::load(&shared, account).await?;
    answer(&own, &user, &id, StatusCode::OK, "success")
}

async fn delete(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    let account = call.identity().account().ok_or(Stop::TOKEN)?;
    let store = shared.accounts.store();
    let missing = || Stop::from(wire::not_found_in("workouts"));
    let item = store.item(WORKOUTS, call.parameter("workout_id")).await?.filter(|item| item.account == account);
    let item = item.ok_or_else(missing)?;
    // One that cannot be read can be deleted, too; its track is swept then.
    let track = own::read::<Workout>(&item).ok().and_then(|workout| workout.gpx);
    let deleted = store.delete_item(WORKOUTS, account, &item.id).await?;
    shared.accounts.memories().forget_documents(account);
    if !deleted {
        return Err(missing());
    }
    leftovers::forget(&*shared.files, Area::Tracks, track.as_deref()).await;
    Ok(wire::no_content())
}

/// Stores a new workout and shows it.
///
/// # Errors
///
/// The store is down.
pub(super) async fn store(
    shared: &Shared,
    account: AccountId,
    user: &str,
    began: i64,
    workout: &Workout,
) -> Result<Response<Bytes>, Stop> {
    let id = kept::fresh_id();
    shared.accounts.store().add_item(WORKOUTS, own::item(account, &id, began, workout)?).await?;
    shared.accounts.memories().forget_documents(account);
    let own = Own::load(shared, account).await?;
    answer(&own, user, &id, StatusCode::CREATED, "created")
}

/// Changes a workout; `change` is called again when somebody else changed it meanwhile.
///
/// # Errors
///
/// 404 if the account has no such workout, what `change` says, or the store is down.
pub(super) async fn change(
    shared: &Shared,
    account: AccountId,
    id: &str,
    mut change: impl FnMut(&Own, &mut Recorded) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let missing = || Stop::from(wire::not_found_in("workouts"));
    for _ in 0..TRIES {
        let before = shared.accounts.store().item(WORKOUTS, id).await?.filter(|item| item.account == account);
        let before = before.ok_or_else(missing)?;
        let own = Own::load(shared, account).await?;
        let workout: Workout = own::read(&before)?;
        let mut recorded = Recorded { id: Arc::clone(&before.id), began: before.place, workout };
        change(&own, &mut recorded)?;
        let after = own::item(account, id, recorded.began, &recorded.workout)?;
        if shared.accounts.store().replace_item(WORKOUTS, &before, after).await? {
            shared.accounts.memories().forget_documents(account);
            return Ok(());
        }
    }
    Err(Rejection::new(Reason::Unavailable, ID).into())
}

/// A workout as an answer.
fn answer(own: &Own, user: &str, id: &str, status: StatusCode, outcome: &str) -> Result<Response<Bytes>, Stop> {
    let workout = Shown::new(own, user, |_all| true).workout(own.workout(id)?);
    let data = Json::object([("workouts", Json::List(vec![workout]))]);
    Ok(wire::success(status, [("data", data), ("status", Json::Text(outcome.to_owned()))]))
}

/// Microseconds since 1970.
pub(super) fn microseconds(at: SystemTime) -> i64 {
    Timestamp::try_from(at).unwrap_or_default().as_microsecond()
}

/// Which workouts a list holds.
struct Filter {
    days: Days,
    sport_id: Option<i32>,
    title: Option<String>,
    notes: Option<String>,
    description: Option<String>,
    /// `none` for those without.
    equipment: Option<String>,
    distance: Span,
    duration: Span,
    ave_speed: Span,
    max_speed: Span,
}

impl Filter {
    fn read(query: &Query, timezone: Option<&str>) -> Result<Self, Stop> {
        let lower = |name| query.text(name).map(str::to_lowercase);
        let span = |from, to| Ok::<_, Stop>(Span { from: query.number(from)?, to: query.number(to)? });
        #[expect(clippy::cast_precision_loss, reason = "hours and minutes have few digits")]
        let seconds = |name| Ok::<_, Stop>(query.duration(name)?.map(|seconds| seconds as f64));
        Ok(Self {
            days: query.days(&query::zone(timezone))?,
            sport_id: query.whole("sport_id")?,
            title: lower("title"),
            notes: lower("notes"),
            description: lower("description"),
            equipment: query.has("equipment_id").then(|| query.text("equipment_id").unwrap_or_default().to_owned()),
            distance: span("distance_from", "distance_to")?,
            duration: Span { from: seconds("duration_from")?, to: seconds("duration_to")? },
            ave_speed: span("ave_speed_from", "ave_speed_to")?,
            max_speed: span("max_speed_from", "max_speed_to")?,
        })
    }

    fn takes(&self, recorded: &Recorded) -> bool {
        let workout = &recorded.workout;
        let holds = |wanted: &Option<String>, text: &Option<String>| {
            let found = |wanted: &String| text.as_ref().is_some_and(|text| text.to_lowercase().contains(wanted));
            wanted.as_ref().is_none_or(found)
        };
        let equipment = match self.equipment.as_deref() {
            None => true,
            Some("none") => workout.equipment.is_empty(),
            Some(id) => workout.equipment.iter().any(|name| name == id),
        };
        equipment
            && holds(&self.title, &workout.title)
            && holds(&self.notes, &workout.notes)
            && holds(&self.description, &workout.description)
            && self.takes_measures(recorded)
    }

    /// The part of the filter that neighbours of a workout are found by, too.
    fn takes_measures(&self, recorded: &Recorded) -> bool {
        let Measures { distance, moving, ave_speed, max_speed, .. } = recorded.workout.measures;
        #[expect(clippy::cast_precision_loss, reason = "a duration has few digits")]
        let moving = moving.map(|seconds| seconds as f64);
        self.days.take(recorded)
            && self.sport_id.is_none_or(|id| id == i32::from(recorded.workout.sport_id))
            && self.distance.takes(distance)
            && self.duration.takes(moving)
            && self.ave_speed.takes(ave_speed)
            && self.max_speed.takes(max_speed)
    }
}

/// From one number to another, both included; an end that is not there is open.
struct Span {
    from: Option<f64>,
    to: Option<f64>,
}

impl Span {
    /// What is unknown lies in no span but the open one.
    fn takes(&self, value: Option<f64>) -> bool {
        self.from.is_none_or(|from| value.is_some_and(|value| value >= from))
            && self.to.is_none_or(|to| value.is_some_and(|value| value <= to))
    }
}

/// The order of a list.
struct Order {
    by: fn(&Recorded, &Recorded) -> Ordering,
    ascending: bool,
}

impl Order {
    fn read(query: &Query) -> Result<Self, Stop> {
        // What is unknown stands behind all numbers.
        fn known(a: Option<f64>, b: Option<f64>) -> Ordering {
            a.unwrap_or(f64::INFINITY).total_cmp(&b.unwrap_or(f64::INFINITY))
        }
        let by: fn(&Recorded, &Recorded) -> Ordering = match query.text("order_by").unwrap_or("workout_date") {
            "ave_speed" => |a, b| known(a.workout.measures.ave_speed, b.workout.measures.ave_speed),
            "distance" => |a, b| known(a.workout.measures.distance, b.workout.measures.distance),
            "duration" => |a, b| a.workout.measures.moving.cmp(&b.workout.measures.moving),
            "workout_date" => |a, b| a.began.cmp(&b.began),
            _ => return Err(Stop::PAYLOAD),
        };
        Ok(Self { by, ascending: query.text("order") == Some("asc") })
    }

    /// Sorts; of equal ones the later stands first, or last.
    fn sort(&self, workouts: &mut [&Recorded]) {
        workouts.sort_by(|a, b| {
            let order = (self.by)(a, b).then_with(|| a.began.cmp(&b.began)).then_with(|| a.id.cmp(&b.id));
            if self.ascending { order } else { order.reverse() }
        });
    }
}

const ALL: &str = "/api/workouts";
const ONE: &str = "/api/workouts/{workout_id}";

/// How often a change is tried while others change the same workout.
const TRIES: u32 = 32;
