//! What the end points take and answer (contract sections 4 to 6, 10 and 11).
//!
//! The whole API of the contract is told here; the document lists what is mounted.

use super::Settings;
use crate::trackers::Manual;

mod account;
mod equipment;
mod export;
mod oauth;
mod objects;
mod profile;
mod shapes;
mod workouts;

pub(super) fn manual(settings: &Settings) -> Manual {
    let manual = Manual::new(
        "FitTrackee",
        "E-mail address and password in, a signed token out, and the account's profile behind it.",
    );
    shapes::named(manual)
        .with_all(account::all(settings))
        .with_all(profile::all())
        .with_all(export::all())
        .with_all(objects::all())
        .with_all(equipment::all())
        .with_all(workouts::all())
        .with_all(oauth::all())
}
