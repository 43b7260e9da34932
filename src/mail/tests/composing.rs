use lettre::message::Mailbox;
use proptest::prelude::*;

use super::*;
use crate::mail::compose::{compose, recipient};

fn composed(letter: &Letter) -> Result<String, String> {
    let from: Mailbox = settings("url = \"smtp://127.0.0.1\"").from;
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_311_849);
    compose(letter, &from, "<1@example.org>", at).map(|whole| String::from_utf8(whole.bytes).unwrap())
}

/// The header lines, unfolded.
fn headers(whole: &str) -> Vec<String> {
    let (head, _) = whole.split_once("\r\n\r\n").unwrap();
    head.replace("\r\n ", " ").split("\r\n").map(ToOwned::to_owned).collect()
}

#[test]
fn a_letter_has_both_forms_and_says_that_a_program_wrote_it() {
    let whole = composed(&letter()).unwrap();
    let headers = headers(&whole);
    for line in [
        "From: Riders <riders@example.org>",
        "To: anna@example.org",
        "Subject: Hello",
        "Date: Sun, 22 Nov 2026 01:44:09 +0000",
        "Message-ID: <1@example.org>",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
    ] {
        assert!(headers.iter().any(|header| header == line), "{line}: {headers:?}");
    }
    assert!(headers.iter().any(|header| header.starts_with("Content-Type: multipart/alternative")));
    let (text, html) = (whole.find("Content-Type: text/plain"), whole.find("Content-Type: text/html"));
    assert!(text.unwrap() < html.unwrap());
}

#[test]
fn eml_01_a_subject_with_line_ends_or_coded_words_is_one_header() {
    for subject in
        ["a\r\nBcc: x@example.org", "a\nBcc: x@example.org", "a\r\n\r\nbody", "a\0b", "=?utf-8?q?=0D=0ABcc:_x?="]
    {
        let whole = composed(&Letter { subject: subject.to_owned(), ..letter() }).unwrap();
        let headers = headers(&whole);
        assert_eq!(headers.len(), self::headers(&composed(&letter()).unwrap()).len(), "{headers:?}");
        assert!(!headers.iter().any(|header| header.starts_with("Bcc")));
        assert!(!whole.contains("=?utf-8?q?"), "what looks coded stayed: {whole}");
    }
}

#[test]
fn eml_02_what_is_no_plain_address_is_refused() {
    let long = format!("{}@example.org", "a".repeat(320));
    for to in [
        "",
        "a",
        "a@",
        "@example.org",
        "a@b@example.org",
        "\"a b\"@example.org",
        "a@example.org, b@example.org",
        "a@example.org;b@example.org",
        "A <a@example.org>",
        "-oQ@example.org",
        "a@example.org\r\nRCPT TO:<b@example.org>",
        "a@example.org\n",
        " a@example.org",
        "a b@example.org",
        "a\0@example.org",
        &long,
    ] {
        assert!(recipient(to).is_none(), "{to:?}");
        assert!(composed(&Letter { to: to.to_owned(), ..letter() }).is_err(), "{to:?}");
    }
    assert!(recipient("a.b+c@example.org").is_some());
}

#[tokio::test]
async fn eml_03_dots_and_long_lines_arrive_as_written() {
    let text = format!(".\n..\n.hidden\nQUIT\n{}\nend\n", "x".repeat(2000));
    let world = World::new(&[]).await;
    world.outbox.post(None, &Letter { text: text.clone(), ..letter() }).await.unwrap();
    assert!(world.deliver().await);
    let data = world.sink.letters().pop().unwrap();
    assert!(data.split("\r\n").all(|line| line.len() <= 998 && !line.contains('\n')));
    // As whoever receives it reads it: dots undone (RFC 5321 §4.5.2), then quoted-printable (RFC 2045 §6.7).
    let lines = data.split("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line));
    let part: Vec<_> = lines.skip_while(|line| *line != "Content-Type: text/plain; charset=utf-8").collect();
    assert_eq!(part[1], "Content-Transfer-Encoding: quoted-printable");
    let body: Vec<_> = part.iter().skip(3).take_while(|line| !line.starts_with("--")).copied().collect();
    let read = body.join("\n").replace("=\n", "").replace("=2E", ".");
    assert_eq!(read.trim_end(), text.trim_end());
    assert_eq!(world.sink.heard().len(), 1);
    assert!(world.jobs().await.is_empty());
}

proptest! {
    #[test]
    fn eml_01_no_subject_makes_a_header(subject in any::<String>()) {
        let whole = composed(&Letter { subject, ..letter() }).unwrap();
        let count = headers(&composed(&letter()).unwrap()).len();
        let headers = headers(&whole);
        prop_assert_eq!(headers.len(), count, "{:?}", headers);
        prop_assert!(whole.split("\r\n").all(|line| !line.contains(['\r', '\n', '\0']) && line.len() <= 998));
    }

    #[test]
    fn eml_03_any_text_is_sent_in_lines_that_servers_take(text in any::<String>(), html in any::<String>()) {
        let whole = composed(&Letter { text, html, ..letter() }).unwrap();
        prop_assert!(whole.is_ascii());
        prop_assert!(whole.split("\r\n").all(|line| !line.contains(['\r', '\n', '\0']) && line.len() <= 998));
    }

    #[test]
    fn eml_02_any_text_is_refused_or_one_clean_address(text in any::<String>()) {
        if let Some(to) = recipient(&text) {
            prop_assert_eq!(to.to_string(), text.clone());
            prop_assert!(!text.contains(|c: char| c.is_control() || c.is_whitespace()));
        }
    }

    #[test]
    fn eml_02_an_address_of_the_usual_shape_is_taken(local in "[a-z0-9]{1,20}", host in "[a-z]{1,10}\\.[a-z]{2,5}") {
        let address = format!("{local}@{host}");
        prop_assert!(recipient(&address).is_some());
    }
}
