//! The six letters of FitTrackee (contract section 7), as text and as HTML.
//!
//! What they say stands in one file for each language: to add a language, add its file and its line in
//! `FILES`. The files hold plain text; both forms are made of it here, and everything is escaped on its way
//! into HTML.

use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

use crate::mail::Letter;

mod device;
mod render;
#[cfg(test)]
mod tests;

use device::Device;
use render::{escape, fill, one_line, percent_encoded};

/// To whom a letter goes, and on whose behalf.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a record that handlers build")]
pub struct Reader<'a> {
    /// The language of the account, such as `fr`; what is not known is English.
    pub language: &'a str,
    /// The address that the letter goes to.
    pub to: &'a str,
    /// The name of the account.
    pub username: &'a str,
    /// Where the web application is, without a slash at its end or with one. From the configuration, never
    /// from a request.
    pub base_url: &'a str,
    /// The `User-Agent` of the request that led to the letter.
    pub user_agent: Option<&'a str>,
}

/// Asks to confirm the address of a new account.
pub fn confirm_account(reader: &Reader<'_>, token: &str) -> Letter {
    let path = format!("/account-confirmation?token={}", percent_encoded(token));
    write(reader, |words| &words.confirm_account, Some(&path), Asked::FromADevice, &[])
}

/// Offers to set a new password with a token that lives for `life`.
pub fn reset_password(reader: &Reader<'_>, token: &str, life: Duration) -> Letter {
    let path = format!("/password-reset?token={}", percent_encoded(token));
    let life = language(reader.language).life.of(life);
    write(reader, |words| &words.reset_password, Some(&path), Asked::FromADevice, &[("life", &life)])
}

/// Tells that the password was changed.
pub fn password_changed(reader: &Reader<'_>) -> Letter {
    write(reader, |words| &words.password_changed, None, Asked::FromADevice, &[])
}

/// Tells the present address that the account shall get another one.
pub fn email_changed(reader: &Reader<'_>, new_email: &str) -> Letter {
    write(reader, |words| &words.email_changed, None, Asked::FromADevice, &[("new_email", new_email)])
}

/// Asks the new address to confirm that it shall be the account's.
pub fn confirm_email_change(reader: &Reader<'_>, token: &str) -> Letter {
    let path = format!("/email-update?token={}", percent_encoded(token));
    write(reader, |words| &words.confirm_email_change, Some(&path), Asked::FromADevice, &[])
}

/// Tells that an archive can be downloaded.
pub fn export_ready(reader: &Reader<'_>) -> Letter {
    write(reader, |words| &words.export_ready, Some("/profile/edit/account"), Asked::Before, &[])
}

/// Whether a letter names the device that it was asked for from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// No: that was long ago.
    Before,
    FromADevice,
}

/// What letters say in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Language {
    greeting: String,
    device: String,
    other: String,
    copy_link: String,
    thanks: String,
    signature: String,
    life: Life,
    confirm_account: Words,
    reset_password: Words,
    password_changed: Words,
    email_changed: Words,
    confirm_email_change: Words,
    export_ready: Words,
}

/// What one letter says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    subject: String,
    said: String,
    link: Option<String>,
    unasked: String,
}

/// Times in words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Life {
    minute: String,
    minutes: String,
    hour: String,
    hours: String,
    day: String,
    days: String,
}

impl Life {
    /// A time in the largest unit that divides it; seconds are cut.
    fn of(&self, life: Duration) -> String {
        let minutes = life.as_secs() / 60;
        let (count, one, more) = match minutes {
            1.. if minutes.is_multiple_of(24 * 60) => (minutes / (24 * 60), &self.day, &self.days),
            1.. if minutes.is_multiple_of(60) => (minutes / 60, &self.hour, &self.hours),
            _ => (minutes, &self.minute, &self.minutes),
        };
        if count == 1 { one.clone() } else { fill(more, &[("count", &count.to_string())]) }
    }
}

/// Writes a letter in both forms.
fn write(
    reader: &Reader<'_>,
    which: impl FnOnce(&Language) -> &Words,
    path: Option<&str>,
    asked: Asked,
    more: &[(&str, &str)],
) -> Letter {
    let language = language(reader.language);
    let words = which(language);
    let device = Device::of(reader.user_agent);
    let clean: Vec<(&str, String)> = [
        ("username", reader.username),
        ("operating_system", device.operating_system.unwrap_or(&language.other)),
        ("browser", device.browser.unwrap_or(&language.other)),
    ]
    .into_iter()
    .chain(more.iter().copied())
    .map(|(name, value)| (name, one_line(value)))
    .collect();
    let values: Vec<(&str, &str)> = clean.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let base = reader.base_url.trim_end_matches('/');
    let parts = Parts {
        subject: fill(&words.subject, &values),
        greeting: fill(&language.greeting, &values),
        said: fill(&words.said, &values),
        link: words.link.as_deref().zip(path).map(|(label, path)| (label, format!("{base}{path}"))),
        device: (asked == Asked::FromADevice).then(|| fill(&language.device, &values)),
        unasked: fill(&words.unasked, &values),
        base,
    };
    let (text, html) = (parts.text(language), parts.html(language, code(reader.language)));
    Letter { to: reader.to.to_owned(), subject: parts.subject, text, html }
}

/// What a letter is made of, in plain text.
struct Parts<'a> {
    subject: String,
    greeting: String,
    said: String,
    link: Option<(&'a str, String)>,
    device: Option<String>,
    unasked: String,
    base: &'a str,
}

impl Parts<'_> {
    fn text(&self, language: &Language) -> String {
        let mut paragraphs = vec![self.greeting.clone(), self.said.clone()];
        paragraphs.extend(self.link.as_ref().map(|(label, url)| format!("{label}: {url}")));
        paragraphs.push(self.device.iter().chain([&self.unasked]).cloned().collect::<Vec<_>>().join("\n"));
        paragraphs.push(format!("{}\n{}\n{}", language.thanks, language.signature, self.base));
        paragraphs.join("\n\n") + "\n"
    }

    fn html(&self, language: &Language, code: &str) -> String {
        let paragraph = |text: &str| format!("<p>{}</p>\n", escape(text));
        let mut page = vec![
            format!("<!DOCTYPE html>\n<html lang=\"{}\">\n", escape(code)),
            format!("<head><meta charset=\"utf-8\"><title>{}</title></head>\n", escape(&self.subject)),
            "<body style=\"font-family: sans-serif; max-width: 36em; margin: 2em auto; line-height: 1.5\">\n"
                .to_owned(),
            paragraph(&self.greeting),
            paragraph(&self.said),
        ];
        if let Some((label, url)) = &self.link {
            page.push(format!("<p><a href=\"{}\">{}</a></p>\n", escape(url), escape(label)));
        }
        page.extend(self.device.iter().chain([&self.unasked]).map(|text| paragraph(text)));
        page.push(format!("<p>{}<br>\n{}</p>\n", escape(&language.thanks), escape(&language.signature)));
        if let Some((_, url)) = &self.link {
            page.push(format!("<p><small>{}<br>\n{}</small></p>\n", escape(&language.copy_link), escape(url)));
        }
        page.push("</body>\n</html>\n".to_owned());
        page.concat()
    }
}

/// The code of the language in which a letter for this one is written.
fn code(language: &str) -> &'static str {
    FILES.iter().find(|(code, _)| *code == language).map_or(FALL_BACK, |(code, _)| code)
}

fn language(wanted: &str) -> &'static Language {
    let wanted = code(wanted);
    LANGUAGES
        .iter()
        .find_map(|(code, language)| (*code == wanted).then_some(language))
        .expect("the language that others fall back to has a file")
}

/// The files as they were compiled in; tests read each.
static LANGUAGES: LazyLock<Vec<(&str, Language)>> = LazyLock::new(|| {
    let read = |text| toml::from_str(text).expect("a test reads each file");
    FILES.iter().map(|(code, text)| (*code, read(text))).collect()
});

/// What there is, by the code that accounts keep.
const FILES: &[(&str, &str)] = &[("en", include_str!("en.toml")), ("fr", include_str!("fr.toml"))];

const FALL_BACK: &str = "en";
