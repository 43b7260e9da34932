//! The upstream's answer on its way to the client.

use std::io;
use std::time::Duration;

use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use trackgate_schemes::{Reason, Rejection};

use super::body::Limited;
use super::connect::Scissors;
use super::headers::listed_in_connection;
use super::trailers::Trailers;
use super::upstream::{Failure, Flight};
use super::{PROXY, names};
use crate::message::Body;

/// The answer for the client; `scissors` are those of its connection, `idle` is how long its body may stand still, and
/// `flight` lasts until its end.
///
/// # Errors
///
/// [`Reason::UpstreamDown`] for what is no final answer (nobody asked for another protocol), and for
/// framing with two readings (RFC 9112 §6.3). The connection is then at its end too.
pub(super) fn read(
    answer: Response<Incoming>,
    scissors: Option<&Scissors>,
    idle: Duration,
    flight: Flight,
) -> Result<Response<Body>, Rejection> {
    let (mut parts, body) = answer.into_parts();
    let length = if parts.status.is_informational() { None } else { check_framing(&parts.headers) };
    let Some(length) = length else {
        if let Some(scissors) = scissors {
            scissors.cut();
        }
        flight.failed(Failure::Broke, &io::Error::new(io::ErrorKind::InvalidData, "the answer has two readings"));
        return Err(Rejection::new(Reason::UpstreamDown, PROXY));
    };
    flight.succeeded();
    let announced = Trailers::down().announced(&parts.headers);
    remove_withheld(&mut parts.headers);
    set_length(&mut parts, length);
    if let Some(announced) = announced {
        parts.headers.insert(header::TRAILER, announced);
    }

    let body = if body.is_end_stream() { Body::empty() } else { Body::stream(Limited::new(body, idle, flight)) };
    let mut answer = Response::new(body);
    *answer.status_mut() = parts.status;
    *answer.headers_mut() = parts.headers;
    if let Some(phrase) = parts.extensions.remove::<ReasonPhrase>() {
        answer.extensions_mut().insert(phrase);
    }
    Ok(answer)
}

/// How many bytes `Content-Length` announces.
#[derive(Clone, Copy)]
enum Length {
    /// One number, written as everybody does.
    Known(u64),
    /// As [`Known`](Self::Known), but with zeros or blanks around it, or more than once.
    Restated(u64),
    Unknown,
}

/// `None` unless there is at most one transfer coding, `chunked`, and no length with it, or lengths that
/// are all the same.
fn check_framing(headers: &HeaderMap) -> Option<Length> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let length = check_length(headers)?;
    match (codings.next(), codings.next(), &length) {
        (None, ..) => Some(length),
        (Some(coding), None, Length::Unknown) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Some(length),
        _ => None,
    }
}

fn check_length(headers: &HeaderMap) -> Option<Length> {
    let mut length = Length::Unknown;
    for line in headers.get_all(header::CONTENT_LENGTH) {
        for number in line.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii) {
            if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let is_plain = number.len() == line.len() && (number == b"0" || !number.starts_with(b"0"));
            let number: u64 = std::str::from_utf8(number).ok()?.parse().ok()?;
            length = match length {
                Length::Unknown if is_plain => Length::Known(number),
                Length::Unknown => Length::Restated(number),
                Length::Known(before) | Length::Restated(before) if before == number => Length::Restated(number),
                Length::Known(_) | Length::Restated(_) => return None,
            };
        }
    }
    Some(length)
}

/// Our own names, this hop's lines and those that the upstream's `Connection` names.
pub(super) fn remove_withheld(headers: &mut HeaderMap) {
    let listed = listed_in_connection(headers);
    let is_withheld = |name: &&HeaderName| {
        if listed.is_empty() && names::is_of_every_answer(name) {
            return false;
        }
        let name = names::normalised(name.as_str());
        names::is_hop_by_hop(&name)
            || names::is_ours(&name)
            || listed.binary_search_by(|listed| listed.as_str().cmp(&name)).is_ok()
    };
    let withheld: Vec<HeaderName> = headers.keys().filter(is_withheld).cloned().collect();
    for name in withheld {
        headers.remove(name);
    }
}

fn set_length(parts: &mut Parts, length: Length) {
    match length {
        // RFC 9110 §8.6: such an answer has none.
        _ if parts.status == StatusCode::NO_CONTENT => {
            parts.headers.remove(header::CONTENT_LENGTH);
        }
        Length::Restated(number) => {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(number));
        }
        Length::Known(_) | Length::Unknown => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).fold(
            HeaderMap::new(),
            |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            },
        )
    }

    #[test]
    fn frm_19_framing_with_two_readings_is_refused() {
        let (length, coding) = ("content-length", "transfer-encoding");
        for lines in [
            &[(length, "5"), (length, "6")][..],
            &[(length, "5, 6")],
            &[(length, "+5")],
            &[(length, "")],
            &[(length, "5,")],
            &[(length, "99999999999999999999")],
            &[(length, "5"), (coding, "chunked")],
            &[(coding, "chunked"), (coding, "chunked")],
            &[(coding, "gzip, chunked")],
            &[(coding, "identity")],
            &[(coding, "chunked;a=b")],
        ] {
            assert!(check_framing(&headers(lines)).is_none(), "{lines:?}");
        }
        for lines in [&[][..], &[(length, "5")], &[(length, "5"), (length, "5, 05")], &[(coding, "Chunked")]] {
            assert!(check_framing(&headers(lines)).is_some(), "{lines:?}");
        }
    }

    #[test]
    fn hdr_14_lines_of_this_hop_and_our_names_are_removed() {
        let mut lines = headers(&[
            ("connection", "close, X-Private, x_odd"),
            ("x-private", "1"),
            ("x-odd", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("x-trackgate-user", "root"),
            ("x_trackgate.assertion", "e30"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2; Domain=elsewhere.example"),
            ("x_odd_but.fine", "1"),
        ]);
        remove_withheld(&mut lines);
        let left =
            headers(&[("set-cookie", "a=1"), ("set-cookie", "b=2; Domain=elsewhere.example"), ("x_odd_but.fine", "1")]);
        assert_eq!(lines, left);
    }

    #[test]
    fn a_length_is_written_anew_where_it_has_another_form() {
        for (lines, known) in
            [(&["5"][..], true), (&["0"], true), (&["05"], false), (&["5 "], false), (&["5", "5"], false)]
        {
            let lines: Vec<_> = lines.iter().map(|line| ("content-length", *line)).collect();
            assert_eq!(matches!(check_framing(&headers(&lines)), Some(Length::Known(_))), known, "{lines:?}");
        }
    }

    #[test]
    fn what_every_answer_has_goes_on_unless_its_connection_names_it() {
        for name in names::OF_EVERY_ANSWER {
            let mut lines = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static("1"))]);
            remove_withheld(&mut lines);
            assert!(lines.contains_key(name), "{name}");
            lines.insert(header::CONNECTION, HeaderValue::from(name.clone()));
            remove_withheld(&mut lines);
            assert!(lines.is_empty(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn frm_19_a_length_is_read_in_one_way_or_not_at_all(lines in proptest::collection::vec("[0-9 ,+x-]{0,6}", 0..3)) {
            let mut headers = HeaderMap::new();
            for line in &lines {
                headers.append(header::CONTENT_LENGTH, HeaderValue::from_str(line).unwrap());
            }
            let numbers = || lines.iter().flat_map(|line| line.split(',')).map(|number| number.trim().parse::<u64>());
            match check_framing(&headers) {
                Some(Length::Known(length) | Length::Restated(length)) => {
                    prop_assert!(numbers().all(|number| number == Ok(length)), "{lines:?}");
                }
                Some(Length::Unknown) => prop_assert!(lines.is_empty()),
                None => {
                    let first = numbers().next();
                    let is_plain = |line: &String| line.bytes().all(|b| b.is_ascii_digit() || matches!(b, b' ' | b','));
                    let agree = numbers().all(|number| number.is_ok() && Some(&number) == first.as_ref());
                    prop_assert!(!(agree && lines.iter().all(is_plain)), "{lines:?}");
                }
            }
        }
    }
}
