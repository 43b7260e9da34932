//! Files of accounts, pictures and tracks: what they are called, and removing those that nobody names any more.
//!
//! A file is written before something names it, and removed after nothing does; what a crash leaves between the two
//! is swept later.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trackgate_schemes::AccountId;

use super::objects::own;
use super::profile::Profile;
use super::wire::Stop;
use crate::accounts::AccountService;
use crate::ports::{Area, FileName, Files, Listed};

/// A name for a file of this account that nobody guesses.
///
/// # Panics
///
/// If `extension` is none of ours.
pub(super) fn new_name(id: AccountId, extension: &str) -> FileName {
    let chance: [u8; 16] = rand::random();
    let chance = URL_SAFE_NO_PAD.encode(chance).to_ascii_lowercase();
    let name = format!("{}-{chance}.{extension}", id.0);
    name.parse().expect("numbers and letters of URL-safe base 64 are letters of a name")
}

/// Removes a file that nothing names any more. If it cannot be removed, it is swept later.
pub(super) async fn forget(files: &dyn Files, area: Area, name: Option<&str>) {
    let Some(name) = name.and_then(|name| name.parse::<FileName>().ok()) else { return };
    if let Err(error) = files.remove(area, &name).await {
        tracing::warn!(%error, file = %name, "a file that nobody has any more cannot be removed yet");
    }
}

/// Removes pictures and tracks of accounts that are gone, and those that nothing names and that are older than an
/// hour: a younger one may belong to a request that still runs. Gives how many there were.
///
/// # Errors
///
/// The store or the files cannot be had; what was removed before stays so.
pub(super) async fn sweep(accounts: &AccountService, files: &dyn Files, now: SystemTime) -> Result<usize, Stop> {
    let is_old = |file: &Listed| now.duration_since(file.modified).is_ok_and(|age| age >= PATIENCE);
    let mut swept = 0;
    for area in [Area::Pictures, Area::Tracks] {
        let mut by_owner: BTreeMap<Option<i64>, Vec<Listed>> = BTreeMap::new();
        for file in files.list(area).await? {
            by_owner.entry(owner(&file)).or_default().push(file);
        }
        for (owner, mut listed) in by_owner {
            let named = match owner.map(AccountId) {
                Some(id) if accounts.store().account(id).await?.is_some() => {
                    listed.retain(is_old);
                    if listed.is_empty() { HashSet::new() } else { named(accounts, id, area).await? }
                }
                Some(_gone) => HashSet::new(),
                None => {
                    listed.retain(is_old);
                    HashSet::new()
                }
            };
            for file in listed.into_iter().filter(|file| !named.contains(file.name.as_str())) {
                files.remove(area, &file.name).await?;
                swept += 1;
            }
        }
    }
    Ok(swept)
}

/// The names of an account's files of this area.
///
/// # Errors
///
/// The store is down, or holds what cannot be read.
pub(super) async fn named(accounts: &AccountService, id: AccountId, area: Area) -> Result<HashSet<String>, Stop> {
    Ok(match area {
        Area::Tracks => {
            own::workouts(accounts, id).await?.into_iter().filter_map(|recorded| recorded.workout.gpx).collect()
        }
        _ => Profile::load(accounts, id).await?.picture.into_iter().collect(),
    })
}

/// The number of the account that a file's name tells.
fn owner(file: &Listed) -> Option<i64> {
    file.name.as_str().split('-').next().and_then(|number| number.parse().ok())
}

const PATIENCE: Duration = Duration::from_hours(1);
