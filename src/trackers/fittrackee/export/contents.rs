//! What goes into an archive.

use trackgate_schemes::AccountId;
use trackgate_schemes::store::Account;

use super::super::Shared;
use super::super::objects::own::{Own, Recorded, Shown};
use super::super::objects::{self, sports};
use super::super::profile::Profile;
use super::super::wire::{Json, Stop};
use super::archive::{Content, Entry};
use crate::ports::{Area, FileName};

/// Whose archive it is.
pub(super) struct Owner {
    pub(super) account: Account,
    pub(super) profile: Profile,
}

/// All that is kept about an account; `None` if there is none any more.
///
/// # Errors
///
/// The store is down, or holds what cannot be read.
pub(super) async fn gather(shared: &Shared, id: AccountId) -> Result<Option<(Owner, Vec<Entry>)>, Stop> {
    let Some(account) = shared.accounts.store().account(id).await? else { return Ok(None) };
    let own = Own::load(shared, id).await?;
    let user = objects::user(shared, &account, &own.profile).await?;
    // Without neighbours: an archive names none.
    let shown = Shown::new(&own, &account.name, |_none| false);
    let workouts = own.workouts.iter().map(|recorded| workout(&shown, recorded)).collect();
    let pieces = own.pieces.iter().map(|piece| own.show_piece(piece)).collect();
    let text = |name: &str, json: Json| Entry { name: name.to_owned(), content: Content::Text(json.archived()) };
    let mut entries = vec![
        text("user_data.json", user),
        text("user_workouts_data.json", Json::List(workouts)),
        text("user_equipments_data.json", Json::List(pieces)),
    ];
    if let Some(picture) = own.profile.picture.as_deref() {
        entries.extend(file(Area::Pictures, picture, picture.to_owned()));
    }
    for recorded in &own.workouts {
        if let Some(track) = recorded.workout.gpx.as_deref() {
            entries.extend(file(Area::Tracks, track, format!("gpx/{track}")));
        }
    }
    Ok(Some((Owner { account, profile: own.profile }, entries)))
}

/// A workout as archives have it: with its sport's name and its track's, without what an answer says of others.
fn workout(shown: &Shown<'_>, recorded: &Recorded) -> Json {
    let Json::Object(mut members) = shown.workout(recorded) else { return Json::Null };
    for of_answers in ["bounds", "map", "next_workout", "previous_workout", "user", "with_gpx"] {
        members.remove(of_answers);
    }
    let sport = sports::sport(recorded.workout.sport_id);
    members.insert("sport_label", Json::text(sport.map(|sport| sport.label)));
    members.insert("gpx", Json::text(recorded.workout.gpx.as_deref()));
    Json::Object(members)
}

/// A stored file under this path of the archive. It is opened only when it is written: somebody may have more of
/// them than a process may hold open.
fn file(area: Area, name: &str, path: String) -> Option<Entry> {
    let name = name.parse::<FileName>().ok()?;
    Some(Entry { name: path, content: Content::Stored(area, name) })
}
