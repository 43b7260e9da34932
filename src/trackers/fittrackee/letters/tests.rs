use std::collections::BTreeMap;

use super::*;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

fn reader(language: &str) -> Reader<'_> {
    Reader {
        language,
        to: "anna@example.org",
        username: "anna",
        base_url: "https://ui.example.org/fit/",
        user_agent: Some(FIREFOX),
    }
}

fn all(reader: &Reader<'_>) -> [Letter; 6] {
    [
        confirm_account(reader, "T-1_x"),
        reset_password(reader, "T-1_x", Duration::from_hours(1)),
        password_changed(reader),
        email_changed(reader, "new@example.org"),
        confirm_email_change(reader, "T-1_x"),
        export_ready(reader),
    ]
}

/// Each text of a file by its path, with its placeholders in order of their names.
fn placeholders(file: &str) -> BTreeMap<String, Vec<String>> {
    fn walk(at: &str, value: &toml::Value, out: &mut BTreeMap<String, Vec<String>>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    walk(&format!("{at}.{key}"), value, out);
                }
            }
            toml::Value::String(text) => {
                let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
                let mut names: Vec<_> = names.map(|(name, _)| name.to_owned()).collect();
                names.sort();
                out.insert(at.to_owned(), names);
            }
            other => panic!("{at}: {other}"),
        }
    }
    let mut out = BTreeMap::new();
    walk("", &toml::from_str(file).unwrap(), &mut out);
    out
}

#[test]
fn every_file_has_the_same_keys_and_placeholders() {
    let english = placeholders(FILES[0].1);
    assert!(english.len() > 25 && english[".reset_password.said"] == ["life"]);
    for (code, file) in FILES {
        assert_eq!(placeholders(file), english, "{code}");
        assert!(!all(&reader(code)).iter().any(|letter| letter.text.contains(['{', '}'])), "{code}");
    }
    assert_eq!(LANGUAGES.len(), FILES.len());
}

#[test]
fn english_subjects_are_those_of_the_original() {
    let subjects = all(&reader("en")).map(|letter| letter.subject);
    let known = [
        "FitTrackee - Confirm your account",
        "FitTrackee - Password reset request",
        "FitTrackee - Password changed",
        "FitTrackee - Email changed",
        "FitTrackee - Confirm email change",
        "FitTrackee - Your archive is ready to be downloaded",
    ];
    assert_eq!(subjects, known);
}

#[test]
fn english_links_stand_on_the_lines_of_the_original() {
    let base = "https://ui.example.org/fit";
    let lines = [
        Some(format!("Verify your email: {base}/account-confirmation?token=T-1_x")),
        Some(format!("Reset your password: {base}/password-reset?token=T-1_x")),
        None,
        None,
        Some(format!("Verify your email: {base}/email-update?token=T-1_x")),
        Some(format!("Download your archive: {base}/profile/edit/account")),
    ];
    for (letter, line) in all(&reader("en")).iter().zip(lines) {
        let found: Vec<_> = letter.text.lines().filter(|line| line.contains(": https://")).collect();
        assert_eq!(found, line.as_deref().into_iter().collect::<Vec<_>>());
        let href = line.as_deref().and_then(|line| line.split_once(": ")).map(|(_, url)| format!("href=\"{url}\""));
        assert_eq!(href.as_ref().map(|href| letter.html.matches(href.as_str()).count()), href.as_ref().map(|_| 1));
    }
}

#[test]
fn a_reset_letter_tells_its_life_in_words() {
    let life = |language, seconds| reset_password(&reader(language), "t", Duration::from_secs(seconds)).text;
    for (seconds, words) in [
        (3600, "1 hour"),
        (7200, "2 hours"),
        (900, "15 minutes"),
        (60, "1 minute"),
        (86_400, "1 day"),
        (259_200, "3 days"),
        (5400, "90 minutes"),
    ] {
        assert!(life("en", seconds).contains(&format!("good for {words}.")), "{words}");
    }
    assert!(life("fr", 3600).contains("1 heure"));
}

#[test]
fn each_but_the_last_names_the_device() {
    let [others @ .., last] = all(&reader("en"));
    assert!(others.iter().all(|letter| letter.text.contains("a device with Linux, in the browser Firefox")));
    assert!(!last.text.contains("Linux"));
    let unknown = password_changed(&Reader { user_agent: None, ..reader("en") });
    assert!(unknown.text.contains("a device with Other, in the browser Other"));
}

#[test]
fn a_letter_is_in_the_language_of_the_account_or_english() {
    assert!(password_changed(&reader("fr")).text.starts_with("Bonjour anna,\n\n"));
    assert!(password_changed(&reader("fr")).html.contains("<html lang=\"fr\">"));
    for language in ["en", "de", "", "../en", "FR"] {
        let letter = password_changed(&reader(language));
        assert!(letter.text.starts_with("Hi anna,\n\n") && letter.html.contains("<html lang=\"en\">"));
    }
}

#[test]
fn web_04_what_people_chose_is_shown_as_text() {
    let name = "<a href=\"javascript:x\">'&";
    let reader = Reader { username: name, base_url: "https://u/\"><script>", ..reader("en") };
    for letter in all(&reader) {
        assert!(letter.text.contains(name));
        assert!(!letter.html.contains("<a href=\"javascript") && !letter.html.contains("<script"));
        assert!(letter.html.contains("&lt;a href=&quot;javascript:x&quot;&gt;&#39;&amp;"));
    }
}

#[test]
fn eml_01_a_name_with_line_ends_adds_no_line() {
    let lines = |username| all(&Reader { username, ..reader("en") }).map(|letter| letter.text.lines().count());
    assert_eq!(lines("anna"), lines("a\r\nBcc: x@example.org\u{2028}\0"));
    let changed = email_changed(&reader("en"), "a@b.c\r\n\r\nReset your password: https://evil.example");
    assert!(!changed.text.lines().any(|line| line.starts_with("Reset")));
}

#[test]
fn a_token_cannot_leave_its_place_in_the_link() {
    let letter = confirm_account(&reader("en"), "a&b=c#d \"><é");
    assert!(letter.text.contains("/account-confirmation?token=a%26b%3Dc%23d%20%22%3E%3C%C3%A9\n"));
}
