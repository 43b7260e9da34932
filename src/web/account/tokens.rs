//! API tokens: listed, made and shown once, rotated, revoked.

use std::time::{Duration, SystemTime};

use askama::Template;
use bytes::Bytes;
use http::{Response, StatusCode};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use trackgate_schemes::store::{Account, ApiToken};
use trackgate_schemes::{Grants, Secret};

use super::permissions::{Permission, offered, permissions};
use crate::accounts::{ChangeError, IssuedToken};
use crate::web::answer::{Stop, redirect, render};
use crate::web::frame::{Frame, When, address};
use crate::web::visit::Visit;
use crate::web::words::Words;

#[derive(Template)]
#[template(path = "tokens.html")]
struct TokensPage {
    frame: Frame,
    tokens: Vec<Row>,
}

/// A token as pages show it.
struct Row {
    id: String,
    label: String,
    permissions: Vec<Permission>,
    made: When,
    expires: Option<When>,
    is_expired: bool,
    used: Option<When>,
    address: String,
}

impl Row {
    fn new(words: &Words, token: &ApiToken, now: SystemTime) -> Self {
        Self {
            id: token.id.to_string(),
            label: label(words, token),
            permissions: permissions(words, &token.grants),
            made: When(token.created_at),
            expires: token.expires_at.map(When),
            is_expired: token.expires_at.is_some_and(|end| end <= now),
            used: token.last_used_at.map(When),
            address: address(token.last_client),
        }
    }
}

fn label(words: &Words, token: &ApiToken) -> String {
    if token.label.trim().is_empty() { words.get("tokens.unnamed").to_owned() } else { token.label.to_string() }
}

/// The tokens of the account, newest first.
pub(super) async fn list(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    let words = visit.words();
    let tokens = visit.shared.accounts.store().list_tokens(Some(account.id)).await?;
    let tokens = tokens.iter().rev().map(|token| Row::new(words, token, visit.now)).collect();
    let frame = visit.frame(words.get("tokens.title")).await?.of("tokens");
    Ok(render(&visit.shared, &TokensPage { frame, tokens }))
}

#[derive(Template)]
#[template(path = "token-new.html")]
struct NewPage<'a> {
    frame: Frame,
    label: &'a str,
    label_error: Option<&'a str>,
    offered: Vec<Offered>,
    grants_error: Option<&'a str>,
    expiry: &'a str,
    date: &'a str,
    date_error: Option<&'a str>,
    tomorrow: String,
}

struct Offered {
    permission: Permission,
    is_chosen: bool,
}

/// The form for a new one.
pub(super) async fn form(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    new_page(&visit, &account, &Faults::default()).await
}

#[derive(Default)]
struct Faults {
    label: Option<&'static str>,
    grants: Option<&'static str>,
    date: Option<&'static str>,
}

async fn new_page(visit: &Visit, account: &Account, faults: &Faults) -> Result<Response<Bytes>, Stop> {
    let (words, fields) = (visit.words(), &visit.fields);
    let expiry = fields.get("expiry");
    let page = NewPage {
        frame: visit.frame(words.get("tokens.new_title")).await?.of("tokens"),
        label: fields.get("label"),
        label_error: faults.label.map(|key| words.get(key)),
        offered: offered(words, &account.grants)
            .into_iter()
            .map(|permission| Offered {
                is_chosen: fields.all("grant").any(|grant| grant == permission.grant),
                permission,
            })
            .collect(),
        grants_error: faults.grants.map(|key| words.get(key)),
        expiry: if expiry.is_empty() { "90d" } else { expiry },
        date: fields.get("date"),
        date_error: faults.date.map(|key| words.get(key)),
        tomorrow: day(visit.now + DAY),
    };
    Ok(render(&visit.shared, &page))
}

/// Makes one, and shows it this once.
pub(super) async fn make(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let account = visit.account().await?;
    let fields = &visit.fields;
    let label = fields.trimmed("label");
    let grants = fields.all("grant").collect::<Vec<_>>().join(" ");
    // What nobody can choose in the form was not chosen in it.
    let grants: Grants = grants.parse().map_err(|_unfit| Stop::BadRequest)?;
    let expires_at = expiry(fields.get("expiry"), fields.trimmed("date"), visit.now);
    let faults = Faults {
        label: label_fault(label),
        grants: grants.is_empty().then_some("tokens.grants_missing"),
        date: expires_at.err(),
    };
    let Ok(expires_at) = expires_at else { return Ok(bad(new_page(&visit, &account, &faults).await?)) };
    if faults.label.is_some() || faults.grants.is_some() {
        return Ok(bad(new_page(&visit, &account, &faults).await?));
    }
    let issued = visit.shared.accounts.issue_token(&account, label, grants, expires_at, &visit.origin()).await;
    match issued {
        Ok(issued) => shown(&visit, &account, &issued, None).await,
        Err(ChangeError::Grants) => Err(Stop::Failed(trackgate_schemes::Reason::Grant, None)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "token.html")]
struct OnePage {
    frame: Frame,
    token: Row,
}

/// One token, with what can be done to it.
pub(super) async fn one(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (_account, token) = own(&visit).await?;
    let row = Row::new(visit.words(), &token, visit.now);
    let frame = visit.frame(&row.label).await?.of("tokens");
    Ok(render(&visit.shared, &OnePage { frame, token: row }))
}

/// Makes a successor, and lets the old one go on for a while.
pub(super) async fn rotate(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (account, token) = own(&visit).await?;
    let (_, overlap) =
        OVERLAPS.into_iter().find(|(code, _)| *code == visit.fields.get("overlap")).ok_or(Stop::BadRequest)?;
    let issued = visit.shared.accounts.rotate_token(&token.id, overlap, &visit.origin()).await?;
    shown(&visit, &account, &issued, Some(overlap)).await
}

/// Revokes one for good.
pub(super) async fn revoke(visit: Visit) -> Result<Response<Bytes>, Stop> {
    let (_account, token) = own(&visit).await?;
    visit.shared.accounts.revoke_token(&token.id, &visit.origin()).await?;
    Ok(redirect(&visit.shared, "/account/tokens?done=token_revoked"))
}

/// The token that the path names, if it is one of this account.
async fn own(visit: &Visit) -> Result<(Account, ApiToken), Stop> {
    let account = visit.account().await?;
    let found = visit.shared.accounts.store().api_token(visit.parameter("id")).await?;
    let (token, _) = found.filter(|(token, _)| token.account == account.id).ok_or(Stop::NotFound)?;
    Ok((account, token))
}

#[derive(Template)]
#[template(path = "token-shown.html")]
struct ShownPage<'a> {
    frame: Frame,
    label: String,
    text: &'a str,
    permissions: Vec<Permission>,
    expires: Option<When>,
    old_ends: Option<When>,
    /// What to type, each with what it does.
    lines: Vec<(&'a str, String)>,
}

async fn shown(
    visit: &Visit,
    account: &Account,
    issued: &IssuedToken,
    overlap: Option<Duration>,
) -> Result<Response<Bytes>, Stop> {
    let words = visit.words();
    let text = issued.text.expose_text().unwrap_or_default();
    let page = ShownPage {
        frame: visit.frame(words.get("tokens.shown_title")).await?.of("tokens"),
        label: label(words, &issued.token),
        text,
        permissions: permissions(words, &issued.token.grants),
        expires: issued.token.expires_at.map(When),
        old_ends: overlap.map(|overlap| When(visit.now + overlap)),
        lines: lines(visit, account, &issued.token.grants, &issued.text),
    };
    Ok(render(&visit.shared, &page))
}

/// Lines for curl: as the password of a name, and as a bearer token.
fn lines<'a>(visit: &Visit, account: &Account, grants: &Grants, token: &Secret) -> Vec<(&'a str, String)> {
    let words = visit.words();
    let is_mounted = |name: &str| visit.shared.settings.trackers.iter().any(|tracker| tracker == name);
    let allows = |grant: &str| grants.allow(&grant.parse().expect("it is area:action"));
    let (origin, name, token) = (&visit.around.origin, &account.name, token.expose_text().unwrap_or_default());
    let database = name.to_lowercase();
    let mut lines = Vec::new();
    if is_mounted("livetracking") {
        if allows("points:write") {
            let line = format!(
                "curl -i -u '{name}:{token}' --data-binary 'samples spd_kph=25.4,hr_bpm=131' '{origin}/write?db={database}'"
            );
            lines.push((words.get("tokens.line_write"), line));
        }
        lines.push((words.get("tokens.line_basic"), format!("curl -i -u '{name}:{token}' '{origin}/auth'")));
    }
    let bearer = |path: &str| format!("curl -i -H 'Authorization: Bearer {token}' '{origin}{path}'");
    if is_mounted("sessions") && (allows("sessions:read") || allows("sessions:write")) {
        lines.push((words.get("tokens.line_bearer"), bearer("/api/v2/sessions.php")));
    } else if is_mounted("fittrackee") && allows("profile:read") {
        lines.push((words.get("tokens.line_bearer"), bearer("/api/auth/profile")));
    }
    lines
}

fn label_fault(label: &str) -> Option<&'static str> {
    if label.is_empty() {
        Some("tokens.label_missing")
    } else if label.chars().count() > MAX_LABEL || label.chars().any(char::is_control) {
        Some("tokens.label_long")
    } else {
        None
    }
}

/// When a new token ends: never, after some days, or at the end of a day in UTC.
fn expiry(choice: &str, date: &str, now: SystemTime) -> Result<Option<SystemTime>, &'static str> {
    let days = |days: u32| Ok(Some(now + DAY * days));
    match choice {
        "never" => Ok(None),
        "30d" => days(30),
        "90d" => days(90),
        "1y" => days(365),
        "date" => {
            let date: Date = date.parse().map_err(|_unread| "tokens.date_bad")?;
            let end =
                date.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC)).map_err(|_far| "tokens.date_bad")?;
            let end = SystemTime::from(end.timestamp());
            if end > now && end <= now + DAY * MOST_DAYS { Ok(Some(end)) } else { Err("tokens.date_past") }
        }
        _ => Err("tokens.expiry_missing"),
    }
}

fn day(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map_or_else(|_far| String::new(), |at| at.strftime("%Y-%m-%d").to_string())
}

/// A page that tells what is wrong with what was sent.
fn bad(mut page: Response<Bytes>) -> Response<Bytes> {
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    page
}

const DAY: Duration = Duration::from_hours(24);
const MOST_DAYS: u32 = 36_525;
const MAX_LABEL: usize = 64;

/// How long the old token goes on, by the code of the choice.
const OVERLAPS: [(&str, Duration); 4] =
    [("0", Duration::ZERO), ("1h", Duration::from_hours(1)), ("1d", DAY), ("7d", Duration::from_hours(7 * 24))];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_with_the_day_that_was_chosen() {
        let now = SystemTime::from("2026-11-28T12:00:00Z".parse::<jiff::Timestamp>().unwrap());
        let at = |text: &str| Ok(Some(SystemTime::from(text.parse::<jiff::Timestamp>().unwrap())));
        assert_eq!(expiry("never", "", now), Ok(None));
        assert_eq!(expiry("30d", "", now), at("2026-12-28T12:00:00Z"));
        assert_eq!(expiry("date", "2026-11-28", now), at("2026-11-29T00:00:00Z"));
        assert_eq!(expiry("date", "2026-11-27", now), Err("tokens.date_past"));
        for bad in ["", "28.11.2026", "2026-13-01", "9999-12-31", "-9999-01-01"] {
            assert!(expiry("date", bad, now).is_err(), "{bad}");
        }
        assert_eq!(expiry("", "", now), Err("tokens.expiry_missing"));
    }
}
