//! Settings of the FitTrackee tracker: who may register, where links lead, what the server says about itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::config::error::Fault;
use crate::config::units::Size;
use crate::config::written;

/// FitTrackee.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FitTrackee {
    /// Whether new users may register.
    pub registration: bool,
    /// With so many accounts registration closes; 0 for any number.
    pub max_users: u32,
    /// Where the web application is, without a slash at its end; there when mail is on and the tracker mounted.
    pub ui_url: Option<String>,
    /// The operator's own privacy policy.
    pub privacy_policy: Option<PrivacyPolicy>,
    /// Whom users may ask.
    pub admin_contact: Option<String>,
    /// What the operator says about this server.
    pub about: Option<String>,
    /// How long archives of exports are kept.
    pub export_keep: Duration,
    /// Largest upload of a picture in bytes.
    pub picture_limit: u64,
    /// Folder of the web application, with an `index.html` in it when checked.
    pub web_app: Option<PathBuf>,
}

/// An operator's own privacy policy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrivacyPolicy {
    /// What it says.
    pub text: String,
    /// Since when.
    pub date: SystemTime,
}

pub(super) fn check(written: written::FitTrackee, base: &Path, links: Links) -> Result<FitTrackee, Fault> {
    let ui_url = written.ui_url.map(|text| ui_url(&text).map_err(|message| Fault::new(message).under("ui_url")));
    let ui_url = ui_url.transpose()?;
    if links == Links::Sent && ui_url.is_none() {
        let message = "mail is on, and letters hold links: say where the web application is, such as \
                       `ui_url = \"https://fit.example.org\"`";
        return Err(Fault::new(message).under("ui_url"));
    }
    let max_users = written.max_users.unwrap_or(0);
    if max_users > MOST_USERS {
        return Err(Fault::new(format!("from 0, for any number, to {MOST_USERS}")).under("max_users"));
    }
    let export_keep = written.export_keep.map_or(EXPORT_KEEP, |time| time.0);
    if !(DAY..=DAY * 365).contains(&export_keep) {
        return Err(Fault::new("from 1d to 365d").under("export_keep"));
    }
    let picture_limit = written.picture_limit.map_or(1 << 20, |size| size.0);
    if !(1 << 10..=10 << 20).contains(&picture_limit) {
        let message = format!("from {} to {} fit here", Size(1 << 10), Size(10 << 20));
        return Err(Fault::new(message).under("picture_limit"));
    }
    let web_app = written.web_app.map(|folder| base.join(folder));
    if let Some(folder) = &web_app
        && !folder.join("index.html").is_file()
    {
        let message = format!("there is no index.html in a folder {}", folder.display());
        return Err(Fault::new(message).under("web_app"));
    }
    let privacy_policy = match (written.privacy_policy, written.privacy_policy_date) {
        (None, None) => None,
        (Some(file), Some(date)) => {
            let file = base.join(file);
            let text = fs::read_to_string(&file)
                .map_err(|error| Fault::new(format!("{}: {error}", file.display())).under("privacy_policy"))?;
            let message =
                || format!("`{date}` is neither a date such as 2026-11-22 nor a time such as 2026-11-22T08:00Z");
            let date = since(&date).ok_or_else(|| Fault::new(message()).under("privacy_policy_date"))?;
            Some(PrivacyPolicy { text, date })
        }
        (Some(_), None) => {
            let message = "say since when with `privacy_policy_date`, so that users accept it anew";
            return Err(Fault::new(message).under("privacy_policy"));
        }
        (None, Some(_)) => {
            return Err(Fault::new("there is no `privacy_policy` to be dated").under("privacy_policy_date"));
        }
    };
    Ok(FitTrackee {
        registration: written.registration.unwrap_or(true),
        max_users,
        ui_url,
        privacy_policy,
        admin_contact: written.admin_contact,
        about: written.about,
        export_keep,
        picture_limit,
        web_app,
    })
}

const DAY: Duration = Duration::from_hours(24);
const EXPORT_KEEP: Duration = Duration::from_hours(7 * 24);

/// Whether letters of the tracker are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Links {
    NotSent,
    Sent,
}

fn ui_url(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is not the address of a web application, such as https://fit.example.org");
    let url: http::Uri = text.parse().map_err(|_unreadable| wrong())?;
    let has_scheme = matches!(url.scheme_str(), Some("http" | "https"));
    let has_host = url.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    if !has_scheme || !has_host || url.query().is_some() || text.contains('#') {
        return Err(wrong());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A date, midnight in UTC, or a time.
fn since(text: &str) -> Option<SystemTime> {
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let at = text.parse::<Timestamp>().ok().or_else(|| midnight(text.parse().ok()?))?;
    Some(at.into())
}

/// Registration counts accounts up to this number.
const MOST_USERS: u32 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eml_04_links_lead_to_a_plain_address() {
        for (text, read) in [
            ("https://fit.example.org", "https://fit.example.org"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("https://example.org/fit/", "https://example.org/fit"),
        ] {
            assert_eq!(ui_url(text).unwrap(), read);
        }
        for text in
            ["", "/", "fit.example.org", "ftp://a.b", "https://", "https://u:p@a.b", "https://a.b/?c", "https://a.b/#c"]
        {
            assert!(ui_url(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_policy_dates_from_midnight_or_from_a_time() {
        let midnight: SystemTime = "2026-11-22T00:00:00Z".parse::<Timestamp>().unwrap().into();
        for text in ["2026-11-22", "2026-11-22T00:00Z", "2026-11-22T01:00:00+01:00"] {
            assert_eq!(since(text), Some(midnight), "{text}");
        }
        for text in ["", "today", "22.11.2026", "2026-13-01", "2026-11-22T25:00Z"] {
            assert_eq!(since(text), None, "{text}");
        }
    }
}
