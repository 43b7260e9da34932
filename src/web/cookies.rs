//! The cookies that pages set (RFC 6265).

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use trackgate_schemes::Secret;

use super::words::Language;
use crate::config::checked::ReachedBy;

/// The line that sets the cookie of a session.
///
/// # Panics
///
/// Never: a token is letters and digits.
pub(super) fn session(by: ReachedBy, token: &Secret, life: Duration) -> HeaderValue {
    let token = token.expose_text().expect("a token is letters and digits");
    let text = format!("{}; Max-Age={}", set(by, token), life.as_secs());
    let mut value = HeaderValue::try_from(text).expect("a token is letters and digits");
    value.set_sensitive(true);
    value
}

/// The line that removes it.
pub(super) fn no_session(by: ReachedBy) -> HeaderValue {
    HeaderValue::try_from(format!("{}; Max-Age=0", set(by, ""))).expect("the name is ASCII")
}

fn set(by: ReachedBy, token: &str) -> String {
    let secure = if by == ReachedBy::Tls { "; Secure" } else { "" };
    format!("{}={token}; Path=/; HttpOnly; SameSite=Lax{secure}", by.cookie())
}

/// The line that keeps the language that somebody chose.
pub(super) fn language(by: ReachedBy, language: Language) -> HeaderValue {
    let secure = if by == ReachedBy::Tls { "; Secure" } else { "" };
    let text =
        format!("{LANGUAGE}={}; Path=/account; HttpOnly; SameSite=Lax; Max-Age=31536000{secure}", language.code());
    HeaderValue::try_from(text).expect("names of languages are ASCII")
}

/// The language that somebody chose.
pub(super) fn chosen_language(headers: &HeaderMap) -> Option<Language> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == LANGUAGE).and_then(|(_, value)| Language::from_code(value))
}

const LANGUAGE: &str = "trackgate-language";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn web_06_a_session_cookie_is_for_this_host_and_no_script() {
        let day = Duration::from_hours(24);
        let line = session(ReachedBy::Tls, &Secret::from("abc"), day);
        let told = "__Host-trackgate=abc; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=86400";
        assert_eq!(line, told);
        assert!(line.is_sensitive());
        assert_eq!(no_session(ReachedBy::Plain), "trackgate=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
