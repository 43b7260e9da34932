//! Removing what nobody names any more.

use std::time::{Duration, SystemTime};

use trackgate_schemes::AccountId;

use super::Profile;
use crate::accounts::AccountService;
use crate::ports::{Area, Files, Listed};
use crate::trackers::fittrackee::wire::Stop;

/// Removes pictures that no profile names and that are older than an hour: a younger one may belong to a request
/// that still runs. Gives how many there were.
///
/// # Errors
///
/// The store or the files cannot be had; what was removed before stays so.
pub(in crate::trackers::fittrackee) async fn sweep(
    accounts: &AccountService,
    files: &dyn Files,
    now: SystemTime,
) -> Result<usize, Stop> {
    let mut swept = 0;
    for file in files.list(Area::Pictures).await? {
        let is_old = now.duration_since(file.modified).is_ok_and(|age| age >= PATIENCE);
        if is_old && !is_named(accounts, &file).await? {
            files.remove(Area::Pictures, &file.name).await?;
            swept += 1;
        }
    }
    Ok(swept)
}

async fn is_named(accounts: &AccountService, file: &Listed) -> Result<bool, Stop> {
    let number = file.name.as_str().split('-').next().and_then(|number| number.parse().ok());
    let Some(id) = number.map(AccountId) else { return Ok(false) };
    Ok(Profile::load(accounts, id).await?.picture.as_deref() == Some(file.name.as_str()))
}

const PATIENCE: Duration = Duration::from_hours(1);
