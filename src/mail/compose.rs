//! A letter as it goes over the wire (RFC 5322, RFC 2045).

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::{Address, message};
use trackgate_schemes::EmailAddress;

use super::Letter;

/// A letter ready to be sent.
#[derive(Debug)]
pub(super) struct Composed {
    pub(super) envelope: Envelope,
    pub(super) bytes: Vec<u8>,
}

/// Composes a letter that was promised at `at`; `id` is the same each time it is sent.
///
/// # Errors
///
/// What makes it impossible, in words: mostly an address to which nothing can be sent.
pub(super) fn compose(letter: &Letter, from: &Mailbox, id: &str, at: SystemTime) -> Result<Composed, String> {
    let to = recipient(&letter.to).ok_or("the address is none to which mail can be sent")?;
    let whole = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .raw_header(subject(&letter.subject))
        .date(at)
        .message_id(Some(id.to_owned()))
        // Tells programs that answer mail by themselves to be silent (RFC 3834 §5).
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(body(&letter.text), body(&letter.html)))
        .map_err(|error| error.to_string())?;
    let envelope = Envelope::new(Some(from.email.clone()), vec![to]).map_err(|error| error.to_string())?;
    Ok(Composed { envelope, bytes: whole.formatted() })
}

/// The `Message-ID` of a job: the same each time, and no other job's, even if a store begins anew.
pub(super) fn message_id(job: i64, created_at: SystemTime, from: &Mailbox) -> String {
    let since = created_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("<{job}.{}.trackgate@{}>", since.as_micros(), from.email.domain())
}

/// The one recipient that a text means: it must pass as an account's address and as one of RFC 5321.
pub(super) fn recipient(text: &str) -> Option<Address> {
    EmailAddress::parse(text).ok()?;
    text.parse().ok()
}

/// One header line, whatever the text holds.
fn subject(text: &str) -> HeaderValue {
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let name = message::header::HeaderName::new_from_ascii_str("Subject");
    if line.contains("=?") {
        // What looks coded would be decoded by whoever reads it (RFC 2047), so it is coded itself.
        let coded = encoded_words(&line);
        return HeaderValue::dangerous_new_pre_encoded(name, line, coded);
    }
    HeaderValue::new(name, line)
}

/// The text as encoded words of at most 75 characters (RFC 2047 §2).
fn encoded_words(text: &str) -> String {
    let (mut words, mut word) = (Vec::new(), String::new());
    for letter in text.chars() {
        if word.len() + letter.len_utf8() > MAX_WORD_BYTES {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    let coded: Vec<_> = words.iter().map(|word| format!("=?utf-8?B?{}?=", STANDARD.encode(word))).collect();
    coded.join("\r\n ")
}

/// What fits, four thirds as long in base64, beside the 12 characters around it.
const MAX_WORD_BYTES: usize = 45;

/// A text whose lines end with `\n` and which has no other control character than tabs.
fn body(text: &str) -> String {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    lines.chars().filter(|letter| matches!(letter, '\n' | '\t') || !letter.is_control()).collect()
}
