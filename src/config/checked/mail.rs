//! The server that takes letters: its URL, the sender, and what may travel in clear.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;

use super::SecretRef;
use crate::config::error::{Fault, nearest};
use crate::config::written;

/// The server that takes letters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mail {
    /// Its name or address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// Who signs in there; `None` for nobody.
    pub login: Option<Login>,
    /// Whom letters are from.
    pub from: Mailbox,
    /// Time for one letter.
    pub timeout: Duration,
    /// A PEM file with the certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
}

/// Who signs in at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password, read when the gateway starts.
    pub password: SecretRef,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MailTls {
    /// From the first byte (RFC 8314 §3).
    Implicit,
    /// Not at all.
    Off,
    /// After STARTTLS (RFC 3207), without which nothing is sent.
    StartTls,
}

/// What a URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    host: String,
    port: u16,
    scheme: &'static str,
    user: Option<String>,
}

pub(super) fn check(written: &written::Mail, base: &Path, warnings: &mut Vec<String>) -> Result<Mail, Fault> {
    let server = server(&written.url).map_err(|message| Fault::new(message).under("url"))?;
    let login = login(server.user, written.password.as_deref(), base)?;
    let here = is_loopback(&server.host);
    let tls = match server.scheme {
        "smtps" => MailTls::Implicit,
        "smtp" if !(here && login.is_none() && written.ca.is_none()) => MailTls::StartTls,
        _ => MailTls::Off,
    };
    if tls == MailTls::Off && !here {
        if !written.allow_plain {
            let message = format!(
                "{} is not this machine: letters would travel in clear; write `smtp://` or `smtps://`, or \
                 `allow_plain = true` if that is what you want",
                server.host
            );
            return Err(Fault::new(message).under("url"));
        }
        let what = if login.is_some() { "letters and the password" } else { "letters" };
        warnings.push(format!("mail goes to {} without TLS: {what} travel in clear", server.host));
    }
    let ca = written.ca.as_ref().map(|file| base.join(file));
    if let Some(file) = &ca {
        let fault = |message: String| Err(Fault::new(message).under("ca"));
        if tls == MailTls::Off {
            return fault("there is no TLS to a `smtp+plain://` server".to_owned());
        }
        if !file.is_file() {
            return fault(format!("there is no file {}", file.display()));
        }
    }
    let timeout = written.timeout.map_or(Duration::from_mins(1), |time| time.0);
    if !(Duration::from_secs(1)..=Duration::from_mins(5)).contains(&timeout) {
        return Err(Fault::new("from 1s to 5m fit here").under("timeout"));
    }
    let from = sender(&written.from).map_err(|message| Fault::new(message).under("from"))?;
    Ok(Mail { host: server.host, port: server.port, tls, login, from, timeout, ca })
}

fn login(user: Option<String>, password: Option<&str>, base: &Path) -> Result<Option<Login>, Fault> {
    match (user, password) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) => {
            let password = SecretRef::parse(password, base).map_err(|why| Fault::new(why).under("password"))?;
            Ok(Some(Login { user, password }))
        }
        (Some(_), None) => {
            let message = "the URL names a user: add `password = \"file:PATH\"` or `\"env:NAME\"`";
            Err(Fault::new(message).under("url"))
        }
        (None, Some(_)) => {
            let message = "whose password is it? The URL names no user: `smtp://USER@HOST:PORT`";
            Err(Fault::new(message).under("password"))
        }
    }
}

/// Reads `SCHEME://[USER@]HOST[:PORT][/]`. What is said about a wrong one never repeats a password.
fn server(text: &str) -> Result<Server, String> {
    const SCHEMES: [(&str, u16); 3] = [("smtp", 587), ("smtp+plain", 25), ("smtps", 465)];
    let wrong = "a mail server is written as `smtp://USER@HOST:PORT` or `smtps://USER@HOST:PORT`";
    let (scheme, rest) = text.split_once("://").ok_or(wrong)?;
    let Some((scheme, port)) = SCHEMES.into_iter().find(|(known, _)| scheme.eq_ignore_ascii_case(known)) else {
        let meant = nearest(scheme, SCHEMES.iter().map(|(known, _)| *known));
        let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}://`?"));
        return Err(format!("there is `smtp://`, `smtps://` and `smtp+plain://`{meant}"));
    };
    // The user of many servers is an address, so that the last `@` is the one before the host.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => {
            return Err(
                "the URL holds a password: put it into a file or variable and write `password = \"file:PATH\"` \
                        or `\"env:NAME\"`"
                    .to_owned(),
            );
        }
        Some((user, rest)) => (Some(decoded(user).ok_or("the user's name in the URL is not readable")?), rest),
        None => (None, rest),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, digits)) if !digits.contains(']') => {
            let number = digits.parse().ok().filter(|port| *port > 0 && !digits.starts_with('+'));
            (host, number.ok_or_else(|| format!("`{digits}` is not a port"))?)
        }
        _ => (rest, port),
    };
    let host = bare_host(host).ok_or_else(|| format!("`{host}` is not a host: {wrong}"))?;
    Ok(Server { host, port, scheme, user })
}

/// A name, an IPv4 address, or an IPv6 address out of its brackets.
fn bare_host(host: &str) -> Option<String> {
    if let Some(inside) = host.strip_prefix('[') {
        let address: std::net::Ipv6Addr = inside.strip_suffix(']')?.parse().ok()?;
        return Some(address.to_string());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let named = host.strip_suffix('.').unwrap_or(host);
    (named.len() <= 253 && named.split('.').all(label)).then(|| named.to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Undoes percent-encoding; `None` if it is not readable, or could end a line.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(rest.next()?)? << 4 | digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
}

/// Reads `Name <address>` or an address.
fn sender(text: &str) -> Result<Mailbox, String> {
    let wrong = || format!("`{}` is not `Name <address@host>`", text.escape_debug());
    if text.contains(char::is_control) {
        return Err(wrong());
    }
    let (name, address) = match text.trim().strip_suffix('>').map(|rest| rest.rsplit_once('<')) {
        Some(parts) => parts.ok_or_else(wrong)?,
        None => ("", text.trim()),
    };
    let name = name.trim();
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    if name.contains(['<', '>', '"']) {
        return Err(wrong());
    }
    let address: Address = address.trim().parse().map_err(|_| wrong())?;
    // It is also the host in the Message-ID.
    let plain = address.domain().bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if !plain || address.user().contains('"') {
        return Err(wrong());
    }
    Ok(Mailbox::new((!name.is_empty()).then(|| name.to_owned()), address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Server {
        server(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_url_names_scheme_user_host_and_port() {
        for (text, scheme, user, host, port) in [
            ("smtp://mail.example.org", "smtp", None, "mail.example.org", 587),
            ("SMTPS://Mail.Example.org./", "smtps", None, "mail.example.org", 465),
            ("smtp+plain://10.0.0.1", "smtp+plain", None, "10.0.0.1", 25),
            ("smtp://me@example.org@mail.example.org:25", "smtp", Some("me@example.org"), "mail.example.org", 25),
            ("smtp://me%40example.org@h:2", "smtp", Some("me@example.org"), "h", 2),
            ("smtp://[::1]:1025", "smtp", None, "::1", 1025),
            ("smtp://[::1]", "smtp", None, "::1", 587),
        ] {
            let user = user.map(ToOwned::to_owned);
            assert_eq!(read(text), Server { host: host.to_owned(), port, scheme, user }, "{text}");
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for text in [
            "",
            "mail.example.org",
            "smtp://",
            "smtp://:25",
            "smtp://h:0",
            "smtp://h:65536",
            "smtp://h:+25",
            "smtp://h:",
            "smtp://a b",
            "smtp://h/path",
            "smtp://h?tls=none",
            "smtp://h#f",
            "smtp://[::1",
            "smtp://::1",
            "smtp://-h",
            "smtp://a..b",
            "smtp://@h",
            "smtp://%0d@h",
            "smtp://%zz@h",
            "smtp://h\r\nx",
        ] {
            assert!(server(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_sender_is_an_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("a@example.org", None, "a@example.org"),
            ("Riders <a@example.org>", Some("Riders"), "a@example.org"),
            ("\"Riders, all\" <a@example.org>", Some("Riders, all"), "a@example.org"),
            ("Vélos <a@example.org>", Some("Vélos"), "a@example.org"),
            ("<a@example.org>", None, "a@example.org"),
        ] {
            let read = sender(text).unwrap();
            assert_eq!((read.name.as_deref(), AsRef::<str>::as_ref(&read.email)), (name, address), "{text}");
        }
        for text in ["", "a", "a@", "@b", "a@b@c", "A <a@b.c", "A <a@b.c> B", "A\r\nBcc: x@y.z <a@b.c>", "a@b.c, d@e.f"]
        {
            assert!(sender(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_a_clean_server(text in "(smtp://)?[a-zA-Z0-9@:%./\\[\\]\r\n -]{0,40}") {
            if let Ok(server) = server(&text) {
                prop_assert!(!server.host.is_empty() && !server.host.contains(|c: char| c.is_control() || c == ' '));
                prop_assert!(server.port > 0);
                prop_assert!(!server.user.unwrap_or_default().contains(char::is_control));
            }
        }

        #[test]
        fn any_text_is_refused_or_a_clean_sender(text in any::<String>()) {
            if let Ok(from) = sender(&text) {
                prop_assert!(!from.to_string().contains(['\r', '\n']));
            }
        }

        #[test]
        fn cfg_03_no_message_about_a_url_repeats_a_password(word in "[a-z]{12}", host in "[a-z@:/ ]{0,12}") {
            let said = format!("{:?}", server(&format!("smtp://me:{word}@{host}")));
            prop_assert!(!said.contains(&word), "{}", said);
        }
    }
}
