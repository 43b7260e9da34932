//! Sports, equipment and workouts, what is summed up from them, and what the web application asks besides
//! (contract sections 4.2, 6.4, 6.5 and 11).
//!
//! Where the original crashes, lets in what nobody can mean, or tells more than it should:
//!
//! - What it answers 500 to, a query that cannot be read or a workout that cannot be stored, is 400.
//! - A workout of somebody else is 404 as one that never was; the original says 403.
//! - A workout may last a day or longer. The original cannot store such a one.
//! - Weeks of statistics are those of the calendar. The original mixes two ways of counting them, which
//!   agree only in years that begin on a Monday.
//! - `%` and `_` in a search stand for themselves.
//! - A track is a GPX file; archives of several are not taken. A document type, which a track has no use
//!   for, makes it invalid: nothing is ever expanded or fetched.
//! - There are neither maps nor weather. The file of a track is kept with its workout, for the archive of the account's
//!   data; a workout is shown as one without it, so that nobody asks for a map.

use std::sync::Arc;

use super::Shared;
use crate::trackers::Endpoint;

mod app;
mod equipment;
mod fields;
pub(super) mod kept;
pub(super) mod own;
mod query;
mod shown;
mod sport_preferences;
pub(super) mod sports;
mod stats;
mod summary;
#[cfg(test)]
mod tests;
mod track;
mod upload;
mod user;
mod workouts;
mod writing;

pub(super) use summary::Summary;
pub(super) use user::{Finished, user};

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    let groups =
        [app::endpoints, equipment::endpoints, sport_preferences::endpoints, stats::endpoints, workouts::endpoints];
    groups.into_iter().flat_map(|endpoints| endpoints(shared)).collect()
}
