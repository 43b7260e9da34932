//! Settings of the gateway's own pages.

use std::time::Duration;

use super::{Listen, nonzero};
use crate::config::error::Fault;
use crate::config::written;

/// Settings of the gateway's own pages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pages {
    /// The account pages.
    pub account: AccountPages,
}

/// The account pages.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountPages {
    /// Where people reach them, such as `https://gate.example.org`, without a slash at its end; `None` for the host
    /// that a request names.
    pub url: Option<String>,
    /// What people reach them by.
    pub reached_by: ReachedBy,
    /// What the pages call this server.
    pub title: String,
    /// Life-time of a session since its last use.
    pub idle: Duration,
    /// Life-time of a session since sign-in, used or not.
    pub absolute: Duration,
}

/// What browsers reach pages by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "HTTP has these two schemes")]
pub enum ReachedBy {
    /// `http`.
    Plain,
    /// `https`, up to here or up to a proxy in front.
    Tls,
}

impl ReachedBy {
    /// The scheme of its URLs.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
            Self::Tls => "https",
        }
    }

    /// The name of the cookie that carries sessions. Under TLS it is one that browsers take from this very host and
    /// by TLS alone.
    pub fn cookie(self) -> &'static str {
        match self {
            Self::Plain => PLAIN_COOKIE,
            Self::Tls => SECURE_COOKIE,
        }
    }
}

pub(super) fn check(written: written::Pages, listen: &Listen) -> Result<Pages, Fault> {
    let account = account(written.account, listen).map_err(|fault| fault.under("account"))?;
    Ok(Pages { account })
}

fn account(written: written::AccountPages, listen: &Listen) -> Result<AccountPages, Fault> {
    let url = written.url.map(|text| origin(&text).map_err(|message| Fault::new(message).under("url"))).transpose()?;
    let is_tls = match &url {
        Some(url) => url.starts_with("https:"),
        // Whoever puts a proxy in front lets it speak TLS.
        None => listen.tls.is_some() || !listen.trusted_proxies.is_empty(),
    };
    let title = written.title.unwrap_or_else(|| "trackgate".to_owned());
    if title.trim().is_empty() || title.chars().count() > TITLE_CHARS || title.chars().any(char::is_control) {
        let message = format!("a title is 1 to {TITLE_CHARS} printable characters");
        return Err(Fault::new(message).under("title"));
    }
    let idle = nonzero("idle", written.idle, IDLE)?;
    let absolute = nonzero("absolute", written.absolute, ABSOLUTE)?;
    if absolute < idle {
        return Err(Fault::new("a session cannot live shorter than it may rest, which is `idle`").under("absolute"));
    }
    let reached_by = if is_tls { ReachedBy::Tls } else { ReachedBy::Plain };
    Ok(AccountPages { url, reached_by, title, idle, absolute })
}

/// Scheme, host and port alone, in lower case: what browsers send as `Origin`.
fn origin(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is not the address of this server alone, such as https://gate.example.org");
    let url: http::Uri = text.parse().map_err(|_unreadable| wrong())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(wrong());
    };
    if authority.as_str().contains('@') || url.path() != "/" || url.query().is_some() || text.contains('#') {
        return Err(wrong());
    }
    let standard = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.as_str().to_ascii_lowercase();
    Ok(format!("{scheme}://{}", authority.strip_suffix(standard).unwrap_or(&authority)))
}

/// Names of the cookie that carries sessions; neither goes on to an upstream.
pub(crate) const PLAIN_COOKIE: &str = "trackgate";
pub(crate) const SECURE_COOKIE: &str = "__Host-trackgate";

const IDLE: Duration = Duration::from_hours(7 * 24);
const ABSOLUTE: Duration = Duration::from_hours(30 * 24);
const TITLE_CHARS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_01_an_origin_is_scheme_host_and_port_alone() {
        for (text, read) in [
            ("https://gate.example.org", "https://gate.example.org"),
            ("https://Gate.example.org:443/", "https://gate.example.org"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(origin(text).unwrap(), read);
        }
        for text in
            ["", "/", "gate.example.org", "ftp://a.b", "https://", "https://u@a.b", "https://a.b/c", "https://a.b/?c"]
        {
            assert!(origin(text).is_err(), "{text:?}");
        }
    }
}
