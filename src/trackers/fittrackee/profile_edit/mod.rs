//! The profile and the preferences, changed by their owner (contract sections 6.2 and 6.3).

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};
use jiff::civil::Date;

use super::Shared;
use super::profile::{self, Profile};
use super::registration;
use super::routes::endpoint;
use super::wire::{self, Members, Stop};
use crate::trackers::json::Scalar;
use crate::trackers::{Call, Endpoint};

#[cfg(test)]
mod tests;

pub(super) fn endpoints(shared: &Arc<Shared>) -> Vec<Endpoint> {
    vec![
        endpoint(shared, Method::POST, EDIT, edit).granted("profile:write"),
        endpoint(shared, Method::POST, PREFERENCES, preferences).granted("profile:write"),
    ]
}

async fn edit(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    change(&shared, call, EDIT_MEMBERS, Person::read, "user profile updated").await
}

async fn preferences(shared: Arc<Shared>, call: Call) -> Result<Response<Bytes>, Stop> {
    change(&shared, call, PREFERENCE_MEMBERS, Preferences::read, "user preferences updated").await
}

/// Reads all of `members`, and puts into the profile what `read` makes of them.
async fn change<P: Part>(
    shared: &Shared,
    call: Call,
    members: &'static [&'static str],
    read: fn(Members) -> Result<P, Stop>,
    message: &'static str,
) -> Result<Response<Bytes>, Stop> {
    let id = call.identity().account().ok_or(Stop::TOKEN)?;
    let values = wire::members(call.request, shared.settings.max_body_bytes, members).await?;
    if !values.have(members) {
        return Err(Stop::PAYLOAD);
    }
    let part = read(values)?;
    let account = shared.accounts.store().account(id).await?.ok_or(Stop::TOKEN)?;
    let profile = Profile::update(&shared.accounts, id, |profile| part.put(profile)).await?;
    profile::changed(shared, &account, &profile, message).await
}

/// What a request sets of a profile.
trait Part {
    fn put(&self, profile: &mut Profile);
}

#[derive(Debug, PartialEq, Eq)]
struct Person {
    bio: Option<String>,
    birth_date: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    location: Option<String>,
}

impl Person {
    /// # Errors
    ///
    /// 400 for what is neither text nor `null`, too long, or no date.
    fn read(mut members: Members) -> Result<Self, Stop> {
        Ok(Self {
            first_name: text(members.take("first_name"), 80)?,
            last_name: text(members.take("last_name"), 80)?,
            bio: text(members.take("bio"), 200)?,
            birth_date: match text(members.take("birth_date"), 10)? {
                Some(written) if !written.is_empty() => Some(date(&written).ok_or(Stop::PAYLOAD)?.to_string()),
                _ => None,
            },
            location: text(members.take("location"), 80)?,
        })
    }
}

impl Part for Person {
    fn put(&self, profile: &mut Profile) {
        profile.bio.clone_from(&self.bio);
        profile.birth_date.clone_from(&self.birth_date);
        profile.first_name.clone_from(&self.first_name);
        profile.last_name.clone_from(&self.last_name);
        profile.location.clone_from(&self.location);
    }
}

#[derive(Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent switches of the contract")]
struct Preferences {
    date_format: Option<String>,
    display_ascent: bool,
    imperial_units: bool,
    language: &'static str,
    start_elevation_at_zero: bool,
    timezone: Option<String>,
    use_dark_mode: Option<bool>,
    use_raw_gpx_speed: bool,
    weekm: bool,
}

impl Preferences {
    /// # Errors
    ///
    /// 400 for a switch that is neither on nor off, and for text that is none or too long.
    fn read(mut members: Members) -> Result<Self, Stop> {
        let use_dark_mode = match members.take("use_dark_mode") {
            Scalar::Null => None,
            chosen => Some(switch(&chosen)?),
        };
        let mut is_on = |name| switch(&members.take(name));
        Ok(Self {
            display_ascent: is_on("display_ascent")?,
            imperial_units: is_on("imperial_units")?,
            start_elevation_at_zero: is_on("start_elevation_at_zero")?,
            use_raw_gpx_speed: is_on("use_raw_gpx_speed")?,
            weekm: is_on("weekm")?,
            use_dark_mode,
            date_format: text(members.take("date_format"), 50)?,
            language: match members.take("language") {
                Scalar::Text(text) => registration::language(Some(&text)),
                _ => registration::language(None),
            },
            timezone: text(members.take("timezone"), 50)?,
        })
    }
}

impl Part for Preferences {
    fn put(&self, profile: &mut Profile) {
        profile.date_format.clone_from(&self.date_format);
        profile.display_ascent = self.display_ascent;
        profile.imperial_units = self.imperial_units;
        profile.language = Some(self.language.to_owned());
        profile.start_elevation_at_zero = self.start_elevation_at_zero;
        profile.timezone.clone_from(&self.timezone);
        profile.use_dark_mode = self.use_dark_mode;
        profile.use_raw_gpx_speed = self.use_raw_gpx_speed;
        profile.weekm = self.weekm;
    }
}

/// Text of at most so many characters, as it came; `null` is none. NUL is refused, for the original's store
/// cannot keep it and an export must fit there.
fn text(value: Scalar, most: usize) -> Result<Option<String>, Stop> {
    match value {
        Scalar::Null => Ok(None),
        Scalar::Text(text) if text.chars().count() <= most && !text.contains('\0') => Ok(Some(text)),
        _ => Err(Stop::PAYLOAD),
    }
}

/// `true` or `false`, also written `1` or `0`.
fn switch(value: &Scalar) -> Result<bool, Stop> {
    match value {
        Scalar::Bool(value) => Ok(*value),
        Scalar::Whole(0) => Ok(false),
        Scalar::Whole(1) => Ok(true),
        _ => Err(Stop::PAYLOAD),
    }
}

/// A date `YYYY-MM-DD`; month and day may lack their leading zero.
fn date(text: &str) -> Option<Date> {
    let digits = |part: &str, lengths: &[usize]| {
        let fits = lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| part.parse::<i16>().ok()).flatten()
    };
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year = digits(year, &[4]).filter(|year| *year > 0)?;
    let (month, day) = (digits(month, &[1, 2])?, digits(day, &[1, 2])?);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    parts.next().is_none().then_some(date)
}

const EDIT: &str = "/api/auth/profile/edit";
const PREFERENCES: &str = "/api/auth/profile/edit/preferences";

const EDIT_MEMBERS: &[&str] = &["first_name", "last_name", "bio", "birth_date", "location"];
const PREFERENCE_MEMBERS: &[&str] = &[
    "date_format",
    "display_ascent",
    "imperial_units",
    "language",
    "start_elevation_at_zero",
    "timezone",
    "use_dark_mode",
    "use_raw_gpx_speed",
    "weekm",
];
