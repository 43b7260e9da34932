//! The client's cookies, without those of the gateway.

use http::{HeaderMap, HeaderValue, header};

/// The value of the one `Cookie` line for the upstream; `None` if nothing is left to send.
///
/// Several lines, as HTTP/2 clients send them, become one (RFC 9113 §8.2.3).
pub(super) fn for_upstream(headers: &HeaderMap, own: &[Box<str>]) -> Option<HeaderValue> {
    let mut lines = headers.get_all(header::COOKIE).iter();
    let first = lines.next()?;
    if lines.next().is_none() && !pairs(first).any(|pair| is_own(pair, own)) {
        return Some(first.clone());
    }
    let mut kept: Vec<u8> = Vec::new();
    for pair in headers.get_all(header::COOKIE).iter().flat_map(pairs) {
        if !is_own(pair, own) {
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(pair);
        }
    }
    // Pieces of header values make a header value again; should that ever fail, less is sent, not more.
    if kept.is_empty() { None } else { HeaderValue::try_from(kept).ok() }
}

fn pairs(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|b| *b == b';').map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty())
}

fn is_own(pair: &[u8], own: &[Box<str>]) -> bool {
    let name = pair.split(|b| *b == b'=').next().unwrap_or_default().trim_ascii_end();
    own.iter().any(|own| own.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(lines: &[&[u8]]) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        }
        for_upstream(&headers, &["__Host-tg".into()]).map(|value| value.as_bytes().to_vec())
    }

    #[test]
    fn hdr_07_own_cookies_stay_here_and_others_go_on() {
        assert_eq!(sent(&[]), None);
        assert_eq!(sent(&[b"a=1;b=2"]).unwrap(), b"a=1;b=2");
        assert_eq!(sent(&[b"a=1; __Host-tg=secret; b=2"]).unwrap(), b"a=1; b=2");
        assert_eq!(sent(&[b"a=1", b"__Host-tg =x", b"b=\xff"]).unwrap(), b"a=1; b=\xff");
        assert_eq!(sent(&[b"__Host-tg=x; __Host-tg=y"]), None);
        assert_eq!(sent(&[b"__Host-tgx=1; ;__host-tg=2"]).unwrap(), b"__Host-tgx=1; ;__host-tg=2");
    }

    proptest! {
        #[test]
        fn hdr_07_no_spelling_of_a_line_brings_an_own_cookie_along(
            lines in proptest::collection::vec("([ \t;=]|__Host-tg|a|\"|\u{e9}){0,12}", 1..4),
        ) {
            let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
            let left = sent(&lines).unwrap_or_default();
            for pair in left.split(|b| *b == b';') {
                let name = pair.split(|b| *b == b'=').next().unwrap().trim_ascii();
                prop_assert_ne!(name, b"__Host-tg");
            }
        }
    }
}
