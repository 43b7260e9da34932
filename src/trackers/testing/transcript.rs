//! Recorded transcripts, compared as whole bytes.
//!
//! There are two notations. In both header lines of answers are sorted and complete, and `${name}` in an
//! answer matches a word of letters and digits and keeps it; in a later request it stands for that word.
//!
//! With a title over each exchange; the line end before the next title belongs to no body:
//!
//! ```text
//! === what it shows
//! POST /path
//! header: value
//!
//! request body
//! ---
//! 200
//! header: value
//!
//! response body
//! ```
//!
//! With marks for who speaks, `>>>` and `<<<`, and whole first lines as HTTP/1.1 has them. A body ends
//! before the newline in front of the next mark, so that its own last newline shows as an empty line. Between
//! answers and requests stand stage directions: `! enable NAME` takes an account into use, `! disable NAME`
//! out of it, `! wait SECONDS` moves the clock, `! close` closes the store. Lines that start with `# ` are
//! remarks.
//!
//! The lines of a multipart body end in CRLF.

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response};

use crate::message::Body;

/// One step of a transcript.
pub(super) enum Step<'a> {
    Direction(&'a str),
    Exchange(Exchange),
}

/// A request and the answer to it.
pub(super) struct Exchange {
    title: String,
    request: String,
    answer: String,
    notation: Notation,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    Marked,
    Titled,
}

/// The steps of a transcript in either notation.
pub(super) fn steps(transcript: &str) -> Vec<Step<'_>> {
    if transcript.starts_with("=== ") { titled(transcript) } else { marked(transcript) }
}

fn titled(transcript: &str) -> Vec<Step<'_>> {
    let exchange = |text: &str| {
        let (title, rest) = text.split_once('\n').unwrap();
        let (request, answer) = rest.split_once("\n---\n").unwrap();
        Step::Exchange(Exchange {
            title: title.to_owned(),
            request: request.to_owned(),
            answer: answer.strip_suffix('\n').unwrap_or(answer).to_owned(),
            notation: Notation::Titled,
        })
    };
    transcript.split("=== ").skip(1).map(exchange).collect()
}

fn marked(transcript: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut lines = transcript.lines().peekable();
    let mut title = "";
    while let Some(line) = lines.next() {
        if let Some(direction) = line.strip_prefix("! ") {
            steps.push(Step::Direction(direction));
        } else if let Some(remark) = line.strip_prefix("# ") {
            title = remark;
        } else {
            assert_eq!(line, ">>>", "neither mark, direction nor remark");
            let mut request = Vec::new();
            while let Some(line) = lines.next_if(|line| *line != "<<<") {
                request.push(line);
            }
            assert_eq!(lines.next(), Some("<<<"), "a request without an answer");
            let mut answer = Vec::new();
            while let Some(line) =
                lines.next_if(|line| *line != ">>>" && !line.starts_with("! ") && !line.starts_with("# "))
            {
                answer.push(line);
            }
            steps.push(Step::Exchange(Exchange {
                title: title.to_owned(),
                request: request.join("\n"),
                answer: answer.join("\n"),
                notation: Notation::Marked,
            }));
        }
    }
    steps
}

impl Exchange {
    /// The request with the words that were kept.
    pub(super) fn request(&self, kept: &HashMap<String, String>) -> String {
        kept.iter().fold(self.request.clone(), |text, (name, word)| text.replace(&format!("${{{name}}}"), word))
    }

    /// Panics if this is not the recorded answer to `request`; keeps the words that it names.
    pub(super) fn compare(&self, request: &str, answer: &Response<Bytes>, kept: &mut HashMap<String, String>) {
        let (title, recorded, played) = (&self.title, &self.answer, printed(answer, self.notation));
        let fits = fits(recorded, &played, kept);
        assert!(fits, "{title}\n--- recorded\n{recorded}\n--- played\n{played}\n--- for\n{request}");
    }
}

/// A request as a transcript writes it.
pub(in crate::trackers) fn request_of(text: &str) -> Request<Body> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut words = lines.next().unwrap().split(' ');
    let mut request = Request::builder().method(words.next().unwrap()).uri(words.next().unwrap());
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let value = value.strip_prefix(' ').unwrap_or(value).parse().unwrap();
        headers.append(name.parse::<HeaderName>().unwrap(), value);
    }
    let is_multipart = headers.get("content-type").is_some_and(|value| value.as_bytes().starts_with(b"multipart/"));
    let body = if is_multipart { body.replace('\n', "\r\n") } else { body.to_owned() };
    *request.headers_mut().unwrap() = headers;
    request.body(Body::from(body)).unwrap()
}

fn printed(answer: &Response<Bytes>, notation: Notation) -> String {
    let mut text = match notation {
        Notation::Marked => format!("HTTP/1.1 {}", answer.status()),
        Notation::Titled => answer.status().as_u16().to_string(),
    };
    let mut lines: Vec<_> =
        answer.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    for line in lines {
        write!(text, "\n{line}").unwrap();
    }
    let body = std::str::from_utf8(answer.body()).unwrap();
    if notation == Notation::Titled && body.is_empty() { text } else { text + "\n\n" + body }
}

fn fits(recorded: &str, played: &str, kept: &mut HashMap<String, String>) -> bool {
    let mut pieces = recorded.split("${");
    let Some(mut rest) = pieces.next().and_then(|piece| played.strip_prefix(piece)) else { return false };
    for piece in pieces {
        let (name, literal) = piece.split_once('}').unwrap();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        if word.is_empty() || *kept.entry(name.to_owned()).or_insert_with(|| word.to_owned()) != word {
            return false;
        }
        match behind.strip_prefix(literal) {
            Some(behind) => rest = behind,
            None => return false,
        }
    }
    rest.is_empty()
}

mod tests {
    use super::*;

    /// Whether every answer of a transcript would be this one.
    fn is_as_recorded(transcript: &str, status: u16, body: &'static str) -> bool {
        let mut kept = HashMap::new();
        steps(transcript).iter().all(|step| match step {
            Step::Direction(_) => true,
            Step::Exchange(exchange) => {
                let answer = Response::builder().status(status).header("age", "1").body(Bytes::from(body)).unwrap();
                fits(&exchange.answer, &printed(&answer, exchange.notation), &mut kept)
            }
        })
    }

    #[test]
    fn an_answer_that_differs_is_found_in_either_notation() {
        for transcript in [
            "=== a title\nGET /\n---\n200\nage: 1\n\na body\n=== another\nGET /\n---\n200\nage: 1\n\na ${word}\n",
            "# remark\n>>>\nGET / HTTP/1.1\n\n<<<\nHTTP/1.1 200 OK\nage: 1\n\na body\n! wait 1\n",
        ] {
            assert!(is_as_recorded(transcript, 200, "a body"), "{transcript}");
            for (status, body) in
                [(201, "a body"), (200, "another"), (200, "a body\n"), (200, "a body or two"), (200, "")]
            {
                assert!(!is_as_recorded(transcript, status, body), "{status} {body:?} {transcript}");
            }
        }
    }

    #[test]
    fn a_word_that_was_kept_is_the_same_from_then_on() {
        let mut kept = HashMap::new();
        assert!(fits("token ${one}, ${two}.", "token a1, b2.", &mut kept));
        assert_eq!((&*kept["one"], &*kept["two"]), ("a1", "b2"));
        assert!(fits("${one}", "a1", &mut kept) && !fits("${one}", "b2", &mut kept));
        let exchange = Exchange {
            title: String::new(),
            request: "GET /${two}".to_owned(),
            answer: String::new(),
            notation: Notation::Titled,
        };
        assert_eq!(exchange.request(&kept), "GET /b2");
    }
}
